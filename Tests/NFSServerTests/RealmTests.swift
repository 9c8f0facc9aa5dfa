import FileSystemEngine
import NFSWire
import Testing
import VarveModel

@testable import NFSServer

/// Goal: a gateway and mount targets are servers of their own to their clients, over one truth about files (RFC 8881 §2.10.4, §2.10.5).
@Suite struct RealmTests {
    private func identity(_ parts: ServerParts) async throws -> ExchangeIDReply {
        let reply = try await WireClient(parts).send([
            .exchangeID(
                ExchangeIDArguments(
                    owner: ClientOwner(
                        verifier: Verifier(rawValue: 9),
                        owner: Array("who asks".utf8)
                    ),
                    flags: [],
                    protection: .none,
                    implementation: nil
                )
            )
        ])
        guard case .exchangeID(let known)? = reply.results.first else { throw reply.status }
        return known
    }

    private func lock(
        _ open: StateID,
        _ client: ClientID,
        reclaim: Bool = false
    ) -> OperationArguments {
        .lock(
            LockArguments(
                type: .write,
                isReclaim: reclaim,
                offset: 0,
                length: 10,
                locker: .new(
                    NewLockOwner(
                        openSequence: 0,
                        openStateID: open,
                        lockSequence: 0,
                        owner: StateOwner(client: client, owner: [1])
                    )
                )
            )
        )
    }

    // MARK: Who is who

    @Test func `no two listeners can be taken for one, and each is the same after a restart`()
        async throws
    {
        let world = try await RealmWorld.make()
        var seen: [[ServerOwner]] = []
        for _ in 0..<2 {
            let gateway = world.start()
            let all = [
                gateway,
                try world.target(RealmWorld.targets.first, of: world.one, beside: gateway),
                try world.target(RealmWorld.targets.beside, of: world.one, beside: gateway),
                try world.target(RealmWorld.targets.other, of: world.two, beside: gateway),
            ]
            var replies: [ExchangeIDReply] = []
            for parts in all { replies.append(try await identity(parts)) }
            #expect(Set(replies.map(\.serverOwner.majorID)).count == 4)
            #expect(Set(replies.map(\.serverScope)).count == 4)
            // Linux looks for trunking among servers that gave it the same client id.
            #expect(Set(replies.map(\.client)).count == 4)
            seen.append(replies.map(\.serverOwner))
        }
        #expect(seen[0] == seen[1])
        await world.close()
    }

    @Test func `what one listener gave is worth nothing at another`() async throws {
        let world = try await RealmWorld.make()
        let gateway = world.start()
        let target = try world.target(RealmWorld.targets.first, of: world.one, beside: gateway)
        let (a, b) = (WireClient(target), WireClient(gateway))
        try await a.connect(owner: "same")
        try await b.connect(owner: "same")
        let (stateID, handle) = try await a.make("f")
        #expect(a.id != b.id, "one name, two clients")

        // a's session, client id and state id, all good where they were made.
        let stray = WireClient(gateway)
        #expect(try await stray.send([a.sequence(slot: 1)]).status == .badSession)
        let bind = BindConnectionArguments(session: a.session, direction: .fore, useRDMA: false)
        #expect(try await stray.send([.bindConnection(bind)]).status == .badSession)
        #expect(try await stray.send([.destroySession(a.session)]).status == .badSession)
        #expect(try await stray.send([.destroyClientID(a.id)]).status == .staleClientID)
        let create = CreateSessionArguments(
            client: a.id,
            sequence: 2,
            flags: [],
            foreChannel: WireClient.channel(),
            backChannel: WireClient.channel(),
            callbackProgram: 1,
            callbackSecurity: [.none]
        )
        #expect(try await stray.send([.createSession(create)]).status == .staleClientID)
        let read = ReadArguments(stateID: stateID, offset: 0, count: 1)
        #expect(try await b.status([.putFileHandle(handle), .read(read)]) == .badStateID)
        let close = CloseArguments(sequence: 0, stateID: stateID)
        #expect(try await b.status([.putFileHandle(handle), .close(close)]) == .badStateID)

        #expect(try await a.status([.putFileHandle(handle), .read(read)]) == .ok)
        #expect(world.records.names == ["fsmt-00000000000000001:same"])
        await world.close()
    }

    @Test func `of 4_0 too`() async throws {
        let world = try await RealmWorld.make()
        let gateway = world.start()
        let target = try world.target(RealmWorld.targets.first, of: world.one, beside: gateway)
        let (a, b) = (WireClientV40(target), WireClientV40(gateway))
        try await a.connect(owner: "same")
        try await b.connect(owner: "same")
        let open = try await a.make("f")
        #expect(try await b.status([.renew(a.id)]) == .staleClientID)
        let confirm = SetClientIDReply(client: a.id, confirmation: Verifier(rawValue: 1))
        #expect(try await b.status([.setClientIDConfirm(confirm)]) == .staleClientID)
        let read = ReadArguments(stateID: open.stateID, offset: 0, count: 1)
        // "Stale" would say that the server has restarted.
        #expect(try await b.status([open.file, .read(read)]) == .badStateID)
        #expect(try await b.status([open.file, a.close(open)]) == .badStateID)
        let stray = OpenArguments(
            sequence: 1,
            access: .read,
            deny: [],
            owner: a.owner("o"),
            creation: nil,
            claim: .name([0x66])
        )
        #expect(try await b.status([.putRootFileHandle, .open(stray)]) == .staleClientID)
        #expect(try await a.status([open.file, .read(read)]) == .ok)
        await world.close()
    }

    // MARK: One truth about files

    @Test func `opens and locks of one file meet, whatever way their clients came`() async throws {
        let world = try await RealmWorld.make()
        let gateway = world.start()
        let targets = [
            try world.target(RealmWorld.targets.first, of: world.one, beside: gateway),
            try world.target(RealmWorld.targets.beside, of: world.one, beside: gateway),
        ]
        let (a, b, c) = (
            WireClient(targets[0]), WireClient(targets[1]), WireClient(gateway)
        )
        for client in [a, b, c] { try await client.connect(owner: "same") }
        let made = try await a.open(
            "f",
            deny: .write,
            creation: .guarded(FileAttributes([.mode(0o666)]))
        )
        let write = WireClient.openArguments("f", access: .write)
        #expect(try await b.status([.putRootFileHandle, .open(write)]) == .shareDenied)
        let walk = WireClient.walk(world.one.id.text)
        #expect(try await c.status(walk + [.open(write)]) == .shareDenied)

        #expect(try await a.status([.putFileHandle(made.handle), lock(made.stateID, a.id)]) == .ok)
        for client in [b, c] {
            let test = LockTestArguments(
                type: .read,
                offset: 5,
                length: 1,
                owner: StateOwner(client: client.id, owner: [1])
            )
            let status = try await client.status([.putFileHandle(made.handle), .lockTest(test)])
            #expect(status == .denied)
        }

        // A lease that is over gives way to a client of another listener, and is struck off where it was.
        world.clock.advance(seconds: gateway.limits.leaseSeconds + 1)
        #expect(try await b.status([.putRootFileHandle, .open(write)]) == .ok)
        // The gateway's, whose open was refused, was written down before that, and stays so until it goes.
        #expect(world.records.names == [":same", "fsmt-00000000000000002:same"])
        await world.close()
    }

    // MARK: What is found where

    @Test func `a target's root is one file system's, and handles are good at all its ways in`()
        async throws
    {
        let world = try await RealmWorld.make()
        let gateway = world.start()
        let one = WireClient(
            try world.target(RealmWorld.targets.first, of: world.one, beside: gateway)
        )
        let beside = WireClient(
            try world.target(RealmWorld.targets.beside, of: world.one, beside: gateway)
        )
        let two = WireClient(
            try world.target(RealmWorld.targets.other, of: world.two, beside: gateway)
        )
        let all = WireClient(gateway)
        for client in [one, beside, two, all] { try await client.connect() }
        let (_, handle) = try await one.make("f")
        #expect(try await two.status(WireClient.walk("f")) == .noEntry)
        for client in [one, beside, all] {
            let asked = GetAttributesArguments(attributes: [3])
            let status = try await client.status([.putFileHandle(handle), .getAttributes(asked)])
            #expect(status == .ok)
        }
        #expect(try await two.status([.putFileHandle(handle)]) == .stale)
        #expect(try await one.status([.putRootFileHandle, .lookupParent]) == .noEntry)
        #expect(try await one.status(WireClient.walk(world.one.id.text)) == .noEntry)
        #expect(try await one.status(WireClient.walk(".snapshot")) == .ok)
        #expect(try await one.status(WireClient.walk(".snapshot") + [.lookupParent]) == .ok)

        // The top of a target hides no directory; in the gateway a file system does (RFC 8881 §5.8.2.23).
        func numbers(_ client: WireClient, _ path: String) async throws -> (UInt64?, UInt64?) {
            let asked = GetAttributesArguments(attributes: [20, 55])
            let reply = try await client.last(WireClient.walk(path) + [.getAttributes(asked)])
            guard case .getAttributes(let values) = reply,
                case .fileID(let own)? = values[.fileID],
                case .mountedOnFileID(let hidden)? = values[.mountedOnFileID]
            else { throw reply.status }
            return (own, hidden)
        }
        let top = try await numbers(one, "")
        #expect(top.0 == top.1)
        let below = try await numbers(all, world.one.id.text)
        #expect(below.0 == top.0 && below.0 != below.1)
        await world.close()
    }

    // MARK: After a restart

    @Test func `each realm's clients reclaim there, and everybody waits for all of them`()
        async throws
    {
        let world = try await RealmWorld.make()
        let before = world.start()
        let old = WireClient(
            try world.target(RealmWorld.targets.first, of: world.one, beside: before)
        )
        try await old.connect(owner: "same")
        let (_, handle) = try await old.make("f", mode: 0o666)

        let gateway = world.start()
        let target = try world.target(RealmWorld.targets.first, of: world.one, beside: gateway)
        var reclaim = WireClient.openArguments("")
        reclaim.claim = .previous(.none)
        // The same name at another listener is somebody else, who waits.
        let stranger = WireClient(gateway)
        try await stranger.connect(owner: "same", reclaims: false)
        #expect(
            try await stranger.status([.putFileHandle(handle), .open(reclaim)]) == .noGrace
        )
        let done = OperationArguments.reclaimComplete(
            ReclaimCompleteArguments(oneFileSystem: false)
        )
        #expect(try await stranger.status([done]) == .ok)
        let open = WireClient.openArguments("f")
        let walk = WireClient.walk(world.one.id.text)
        #expect(try await stranger.status(walk + [.open(open)]) == .grace)

        let back = WireClient(target)
        try await back.connect(owner: "same", reclaims: false)
        let reply = try await back.last([.putFileHandle(handle), .open(reclaim)])
        guard case .open(let reclaimed) = reply else { throw reply.status }
        let lock = lock(reclaimed.stateID, back.id, reclaim: true)
        #expect(try await back.status([.putFileHandle(handle), lock]) == .ok)
        #expect(try await back.status([done]) == .ok)
        #expect(try await stranger.status(walk + [.open(open)]) == .ok)
        #expect(world.records.names == ["fsmt-00000000000000001:same", ":same"])
        await world.close()
    }

    @Test func `a realm that is ended gives up what its clients held, and what it remembered`()
        async throws
    {
        let world = try await RealmWorld.make()
        let before = world.start()
        let old = WireClient(
            try world.target(RealmWorld.targets.first, of: world.one, beside: before)
        )
        try await old.connect(owner: "lost")
        _ = try await old.make("f", mode: 0o666)
        let gateway = world.start()
        let target = try world.target(RealmWorld.targets.first, of: world.one, beside: gateway)
        let other = WireClient(gateway)
        try await other.connect(owner: "other")
        let open = WireClient.openArguments("f")
        let walk = WireClient.walk(world.one.id.text)
        #expect(try await other.status(walk + [.open(open)]) == .grace)
        // Nobody can come back there: nobody need be waited for.
        await target.store.forgetRealm()
        #expect(world.records.names.isEmpty)
        #expect(try await other.status(walk + [.open(open)]) == .ok)
        #expect(world.records.names == [":other"])

        let again = try world.target(RealmWorld.targets.first, of: world.one, beside: gateway)
        let holder = WireClient(again)
        try await holder.connect(owner: "holder")
        _ = try await holder.open(
            "g",
            deny: .write,
            creation: .guarded(FileAttributes([.mode(0o666)]))
        )
        let write = WireClient.openArguments("g", access: .write)
        #expect(try await other.status(walk + [.open(write)]) == .shareDenied)
        await again.store.forgetRealm()
        #expect(try await other.status(walk + [.open(write)]) == .ok)
        #expect(try await holder.send([holder.sequence()]).status == .badSession)
        await world.close()
    }
}
