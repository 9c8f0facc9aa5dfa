import FileSystemEngine
import NFSWire
import Synchronization
import Testing
import VarveModel

@testable import NFSServer

/// Goal: after a restart, clients that held state take it back, and nobody else gets it before (RFC 8881 §8.4.2).
@Suite struct RestartTests {
    /// Clients that are remembered, in order of what happened to them; behind a door, which is open until it is shut.
    private final class Records: ClientRecords {
        private struct Door {
            var isShut = false
            var waiting: [CheckedContinuation<Void, Never>] = []
        }

        private let state = Mutex<(clients: Set<ClientName>, history: [String])>(([], []))
        private let door = Mutex(Door())

        private let broken = Mutex(false)

        /// Whether nothing can be written.
        func fail(_ isBroken: Bool) { broken.withLock { $0 = isBroken } }

        struct Failure: Error {}

        func shut() { door.withLock { $0.isShut = true } }

        func open() {
            let waiting = door.withLock { door in
                door.isShut = false
                defer { door.waiting = [] }
                return door.waiting
            }
            for continuation in waiting { continuation.resume() }
        }

        /// Returns once somebody stands before the door.
        func arrival() async {
            while door.withLock({ $0.waiting.isEmpty }) { await Task.yield() }
        }

        private func enter() async {
            await withCheckedContinuation { continuation in
                let isOpen = door.withLock { door in
                    if door.isShut { door.waiting.append(continuation) }
                    return !door.isShut
                }
                if isOpen { continuation.resume() }
            }
        }

        var clients: Set<ClientName> { state.withLock { $0.clients } }
        var history: [String] { state.withLock { $0.history } }

        func remember(_ client: ClientName) async throws {
            await enter()
            guard !broken.withLock({ $0 }) else { throw Failure() }
            state.withLock {
                $0.clients.insert(client)
                $0.history.append("+" + String(decoding: client.owner, as: UTF8.self))
            }
        }

        func forget(_ client: ClientName) async throws {
            await enter()
            state.withLock {
                $0.clients.remove(client)
                $0.history.append("-" + String(decoding: client.owner, as: UTF8.self))
            }
        }
    }

    private func parts(_ world: NFSWorld, _ records: Records) -> ServerParts {
        ServerParts(
            exports: world.exports,
            identity: Array("test".utf8),
            clock: world.clock,
            records: records,
            remembered: records.clients
        )
    }

    private func reclaim(
        _ client: WireClient,
        _ handle: NFSFileHandle
    ) async throws -> OperationReply {
        var arguments = WireClient.openArguments("")
        arguments.claim = .previous(.none)
        return try await client.last([.putFileHandle(handle), .open(arguments)])
    }

    @Test func `a client is remembered from its first open until it goes`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let client = WireClient(parts(world, records))
        try await client.connect(owner: "a")
        #expect(records.clients.isEmpty, "it holds nothing yet")
        let (stateID, handle) = try await client.make("f")
        #expect(records.history == ["+a"])
        _ = try await client.make("g")
        let close = CloseArguments(sequence: 0, stateID: stateID)
        _ = try await client.run([.putFileHandle(handle), .close(close)])
        #expect(records.history == ["+a"], "a record is written once, not with each file")
        try await client.connect(owner: "a", verifier: 2)
        #expect(records.history == ["+a", "-a"], "a restarted client has lost what it had")
        _ = try await client.send([client.sequence(), .destroySession(client.session)])
        #expect(try await client.send([.destroyClientID(client.id)]).status == .ok)
        await world.fileSystem.close()
    }

    /// Goal: nobody waits after a restart for a client that has nothing to take back (RFC 8881 §8.4.2.1).
    ///
    /// Method: its first OPEN is refused, or its last is closed; then its lease runs out, with and without a request under way.
    @Test(arguments: [true, false])
    func `a client that holds nothing is struck off with its lease`(isRefused: Bool) async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let parts = parts(world, records)
        let client = WireClient(parts)
        let lease = parts.limits.leaseSeconds + 1
        func sweep() async { await parts.store.change { state, now in state.sweep(at: now) } }
        try await client.connect(owner: "a")
        if isRefused {
            let none = WireClient.openArguments("none")
            #expect(try await client.status([.putRootFileHandle, .open(none)]) == .noEntry)
        } else {
            let (stateID, handle) = try await client.make("f")
            world.clock.advance(seconds: lease)
            await sweep()
            #expect(records.history == ["+a"], "courtesy: it may take its open back")
            let close = CloseArguments(sequence: 0, stateID: stateID)
            _ = try await client.last([.putFileHandle(handle), .close(close)])
        }
        await sweep()
        #expect(records.history == ["+a"], "it is alive, and mostly opens another file")
        let create = WireClient.openArguments("g", creation: .guarded(FileAttributes([])))
        let begun = parts.begin(request(client, slot: 1, [.putRootFileHandle, .open(create)]))
        guard case .waiting(let progress) = begun else {
            Issue.record("a file was made at once")
            return
        }
        world.clock.advance(seconds: lease)
        await sweep()
        #expect(records.history == ["+a"], "it is opening something")
        #expect(try status(await progress.finish()) == .ok)
        guard let stateID = parts.store.read({ $0.opens.values.first?.stateID }) else {
            Issue.record("nothing is open")
            return
        }
        let close = CloseArguments(sequence: 0, stateID: stateID)
        let path = WireClient.walk("g")
        #expect(try await client.status(path + [.close(close)]) == .ok)
        world.clock.advance(seconds: lease)
        await sweep()
        #expect(records.history == ["+a", "-a"])
        let after = WireClient(self.parts(world, records))
        try await after.connect(owner: "b")
        _ = try await after.open("g")
        // Its session is good still, and it is written down before its next open is.
        _ = try await client.open("g")
        #expect(records.history == ["+a", "-a", "+b", "+a"])
        await world.fileSystem.close()
    }

    /// A client that has come back in grace may need longer than a lease for its first reclaim.
    @Test func `a client that reclaims is not struck off before grace is over`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let before = WireClient(parts(world, records))
        try await before.connect(owner: "a")
        let (_, handle) = try await before.make("f")
        let second = parts(world, records)
        let client = WireClient(second)
        try await client.connect(owner: "a", reclaims: false)
        world.clock.advance(seconds: second.limits.leaseSeconds + 1)
        await second.store.change { state, now in state.sweep(at: now) }
        #expect(records.history == ["+a"])
        guard case .open = try await reclaim(client, handle) else { throw NFSStatus.serverFault }
        await world.fileSystem.close()
    }

    /// RFC 8881 §8.4.2.1.1: a reclaim is not granted what an OPEN would be refused for want of permission.
    @Test func `nobody takes back what it may not open, but its owner`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let first = parts(world, records)
        let (root, user) = (WireClient(first), WireClient(first, uid: 1_000))
        try await root.connect(owner: "root")
        try await user.connect(owner: "user")
        let (_, theirs) = try await root.make("theirs", mode: 0o666)
        _ = try await user.open("theirs")
        let (_, own) = try await user.make("own", mode: 0o444)
        func chmod(_ handle: NFSFileHandle, _ mode: UInt32) async throws {
            let set = SetAttributesArguments(
                stateID: .anonymous,
                attributes: FileAttributes([.mode(mode)])
            )
            _ = try await root.last([.putFileHandle(handle), .setAttributes(set)])
        }
        try await chmod(theirs, 0o644)
        try await chmod(own, 0)
        let again = WireClient(parts(world, records), uid: 1_000)
        try await again.connect(owner: "user", reclaims: false)
        func reclaim(_ handle: NFSFileHandle, _ access: ShareAccess) async throws -> NFSStatus {
            var arguments = WireClient.openArguments("", access: access)
            arguments.claim = .previous(.none)
            return try await again.status([.putFileHandle(handle), .open(arguments)])
        }
        #expect(try await reclaim(theirs, .both) == .accessDenied)
        #expect(try await reclaim(theirs, .read) == .ok)
        #expect(try await reclaim(own, .both) == .ok, "its maker may have had it so")
        await world.fileSystem.close()
    }

    private func openRequest(_ client: WireClient, slot: UInt32, owner: String) -> CompoundRequest {
        let open = WireClient.openArguments("f", owner: owner)
        return request(client, slot: slot, [.putRootFileHandle, .open(open)])
    }

    /// A request of a slot of a client.
    private func request(
        _ client: WireClient,
        slot: UInt32 = 0,
        isToBeKept: Bool = false,
        _ operations: [OperationArguments]
    ) -> CompoundRequest {
        var writer = XDRWriter()
        let operations = [client.sequence(slot: slot, cache: isToBeKept)] + operations
        Compound(tag: [], version: .v41, operations: operations).encode(to: &writer)
        let bytes = writer.finish()
        return CompoundRequest(
            transaction: slot,
            credential: client.credential,
            arguments: XDRReader(bytes),
            byteCount: bytes.count + 100
        )
    }

    private func status(_ record: ByteChain) throws -> NFSStatus {
        var reader = XDRReader(record)
        _ = try reader.uint32("record mark")
        _ = try RPCMessage(from: &reader)
        return try CompoundReply(from: &reader).status
    }

    /// Goal: no open of a client is answered before the client is written down, whichever of its first ones asked for that.
    ///
    /// Method: the record stands before a shut door while another open comes, of a file that memory knows.
    @Test func `a second open waits for the record that the first one asked for`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let parts = parts(world, records)
        let (maker, client) = (WireClient(parts), WireClient(parts))
        try await maker.connect(owner: "maker")
        _ = try await maker.make("f")
        _ = try await maker.open("f", owner: "again")
        try await client.connect(owner: "a")
        records.shut()
        let begun = (UInt32(0)..<2).map { openRequest(client, slot: $0, owner: "\($0)") }
        guard case .waiting(let first) = parts.begin(begun[0]) else {
            Issue.record("the first open was answered at once")
            return
        }
        async let firstRecord = first.finish()
        await records.arrival()
        guard case .waiting(let second) = parts.begin(begun[1]) else {
            Issue.record("the second open was answered before the record was durable")
            records.open()
            _ = await firstRecord
            return
        }
        #expect(records.history == ["+maker"])
        records.open()
        #expect(try status(await firstRecord) == .ok)
        #expect(records.history == ["+maker", "+a"])
        #expect(try status(await second.finish()) == .ok)
        guard case .answered(let third) = parts.begin(openRequest(client, slot: 0, owner: "2"))
        else {
            Issue.record("nothing is owed any more, and an open waited")
            return
        }
        #expect(try status(third) == .ok)
        #expect(records.history == ["+maker", "+a"])
        await world.fileSystem.close()
    }

    /// Goal: a receipt promises that its open may be taken back, so the client is written down before the file is made (RFC 8881 §2.10.6.5).
    @Test func `a file is made with a receipt once its maker is written down`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let parts = parts(world, records)
        let client = WireClient(parts)
        try await client.connect(owner: "a", flags: [.persist])
        let creation = OpenCreation.guarded(FileAttributes([.mode(0o644)]))
        let create = WireClient.openArguments("f", creation: creation)
        let begun = parts.begin(
            request(client, isToBeKept: true, [.putRootFileHandle, .open(create)])
        )
        guard case .waiting(let progress) = begun else {
            Issue.record("a file was made at once")
            return
        }
        records.shut()
        async let made = progress.finish()
        await records.arrival()
        let name = try #require(FileName("f"))
        await #expect(throws: FileSystemError.self) {
            _ = try await world.fileSystem.lookup(name, in: .root, as: .root)
        }
        records.open()
        #expect(try status(await made) == .ok)
        #expect(records.history == ["+a"])
        _ = try await world.fileSystem.lookup(name, in: .root, as: .root)
        await world.fileSystem.close()
    }

    @Test(arguments: [nil, OpenCreation.guarded(FileAttributes([.mode(0o644)]))])
    func `a client that cannot be written down opens nothing`(creation: OpenCreation?) async throws
    {
        let (world, records) = (try await NFSWorld.make(), Records())
        let parts = parts(world, records)
        let (maker, client) = (WireClient(parts), WireClient(parts))
        try await maker.connect(owner: "maker")
        _ = try await maker.make("f")
        try await client.connect(owner: "a")
        records.fail(true)
        let name = creation == nil ? "f" : "g"
        let open: [OperationArguments] = [
            .putRootFileHandle, .open(WireClient.openArguments(name, creation: creation)),
        ]
        for _ in 0..<2 { #expect(try await client.status(open) == .delay) }
        #expect(try await maker.status(WireClient.walk("g")) == .noEntry, "nothing was made")
        _ = try await maker.make("h")
        records.fail(false)
        #expect(try await client.status(open) == .ok)
        #expect(records.clients == [.gateway("maker"), .gateway("a")])
        await world.fileSystem.close()
    }

    /// Of one that did not come in grace: a read without an open, which changes nothing, is the first that asks after its end.
    @Test func `who reads after grace waits until those who did not come are struck off`()
        async throws
    {
        let (world, records) = (try await NFSWorld.make(), Records())
        let maker = WireClient(parts(world, Records()))
        try await maker.connect(owner: "maker")
        let (stateID, handle) = try await maker.make("f", mode: 0o666)
        _ = try await maker.write(handle, stateID, [1])
        try await records.remember(.gateway("a"))
        let parts = parts(world, records)
        let reader = WireClient(parts)
        try await reader.connect(owner: "reader")
        let read = ReadArguments(stateID: .anonymous, offset: 1 << 20, count: 1)
        let operations: [OperationArguments] = [.putFileHandle(handle), .read(read)]
        #expect(try await reader.status(operations) == .grace)
        world.clock.advance(seconds: parts.limits.graceSeconds)
        records.shut()
        guard case .waiting(let progress) = parts.begin(request(reader, operations)) else {
            Issue.record("the read was answered before the record was gone")
            records.open()
            return
        }
        async let answered = progress.finish()
        await records.arrival()
        #expect(records.history == ["+a"])
        records.open()
        #expect(try status(await answered) == .ok)
        #expect(records.history == ["+a", "-a"])
        await world.fileSystem.close()
    }

    /// A file that its maker lets nobody else read or write.
    private func makeDenying(
        _ maker: WireClient
    ) async throws -> (stateID: StateID, handle: NFSFileHandle) {
        try await maker.open(
            "f",
            deny: [.read, .write],
            creation: .guarded(FileAttributes([.mode(0o666)]))
        )
    }

    /// The same of a client that is struck off: what it denied is nobody's before that is durable, without an open too.
    @Test func `who reads what a client denied waits until that one is struck off`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let parts = parts(world, records)
        let (maker, taker, reader) = (WireClient(parts), WireClient(parts), WireClient(parts))
        for (client, owner) in [(maker, "maker"), (taker, "taker"), (reader, "reader")] {
            try await client.connect(owner: owner)
        }
        let (stateID, handle) = try await makeDenying(maker)
        _ = try await maker.write(handle, stateID, [UInt8](repeating: 1, count: 4_096))
        _ = try await maker.read(handle, stateID)
        // It is written down already: its open waits for the other's end alone.
        _ = try await taker.make("other")
        // Behind the end: memory alone knows that there is nothing.
        let read = ReadArguments(stateID: .anonymous, offset: 1 << 20, count: 1)
        #expect(try await reader.status([.putFileHandle(handle), .read(read)]) == .locked)
        world.clock.advance(seconds: parts.limits.leaseSeconds + 1)
        records.shut()
        guard case .waiting(let open) = parts.begin(openRequest(taker, slot: 0, owner: "o")) else {
            Issue.record("the open was answered at once")
            return
        }
        async let opened = open.finish()
        await records.arrival()
        let begun = parts.begin(request(reader, [.putFileHandle(handle), .read(read)]))
        #expect(records.history == ["+maker", "+taker"])
        records.open()
        #expect(try status(await opened) == .ok)
        #expect(records.history == ["+maker", "+taker", "-maker"])
        guard case .waiting(let progress) = begun else {
            Issue.record("the read was answered before the record was gone")
            return
        }
        #expect(try status(await progress.finish()) == .ok)
        let again = parts.begin(request(reader, [.putFileHandle(handle), .read(read)]))
        guard case .answered(let record) = again else {
            Issue.record("nothing is owed any more, and a read waited")
            return
        }
        #expect(try status(record) == .ok)
        await world.fileSystem.close()
    }

    /// What an expired client denies is courtesy (RFC 8881 §8.4.3): to those who read and write without an open, too.
    @Test func `who expired denies neither reading nor writing`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let parts = parts(world, records)
        let (maker, other) = (WireClient(parts), WireClient(parts))
        for (client, owner) in [(maker, "maker"), (other, "other")] {
            try await client.connect(owner: owner)
        }
        let (stateID, handle) = try await makeDenying(maker)
        _ = try await maker.write(handle, stateID, [1, 2, 3])
        let here = OperationArguments.putFileHandle(handle)
        let read = ReadArguments(stateID: .anonymous, offset: 0, count: 3)
        let cut = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.size(1)])
        )
        world.clock.advance(seconds: parts.limits.leaseSeconds)
        #expect(try await other.status([here, .read(read)]) == .locked)
        #expect(try await other.status([here, .setAttributes(cut)]) == .locked)
        #expect(records.history == ["+maker"])
        world.clock.advance(seconds: 1)
        #expect(try await other.status([here, .setAttributes(cut)]) == .ok)
        #expect(records.history == ["+maker", "-maker"], "it does not come back to it")
        guard case .read(let reply) = try await other.last([here, .read(read)]) else {
            Issue.record("no read")
            return
        }
        #expect(reply.data.bytes == [1])
        #expect(try await maker.status([here, .read(read)]) != .ok, "it begins anew")
        await world.fileSystem.close()
    }

    @Test func `opens and locks are taken back, and others wait until they are`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let before = WireClient(parts(world, records))
        try await before.connect(owner: "a")
        let (_, handle) = try await before.make("f", mode: 0o666)
        let second = parts(world, records)
        let (a, b) = (WireClient(second), WireClient(second))
        try await b.connect(owner: "b")
        a.credential = before.credential
        try await a.connect(owner: "a", reclaims: false)
        let open = WireClient.openArguments("f")
        #expect(try await b.status([.putRootFileHandle, .open(open)]) == .grace)
        let read = ReadArguments(stateID: .anonymous, offset: 0, count: 1)
        #expect(try await b.status([.putFileHandle(handle), .read(read)]) == .grace)
        guard case .open(let reclaimed) = try await reclaim(a, handle) else {
            throw NFSStatus.serverFault
        }
        let lock = LockArguments(
            type: .write,
            isReclaim: true,
            offset: 0,
            length: 10,
            locker: .new(
                NewLockOwner(
                    openSequence: 0,
                    openStateID: reclaimed.stateID,
                    lockSequence: 0,
                    owner: StateOwner(client: a.id, owner: [1])
                )
            )
        )
        #expect(try await a.status([.putFileHandle(handle), .lock(lock)]) == .ok)
        let done = ReclaimCompleteArguments(oneFileSystem: false)
        #expect(try await a.status([.reclaimComplete(done)]) == .ok)
        #expect(try await b.status([.putRootFileHandle, .open(open)]) == .ok, "grace is over")
        let test = LockTestArguments(
            type: .read,
            offset: 0,
            length: 1,
            owner: StateOwner(client: b.id, owner: [1])
        )
        #expect(try await b.status([.putFileHandle(handle), .lockTest(test)]) == .denied)
        #expect(records.clients == [.gateway("a"), .gateway("b")])
        await world.fileSystem.close()
    }

    @Test func `who was not remembered takes nothing back`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        try await records.remember(.gateway("a"))
        let other = WireClient(parts(world, records))
        try await other.connect(owner: "b", reclaims: false)
        let root = try await other.last([.putRootFileHandle, .getFileHandle])
        guard case .getFileHandle(let handle) = root else { throw root.status }
        var arguments = WireClient.openArguments("")
        arguments.claim = .previous(.none)
        let status = try await other.status([.putFileHandle(handle), .open(arguments)])
        #expect(status == .noGrace)
        await world.fileSystem.close()
    }

    @Test func `who does not come in time is forgotten before others get anything`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        try await records.remember(.gateway("a"))
        let parts = parts(world, records)
        let b = WireClient(parts)
        try await b.connect(owner: "b")
        let open = WireClient.openArguments("f", creation: .unchecked(FileAttributes([])))
        #expect(try await b.status([.putRootFileHandle, .open(open)]) == .grace)
        world.clock.advance(seconds: parts.limits.graceSeconds)
        #expect(try await b.status([.putRootFileHandle, .open(open)]) == .ok)
        #expect(records.history == ["+a", "-a", "+b"])
        await world.fileSystem.close()
    }

    @Test func `a client that gave way to another is forgotten before that one is answered`()
        async throws
    {
        let (world, records) = (try await NFSWorld.make(), Records())
        let parts = parts(world, records)
        let (a, b) = (WireClient(parts), WireClient(parts))
        try await a.connect(owner: "a")
        _ = try await a.open(
            "f",
            deny: .write,
            creation: .guarded(FileAttributes([.mode(0o666)]))
        )
        try await b.connect(owner: "b")
        world.clock.advance(seconds: parts.limits.leaseSeconds + 1)
        let open = WireClient.openArguments("f")
        #expect(try await b.status([.putRootFileHandle, .open(open)]) == .ok)
        #expect(records.history == ["+a", "+b", "-a"])
        await world.fileSystem.close()
    }
}
