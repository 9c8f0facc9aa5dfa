import NFSWire
import NIOCore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine
@testable import NFSServer

/// Goal: operations on files and names do what RFC 8881 §18 says, and refuse with the statuses that it lists.
@Suite struct FileOperationTests {
    private func connected(uid: UInt32 = 0) async throws -> (NFSWorld, WireClient) {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts, uid: uid, gid: uid)
        try await client.connect()
        return (world, client)
    }

    private func attributes(
        _ client: WireClient,
        _ path: String,
        _ numbers: Bitmap
    ) async throws -> FileAttributes {
        let result = try await client.last(
            WireClient.walk(path) + [
                .getAttributes(GetAttributesArguments(attributes: numbers))
            ]
        )
        guard case .getAttributes(let values) = result else { throw result.status }
        return values
    }

    private func mkdir(_ name: String, mode: UInt32 = 0o755) -> OperationArguments {
        .create(
            CreateArguments(
                kind: .directory,
                name: Array(name.utf8),
                attributes: FileAttributes([.mode(mode)])
            )
        )
    }

    @Test func `what is written is read back, and known by its handle`() async throws {
        let (_, client) = try await connected()
        let (stateID, handle) = try await client.make("f")
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        let written = try await client.write(handle, stateID, bytes)
        #expect(written.count == 100_000 && written.committed == .fileSync)
        let read = try await client.read(handle, stateID)
        #expect(read.data.bytes == bytes && read.isAtEnd)
        let part = try await client.read(handle, stateID, count: 10, at: 99_980)
        #expect(part.data.bytes == Array(bytes[99_980..<99_990]) && !part.isAtEnd)
        let end = try await client.read(handle, stateID, count: 10, at: 1 << 40)
        #expect(end.data.isEmpty && end.isAtEnd)
        let close = CloseArguments(sequence: 0, stateID: stateID)
        #expect(try await client.status([.putFileHandle(handle), .close(close)]) == .ok)
        let again = try await client.status([.putFileHandle(handle), .close(close)])
        #expect(again == .badStateID)
    }

    @Test func `unstable writes are committed under one verifier`() async throws {
        let (_, client) = try await connected()
        let (stateID, handle) = try await client.make("f")
        let bytes = [UInt8](repeating: 7, count: 10_000)
        let written = try await client.write(handle, stateID, bytes, .unstable)
        #expect(written.committed == .unstable)
        let commit = try await client.last([
            .putFileHandle(handle), .commit(CommitArguments(offset: 0, count: 0)),
        ])
        #expect(commit == .commit(written.verifier))
    }

    @Test func `mandatory attributes all have a value`() async throws {
        let (_, client) = try await connected()
        _ = try await client.make("f", mode: 0o640)
        let asked = ObjectAttributes.supported.subtracting(Attribute.writeOnly)
        for path in ["", "f"] {
            let values = try await attributes(client, path, asked)
            #expect(values.mask == asked)
            #expect(
                values[.supportedAttributes] == .supportedAttributes(ObjectAttributes.supported)
            )
        }
        // RFC 8881 §5.6: 0 to 11, 19 and 75 are REQUIRED.
        let required = Bitmap(Array(0...11) + [19, 75])
        #expect(required.subtracting(ObjectAttributes.supported).isEmpty)
        let values = try await attributes(client, "f", [1, 4, 33, 35, 36, 37])
        #expect(values[.type] == .type(.regular) && values[.size] == .size(0))
        #expect(values[.mode] == .mode(0o640) && values[.links] == .links(1))
        #expect(values[.owner] == .owner(Array("0".utf8)))
    }

    /// Goal: what an operation found is never shown once a later one of the same COMPOUND has changed it.
    ///
    /// Method: each operation that changes an object stands between two GETATTRs of it.
    @Test func `GETATTR shows what the COMPOUND itself has changed`() async throws {
        let (_, client) = try await connected()
        let (stateID, handle) = try await client.make("f")
        _ = try await client.run([.putRootFileHandle, mkdir("d")])
        let look = OperationArguments.getAttributes(
            GetAttributesArguments(attributes: [3, 4, 33, 35])
        )
        func around(
            _ begin: [OperationArguments],
            _ change: [OperationArguments],
            isChanged: Bool = true
        ) async throws {
            let results = try await client.run(begin + [look] + change + [look])
            let seen = results.compactMap { result in
                if case .getAttributes(let values) = result { values } else { nil }
            }
            #expect(seen.count == 2, "\(results.map(\.status))")
            #expect((seen.first != seen.last) == isChanged, "\(change)")
            let now = try await client.last(begin + [look])
            #expect(seen.last.map { .getAttributes($0) } == now)
        }
        let file: [OperationArguments] = [.putFileHandle(handle)]
        let root: [OperationArguments] = [.putRootFileHandle]
        let data = ByteChain(copying: [1, 2, 3])
        for stability in [StableHow.unstable, .fileSync] {
            let write = WriteArguments(
                stateID: stateID,
                offset: stability == .unstable ? 0 : 10,
                stability: stability,
                data: data
            )
            try await around(file, [.write(write)])
        }
        let mode = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.mode(0o600)])
        )
        try await around(file, [.setAttributes(mode)])
        try await around(root, [.saveFileHandle, mkdir("e"), .restoreFileHandle])
        try await around(root, [.remove(WireClient.name("e"))])
        let rename = RenameArguments(oldName: Array("d".utf8), newName: Array("c".utf8))
        try await around(root, [.saveFileHandle, .rename(rename)])
        try await around(
            root,
            [
                .saveFileHandle, .lookup(WireClient.name("f")), .saveFileHandle,
                .putRootFileHandle, .link(WireClient.name("g")),
            ]
        )
        try await around(root, [.lookup(WireClient.name("c")), .lookupParent], isChanged: false)
        try await around(
            root,
            [
                .saveFileHandle,
                .open(WireClient.openArguments("new", creation: .guarded(FileAttributes([])))),
                .restoreFileHandle,
            ]
        )
    }

    @Test func `attributes that are only set cannot be read`() async throws {
        let (_, client) = try await connected()
        for number in [48, 54] {
            let asked = GetAttributesArguments(attributes: [number])
            #expect(
                try await client.status([.putRootFileHandle, .getAttributes(asked)]) == .invalid
            )
        }
        let unknown = GetAttributesArguments(attributes: [1, 58, 81, 127])
        let result = try await client.last([.putRootFileHandle, .getAttributes(unknown)])
        guard case .getAttributes(let values) = result else { throw result.status }
        #expect(values.mask == [1], "what is not supported is left out")
    }

    @Test func `attributes are set, and refused one by one`() async throws {
        let (_, client) = try await connected()
        let (stateID, handle) = try await client.make("f")
        func set(_ values: [AttributeValue], _ stateID: StateID = .anonymous) async throws
            -> OperationReply
        {
            try await client.last([
                .putFileHandle(handle),
                .setAttributes(
                    SetAttributesArguments(
                        stateID: stateID,
                        attributes: FileAttributes(values)
                    )
                ),
            ])
        }
        let time = NFSTime(seconds: 1_000, nanoseconds: 5)
        let all = try await set(
            [
                .size(5), .mode(0o4755), .owner(Array("12".utf8)), .ownerGroup(Array("34".utf8)),
                .setAccessed(.to(time)), .setModified(.now),
            ],
            stateID
        )
        guard case .setAttributes(let reply) = all else { throw all.status }
        #expect(reply.status == .ok && reply.attributesSet == [4, 33, 36, 37, 48, 54])
        let values = try await attributes(client, "f", [4, 33, 36, 37, 47])
        #expect(values[.size] == .size(5) && values[.accessed] == .accessed(time))
        #expect(values[.mode] == .mode(0o4755) && values[.ownerGroup] == .ownerGroup([0x33, 0x34]))
        #expect(try await set([.owner(Array("root@x".utf8))]).status == .badOwner)
        #expect(try await set([.mode(0o10000)]).status == .invalid)
        #expect(try await set([.type(.regular)]).status == .invalid)
        #expect(try await set([.archive(true)]).status == .attributeNotSupported)
        let bad = NFSTime(seconds: 0, nanoseconds: 1_000_000_000)
        #expect(try await set([.setModified(.to(bad))]).status == .invalid)
        for seconds in [Int64.max, .min, 1 << 43, -(1 << 43)] {
            let far = NFSTime(seconds: seconds, nanoseconds: 999_999_999)
            #expect(try await set([.setAccessed(.to(far))]).status == .invalid)
        }
        let old = NFSTime(seconds: -(1 << 43) + 1, nanoseconds: 0)
        #expect(try await set([.setAccessed(.to(old))]).status == .ok)
        #expect(try await client.read(handle, stateID).data.count == 5)
        let masked = MaskedMode(value: 0o020, mask: 0o777)
        #expect(try await set([.setModeMasked(masked)]).status == .ok)
        #expect(try await attributes(client, "f", [33])[.mode] == .mode(0o4020))
    }

    /// RFC 8881 §6.2.5.
    @Test func `a part of a mode is set, and not while something is made`() async throws {
        let (_, client) = try await connected()
        _ = try await client.make("f", mode: 0o640)
        let masked = { AttributeValue.setModeMasked(MaskedMode(value: $0, mask: $1)) }
        func set(_ values: [AttributeValue]) async throws -> NFSStatus {
            let arguments = SetAttributesArguments(
                stateID: .anonymous,
                attributes: FileAttributes(values)
            )
            return try await client.status(WireClient.walk("f") + [.setAttributes(arguments)])
        }
        #expect(try await set([masked(0o777, 0o007)]) == .ok, "bits beyond the mask are ignored")
        #expect(try await attributes(client, "f", [33])[.mode] == .mode(0o647))
        #expect(try await set([masked(0o10000, 0o007)]) == .invalid)
        #expect(try await set([masked(0, 0o10000)]) == .invalid)
        #expect(try await set([.mode(0o600), masked(0, 0o007)]) == .invalid)
        #expect(try await attributes(client, "f", [33])[.mode] == .mode(0o647))
        let create = CreateArguments(
            kind: .directory,
            name: [0x64],
            attributes: FileAttributes([masked(0o700, 0o777)])
        )
        #expect(try await client.status([.putRootFileHandle, .create(create)]) == .invalid)
        let creation = OpenCreation.guarded(FileAttributes([masked(0o700, 0o777)]))
        let open = WireClient.openArguments("g", creation: creation)
        #expect(try await client.status([.putRootFileHandle, .open(open)]) == .invalid)
        #expect(try await client.status(WireClient.walk("g")) == .noEntry)
    }

    @Test func `names are looked up, up and down`() async throws {
        let (_, client) = try await connected()
        _ = try await client.run([.putRootFileHandle, mkdir("a"), mkdir("b")])
        let root = try await client.last([.putRootFileHandle, .getFileHandle])
        let up = try await client.last(
            WireClient.walk("a/b") + [.lookupParent, .lookupParent, .getFileHandle]
        )
        #expect(up == root)
        #expect(try await client.status([.putRootFileHandle, .lookupParent]) == .noEntry)
        for (name, status): (String, NFSStatus) in [
            ("", .invalid), (".", .badName), ("..", .badName), ("a/b", .badCharacter),
            (String(repeating: "x", count: 256), .nameTooLong), ("none", .noEntry),
        ] {
            let lookup: [OperationArguments] = [
                .putRootFileHandle, .lookup(WireClient.name(name)),
            ]
            #expect(try await client.status(lookup) == status, "'\(name)'")
        }
        #expect(try await client.status([.lookup(WireClient.name("a"))]) == .noFileHandle)
        _ = try await client.make("f")
        #expect(try await client.status(WireClient.walk("f/x")) == .notDirectory)
    }

    @Test func `symlinks are made, read, and not walked through`() async throws {
        let (_, client) = try await connected()
        let create = CreateArguments(
            kind: .symlink(Array("/else/where".utf8)),
            name: Array("l".utf8),
            attributes: FileAttributes([])
        )
        _ = try await client.run([.putRootFileHandle, .create(create)])
        let link = try await client.last(WireClient.walk("l") + [.readLink])
        #expect(link == .readLink(ReadLinkReply(target: Array("/else/where".utf8))))
        #expect(try await client.status(WireClient.walk("l/x")) == .symlink)
        #expect(try await client.status([.putRootFileHandle, .readLink]) == .wrongType)
        let open = WireClient.openArguments("l")
        #expect(try await client.status([.putRootFileHandle, .open(open)]) == .symlink)
        #expect(
            try await client.status([
                .putRootFileHandle,
                .create(
                    CreateArguments(kind: .regular, name: [0x78], attributes: FileAttributes([]))
                ),
            ]) == .badType
        )
    }

    @Test func `changes of a directory are told before and after`() async throws {
        let (_, client) = try await connected()
        func change(_ path: String = "") async throws -> UInt64 {
            guard case .change(let value)? = try await attributes(client, path, [3])[.change]
            else { return 0 }
            return value
        }
        let before = try await change()
        let made = try await client.run([.putRootFileHandle, mkdir("d")])
        guard case .create(let created) = made[1] else { throw made[1].status }
        let after = try await change()
        #expect(created.change == ChangeInfo(isAtomic: true, before: before, after: after))
        _ = try await client.make("f")
        let (source, target) = (try await change(), try await change("d"))
        let moved = try await client.last([
            .putRootFileHandle, .saveFileHandle, .lookup(WireClient.name("d")),
            .rename(RenameArguments(oldName: Array("f".utf8), newName: Array("g".utf8))),
        ])
        guard case .rename(let reply) = moved else { throw moved.status }
        let (source2, target2) = (try await change(), try await change("d"))
        #expect(reply.source == ChangeInfo(isAtomic: true, before: source, after: source2))
        #expect(reply.target == ChangeInfo(isAtomic: true, before: target, after: target2))
        let linked = try await client.last(
            WireClient.walk("d/g") + [
                .saveFileHandle, .putRootFileHandle, .link(WireClient.name("h")),
            ]
        )
        guard case .link(let info) = linked else { throw linked.status }
        let named = try await change()
        #expect(info == ChangeInfo(isAtomic: true, before: source2, after: named))
        let removed = try await client.last([
            .putRootFileHandle, .remove(WireClient.name("h")),
        ])
        guard case .remove(let gone) = removed else { throw removed.status }
        let last = try await change()
        #expect(gone == ChangeInfo(isAtomic: true, before: named, after: last))
    }

    @Test func `RENAME, REMOVE and LINK refuse as listed`() async throws {
        let (_, client) = try await connected()
        _ = try await client.run([.putRootFileHandle, mkdir("d"), mkdir("e")])
        _ = try await client.make("f")
        func rename(_ old: String, _ new: String) async throws -> NFSStatus {
            try await client.status([
                .putRootFileHandle, .saveFileHandle,
                .rename(RenameArguments(oldName: Array(old.utf8), newName: Array(new.utf8))),
            ])
        }
        #expect(try await rename("f", "d") == .exists)
        #expect(try await rename("d", "f") == .exists)
        #expect(try await rename("d", "e") == .ok)
        #expect(try await rename("e", "d") == .ok)
        #expect(try await rename("none", "x") == .noEntry)
        #expect(try await rename("", "x") == .invalid)
        #expect(try await rename("f", ".") == .badName)
        #expect(try await rename("f", "f") == .ok)
        let noSaved = RenameArguments(oldName: [0x66], newName: [0x67])
        #expect(try await client.status([.putRootFileHandle, .rename(noSaved)]) == .noFileHandle)
        let intoItself = RenameArguments(oldName: [0x64], newName: [0x78])
        #expect(
            try await client.status(
                [.putRootFileHandle, .saveFileHandle] + [.lookup(WireClient.name("d"))]
                    + [.rename(intoItself)]
            ) == .invalid
        )
        let remove = WireClient.name("d")
        _ = try await client.run(WireClient.walk("d") + [mkdir("x")])
        #expect(try await client.status([.putRootFileHandle, .remove(remove)]) == .notEmpty)
        _ = try await client.run([.putRootFileHandle, mkdir("e")])
        #expect(try await rename("e", "d") == .exists, "it holds entries")
        let dot = WireClient.name("..")
        #expect(try await client.status([.putRootFileHandle, .remove(dot)]) == .badName)
        let linkDirectory: [OperationArguments] = [
            .putRootFileHandle, .lookup(WireClient.name("d")), .saveFileHandle,
            .putRootFileHandle, .link(WireClient.name("x")),
        ]
        #expect(try await client.status(linkDirectory) == .isDirectory)
        #expect(try await client.status([.putRootFileHandle, .restoreFileHandle]) == .noFileHandle)
    }

    @Test func `a listing comes in parts, each name once`() async throws {
        let (_, client) = try await connected()
        let names = Set((0..<300).map { "file-\($0)" })
        for name in names { _ = try await client.make(name) }
        var found: [String] = []
        var cookie: UInt64 = 0
        var parts = 0
        while true {
            let result = try await client.last([
                .putRootFileHandle, .readDirectory(page(after: cookie, bytes: 4_096)),
            ])
            guard case .readDirectory(let reply) = result else { throw result.status }
            found += reply.entries.map { String(decoding: $0.name, as: UTF8.self) }
            parts += 1
            if reply.isAtEnd { break }
            cookie = try #require(reply.entries.last).cookie
        }
        #expect(parts > 3 && found.count == 300 && Set(found) == names)
        let small = page(after: 0, bytes: 30)
        #expect(try await client.status([.putRootFileHandle, .readDirectory(small)]) == .tooSmall)
        let odd = page(after: 2, bytes: 4_096)
        #expect(try await client.status([.putRootFileHandle, .readDirectory(odd)]) == .badCookie)
        var stale = page(after: 5, bytes: 4_096)
        stale.verifier = Verifier(rawValue: 9)
        #expect(try await client.status([.putRootFileHandle, .readDirectory(stale)]) == .notSame)
        let file = WireClient.walk("file-1") + [.readDirectory(page(after: 0, bytes: 4_096))]
        #expect(try await client.status(file) == .notDirectory)
    }

    private func page(after cookie: UInt64, bytes: UInt32) -> ReadDirectoryArguments {
        ReadDirectoryArguments(
            cookie: cookie,
            verifier: .zero,
            directoryBytesMax: bytes,
            bytesMax: bytes,
            attributes: [1, 4, 20, 33]
        )
    }

    @Test func `ACCESS says what permission would`() async throws {
        let (world, root) = try await connected()
        _ = try await root.make("f", mode: 0o640)
        let user = WireClient(world.parts, uid: 1_000, gid: 1_000)
        try await user.connect(owner: "user")
        func access(_ client: WireClient, _ path: String) async throws -> AccessReply {
            let asked = AccessArguments(rights: AccessRights(rawValue: 0x3F))
            let result = try await client.last(WireClient.walk(path) + [.access(asked)])
            guard case .access(let reply) = result else { throw result.status }
            return reply
        }
        let full = try await access(root, "f")
        #expect(full.supported == [.read, .modify, .extend, .execute])
        #expect(full.granted == [.read, .modify, .extend])
        #expect(try await access(user, "f").granted == [])
        #expect(
            try await access(user, "").granted == [.read, .lookup, .modify, .extend, .delete]
        )
        let open = WireClient.openArguments("f", access: .read)
        #expect(try await user.status([.putRootFileHandle, .open(open)]) == .accessDenied)
        #expect(try await user.status([.putRootFileHandle, mkdir("mine")]) == .ok)
        let nobody = WireClient(world.parts)
        nobody.credential = .none
        try await nobody.connect(owner: "nobody")
        _ = try await nobody.make("n")
        #expect(try await attributes(nobody, "n", [36])[.owner] == .owner(Array("65534".utf8)))
    }

    @Test func `VERIFY and NVERIFY compare`() async throws {
        let (_, client) = try await connected()
        func verify(_ values: [AttributeValue], not: Bool = false) async throws -> NFSStatus {
            let arguments = VerifyArguments(attributes: FileAttributes(values))
            return try await client.status([
                .putRootFileHandle, not ? .verifyNot(arguments) : .verify(arguments),
            ])
        }
        #expect(try await verify([.type(.directory)]) == .ok)
        #expect(try await verify([.type(.regular)]) == .notSame)
        #expect(try await verify([.type(.directory)], not: true) == .same)
        #expect(try await verify([.type(.regular)], not: true) == .ok)
        #expect(try await verify([.archive(true)]) == .attributeNotSupported)
        #expect(try await verify([.readError(.ok)]) == .invalid)
        #expect(try await verify([.setModified(.now)]) == .invalid)
    }

    @Test func `SECINFO uses the file handle up`() async throws {
        let (_, client) = try await connected()
        _ = try await client.make("f")
        let info = try await client.last([
            .putRootFileHandle, .securityInfo(WireClient.name("f")),
        ])
        #expect(info == .securityInfo([.system, .none]))
        let used: [OperationArguments] = [
            .putRootFileHandle, .securityInfo(WireClient.name("f")), .getFileHandle,
        ]
        #expect(try await client.status(used) == .noFileHandle)
        let missing = WireClient.name("none")
        #expect(
            try await client.status([.putRootFileHandle, .securityInfo(missing)]) == .noEntry
        )
        let current = try await client.last([.putRootFileHandle, .securityInfoNoName(.current)])
        #expect(current == .securityInfoNoName([.system, .none]))
        #expect(
            try await client.status([.putRootFileHandle, .securityInfoNoName(.parent)]) == .noEntry
        )
    }

    @Test func `data operations refuse what has no data`() async throws {
        let (_, client) = try await connected()
        let fifo = CreateArguments(kind: .fifo, name: [0x70], attributes: FileAttributes([]))
        _ = try await client.run([.putRootFileHandle, .create(fifo)])
        let read = OperationArguments.read(
            ReadArguments(stateID: .anonymous, offset: 0, count: 10)
        )
        let write = OperationArguments.write(
            WriteArguments(
                stateID: .anonymous,
                offset: 0,
                stability: .unstable,
                data: ByteChain(copying: [1])
            )
        )
        let commit = OperationArguments.commit(CommitArguments(offset: 0, count: 0))
        for operation in [read, write, commit] {
            #expect(try await client.status(WireClient.walk("p") + [operation]) == .wrongType)
            #expect(try await client.status([.putRootFileHandle, operation]) == .isDirectory)
        }
    }

    /// Goal: what tiers go by is clients' use of data, whichever way a READ is answered; of the past none is.
    @Test func `each READ of bytes and each WRITE is a use, and nothing else is`() async throws {
        let uses = UseLog()
        let world = try await NFSWorld.make(observer: uses)
        let client = WireClient(world.parts)
        try await client.connect()
        let (stateID, handle) = try await client.make("f")
        let piece = 128 << 10
        #expect(uses.take() == [], "it is made")
        for number in 0..<8 {
            let write = WriteArguments(
                stateID: stateID,
                offset: UInt64(number * piece),
                stability: .fileSync,
                data: ByteChain(copying: [UInt8](repeating: UInt8(number), count: piece))
            )
            _ = try await client.last([.putFileHandle(handle), .write(write)])
            #expect(uses.take().count == 1)
        }
        _ = try await world.fileSystem.createSnapshot("then")
        for size in [piece, 4_096] {
            for offset in stride(from: 0, to: 8 * piece, by: size) {
                let read = ReadArguments(
                    stateID: stateID,
                    offset: UInt64(offset),
                    count: UInt32(size)
                )
                let result = try await client.last([.putFileHandle(handle), .read(read)])
                guard case .read(let reply) = result else { throw result.status }
                #expect(reply.data.count == size)
                #expect(uses.take().count == 1, "\(size) at \(offset)")
            }
        }
        #expect(world.fileSystem.core.ahead.counts.taken > 0, "some were opened ahead")
        let end = ReadArguments(stateID: stateID, offset: UInt64(8 * piece), count: 10)
        _ = try await client.last([.putFileHandle(handle), .read(end)])
        let past = ReadArguments(stateID: .anonymous, offset: 0, count: 4_096)
        let result = try await client.last(WireClient.walk(".snapshot/then/f") + [.read(past)])
        guard case .read(let reply) = result else { throw result.status }
        #expect(reply.data.count == 4_096)
        let asked = GetAttributesArguments(attributes: [1, 4, 47])
        _ = try await client.last([.putFileHandle(handle), .getAttributes(asked)])
        #expect(uses.take() == [])
        await world.fileSystem.close()
    }
}
