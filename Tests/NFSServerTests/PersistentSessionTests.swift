import Disk
import FileSystemEngine
import NFSWire
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: a request that changes names is done once, also when the server restarts before the client has its answer
/// (RFC 8881 §2.10.6.5).
///
/// Method: the same bytes go to a server, and then to the next one over the same file system, closed and opened in between.
@Suite struct PersistentSessionTests {
    /// A server that can be killed, and a client of a persistent session.
    final class Stage {
        let world: NFSWorld
        let client: WireClient
        var fileSystem: FileSystem
        var parts: ServerParts
        var remembered: Set<ClientName> = []

        init(flags: CreateSessionFlags = [.persist]) async throws {
            world = try await NFSWorld.make()
            (fileSystem, parts) = (world.fileSystem, world.parts)
            client = WireClient(world.parts)
            client.version = .v42
            try await client.connect(flags: flags)
        }

        /// What `kill -9` and a new start come to, as far as clients see.
        func restart() async throws {
            await fileSystem.close()
            fileSystem = try await FileSystem.open(world.configuration)
            world.exports.replace(with: [fileSystem])
            parts = ServerParts(
                exports: world.exports,
                identity: Array("test".utf8),
                clock: world.clock,
                remembered: remembered
            )
            client.turn(to: parts)
        }

        /// Sends a request, and once more after a restart; then names may be in memory, as other clients' requests leave them.
        func twice(
            _ operations: [OperationArguments],
            remembering names: [String] = []
        ) async throws -> (first: CompoundReply, second: CompoundReply) {
            let bytes = self.bytes(operations)
            let first = try await client.answer(bytes: bytes).reply
            try await restart()
            for name in names { try await remember(name) }
            return (first, try await client.answer(bytes: bytes, isRetry: true).reply)
        }

        /// Apart from the loop: Swift 6.3.1 does not always compile the `catch` there.
        @inline(never)
        private func remember(_ name: String) async throws {
            let name = try #require(FileName(name))
            do {
                _ = try await fileSystem.lookup(name, in: .root, as: .root)
            } catch {
                #expect(error.code == .notFound)
            }
        }

        /// The same for a client that begins anew, and a file `b`.
        func again(
            _ operations: [OperationArguments]
        ) async throws -> (first: CompoundReply, second: CompoundReply) {
            try await client.connect(flags: [.persist])
            _ = try await client.make("b")
            return try await twice(operations)
        }

        /// The next request of slot 0, its reply to be kept.
        func bytes(_ operations: [OperationArguments], cache: Bool = true) -> ByteChain {
            Self.bytes([client.sequence(cache: cache)] + operations)
        }

        static func bytes(_ operations: [OperationArguments]) -> ByteChain {
            var writer = XDRWriter()
            Compound(tag: [], version: .v42, operations: operations).encode(to: &writer)
            return writer.finish()
        }

        func names() async throws -> [String] {
            let page = try await fileSystem.readDirectory(.root, limit: 100, as: .root)
            return page.entries.map { "\($0.name)" }.sorted()
        }
    }

    private static func create(_ name: String, _ kind: CreateKind) -> OperationArguments {
        .create(
            CreateArguments(
                kind: kind,
                name: Array(name.utf8),
                attributes: FileAttributes([.mode(0o700)])
            )
        )
    }

    static func open(_ creation: OpenCreation) -> OperationArguments {
        .open(WireClient.openArguments("new", creation: creation))
    }

    /// One way to each change, on a directory that holds the files `a` and `b`; what the names are then.
    static let changes: [(String, [OperationArguments], names: [String])] = [
        ("REMOVE", [.remove(WireClient.name("a"))], ["b"]),
        (
            "RENAME",
            [
                .saveFileHandle,
                .rename(RenameArguments(oldName: Array("a".utf8), newName: Array("b".utf8))),
            ], ["b"]
        ),
        (
            "LINK",
            [
                .lookup(WireClient.name("a")), .saveFileHandle, .putRootFileHandle,
                .link(WireClient.name("new")), .restoreFileHandle,
            ], ["a", "b", "new"]
        ),
        ("CREATE of a directory", [create("new", .directory)], ["a", "b", "new"]),
        ("CREATE of a symlink", [create("new", .symlink([0x78]))], ["a", "b", "new"]),
        (
            "SETXATTR",
            [
                .lookup(WireClient.name("a")),
                .setXattr(SetXattrArguments(option: .create, name: [0x78], value: [1, 2])),
            ], ["a", "b"]
        ),
        (
            "REMOVEXATTR",
            [.lookup(WireClient.name("b")), .removeXattr(NameArguments(name: [0x78]))], ["a", "b"]
        ),
    ]

    @Test(arguments: changes.indices, [false, true])
    func `a change is answered after a restart as it was before`(
        index: Int,
        remembers: Bool
    ) async throws {
        let (name, operations, names) = Self.changes[index]
        let stage = try await Stage()
        for file in ["a", "b"] { _ = try await stage.client.make(file) }
        let attribute = SetXattrArguments(option: .create, name: [0x78], value: [1])
        _ = try await stage.client.run(WireClient.walk("b") + [.setXattr(attribute)])
        let attributes = GetAttributesArguments(attributes: [4, 35])
        let (first, second) = try await stage.twice(
            [.putRootFileHandle] + operations + [.getFileHandle, .getAttributes(attributes)],
            remembering: remembers ? ["a", "b", "new"] : []
        )
        #expect(first.status == .ok, "\(name)")
        #expect(second.results.dropFirst() == first.results.dropFirst(), "\(name)")
        #expect(try await stage.names() == names, "\(name)")
        await stage.fileSystem.close()
    }

    /// Each way to create; a file that its own mode lets nobody write is opened for writing by its maker alone.
    static let creations: [OpenCreation] = [
        .guarded(FileAttributes([.mode(0o444)])),
        .unchecked(FileAttributes([.mode(0o444)])),
        .exclusiveWithAttributes(
            CreateVerifierAttributes(
                verifier: Verifier(rawValue: 7),
                attributes: FileAttributes([.mode(0o444)])
            )
        ),
    ]

    /// RFC 8881 §18.16.3: GUARDED4 is as good there, and needs no verifier.
    @Test func `EXCLUSIVE4 is refused in a session that outlives the server`() async throws {
        let stage = try await Stage()
        try await stage.client.connect(flags: [.persist])
        let exclusive = Self.open(.exclusive(Verifier(rawValue: 7)))
        let operations = [OperationArguments.putRootFileHandle, exclusive]
        #expect(try await stage.client.status(operations) == .invalid)
        #expect(try await stage.names().isEmpty)
        try await stage.client.connect(verifier: 2)
        #expect(try await stage.client.status(operations) == .ok, "in another it is not")
        await stage.fileSystem.close()
    }

    @Test(arguments: creations.indices, [false, true])
    func `a file that OPEN made is opened by its retry, and can be taken back`(
        index: Int,
        remembers: Bool
    ) async throws {
        let stage = try await Stage()
        stage.client.credential = .system(AuthSys(uid: 1_000, gid: 1_000, groups: []))
        try await stage.client.connect(owner: "user", flags: [.persist])
        stage.remembered = [.gateway("user")]
        let operations: [OperationArguments] = [
            .putRootFileHandle, Self.open(Self.creations[index]), .getFileHandle,
        ]
        let (first, second) = try await stage.twice(
            operations,
            remembering: remembers ? ["new"] : []
        )
        guard first.results.count == 4, second.results.count == 4,
            case .open(let made) = first.results[2], case .open(let found) = second.results[2],
            case .getFileHandle(let handle) = second.results[3]
        else {
            Issue.record("\(first.status) and \(second.status)")
            return
        }
        #expect(found.change == made.change && found.attributesSet == made.attributesSet)
        #expect(second.results[3] == first.results[3])
        let read = ReadArguments(stateID: found.stateID, offset: 0, count: 1)
        try await stage.client.connect(owner: "user", flags: [.persist], reclaims: false)
        let status = try await stage.client.status([.putFileHandle(handle), .read(read)])
        #expect(status == .badStateID, "the open went with the server")
        var reclaim = WireClient.openArguments("")
        reclaim.claim = .previous(.none)
        let taken = try await stage.client.last([.putFileHandle(handle), .open(reclaim)])
        guard case .open(let open) = taken else { throw taken.status }
        let done = ReclaimCompleteArguments(oneFileSystem: false)
        #expect(try await stage.client.status([.reclaimComplete(done)]) == .ok)
        _ = try await stage.client.write(handle, open.stateID, [1, 2, 3])
        #expect(try await stage.names() == ["new"])
        await stage.fileSystem.close()
    }

    @Test func `what a create sets behind it is set by the retry`() async throws {
        let stage = try await Stage()
        let creation = OpenCreation.guarded(
            FileAttributes([
                .mode(0o600), .size(5), .setModified(.to(NFSTime(seconds: 77, nanoseconds: 0))),
            ])
        )
        let bytes = stage.bytes([.putRootFileHandle, Self.open(creation)])
        _ = try await stage.client.answer(bytes: bytes)
        let file = try await stage.fileSystem.lookup(
            try #require(FileName("new")),
            in: .root,
            as: .root
        )
        // As though the server had died between the two transactions.
        _ = try await stage.fileSystem.setAttributes(
            file.inode,
            AttributeChanges(size: 0),
            as: .root
        )
        try await stage.restart()
        #expect(try await stage.client.answer(bytes: bytes, isRetry: true).reply.status == .ok)
        let found = try await stage.fileSystem.attributes(of: file.inode)
        #expect(found.size == 5 && found.modified.seconds == 77)
        await stage.fileSystem.close()
    }

    @Test func `a request that was not done is not answered as though it were`() async throws {
        let stage = try await Stage()
        for file in ["a", "b", "c"] { _ = try await stage.client.make(file) }
        let remove = { (name: String) -> [OperationArguments] in
            [.putRootFileHandle, .remove(WireClient.name(name))]
        }
        let done = stage.bytes(remove("a"))
        _ = try await stage.client.answer(bytes: done)
        try await stage.restart()
        let (client, good) = (stage.client, stage.client.credential)
        func status(_ bytes: ByteChain) async throws -> NFSStatus {
            try await client.answer(bytes: bytes).reply.status
        }
        let other = Stage.bytes([client.sequence(isRetry: true, cache: true)] + remove("b"))
        #expect(try await status(other) == .deadSession, "another request under its number")
        client.credential = .system(AuthSys(uid: 1_000, gid: 1_000, groups: []))
        #expect(try await status(done) == .deadSession, "another user")
        client.credential = good
        let next = stage.bytes(remove("b"))
        #expect(try await status(next) == .deadSession, "the next one of its slot")
        let elsewhere = Stage.bytes([client.sequence(slot: 3, cache: true)] + remove("b"))
        #expect(try await status(elsewhere) == .badSession, "a slot that changed nothing")
        #expect(try await status(done) == .ok)
        #expect(try await stage.names() == ["b", "c"])
        await stage.fileSystem.close()
    }

    /// Linux's client writes a request anew when it sends it again, with the highest slot that it uses at that moment.
    @Test func `a retry that names another highest slot is the same request`() async throws {
        let stage = try await Stage()
        _ = try await stage.client.make("a")
        guard case .sequence(var sequence) = stage.client.sequence(cache: true) else { return }
        let remove: [OperationArguments] = [.putRootFileHandle, .remove(WireClient.name("a"))]
        var replies: [CompoundReply] = []
        for highest in UInt32(0)..<4 {
            if highest == 2 { try await stage.restart() }
            sequence.highestSlot = highest
            let bytes = Stage.bytes([.sequence(sequence)] + remove)
            replies.append(try await stage.client.answer(bytes: bytes).reply)
        }
        for reply in replies {
            #expect(reply.status == .ok)
            #expect(reply.results.dropFirst() == replies[0].results.dropFirst())
        }
        await stage.fileSystem.close()
    }

    @Test func `a request that was refused is asked anew`() async throws {
        let stage = try await Stage()
        _ = try await stage.client.make("a")
        let (first, second) = try await stage.twice([
            .putRootFileHandle, .remove(WireClient.name("none")),
        ])
        #expect(first.status == .noEntry && second.status == .badSession)
        await stage.fileSystem.close()
    }

    @Test func `nothing is kept where nobody asked for it`() async throws {
        for (flags, cache) in [([], true), ([.persist], false)] as [(CreateSessionFlags, Bool)] {
            let stage = try await Stage(flags: flags)
            _ = try await stage.client.make("a")
            let bytes = stage.bytes(
                [.putRootFileHandle, .remove(WireClient.name("a"))],
                cache: cache
            )
            #expect(try await stage.client.answer(bytes: bytes).reply.status == .ok)
            try await stage.restart()
            let again = try await stage.client.answer(bytes: bytes, isRetry: true).reply
            #expect(again.status == .badSession)
            await stage.fileSystem.close()
        }
    }

    @Test func `persistence is granted to who asks for it`() async throws {
        let world = try await NFSWorld.make()
        for flags in [[], [.persist]] as [CreateSessionFlags] {
            let client = WireClient(world.parts)
            try await client.connect(owner: "\(flags.rawValue)", flags: flags)
            let granted = world.parts.store.read { $0.sessions[client.session]?.isPersistent }
            #expect(granted == flags.contains(.persist))
        }
        await world.fileSystem.close()
    }

    @Test func `of a request with several changes each is answered, and nothing else is done`()
        async throws
    {
        let stage = try await Stage()
        let (_, handle) = try await stage.client.make("a")
        let before = try await stage.client.last([
            .putFileHandle(handle), .getAttributes(GetAttributesArguments(attributes: [35])),
        ])
        guard case .getAttributes(let known) = before else { throw before.status }
        let links = VerifyArguments(attributes: known)
        let set = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.mode(0o711)])
        )
        let (first, second) = try await stage.twice([
            .putFileHandle(handle), .verify(links), .saveFileHandle, .putRootFileHandle,
            .link(WireClient.name("b")), Self.create("d", .directory), .getFileHandle,
            .setAttributes(set),
        ])
        #expect(first.status == .ok && first.results.count == 9)
        // That the file has one link was so, and is not so now; the directory's mode may be set again by whoever asks anew.
        #expect(second.status == .deadSession && second.results.count == 9)
        #expect(second.results[1..<8] == first.results[1..<8])
        #expect(try await stage.names() == ["a", "b", "d"])
        await stage.fileSystem.close()
    }

    /// As RFC 8881 §18.31.4 has it.
    @Test func `what is looked up and verified before it is removed is so in the retry`()
        async throws
    {
        let stage = try await Stage()
        let (_, handle) = try await stage.client.make("a")
        let same = VerifyArguments(attributes: FileAttributes([.fileHandle(handle)]))
        let (first, second) = try await stage.twice([
            .putRootFileHandle, .lookup(WireClient.name("a")), .verify(same),
            .putRootFileHandle, .remove(WireClient.name("a")),
        ])
        #expect(first.status == .ok)
        #expect(second.results.dropFirst() == first.results.dropFirst())
        let (made, again) = try await stage.again([
            .putRootFileHandle, .lookup(WireClient.name("b")), .getFileHandle,
            .putRootFileHandle, .remove(WireClient.name("b")),
        ])
        #expect(made.status == .ok && made.results.count == 6)
        #expect(again.status == .deadSession, "a handle that nobody knows any more")
        await stage.fileSystem.close()
    }

    @Test func `what was kept is forgotten after a day`() async throws {
        let stage = try await Stage()
        _ = try await stage.client.make("a")
        let bytes = stage.bytes([.putRootFileHandle, .remove(WireClient.name("a"))])
        _ = try await stage.client.answer(bytes: bytes)
        try await stage.restart()
        stage.world.clock.advance(seconds: stage.parts.limits.receiptSeconds - 1)
        await stage.parts.forgetReceipts()
        #expect(try await stage.client.answer(bytes: bytes).reply.status == .ok)
        stage.world.clock.advance(seconds: 2)
        await stage.parts.forgetReceipts()
        #expect(try await stage.client.answer(bytes: bytes).reply.status == .badSession)
        await stage.fileSystem.close()
    }

    @Test func `a receipt reads back, and what is no receipt does not`() {
        var receipt = RequestReceipt(sequence: .max, replyBytesMax: 4_096, digest: 0x0102_0304)
        receipt.changes[63] = DoneChange(
            inode: InodeNumber(rawValue: 9),
            source: ChangeInfo(isAtomic: true, before: 1, after: .max),
            target: ChangeInfo(isAtomic: true, before: 2, after: 3)
        )
        receipt.changes[2] = DoneChange(
            inode: InodeNumber(rawValue: 0),
            source: ChangeInfo(isAtomic: true, before: 4, after: 5),
            target: ChangeInfo(isAtomic: true, before: 6, after: 7)
        )
        let bytes = receipt.bytes
        #expect(bytes.count == 17 + 2 * 41)
        #expect(RequestReceipt(bytes: bytes) == receipt)
        for count in 0..<bytes.count where count != 17 && count != 58 {
            #expect(RequestReceipt(bytes: Array(bytes[..<count])) == nil)
        }
        #expect(RequestReceipt(bytes: [2] + bytes.dropFirst()) == nil)
    }
}
