import TestKit
import VarveModel

@testable import FileSystemEngine

/// Everything at one view is read through the engine and held against the model.
extension ModelRun {
    mutating func checkLive() async throws {
        try await check(model, at: .live)
        operations["check live", default: 0] += 1
    }

    mutating func checkSomePast() async throws {
        guard let instant = try await someInstant(), let then = past(instant) else { return }
        try await check(then, at: .past(instant))
        retainedChecked += 1
    }

    /// Every snapshot, hold and second that is still retained.
    mutating func checkAllRetained() async throws {
        for (epoch, then) in pins.sorted(by: { $0.key < $1.key }) {
            try await check(then, at: .past(epoch))
            retainedChecked += 1
        }
        var seen: Set<Epoch> = []
        for sample in samples {
            let found = await attempt { () async throws(FileSystemError) in
                try await fileSystem.instant(atOrBefore: Timestamp(seconds: sample.second))
            }
            guard case .success(let instant) = found, seen.insert(instant).inserted,
                let then = past(instant)
            else { continue }
            try await check(then, at: .past(instant))
            retainedChecked += 1
        }
    }

    func check(_ expected: ModelFileSystem, at view: View) async throws {
        var names: [InodeNumber: Int] = [:]
        for inode in expected.nodes.keys.sorted() {
            guard let node = expected.nodes[inode] else { continue }
            let found = await attempt { () async throws(FileSystemError) in
                try await fileSystem.attributes(of: inode, at: view)
            }
            guard case .success(let attributes) = found else {
                return fail("inode \(inode.rawValue) is missing at \(view)")
            }
            check(attributes, try expected.attributes(of: inode), node, view)
            try await check(inode, node, at: view)
            for child in node.children.values { names[child, default: 0] += 1 }
        }
        guard case .past(let instant) = view else { return }
        let all = try await fileSystem.inodes(
            after: InodeNumber(rawValue: 0),
            limit: 100_000,
            at: instant
        )
        if all.map(\.inode) != expected.nodes.keys.sorted() {
            fail("inodes at \(instant.rawValue): \(all.count) for \(expected.nodes.count)")
        }
        try await checkBulk(expected, at: instant)
    }

    /// What is asked for in bulk reads as the model says, and as when asked for one by one.
    private func checkBulk(_ expected: ModelFileSystem, at instant: Epoch) async throws {
        let numbers = expected.nodes.keys.sorted()
        let asked = numbers + [InodeNumber(rawValue: 1 << 50)]
        let found = try await fileSystem.inodes(asked, at: instant)
        let attributes = try await fileSystem.attributes(of: asked, at: instant)
        if found.map({ $0?.attributes }) != attributes || found.count != asked.count
            || found[numbers.count] != nil
        {
            return fail("inodes in bulk at \(instant.rawValue)")
        }
        let paths = try await fileSystem.paths(of: numbers, at: instant)
        let named = Set(expected.nodes.values.flatMap { $0.children.values }).union([.root])
        for (inode, (details, path)) in zip(numbers, zip(found, paths)) {
            guard let node = expected.nodes[inode], let details else {
                return fail("inode \(inode.rawValue) in bulk at \(instant.rawValue)")
            }
            check(details.attributes, try expected.attributes(of: inode), node, .past(instant))
            if details.target != node.target
                || Set(details.extended.map(\.name)) != Set(node.attributes.keys)
            {
                fail("details of inode \(inode.rawValue) at \(instant.rawValue)")
            }
            let end = path?.reduce(InodeNumber?.some(.root)) { directory, name in
                directory.flatMap { expected.nodes[$0]?.children[name] }
            }
            if (path != nil) != named.contains(inode) || path != nil && end != inode {
                fail("path of inode \(inode.rawValue) at \(instant.rawValue): \(path ?? [])")
            }
        }
        let dirents = try await fileSystem.dirents(after: nil, limit: 100_000, at: instant)
        let again = try await fileSystem.dirents(
            dirents.map { ($0.directory, $0.cookie) } + [(.root, 1)],
            at: instant
        )
        if again != dirents + [nil] { fail("names in bulk at \(instant.rawValue)") }
    }

    private func check(
        _ found: Attributes,
        _ expected: Attributes,
        _ node: ModelFileSystem.Node,
        _ view: View
    ) {
        var (same, expected) = (found, expected)
        same.allocated = 0
        same.change = 0
        same.created = .epoch
        if node.changed == nil { same.changed = .epoch }
        if view == .live {
            switch accesses[found.inode] {
            case .none: break
            case .at(let time): expected.accessed = max(expected.accessed, time)
            case .unknown: same.accessed = expected.accessed
            }
        }
        if same != expected { fail("at \(view)\n   found \(same)\nexpected \(expected)") }
    }

    private func check(
        _ inode: InodeNumber,
        _ node: ModelFileSystem.Node,
        at view: View
    ) async throws {
        let attributes = try await fileSystem.extendedAttributeNames(
            of: inode,
            at: view,
            as: .root
        )
        guard attributes == node.attributes.keys.sorted(by: { $0.lexicographicallyPrecedes($1) })
        else { return fail("extended attributes of \(inode.rawValue) at \(view)") }
        for (name, value) in node.attributes where name.starts(with: "trusted.".utf8) {
            let found = try await fileSystem.extendedAttribute(name, of: inode, at: view, as: .root)
            if found != value { fail("an extended attribute's value at \(view)") }
        }
        switch node.kind {
        case .regular: try await checkBytes(inode, node, at: view)
        case .directory: try await checkNames(inode, node, at: view)
        case .symlink:
            if try await fileSystem.readSymlink(inode, at: view) != node.target {
                fail("symlink \(inode.rawValue) at \(view)")
            }
        case .fifo, .socket, .characterDevice, .blockDevice: break
        }
    }

    private func checkBytes(
        _ inode: InodeNumber,
        _ node: ModelFileSystem.Node,
        at view: View
    ) async throws {
        let found = await attempt { () async throws(FileSystemError) in
            try await fileSystem.bulkRead(inode, 0..<(1 << 21), at: view)
        }
        guard case .success(let read) = found else {
            return fail("inode \(inode.rawValue) at \(view): \(found)")
        }
        if read.bytes != node.data {
            let at = zip(read.bytes, node.data).enumerated().first { $0.element.0 != $0.element.1 }
            return fail(
                "inode \(inode.rawValue) at \(view): \(read.bytes.count) bytes for "
                    + "\(node.data.count), first difference at \(at?.offset ?? -1)"
            )
        }
        var position = 0
        for range in try await fileSystem.dataRanges(inode, at: view) {
            if node.data[position..<Int(range.lowerBound)].contains(where: { $0 != 0 }) {
                return fail("inode \(inode.rawValue) at \(view): data in what is called a hole")
            }
            position = Int(range.upperBound)
        }
        if node.data[position...].contains(where: { $0 != 0 }) {
            fail("inode \(inode.rawValue) at \(view): data after the last range")
        }
    }

    private func checkNames(
        _ inode: InodeNumber,
        _ node: ModelFileSystem.Node,
        at view: View
    ) async throws {
        var found: [FileName: InodeNumber] = [:]
        var cookie: UInt64 = 0
        while true {
            let page = try await fileSystem.readDirectory(
                inode,
                after: cookie,
                limit: 3,
                at: view,
                as: .root
            )
            for entry in page.entries {
                if entry.cookie <= cookie { fail("cookies do not rise in \(inode.rawValue)") }
                cookie = entry.cookie
                found[entry.name] = entry.attributes.inode
            }
            if page.isEnd { break }
        }
        if found != node.children { fail("names in \(inode.rawValue) at \(view)") }
    }

    // MARK: Changes and history

    /// What differs between two instants is among the changes listed between them.
    mutating func checkChanges() async throws {
        guard let one = try await someInstant(), let two = try await someInstant(), one != two,
            let before = past(min(one, two)), let after = past(max(one, two))
        else { return }
        var listed: Set<Change> = []
        var position: ChangePosition?
        repeat {
            let page = try await fileSystem.changes(
                after: min(one, two),
                through: max(one, two),
                resumeAfter: position,
                limit: 50
            )
            listed.formUnion(page.changes)
            position = page.resumeAfter
        } while position != nil
        let files = Set(
            listed.compactMap { change -> InodeNumber? in
                if case .content(let inode, _) = change { inode } else { nil }
            }
        )
        for inode in Set(before.nodes.keys).union(after.nodes.keys) {
            guard differs(before.nodes[inode], after.nodes[inode]) else { continue }
            if !listed.contains(.inode(inode)) {
                fail("a change of \(inode.rawValue) is not listed")
            }
            let (old, new) = (before.nodes[inode]?.data ?? [], after.nodes[inode]?.data ?? [])
            // The end of a file is told by its inode alone, and so are its size and what its row keeps.
            let length = min(old.count, new.count)
            if after.nodes[inode] != nil, !files.contains(inode),
                old[..<length].dropFirst(2_048) != new[..<length].dropFirst(2_048)
                    || (old[length...] + new[length...]).dropFirst(2_048).contains(where: {
                        $0 != 0
                    })
                        && new.count > old.count
            {
                fail("a change of content of \(inode.rawValue) is not listed")
            }
        }
        operations["check changes", default: 0] += 1
        try await checkHistory()
    }

    private func differs(_ old: ModelFileSystem.Node?, _ new: ModelFileSystem.Node?) -> Bool {
        guard let old, let new else { return old != nil || new != nil }
        return old.data != new.data || old.permissions != new.permissions
            || old.uid != new.uid || old.gid != new.gid || old.modified != new.modified
            || old.children != new.children || old.attributes != new.attributes
    }

    /// Each version of a file reads, at its epoch, as the history says.
    private mutating func checkHistory() async throws {
        let inode = file()
        guard model.nodes[inode] != nil else { return }
        for version in try await fileSystem.history(of: inode) where !version.isLive {
            let found = await attempt { () async throws(FileSystemError) in
                try await fileSystem.attributes(of: inode, at: .past(version.epoch))
            }
            guard case .success(let attributes) = found,
                attributes.change == version.attributes.change,
                attributes.size == version.attributes.size
            else { return fail("history of \(inode.rawValue): \(version) reads otherwise") }
        }
        operations["check history", default: 0] += 1
    }
}
