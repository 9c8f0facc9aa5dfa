import TestKit
import VarveModel

@testable import FileSystemEngine

/// Namespace and data: each asks the model first, then the engine.
extension ModelRun {
    mutating func create() async throws {
        let (directory, name, caller) = (directory(), try newName(), caller())
        var new = try newInode()
        if case .symlink = new.kind, chance(1, in: 4) { new.kind = .symlink(target: name.bytes) }
        let expected = FileSystemError.result {
            try model.checkCreate(name, in: directory, new, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.create(name, in: directory, new, as: caller)
        }
        compare("create \(new.kind.fileKind)", expected, actual)
        guard case .success(let birth) = expected, case .success(let made) = actual else { return }
        if model.nodes[made.inode] != nil { fail("number \(made.inode.rawValue) is used twice") }
        model.create(name, in: directory, new, birth, made.inode, as: caller)
    }

    private mutating func newInode() throws -> NewInode {
        let permissions = UInt16.random(in: 0...0o7777, using: &generator) | 0o600
        var new = NewInode(try newKind(), permissions: permissions)
        if chance(1, in: 5) { new.uid = pick([0, 1_000, 1_001]) }
        if chance(1, in: 5) { new.gid = pick([0, 100, 200]) }
        if chance(1, in: 5) { new.modified = Timestamp(seconds: -5, nanoseconds: 7) }
        return new
    }

    private mutating func newKind() throws -> NewInode.Kind {
        switch Int.random(in: 0..<20, using: &generator) {
        case 0..<9: .regular
        case 9..<14: .directory
        case 14: .fifo
        case 15: .socket
        case 16: .characterDevice(DeviceNumber(major: 1, minor: 3))
        case 17: .blockDevice(DeviceNumber(major: 8, minor: 70_000))
        default: .symlink(target: try target())
        }
    }

    private mutating func target() throws -> [UInt8] {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: [UInt8](repeating: 120, count: 101)
        case 1: []
        case 2: Array("/a".utf8)
        case 3, 4: Array(try newName().bytes.prefix(1))
        default: try Array("../".utf8) + newName().bytes.prefix(1)
        }
    }

    mutating func link() async throws {
        let (directory, name, caller) = (directory(), try newName(), caller())
        let inode = inode { $0.kind != .directory }
        let expected = FileSystemError.result {
            try model.link(inode, as: name, in: directory, caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.link(inode, as: name, in: directory, as: caller)
        }
        compare("link", expected, actual)
    }

    mutating func unlink() async throws {
        let (directory, caller) = (directory(), caller())
        let name = try knownName(in: directory)
        let expected = FileSystemError.result {
            try model.unlink(name, in: directory, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.unlink(name, in: directory, as: caller)
        }
        compare("unlink", expected, actual)
    }

    mutating func removeDirectory() async throws {
        let (directory, caller) = (directory(), caller())
        let name = try knownName(in: directory)
        let expected = FileSystemError.result {
            try model.removeDirectory(name, in: directory, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.removeDirectory(name, in: directory, as: caller)
        }
        compare("removeDirectory", expected, actual)
    }

    mutating func rename() async throws {
        let (source, target, caller) = (directory(), directory(), caller())
        let (old, new) = (try knownName(in: source), try knownName(in: target))
        let expected = FileSystemError.result {
            try model.rename(old, in: source, to: new, in: target, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.rename(old, in: source, to: new, in: target, as: caller)
        }
        compare("rename", expected, actual)
    }

    mutating func write() async throws {
        let (inode, caller) = (file(), caller())
        let isSmall = chance(1, in: 3)
        let offset = Int.random(in: 0..<(isSmall ? 1_500 : 90_000), using: &generator)
        let count = Int.random(in: 0..<(isSmall ? 600 : 40_000), using: &generator)
        let far = chance(1, in: 60) ? (1 << 20) - 5 : offset
        let bytes = generator.bytes(count)
        let stability: Stability = chance(1, in: 2) ? .unstable : .stable
        let expected = FileSystemError.result {
            try model.write(inode, bytes, at: far, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.write(
                inode,
                bytes,
                at: UInt64(far),
                stability: stability,
                as: caller
            )
        }
        compare("write \(stability)", expected, actual)
        guard case .success(let result) = actual, case .success = expected else { return }
        let wanted = try model.attributes(of: inode)
        if result.attributes.size != wanted.size || result.attributes.modified != wanted.modified {
            fail("write answers size \(result.attributes.size) for \(wanted.size)")
        }
    }

    mutating func truncate() async throws {
        let (inode, caller) = (file(), caller())
        var size = UInt64.random(in: 0..<100_000, using: &generator)
        if chance(1, in: 3) { size %= 3_000 }
        if chance(1, in: 60) { size = 1 << 21 }
        try await set(inode, AttributeChanges(size: size), caller, "truncate")
    }

    mutating func setAttributes() async throws {
        let (inode, caller) = (inode(), caller())
        var changes = AttributeChanges()
        if chance(1, in: 2) {
            changes.permissions = UInt16.random(in: 0...0o7777, using: &generator)
        }
        if chance(1, in: 4) { changes.uid = pick([0, 1_000, 1_001]) }
        if chance(1, in: 4) { changes.gid = pick([0, 100, 200]) }
        if chance(1, in: 4) { changes.accessed = .now }
        if chance(1, in: 4) {
            let time = Timestamp(
                seconds: Int64.random(in: -10...2_000_000_000, using: &generator),
                nanoseconds: UInt32.random(in: 0..<1_000_000_000, using: &generator)
            )
            changes.modified = .exactly(time)
        }
        try await set(inode, changes, caller, "setAttributes")
    }

    private mutating func set(
        _ inode: InodeNumber,
        _ changes: AttributeChanges,
        _ caller: Credentials,
        _ kind: String
    ) async throws {
        let expected = FileSystemError.result {
            try model.setAttributes(inode, changes, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.setAttributes(inode, changes, as: caller)
        }
        compare(kind, expected, actual)
        if changes.accessed != nil, case .success = expected { accesses[inode] = nil }
    }

    mutating func punch() async throws {
        let (inode, caller) = (file(), caller())
        let start = Int.random(in: 0..<90_000, using: &generator)
        let end = start + Int.random(in: 0..<60_000, using: &generator)
        let expected = FileSystemError.result {
            try model.punch(inode, start..<end, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.punch(inode, UInt64(start)..<UInt64(end), as: caller)
        }
        compare("punch", expected, actual)
    }

    private mutating func attributeName() -> [UInt8] {
        let families = ["user.", "user.", "user.", "trusted.", "security.", "system.", "odd.", ""]
        let letter = pick(["a", "b", "c", "d", "e"]) ?? "a"
        return Array(((pick(families) ?? "user.") + letter).utf8)
    }

    mutating func setExtendedAttribute() async throws {
        let (inode, caller, name) = (inode(), caller(), attributeName())
        let value = generator.bytes(
            chance(1, in: 20) ? 3_001 : Int.random(in: 0..<200, using: &generator)
        )
        let mode: AttributeSetMode = pick([.either, .either, .create, .replace]) ?? .either
        let expected = FileSystemError.result {
            try model.setExtendedAttribute(name, value, mode, of: inode, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.setExtendedAttribute(
                name,
                value,
                mode: mode,
                of: inode,
                as: caller
            )
        }
        compare("setExtendedAttribute", expected, actual)
    }

    mutating func removeExtendedAttribute() async throws {
        let (inode, caller, name) = (inode { !$0.attributes.isEmpty }, caller(), attributeName())
        let expected = FileSystemError.result {
            try model.removeExtendedAttribute(name, of: inode, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.removeExtendedAttribute(name, of: inode, as: caller)
        }
        compare("removeExtendedAttribute", expected, actual)
    }

    mutating func read() async throws {
        var inode = file()
        let caller = caller()
        var start = Int.random(in: 0..<90_000, using: &generator)
        var end = start + Int.random(in: 0..<60_000, using: &generator)
        // In order: what follows may have been opened ahead, and have changed since.
        if let last = lastRead.take(), chance(3, in: 4) {
            inode = last.inode
            (start, end) = (last.range.upperBound, last.range.upperBound + last.range.count)
        }
        let taken = fileSystem.core.ahead.counts.taken
        let expected = FileSystemError.result { try model.read(inode, start..<end, as: caller) }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.read(inode, UInt64(start)..<UInt64(end), as: caller)
        }
        compare("read", expected, actual)
        readResident(inode, start..<end, as: caller, expected)
        guard case .success(let wanted) = expected, case .success(let got) = actual else { return }
        if wanted != got.bytes { fail("read of inode \(inode.rawValue) at \(start) differs") }
        let size = model.nodes[inode]?.data.count ?? 0
        if !wanted.isEmpty { noteAccess(inode) }
        if got.isAtEnd != (end >= size) { fail("read says at end: \(got.isAtEnd)") }
        if !got.isAtEnd { lastRead = (inode, start..<end) }
        operations["read ahead", default: 0] += fileSystem.core.ahead.counts.taken - taken
    }

    /// The same without waiting: nothing, or what the model says.
    private mutating func readResident(
        _ inode: InodeNumber,
        _ range: Range<Int>,
        as caller: Credentials,
        _ expected: Result<[UInt8], FileSystemError>
    ) {
        var found: FileSystem.ResidentRead?
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            buffer.initialize(repeating: 0xEE)
            found = fileSystem.readResident(
                inode,
                UInt64(range.lowerBound)..<UInt64(range.upperBound),
                as: caller,
                into: UnsafeMutableRawBufferPointer(buffer)
            )
            count = found?.count ?? 0
        }
        guard let found else { return }
        operations["read resident", default: 0] += 1
        let size = model.nodes[inode]?.data.count ?? 0
        guard case .success(bytes) = expected, found.isAtEnd == (range.upperBound >= size) else {
            return fail("a read without waiting, of inode \(inode.rawValue), differs")
        }
    }

    /// As the engine notes a read of some bytes.
    private mutating func noteAccess(_ inode: InodeNumber) {
        guard let node = model.nodes[inode], accesses[inode] != .unknown else { return }
        guard let changed = node.changed else { return accesses[inode] = .unknown }
        var shown = node.accessed
        if case .at(let time) = accesses[inode] { shown = max(shown, time) }
        let isDue = AccessTimeRule.isDue(
            shown: shown,
            modified: node.modified,
            changed: changed,
            now: model.now
        )
        guard isDue else { return }
        accesses[inode] = .at(model.now)
        operations["access noted", default: 0] += 1
    }

    mutating func lookup() async throws {
        let (directory, caller) = (directory(), caller())
        let name =
            try chance(1, in: 10)
            ? FileSystemEngineTests.name("..") : knownName(in: directory)
        let expected = FileSystemError.result {
            try model.lookup(name, in: directory, as: caller)
        }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.lookup(name, in: directory, as: caller)
        }
        compare("lookup", expected, actual)
        guard case .success(let wanted) = expected, case .success(let got) = actual else { return }
        if wanted != got.inode { fail("lookup finds \(got.inode.rawValue) for \(wanted.rawValue)") }
    }

    mutating func resolve() async throws {
        var path = try (0..<4).map { _ in try newName() }.filter { !$0.isDot }
        if chance(1, in: 2) { path = model.path(of: inode { $0.kind == .symlink }) }
        let expected = FileSystemError.result { try model.resolve(path, as: .root) }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.resolve(path, as: .root)
        }
        compare("resolve", expected, actual)
        guard case .success(let wanted) = expected, case .success(let got) = actual else { return }
        if wanted != got.inode { fail("a path leads to \(got.inode.rawValue)") }
    }

    mutating func openOrClose() async throws {
        if handles.count > 4 || (!handles.isEmpty && chance(1, in: 3)) {
            let index = Int.random(in: 0..<handles.count, using: &generator)
            let handle = handles.remove(at: index)
            fileSystem.close(handle)
            try await fileSystem.flush()
            model.close(handle.inode)
            operations["close", default: 0] += 1
            return
        }
        let inode = file()
        let expected = FileSystemError.result { try model.open(inode) }
        let actual = await attempt { () async throws(FileSystemError) in
            try await fileSystem.open(inode)
        }
        compare("open", expected, actual)
        if case .success(let handle) = actual { handles.append(handle) }
    }

    mutating func commit() async throws {
        _ = try await fileSystem.commit(file())
        operations["commit", default: 0] += 1
    }
}

extension ModelFileSystem {
    /// One path that leads to an inode; empty for the root and for what has no name.
    func path(of inode: InodeNumber) -> [FileName] {
        var path: [FileName] = []
        var next = inode
        while let (directory, name) = names(of: next).min(by: { $0.name < $1.name }) {
            path.append(name)
            next = directory
        }
        return path.reversed()
    }

    /// As the engine walks: from the root, symlinks followed, 40 at most.
    func resolve(_ path: [FileName], as caller: Credentials) throws(FileSystemError) -> InodeNumber
    {
        var rest = Array(path.reversed())
        var followed = 0
        var here = InodeNumber.root
        while let name = rest.popLast() {
            let found = try lookup(name, in: here, as: caller)
            guard let node = nodes[found], node.kind == .symlink else {
                here = found
                continue
            }
            followed += 1
            guard followed <= 40 else { throw FileSystemError(.loop, "model") }
            if node.target.first == UInt8(ascii: "/") { here = .root }
            for component in node.target.split(separator: UInt8(ascii: "/")).reversed() {
                guard let next = FileName(bytes: Array(component)) else { continue }
                rest.append(next)
            }
        }
        return here
    }
}
