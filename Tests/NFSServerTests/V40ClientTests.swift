import NFSWire
import Testing
import VarveModel

@testable import NFSServer

/// Goal: clients of NFSv4.0 introduce themselves, stay and go as RFC 7530 §9.1.1, §9.5, §9.6, §16.28, §16.33 and §16.34 have it.
///
/// Method: the cases of the RFC's text, on the server's state alone.
@Suite struct V40ClientTests {
    private struct World {
        var state = ServerState(start: 7)
        var now = Timestamp(seconds: 1_000_000)

        mutating func introduce(
            _ name: String = "x",
            _ verifier: UInt64 = 1,
            uid: UInt32 = 0
        ) throws -> SetClientIDReply {
            let outcome = state.setClientID(
                WireClientV40.introduction(name, verifier),
                by: .system(uid: uid),
                at: now
            )
            guard case .granted(let reply) = outcome else { throw NFSStatus.clientIDInUse }
            return reply
        }

        mutating func confirm(_ reply: SetClientIDReply, uid: UInt32 = 0) -> NFSStatus {
            state.confirmClientID(reply, by: .system(uid: uid), at: now)
        }

        mutating func client(
            _ name: String = "x",
            _ verifier: UInt64 = 1,
            uid: UInt32 = 0
        ) throws -> ClientID {
            let reply = try introduce(name, verifier, uid: uid)
            guard confirm(reply, uid: uid) == .ok else { throw NFSStatus.serverFault }
            return reply.client
        }

        /// Opens a file, without the owner's numbers.
        mutating func open(_ client: ClientID) throws {
            let request = ServerState.OpenRequest(
                client: client,
                owner: [1],
                file: StateWorld.file,
                access: .both,
                deny: []
            )
            _ = try state.open(request, holding: HeldFile {}, at: now).get()
        }

        mutating func advance(_ seconds: Int64) { now = now.adding(seconds: seconds) }
    }

    @Test func `16_33_5: an unknown name gets a client id that is to be confirmed`() throws {
        var world = World()
        let reply = try world.introduce()
        #expect(world.state.renew(reply.client, at: world.now) == .staleClientID)
        #expect(world.confirm(reply) == .ok)
        #expect(world.state.renew(reply.client, at: world.now) == .ok)
    }

    @Test func `16_33_5: the same incarnation keeps its client id and its state`() throws {
        var world = World()
        let first = try world.introduce()
        #expect(world.confirm(first) == .ok)
        try world.open(first.client)
        let second = try world.introduce()
        #expect(second.client == first.client && second.confirmation != first.confirmation)
        #expect(world.confirm(first) == .ok, "the confirmed one is still good")
        #expect(world.confirm(second) == .ok)
        #expect(world.confirm(second) == .ok, "sent once more")
        #expect(world.confirm(first) == .staleClientID)
        #expect(world.state.clients[first.client]?.hasState == true)
    }

    @Test func `16_33_5: an update that is overtaken by another cannot be confirmed`() throws {
        var world = World()
        _ = try world.client()
        let second = try world.introduce()
        let third = try world.introduce()
        #expect(world.confirm(second) == .staleClientID)
        #expect(world.confirm(third) == .ok)
    }

    @Test func `16_33_5: a restarted client keeps its old state until it confirms`() throws {
        var world = World()
        let old = try world.client("x", 1)
        try world.open(old)
        let new = try world.introduce("x", 2)
        #expect(new.client != old)
        #expect(world.state.renew(old, at: world.now) == .ok)
        #expect(world.state.clients[old]?.hasState == true)
        #expect(world.confirm(new) == .ok)
        #expect(world.state.clients[old] == nil && world.state.opens.isEmpty)
        #expect(world.state.renew(old, at: world.now) == .expired)
    }

    @Test func `16_33_5: of two tries of a restarted client the second counts`() throws {
        var world = World()
        let old = try world.client("x", 1)
        let second = try world.introduce("x", 2)
        let third = try world.introduce("x", 2)
        #expect(Set([old, second.client, third.client]).count == 3)
        #expect(world.confirm(second) == .staleClientID)
        #expect(world.confirm(third) == .ok)
    }

    @Test func `16_33_5: of two tries of a new client the second counts`() throws {
        var world = World()
        let first = try world.introduce()
        let second = try world.introduce()
        #expect(world.confirm(first) == .staleClientID)
        #expect(world.confirm(second) == .ok)
    }

    @Test func `16_33_5: another principal gets no name that holds state`() throws {
        var world = World()
        let client = try world.client("x", 1, uid: 5)
        try world.open(client)
        let outcome = world.state.setClientID(
            WireClientV40.introduction("x", 1),
            by: .system(uid: 6),
            at: world.now
        )
        let address = WireClientV40.introduction("x").callback.location
        #expect(outcome == .inUse(address), "told who has it")
        world.advance(world.state.limits.leaseSeconds + 1)
        let other = try world.introduce("x", 1, uid: 6)
        #expect(world.state.clients[client] == nil, "its lease is over")
        #expect(world.confirm(other, uid: 6) == .ok)
        _ = try world.introduce("x", 1, uid: 7)
    }

    @Test func `16_34_5: who did not introduce a client does not confirm it`() throws {
        var world = World()
        let reply = try world.introduce("x", 1, uid: 5)
        #expect(world.confirm(reply, uid: 6) == .clientIDInUse)
        #expect(world.confirm(reply, uid: 5) == .ok)
        #expect(world.confirm(reply, uid: 6) == .clientIDInUse)
    }

    @Test func `16_34_5: what was never given is stale`() throws {
        var world = World()
        let reply = try world.introduce()
        let none = ClientID(rawValue: 0)
        let wrong = Verifier(rawValue: reply.confirmation.rawValue &+ 9)
        for unknown in [
            SetClientIDReply(client: none, confirmation: reply.confirmation),
            SetClientIDReply(client: reply.client, confirmation: wrong),
        ] {
            #expect(world.confirm(unknown) == .staleClientID)
        }
        #expect(world.confirm(reply) == .ok)
    }

    @Test func `16_28: a lease is renewed, even late, until somebody wants what it holds`() throws {
        var world = World()
        let client = try world.client()
        try world.open(client)
        let lease = world.state.limits.leaseSeconds
        world.advance(lease * 100)
        world.state.sweep(at: world.now)
        #expect(world.state.renew(client, at: world.now) == .ok, "courtesy, §9.6.3.1")
        world.advance(lease)
        #expect(world.state.isExpired(client, at: world.now) == false)
        world.advance(world.state.limits.courtesySeconds + 1)
        world.state.sweep(at: world.now)
        #expect(world.state.renew(client, at: world.now) == .expired)
    }

    @Test func `a client that holds nothing goes with its lease`() throws {
        var world = World()
        let client = try world.client()
        world.advance(world.state.limits.leaseSeconds)
        world.state.sweep(at: world.now)
        #expect(world.state.renew(client, at: world.now) == .ok)
        world.advance(world.state.limits.leaseSeconds + 1)
        world.state.sweep(at: world.now)
        #expect(world.state.renew(client, at: world.now) == .expired)
    }

    @Test func `9_6_2: client ids of an earlier start are stale`() throws {
        var world = World()
        let client = try world.client()
        var restarted = ServerState(start: 8)
        #expect(restarted.renew(client, at: world.now) == .staleClientID)
        let never = ClientID(rawValue: 8 << 32 | 99)
        #expect(restarted.renew(never, at: world.now) == .staleClientID)
        _ = world
    }

    @Test func `a client that comes back with sessions is the same one, restarted`() throws {
        var world = World()
        let old = try world.client("x", 1)
        try world.open(old)
        let owner = ClientOwner(verifier: Verifier(rawValue: 1), owner: Array("x".utf8))
        let grant = try world.state.exchangeID(
            owner,
            by: .system(uid: 0),
            isUpdate: false,
            at: world.now
        ).get()
        #expect(grant.client != old && !grant.isConfirmed)
        #expect(world.state.clients[old]?.hasState == true)
        let update = world.state.exchangeID(
            owner,
            by: .system(uid: 0),
            isUpdate: true,
            at: world.now
        )
        #expect(update == .failure(.noEntry))
        let session = CreateSessionArguments(
            client: grant.client,
            sequence: grant.sequence,
            flags: [],
            foreChannel: WireClient.channel(),
            backChannel: WireClient.channel(),
            callbackProgram: 1,
            callbackSecurity: [.none]
        )
        _ = try world.state.createSession(session, by: .system(uid: 0), at: world.now).get()
        #expect(world.state.clients[old] == nil && world.state.opens.isEmpty)
        #expect(world.state.renew(grant.client, at: world.now) == .staleClientID)
        // And back again.
        let again = try world.client("x", 1)
        #expect(again != grant.client && world.state.clients[grant.client] == nil)
        #expect(world.state.sessions.isEmpty)
    }

    @Test func `client ids of one version mean nothing in the other`() throws {
        var world = World()
        let client = try world.client()
        let session = CreateSessionArguments(
            client: client,
            sequence: 1,
            flags: [],
            foreChannel: WireClient.channel(),
            backChannel: WireClient.channel(),
            callbackProgram: 1,
            callbackSecurity: [.none]
        )
        let outcome = world.state.createSession(session, by: .system(uid: 0), at: world.now)
        #expect(outcome == .failure(.staleClientID))
        #expect(world.state.destroy(client: client) == .staleClientID)
        #expect(world.state.renew(client, at: world.now) == .ok)
    }

    @Test func `as many clients as there may be, and no more`() throws {
        var limits = ServerLimits()
        limits.clientsMax = 2
        var world = World(state: ServerState(start: 7, limits: limits))
        _ = try world.client("a")
        _ = try world.client("b")
        let outcome = world.state.setClientID(
            WireClientV40.introduction("c"),
            by: .system(uid: 0),
            at: world.now
        )
        #expect(outcome == .refused(.delay))
    }
}
