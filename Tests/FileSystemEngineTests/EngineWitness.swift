import TestKit
import VarveModel

@testable import FileSystemEngine

/// The engine as a caller by path sees it, for comparison with ``HostWitness``.
struct EngineWitness {
    private let world: EngineWorld
    private var before: [InodeNumber: Attributes] = [:]

    private var fileSystem: FileSystem { world.fileSystem }

    init() async throws {
        var limits = EngineWorld.smallLimits
        limits.linksMax = 65_000
        world = try await EngineWorld.make(limits: limits)
        _ = try await world.fileSystem.setAttributes(
            .root,
            AttributeChanges(permissions: 0o777),
            as: .root
        )
        _ = try await dump(isCompared: false)
    }

    func close() async throws -> [Finding] {
        let findings = try await fileSystem.verify()
        await fileSystem.close()
        return findings
    }

    mutating func observe(_ operation: PosixOperation) async throws -> PosixObservation {
        world.clock.advance(seconds: 1)
        let outcome = await perform(operation)
        return PosixObservation(
            outcome: outcome,
            lines: try await dump(isCompared: !operation.readsData)
        )
    }

    private func perform(_ operation: PosixOperation) async -> PosixOutcome {
        if await isGuarded(operation) { return .skipped }
        do throws(FileSystemError) {
            return try await call(operation.action, as: operation.caller)
        } catch {
            return .refused(error.code)
        }
    }

    /// As the host's: what Linux guards by other means than POSIX's.
    private func isGuarded(_ operation: PosixOperation) async -> Bool {
        switch operation.action {
        case .link(let path, _):
            guard let found = try? await find(path, as: .root) else { return false }
            return !operation.caller.isRoot && found.uid != operation.caller.uid
        case .read(let path):
            guard let found = try? await find(path, as: .root) else { return false }
            return found.kind != .regular
        case .write(let path, _, _), .truncate(let path, _):
            guard let found = try? await find(path, as: .root) else { return false }
            return ![FileKind.regular, .directory].contains(found.kind)
        case .changeMode(let path, _):
            guard let found = try? await find(path, as: .root) else { return false }
            return found.kind == .symlink
        default: return false
        }
    }

    private func find(
        _ path: [String],
        as caller: Credentials
    ) async throws(FileSystemError) -> Attributes {
        try await fileSystem.resolve(
            path.compactMap { FileName($0) },
            as: caller,
            followLast: false
        )
    }

    /// The directory of a path and the name in it.
    private func place(
        _ path: [String],
        _ caller: Credentials
    ) async throws(FileSystemError) -> (directory: InodeNumber, name: FileName) {
        let names = path.compactMap { FileName($0) }
        let parent = try await fileSystem.resolve(names.dropLast(), as: caller)
        guard let name = names.last else { throw FileSystemError(.invalid, "no name") }
        // Whoever walks a path asks this of its last directory too, before the next path.
        guard parent.kind == .directory else { throw FileSystemError(.notDirectory, "\(path)") }
        try Permission.require(.execute, of: parent, for: caller)
        return (parent.inode, name)
    }
}

extension EngineWitness {
    private func call(
        _ action: PosixOperation.Action,
        as caller: Credentials
    ) async throws(FileSystemError) -> PosixOutcome {
        switch action {
        case .create(let path, let mode): return try await make(path, .regular, mode, caller)
        case .makeDirectory(let path, let mode):
            return try await make(path, .directory, mode, caller)
        case .symlink(let path, let target):
            return try await make(path, .symlink(target: Array(target.utf8)), 0o777, caller)
        case .makeSpecial(let path, let special, let mode):
            let device = DeviceNumber(major: 1, minor: 3)
            let kinds: [PosixOperation.Special: NewInode.Kind] = [.fifo: .fifo, .socket: .socket]
            return try await make(path, kinds[special] ?? .characterDevice(device), mode, caller)
        case .link(let path, let new):
            let found = try await find(path, as: caller)
            let (directory, name) = try await place(new, caller)
            _ = try await fileSystem.link(found.inode, as: name, in: directory, as: caller)
        case .unlink(let path):
            let (directory, name) = try await place(path, caller)
            try await fileSystem.unlink(name, in: directory, as: caller)
        case .removeDirectory(let path):
            let (directory, name) = try await place(path, caller)
            try await fileSystem.removeDirectory(name, in: directory, as: caller)
        case .rename(let path, let new):
            let (source, name) = try await place(path, caller)
            let (target, newName) = try await place(new, caller)
            try await fileSystem.rename(name, in: source, to: newName, in: target, as: caller)
        case .read, .list, .write: return try await callData(action, as: caller)
        case .setAttribute, .getAttribute, .removeAttribute:
            return try await callAttribute(action, as: caller)
        case .changeMode, .changeOwner, .truncate, .setTimes:
            return try await change(action, as: caller)
        }
        return .done
    }

    private func make(
        _ path: [String],
        _ kind: NewInode.Kind,
        _ mode: UInt16,
        _ caller: Credentials
    ) async throws(FileSystemError) -> PosixOutcome {
        let (directory, name) = try await place(path, caller)
        let new = NewInode(kind, permissions: mode)
        _ = try await fileSystem.create(name, in: directory, new, as: caller)
        return .done
    }

    private func change(
        _ action: PosixOperation.Action,
        as caller: Credentials
    ) async throws(FileSystemError) -> PosixOutcome {
        let wanted: ([String], AttributeChanges)? =
            switch action {
            case .changeMode(let path, let mode): (path, AttributeChanges(permissions: mode))
            case .changeOwner(let path, let uid, let gid):
                (path, AttributeChanges(uid: uid, gid: gid))
            case .truncate(let path, let size): (path, AttributeChanges(size: size))
            case .setTimes(let path, let accessed, let modified):
                (
                    path,
                    AttributeChanges(
                        accessed: accessed.map(Self.time),
                        modified: modified.map(Self.time)
                    )
                )
            default: nil
            }
        guard let (path, changes) = wanted else { return .skipped }
        let found = try await find(path, as: caller)
        _ = try await fileSystem.setAttributes(found.inode, changes, as: caller)
        return .done
    }

    private static func time(_ time: PosixOperation.Time) -> AttributeChanges.Time {
        switch time {
        case .now: .now
        case .exactly(let seconds, let nanoseconds):
            .exactly(Timestamp(seconds: seconds, nanoseconds: nanoseconds))
        }
    }

    private func callData(
        _ action: PosixOperation.Action,
        as caller: Credentials
    ) async throws(FileSystemError) -> PosixOutcome {
        switch action {
        case .read(let path):
            let found = try await find(path, as: caller)
            return .bytes(try await fileSystem.read(found.inode, 0..<(1 << 20), as: caller).bytes)
        case .list(let path):
            let found = try await find(path, as: caller)
            let page = try await fileSystem.readDirectory(found.inode, limit: 1_000, as: caller)
            return .names(page.entries.map { "\($0.name)" }.sorted())
        case .write(let path, let bytes, let offset):
            let found = try await find(path, as: caller)
            _ = try await fileSystem.write(
                found.inode,
                bytes,
                at: offset,
                // Either way it must read the same.
                stability: bytes.count % 20 == 0 ? .unstable : .stable,
                as: caller
            )
            return .done
        default: return .skipped
        }
    }

    private func callAttribute(
        _ action: PosixOperation.Action,
        as caller: Credentials
    ) async throws(FileSystemError) -> PosixOutcome {
        switch action {
        case .setAttribute(let path, let name, let value, let mode):
            let found = try await find(path, as: caller)
            try await fileSystem.setExtendedAttribute(
                Array(name.utf8),
                value,
                mode: mode,
                of: found.inode,
                as: caller
            )
            return .done
        case .getAttribute(let path, let name):
            let found = try await find(path, as: caller)
            let value = try await fileSystem.extendedAttribute(
                Array(name.utf8),
                of: found.inode,
                as: caller
            )
            return .bytes(value)
        case .removeAttribute(let path, let name):
            let found = try await find(path, as: caller)
            try await fileSystem.removeExtendedAttribute(
                Array(name.utf8),
                of: found.inode,
                as: caller
            )
            return .done
        default: return .skipped
        }
    }
}

extension EngineWitness {
    private mutating func dump(isCompared: Bool) async throws -> [String: String] {
        var lines: [String: String] = [:]
        var seen: [InodeNumber: Attributes] = [:]
        var first: [InodeNumber: String] = [:]
        var queue: [(path: [String], attributes: Attributes)] = [
            ([], try await fileSystem.attributes(of: .root))
        ]
        while let (path, attributes) = queue.popLast() {
            let text = "/" + path.joined(separator: "/")
            if attributes.kind == .directory {
                let page = try await fileSystem.readDirectory(
                    attributes.inode,
                    limit: 1_000,
                    as: .root
                )
                queue += page.entries
                    .map { (path + ["\($0.name)"], $0.attributes) }
                    .sorted { ($0.0.last ?? "") > ($1.0.last ?? "") }
            }
            seen[attributes.inode] = attributes
            var line = try await self.line(attributes, first[attributes.inode])
            if first[attributes.inode] == nil { first[attributes.inode] = text }
            if isCompared { line += Self.moved(attributes, before[attributes.inode]) }
            lines[text] = line
        }
        before = seen
        return lines
    }

    private func line(_ attributes: Attributes, _ twin: String?) async throws -> String {
        var text = PosixLine.head(
            kind: attributes.kind,
            permissions: attributes.permissions,
            uid: attributes.uid,
            gid: attributes.gid,
            links: UInt64(attributes.links),
            twin: twin
        )
        switch attributes.kind {
        case .regular:
            // To look is no access: the host's side looks without one too.
            let bytes = try await fileSystem.bulkRead(
                attributes.inode,
                0..<attributes.size,
                at: .live
            ).bytes
            text += PosixLine.content(bytes)
        case .symlink:
            text += PosixLine.content(try await fileSystem.readSymlink(attributes.inode))
        default: break
        }
        var values: [(String, [UInt8])] = []
        for name in try await fileSystem.extendedAttributeNames(of: attributes.inode, as: .root) {
            let value = try await fileSystem.extendedAttribute(
                name,
                of: attributes.inode,
                as: .root
            )
            values.append((String(decoding: name, as: UTF8.self), value))
        }
        return text + PosixLine.attributes(values)
    }

    private static func moved(_ now: Attributes, _ before: Attributes?) -> String {
        PosixLine.times(
            isSymlink: now.kind == .symlink,
            now: [now.accessed, now.modified, now.changed],
            before: before.map { [$0.accessed, $0.modified, $0.changed] }
        )
    }
}
