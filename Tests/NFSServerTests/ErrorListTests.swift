import FileSystemEngine
import NFSWire
import NIOCore
import Testing
import VarveModel

@testable import NFSServer

/// Goal: the errors that RFC 8881 §15.2 lists for OPEN, LOCK and RENAME occur where the text of §18 says.
///
/// Method: the lists as tables, one way to each error. Not here, since nothing here can cause them: those of delegations,
/// migration, quotas, revocation by an administrator, RPCSEC_GSS and machine credentials; those of sessions and decoding are in
/// `CompoundTests`, those of the medium in the engine's own tests.
@Suite struct ErrorListTests {
    /// A directory `d`, a file `f`, a symlink `l`, a FIFO `p`, all of root's; the client is a user.
    private struct Stage {
        let world: NFSWorld
        let root: WireClient
        let user: WireClient
    }

    private func stage() async throws -> Stage {
        let world = try await NFSWorld.make()
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

    @Test func `OPEN`() async throws {
        let stage = try await stage()
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
            #expect(try await stage.user.status(operations) == status, "\(operations)")
        }
        await stage.world.fileSystem.close()
    }

    @Test func `OPEN of what is gone`() async throws {
        let stage = try await stage()
        let found = try await stage.root.last(WireClient.walk("f") + [.getFileHandle])
        guard case .getFileHandle(let handle) = found else { throw found.status }
        _ = try await stage.root.run([.putRootFileHandle, .remove(WireClient.name("f"))])
        // Its maker has it open; with the client it goes.
        await stage.world.parts.store.change { state, _ in state.remove(client: stage.root.id) }
        try await stage.world.fileSystem.flush()
        var arguments = WireClient.openArguments("")
        arguments.claim = .fileHandle
        #expect(
            try await stage.user.status([.putFileHandle(handle), .open(arguments)]) == .stale
        )
        await stage.world.fileSystem.close()
    }

    @Test func `LOCK`() async throws {
        let stage = try await stage()
        let (client, root) = (stage.root, [OperationArguments.putRootFileHandle])
        let (read, handle) = try await client.open("f", access: .read, owner: "r")
        let (both, _) = try await client.open("f", owner: "b")
        func lock(
            _ stateID: StateID,
            _ type: LockType = .read,
            _ length: UInt64 = 10,
            reclaim: Bool = false
        ) -> OperationArguments {
            .lock(
                LockArguments(
                    type: type,
                    isReclaim: reclaim,
                    offset: 5,
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
        ]
        for (status, operations) in table {
            #expect(try await client.status(operations) == status, "\(operations)")
        }
        let again = WireClient.openArguments("f", owner: "b")
        _ = try await client.run(root + [.open(again)])
        #expect(try await client.status(file + [lock(both)]) == .oldStateID)
        await stage.world.fileSystem.close()
    }

    @Test func `reclaims that meet others are conflicts`() async throws {
        let owners = Set(["a", "b"].map { ClientName.gateway($0) })
        var world = StateWorld(remembered: owners)
        let (a, b) = (
            try world.client("a", reclaims: false), try world.client("b", reclaims: false)
        )
        let open = try world.open(a, .both, .write, reclaim: true).get()
        #expect(world.open(b, .write, reclaim: true) == .failure(.reclaimConflict))
        let open2 = try world.open(b, .read, reclaim: true).get()
        #expect(world.lock(a, open, .write, reclaim: true).granted != nil)
        #expect(world.lock(b, open2, .read, reclaim: true) == .refused(.reclaimConflict))
    }

    @Test func `RENAME`() async throws {
        let stage = try await stage()
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
            #expect(try await stage.user.status(operations) == status, "\(operations)")
        }
        #expect(try await stage.root.status(rename("d", "x", to: "d")) == .invalid)
        #expect(try await stage.root.status(rename("f", "d")) == .exists)
        #expect(try await stage.root.status(rename("d", "f")) == .exists)
        #expect(try await stage.root.status(rename("f", ".snapshot")) == .exists)
        await stage.world.fileSystem.close()
    }
}
