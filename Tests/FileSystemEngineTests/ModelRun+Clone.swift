import TestKit
import VarveModel

@testable import FileSystemEngine

/// Bytes are shared between files, data and holes are looked for.
extension ModelRun {
    mutating func clone() async throws {
        var (source, view, then) = (file(), View.live, model)
        if chance(1, in: 3), let text = pick(snapshots.keys.sorted()), let epoch = snapshots[text],
            let past = pins[epoch]
        {
            (view, then) = (.past(epoch), past)
            source = pick(past.nodes.filter { $0.value.kind == .regular }.keys.sorted()) ?? source
        }
        let size = UInt64(then.nodes[source]?.data.count ?? 0)
        let offset = chance(1, in: 2) ? 0 : UInt64.random(in: 0...size + 10, using: &generator)
        let left = size - min(size, offset)
        let most = chance(1, in: 8) ? left + 10 : left
        let request = CloneRequest(
            source: source,
            at: view,
            offset: offset,
            count: chance(1, in: 3) ? nil : UInt64.random(in: 0...most, using: &generator),
            target: chance(1, in: 6) ? source : file(),
            targetOffset: chance(1, in: 40)
                ? 1 << 20
                : UInt64.random(in: 0..<(chance(1, in: 2) ? 1 : 90_000), using: &generator),
            as: caller()
        )
        let expected = FileSystemError.result { try model.clone(request, from: then) }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.clone(request)
        }
        compare(view == .live ? "clone" : "clone of the past", expected, actual)
        guard case .success(let count) = expected, case .success(let result) = actual else {
            return
        }
        let wanted = try model.attributes(of: request.target)
        if result.count != count || result.attributes.size != wanted.size {
            fail("clone of \(result.count) bytes for \(count), size \(result.attributes.size)")
        }
    }

    mutating func seek() async throws {
        let (inode, caller) = (file(), caller())
        let node = model.nodes[inode]
        let size = UInt64(node?.data.count ?? 0)
        let offset = UInt64.random(in: 0...size, using: &generator)
        let target: SeekTarget = chance(1, in: 2) ? .data : .hole
        let expected = FileSystemError.result {
            try model.requireSeek(inode, offset, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.seek(target, from: offset, in: inode, as: caller)
        }
        compare("seek \(target)", expected, actual)
        guard case .success = expected, case .success(let found) = actual, let data = node?.data
        else { return }
        if found.size != size { fail("seek says \(found.size) bytes") }
        // What is no hole to the engine may be zeros; what is one must be.
        let end = found.offset ?? size
        switch target {
        case .data:
            if data[Int(offset)..<Int(end)].contains(where: { $0 != 0 }) {
                fail("data before the data that was found in inode \(inode.rawValue)")
            }
        case .hole:
            let ranges = try await fileSystem.dataRanges(inode)
            let own = ranges.first { $0.contains(offset) }?.upperBound ?? offset
            if own != end { fail("a hole at \(end), by the ranges at \(own)") }
        }
    }
}

extension ModelFileSystem {
    /// - Returns: How many bytes it was.
    mutating func clone(
        _ request: CloneRequest,
        from past: ModelFileSystem
    ) throws(FileSystemError) -> UInt64 {
        let source = try past.node(request.source)
        _ = try node(request.target)
        let attributes = try past.attributes(of: request.source)
        guard source.kind == .regular else { throw past.notRegular(source) }
        try Permission.require(.read, of: attributes, for: request.caller)
        var target = try node(request.target)
        guard target.kind == .regular else { throw notRegular(target) }
        let before = try self.attributes(of: request.target)
        try Permission.require(.write, of: before, for: request.caller)
        let size = UInt64(source.data.count)
        let end = request.offset + (request.count ?? 0)
        guard request.offset <= size, end <= size else { throw FileSystemError(.invalid, "model") }
        let range = Int(request.offset)..<Int(request.count == nil ? size : end)
        let start = Int(request.targetOffset)
        guard UInt64(start + range.count) <= limits.fileBytesMax else {
            throw FileSystemError(.fileTooBig, "model")
        }
        let isOverItself =
            request.source == request.target && request.view == .live
            && range.overlaps(start..<start + range.count)
        guard !isOverItself else { throw FileSystemError(.invalid, "model") }
        guard !range.isEmpty else { return 0 }
        let targetEnd = start + range.count
        if target.data.count < targetEnd {
            target.data.append(contentsOf: repeatElement(0, count: targetEnd - target.data.count))
        }
        target.data.replaceSubrange(start..<targetEnd, with: source.data[range])
        target.permissions = Ownership.permissionsAfterWrite(before, by: request.caller)
        nodes[request.target] = target
        touchContent(request.target)
        return UInt64(range.count)
    }

    func requireSeek(
        _ inode: InodeNumber,
        _ offset: UInt64,
        as caller: Credentials
    ) throws(FileSystemError) {
        let node = try node(inode)
        guard node.kind == .regular else { throw notRegular(node) }
        try Permission.require(.read, of: try attributes(of: inode), for: caller)
        guard offset < UInt64(node.data.count) else {
            throw FileSystemError(.noSuchRange, "model")
        }
    }

    private func notRegular(_ node: Node) -> FileSystemError {
        FileSystemError(node.kind == .directory ? .isDirectory : .invalid, "model")
    }
}
