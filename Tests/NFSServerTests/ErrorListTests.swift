import Disk
import FileSystemEngine
import NFSWire
import Testing
import VarveModel

@testable import NFSServer

/// Goal: the errors that RFC 8881 §15.2 lists for OPEN, LOCK and RENAME occur where the text of §18 says.
///
/// Method: the RFC's rows (`ErrorLists`), one way to each error, or why there is none (`ErrorRow`). `SessionErrorTests` does so with SEQUENCE,
/// EXCHANGE_ID and CREATE_SESSION.
@Suite struct ErrorListTests {
    /// A directory `d`, a file `f`, a symlink `l`, a FIFO `p`, all of root's; the client is a user.
    private struct Stage {
        let world: NFSWorld
        let root: WireClient
        let user: WireClient
    }

    private func stage(
        limits: ServerLimits = ServerLimits(),
        linksMax: UInt32? = nil
    ) async throws -> Stage {
        let world = try await NFSWorld.make(limits: limits, linksMax: linksMax)
        let (root, user) = (
            WireClient(world.parts), WireClient(world.parts, uid: 1_000, gid: 1_000)
        )
        try await root.connect(owner: "root")
        try await user.connect(owner: "user")
        for (name, kind): (String, CreateKind) in [
            ("d", .directory), ("l", .symlink([0x78])), ("p", .fifo),
        ] {
            let create = CreateArguments(
                kind: kind,
                name: Array(name.utf8),
                attributes: FileAttributes([.mode(0o755)])
            )
            _ = try await root.run([.putRootFileHandle, .create(create)])
        }
        _ = try await root.make("f", mode: 0o644)
        return Stage(world: world, root: root, user: user)
    }

    private func open(
        _ name: String,
        _ access: ShareAccess = .read,
        _ creation: OpenCreation? = nil
    ) -> OperationArguments {
        .open(WireClient.openArguments(name, access: access, creation: creation))
    }

    private func guarded(_ values: AttributeValue...) -> OpenCreation {
        .guarded(FileAttributes(values))
    }

    private static let openRow = ErrorRow(
        .open,
        unmet: ErrorRow.never.and(ErrorRow.ofSequence).and([
            .delegationAlreadyWanted: "no delegation is given",
            .delegationRevoked: "no delegation is given",
            .oldStateID: "of a delegation alone, and none is given",
            .expired: "an expired client is gone whole: NFS4ERR_BADSESSION",
            .badReclaim: "clients are remembered, and not what they had open",
            .unsafeCompound: "whatever follows an OPEN, its result fits",
        ])
    )

    @Test func `OPEN`() async throws {
        let stage = try await stage()
        var row = Self.openRow
        let here: [OperationArguments] = [.putRootFileHandle]
        let long = String(repeating: "n", count: 256)
        let table: [(NFSStatus, [OperationArguments])] = [
            (.accessDenied, here + [open("f", .write)]),
            (.accessDenied, here + [.lookup(WireClient.name("d")), open("x", .both, guarded())]),
            (.attributeNotSupported, here + [open("x", .both, guarded(.archive(true)))]),
            (.badCharacter, here + [open("a/b")]),
            (.badCharacter, here + [open("a\0b")]),
            (.badName, here + [open("..")]),
            (.badOwner, here + [open("x", .both, guarded(.owner(Array("me@here".utf8))))]),
            (.exists, here + [open("f", .both, guarded())]),
            (.fileTooLarge, here + [open("x", .both, guarded(.size(1 << 62)))]),
            (.invalid, here + [open("")]),
            (.invalid, here + [open("f", [])]),
            (.invalid, here + [open("x", .both, guarded(.type(.regular)))]),
            (.isDirectory, here + [open("d")]),
            (.nameTooLong, here + [open(long)]),
            (.noEntry, here + [open("none")]),
            (.noFileHandle, [open("f")]),
            (.notDirectory, here + [.lookup(WireClient.name("f")), open("x")]),
            (.notDirectory, here + [.lookup(WireClient.name("f")), open("x", .both, guarded())]),
            (.notPermitted, here + [open("x", .both, guarded(.owner(Array("0".utf8))))]),
            (.symlink, here + [open("l")]),
            (.wrongType, here + [open("p")]),
        ]
        for (status, operations) in table {
            let reply = try await stage.user.send([stage.user.sequence()] + operations)
            row.expect(status, reply, "\(operations)")
        }
        try await row.expectGeneral(open("f"), of: stage.world)
        var claims = WireClient.openArguments("f")
        claims.claim = .delegateCurrentFileHandle(.anonymous)
        row.expect(.badStateID, try await stage.user.answer(here + [.open(claims)]))
        claims.claim = .delegatePreviousFileHandle
        row.expect(.notSupported, try await stage.user.answer(here + [.open(claims)]))
        let past = WireClient.walk(".snapshot")
        _ = try await stage.world.fileSystem.createSnapshot("s")
        let old = past + [.lookup(WireClient.name("s")), open("f", .write)]
        row.expect(.readOnly, try await stage.root.answer(old))
        row.expect(.readOnly, try await stage.root.answer(past + [open("x", .both, guarded())]))
        _ = try await stage.root.open(
            "denied",
            access: .read,
            deny: .write,
            owner: "denies",
            creation: guarded()
        )
        row.expect(.shareDenied, try await stage.root.answer(here + [open("denied", .write)]))
        let disk = try #require(stage.world.configuration.disk as? SimulatedDisk)
        for (fault, status): (DiskError.Code, NFSStatus) in [
            (.noSpace, .noSpace), (.failed, .inputOutput),
        ] {
            disk.fail(after: 0, with: fault)
            row.expect(status, try await stage.root.answer(here + [open("y", .both, guarded())]))
            disk.clearFaults()
        }
        try await meetOpenStates(&row)
        row.expectComplete()
        await stage.world.fileSystem.close()
    }

    /// Those that hang on what the server remembers: of opens, of a file that is gone, and of clients before a restart.
    private func meetOpenStates(_ row: inout ErrorRow) async throws {
        var limits = ServerLimits()
        limits.opensPerClientMax = 1
        let stage = try await stage(limits: limits)
        let here = [OperationArguments.putRootFileHandle]
        row.expect(.delay, try await stage.root.answer(here + [open("g", .both, guarded())]))
        // It was not made in vain, or the next try would find it.
        #expect(
            try await stage.root.status(here + [.lookup(WireClient.name("g"))]) == .noEntry
        )
        row.expect(.stale, try await openOfWhatIsGone())

        let restarted = try await restarted(stage.world)
        let (a, b) = (restarted.a, restarted.b)
        var reclaim = WireClient.openArguments("")
        reclaim.claim = .previous(.none)
        let file = [OperationArguments.putFileHandle(restarted.handle)]
        row.expect(.grace, try await restarted.stranger.answer(here + [open("f")]))
        row.expect(.noGrace, try await restarted.stranger.answer(file + [.open(reclaim)]))
        reclaim.deny = .write
        row.expect(.ok, try await a.answer(file + [.open(reclaim)]))
        row.expect(.reclaimConflict, try await b.answer(file + [.open(reclaim)]))
        await stage.world.fileSystem.close()
    }

    /// Another start of a stage's server, to which the clients "a" and "b" of before come back; a stranger has never been there.
    private struct Restarted {
        let a: WireClient
        let b: WireClient
        let stranger: WireClient
        let handle: NFSFileHandle
    }

    private func restarted(_ world: NFSWorld) async throws -> Restarted {
        let parts = ServerParts(
            exports: world.exports,
            identity: Array("test".utf8),
            clock: world.clock,
            remembered: [.gateway("a"), .gateway("b")]
        )
        let clients = (WireClient(parts), WireClient(parts), WireClient(parts))
        try await clients.0.connect(owner: "a", reclaims: false)
        try await clients.1.connect(owner: "b", reclaims: false)
        try await clients.2.connect(owner: "stranger")
        let found = try await clients.2.last(WireClient.walk("f") + [.getFileHandle])
        guard case .getFileHandle(let handle) = found else { throw found.status }
        return Restarted(a: clients.0, b: clients.1, stranger: clients.2, handle: handle)
    }

    private func openOfWhatIsGone() async throws -> CompoundReply {
        let stage = try await stage()
        let found = try await stage.root.last(WireClient.walk("f") + [.getFileHandle])
        guard case .getFileHandle(let handle) = found else { throw found.status }
        _ = try await stage.root.run([.putRootFileHandle, .remove(WireClient.name("f"))])
        // Its maker has it open; with the client it goes.
        await stage.world.parts.store.change { state, _ in state.remove(client: stage.root.id) }
        try await stage.world.fileSystem.flush()
        var arguments = WireClient.openArguments("")
        arguments.claim = .fileHandle
        let reply = try await stage.user.answer([.putFileHandle(handle), .open(arguments)])
        await stage.world.fileSystem.close()
        return reply
    }

    /// Where a status that says more is another operation's alone, each says what it has.
    @Test func `what an operation does not list it does not say`() async throws {
        let stage = try await stage()
        let root = [OperationArguments.putRootFileHandle]
        let unlock = OperationArguments.unlock(
            UnlockArguments(
                type: .write,
                sequence: 0,
                stateID: .anonymous,
                offset: 0,
                length: 1
            )
        )
        let set = OperationArguments.setAttributes(
            SetAttributesArguments(
                stateID: .anonymous,
                attributes: FileAttributes([.size(1)])
            )
        )
        let rename = OperationArguments.rename(
            RenameArguments(oldName: Array("f".utf8), newName: Array("g".utf8))
        )
        _ = try await stage.world.fileSystem.setAttributes(
            .root,
            AttributeChanges(permissions: 0o1777),
            as: .root
        )
        let (l, f) = (WireClient.walk("l"), WireClient.walk("f"))
        let table: [(NFSStatus, [OperationArguments])] = [
            (.badStateID, root + [unlock]), (.badStateID, l + [unlock]),
            (.wrongType, root + [set]), (.wrongType, l + [set]),
            (.notDirectory, l + [.securityInfo(WireClient.name("x"))]),
            (.notDirectory, f + [.securityInfo(WireClient.name("x"))]),
            (.notDirectory, f + [.securityInfoNoName(.parent)]),
            (.accessDenied, root + [.remove(WireClient.name("f"))]),
            (.accessDenied, root + [.saveFileHandle, rename]),
        ]
        for (status, operations) in table {
            let reply = try await stage.user.answer(operations)
            #expect(reply.status == status, "\(operations)")
            #expect(reply.results.count == operations.count + 1, "\(operations)")
        }
        await stage.world.fileSystem.close()
    }

    private static let lockRow = ErrorRow(
        .lock,
        unmet: ErrorRow.never.and(ErrorRow.ofSequence).and([
            .accessDenied: "OPEN has asked for permission",
            .badRange: "all of 64 bits are good",
            .deadlock: "nothing is queued",
            .expired: "an expired client is gone whole: NFS4ERR_BADSESSION",
            .lockNotSupported: "locks can be split, joined, upgraded and downgraded",
            .lockRange: "locks can be split, joined, upgraded and downgraded",
            .badReclaim: "clients are remembered, and not what they had locked",
            .readOnly: "who would lock the past for writing was refused by OPEN",
        ])
    )

    @Test func `LOCK`() async throws {
        var limits = ServerLimits()
        limits.locksPerClientMax = 1
        let stage = try await stage(limits: limits)
        var row = Self.lockRow
        let (client, root) = (stage.root, [OperationArguments.putRootFileHandle])
        let (read, handle) = try await client.open("f", access: .read, owner: "r")
        let (both, _) = try await client.open("f", owner: "b")
        func lock(
            _ stateID: StateID,
            _ type: LockType = .read,
            _ length: UInt64 = 10,
            reclaim: Bool = false,
            at offset: UInt64 = 5
        ) -> OperationArguments {
            .lock(
                LockArguments(
                    type: type,
                    isReclaim: reclaim,
                    offset: offset,
                    length: length,
                    locker: .new(
                        NewLockOwner(
                            openSequence: 0,
                            openStateID: stateID,
                            lockSequence: 0,
                            owner: StateOwner(client: client.id, owner: [UInt8(length & 0xFF)])
                        )
                    )
                )
            )
        }
        var future = both
        future.sequence += 1
        let file: [OperationArguments] = [.putFileHandle(handle)]
        let table: [(NFSStatus, [OperationArguments])] = [
            (.ok, file + [lock(both, .write)]),
            (.badStateID, file + [lock(future)]),
            (.badStateID, file + [lock(.anonymous)]),
            (.denied, file + [lock(both, .write, 11)]),
            (.invalid, file + [lock(both, .read, 0)]),
            (.invalid, file + [lock(both, .read, .max - 1)]),
            (.isDirectory, root + [lock(both)]),
            (.noFileHandle, [lock(both)]),
            (.noGrace, file + [lock(both, .read, 12, reclaim: true)]),
            (.openMode, file + [lock(read, .write, 13)]),
            (.symlink, root + [.lookup(WireClient.name("l")), lock(both)]),
            (.wrongType, root + [.lookup(WireClient.name("p")), lock(both)]),
            (.delay, file + [lock(both, .read, 14, at: 1 << 40)]),
        ]
        for (status, operations) in table {
            row.expect(status, try await client.answer(operations), "\(operations)")
        }
        try await row.expectGeneral(lock(both), of: stage.world)
        let again = WireClient.openArguments("f", owner: "b")
        _ = try await client.run(root + [.open(again)])
        row.expect(.oldStateID, try await client.answer(file + [lock(both)]))
        let (_, gone) = try await client.make("gone")
        _ = try await client.run(root + [.remove(WireClient.name("gone"))])
        await stage.world.parts.store.change { state, _ in state.remove(client: client.id) }
        try await stage.world.fileSystem.flush()
        row.expect(.stale, try await stage.user.answer([.putFileHandle(gone), lock(both)]))
        try await meetReclaims(of: stage.world, &row)
        row.expectComplete()
        await stage.world.fileSystem.close()
    }

    private func meetReclaims(of world: NFSWorld, _ row: inout ErrorRow) async throws {
        let restarted = try await restarted(world)
        let file = [OperationArguments.putFileHandle(restarted.handle)]
        func lock(_ client: WireClient, reclaim: Bool) async throws -> CompoundReply {
            var arguments = WireClient.openArguments("")
            arguments.claim = .previous(.none)
            let opened = try await client.run(file + [.open(arguments)])
            guard case .open(let open)? = opened.last else { throw NFSStatus.serverFault }
            let locker = NewLockOwner(
                openSequence: 0,
                openStateID: open.stateID,
                lockSequence: 0,
                owner: StateOwner(client: client.id, owner: [1])
            )
            let lock = LockArguments(
                type: .write,
                isReclaim: reclaim,
                offset: 0,
                length: 1,
                locker: .new(locker)
            )
            return try await client.answer(file + [.lock(lock)])
        }
        row.expect(.grace, try await lock(restarted.a, reclaim: false))
        row.expect(.ok, try await lock(restarted.a, reclaim: true))
        row.expect(.reclaimConflict, try await lock(restarted.b, reclaim: true))
    }

    private static let renameRow = ErrorRow(
        .rename,
        unmet: ErrorRow.never.and(ErrorRow.ofSequence).and([
            .delay: "names are bound by no state, and no delegation is recalled",
            .fileOpen: "an open file is renamed, and replaced, as POSIX has it",
            .grace: "names are bound by no state",
            .notEmpty: "§18.26.3 has NFS4ERR_EXIST for it",
            .crossDevice: "met in ExportTests, between two file systems",
        ])
    )

    @Test func `RENAME`() async throws {
        let stage = try await stage(linksMax: 3)
        var row = Self.renameRow
        func rename(_ old: String, _ new: String, from: String = "", to: String = "")
            -> [OperationArguments]
        {
            WireClient.walk(from) + [.saveFileHandle] + WireClient.walk(to) + [
                .rename(RenameArguments(oldName: Array(old.utf8), newName: Array(new.utf8)))
            ]
        }
        let long = String(repeating: "n", count: 256)
        _ = try await stage.root.run(
            WireClient.walk("d") + [
                .create(
                    CreateArguments(
                        kind: .directory,
                        name: [0x65],
                        attributes: FileAttributes([.mode(0o755)])
                    )
                )
            ]
        )
        let table: [(NFSStatus, [OperationArguments])] = [
            (.accessDenied, rename("e", "x", from: "d")),
            (.accessDenied, rename("f", "x", to: "d")),
            (.badCharacter, rename("f", "a/b")),
            (.badName, rename("..", "x")),
            (.badName, rename("f", ".")),
            (.invalid, rename("", "x")),
            (.invalid, rename("f", "")),
            (.nameTooLong, rename("f", long)),
            (.nameTooLong, rename(long, "f")),
            (.noEntry, rename("none", "x")),
            (.noFileHandle, [.rename(RenameArguments(oldName: [0x66], newName: [0x67]))]),
            (.notDirectory, rename("x", "y", from: "f")),
            (.notDirectory, rename("f", "y", to: "f")),
        ]
        for (status, operations) in table {
            row.expect(status, try await stage.user.answer(operations), "\(operations)")
        }
        try await row.expectGeneral(rename("f", "x").last!, of: stage.world)
        let root = stage.root
        row.expect(.invalid, try await root.answer(rename("d", "x", to: "d")))
        for (old, new) in [("f", "d"), ("d", "f"), ("f", ".snapshot")] {
            row.expect(.exists, try await root.answer(rename(old, new)), "\(old) \(new)")
        }
        _ = try await stage.world.fileSystem.createSnapshot("s")
        for (from, to) in [(".snapshot/s", ""), ("", ".snapshot/s"), ("", ".snapshot")] {
            row.expect(.readOnly, try await root.answer(rename("f", "x", from: from, to: to)))
        }
        // Below e there is one more directory, for which d has no room.
        let more = CreateArguments(
            kind: .directory,
            name: [0x6D],
            attributes: FileAttributes([.mode(0o755)])
        )
        _ = try await root.run(WireClient.walk("d/e") + [.create(more)])
        row.expect(.tooManyLinks, try await root.answer(rename("m", "m", from: "d/e", to: "d")))
        let found = try await root.last(WireClient.walk("d/e/m") + [.getFileHandle])
        guard case .getFileHandle(let gone) = found else { throw found.status }
        _ = try await root.run(WireClient.walk("d/e") + [.remove(WireClient.name("m"))])
        let there: [OperationArguments] = [.putFileHandle(gone), .saveFileHandle]
        row.expect(.stale, try await root.answer(there + rename("f", "x").suffix(1)))
        let disk = try #require(stage.world.configuration.disk as? SimulatedDisk)
        for (fault, status): (DiskError.Code, NFSStatus) in [
            (.noSpace, .noSpace), (.failed, .inputOutput),
        ] {
            disk.fail(after: 0, with: fault)
            row.expect(status, try await root.answer(rename("f", "x")))
            disk.clearFaults()
        }
        row.expectComplete()
        await stage.world.fileSystem.close()
    }
}

extension WireClient {
    /// The reply to operations in the session.
    fileprivate func answer(_ operations: [OperationArguments]) async throws -> CompoundReply {
        try await send([sequence()] + operations)
    }
}
