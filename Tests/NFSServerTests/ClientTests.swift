import NFSWire
import VarveModel
import Testing

@testable import NFSServer

/// Goal: clients come, restart, collide and go as RFC 8881 §18.35.4, §18.36.4, §18.50 and §18.51 list the cases.
///
/// Method: the state alone, without network or clock.
@Suite struct ClientTests {
    let now = Timestamp(seconds: 1_000_000)
    let root = Principal.system(uid: 0)
    let other = Principal.system(uid: 1_000)

    func owner(_ text: String = "a", verifier: UInt64 = 1) -> ClientOwner {
        ClientOwner(verifier: Verifier(rawValue: verifier), owner: Array(text.utf8))
    }

    func arguments(
        _ client: ClientID,
        _ sequence: UInt32,
        fore: ChannelAttributes = WireClient.channel(),
        flags: CreateSessionFlags = []
    ) -> CreateSessionArguments {
        CreateSessionArguments(
            client: client,
            sequence: sequence,
            flags: flags,
            foreChannel: fore,
            backChannel: WireClient.channel(),
            callbackProgram: 1,
            callbackSecurity: [.none]
        )
    }

    /// A client that CREATE_SESSION has confirmed.
    func confirmed(
        _ state: inout ServerState,
        _ owner: ClientOwner
    ) throws -> (client: ClientID, session: SessionID) {
        let grant = try state.exchangeID(owner, by: root, isUpdate: false, at: now).get()
        let made = try state.createSession(
            arguments(grant.client, grant.sequence),
            by: root,
            at: now
        ).get()
        return (grant.client, made.session)
    }

    func open(_ state: inout ServerState, _ client: ClientID) throws {
        _ = try state.open(
            ServerState.OpenRequest(
                client: client,
                owner: [1],
                file: FileKey(
                    fileSystem: FileSystemKey(high: 1, low: 1),
                    inode: InodeNumber(rawValue: 9)
                ),
                access: .read,
                deny: []
            ),
            holding: HeldFile {},
            at: now
        ).get()
    }

    // MARK: EXCHANGE_ID

    @Test func `case 1: a new owner gets an unconfirmed client id`() throws {
        var state = ServerState(start: 7)
        let grant = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        #expect(!grant.isConfirmed)
        #expect(grant.client.rawValue >> 32 == 7)
        let next = try state.exchangeID(owner("b"), by: root, isUpdate: false, at: now).get()
        #expect(next.client != grant.client)
    }

    @Test func `case 2: the same incarnation once more gets its confirmed client id`() throws {
        var state = ServerState(start: 7)
        let (client, session) = try confirmed(&state, owner())
        let again = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        #expect(again.client == client && again.isConfirmed)
        #expect(state.sessions[session] != nil)
    }

    @Test func `case 3: another principal's name is in use while it holds anything`() throws {
        var state = ServerState(start: 7)
        let (client, session) = try confirmed(&state, owner())
        let refused = state.exchangeID(owner(verifier: 2), by: other, isUpdate: false, at: now)
        #expect(refused == .failure(.clientIDInUse))
        #expect(state.destroy(session: session, running: 0) == .ok)
        let taken = try state.exchangeID(owner(verifier: 2), by: other, isUpdate: false, at: now)
            .get()
        #expect(taken.client != client && !taken.isConfirmed)
    }

    @Test func `case 3: an expired lease gives the name away`() throws {
        var state = ServerState(start: 7)
        let (client, _) = try confirmed(&state, owner())
        try open(&state, client)
        let late = now.adding(seconds: state.limits.leaseSeconds + 1)
        let taken = try state.exchangeID(owner(), by: other, isUpdate: false, at: late).get()
        #expect(taken.client != client)
        #expect(state.clients[client] == nil && state.opens.isEmpty)
    }

    @Test func `case 4: an unconfirmed record is replaced`() throws {
        var state = ServerState(start: 7)
        let first = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        let second = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        #expect(first.client != second.client)
        let stale = state.createSession(arguments(first.client, 1), by: root, at: now)
        #expect(stale == .failure(.staleClientID))
    }

    @Test func `case 5: a restarted client's old state lives until the new record is confirmed`()
        throws
    {
        var state = ServerState(start: 7)
        let (old, session) = try confirmed(&state, owner(verifier: 1))
        try open(&state, old)
        let grant = try state.exchangeID(owner(verifier: 2), by: root, isUpdate: false, at: now)
            .get()
        #expect(grant.client != old && !grant.isConfirmed)
        #expect(state.sessions[session] != nil && !state.opens.isEmpty)
        _ = try state.createSession(arguments(grant.client, grant.sequence), by: root, at: now)
            .get()
        #expect(state.clients[old] == nil)
        #expect(state.sessions[session] == nil && state.opens.isEmpty)
        #expect(state.takeReleased().count == 1, "the file that was open is let go of")
    }

    @Test func `case 6: a confirmed record is updated by its own client`() throws {
        var state = ServerState(start: 7)
        let (client, _) = try confirmed(&state, owner())
        let grant = try state.exchangeID(owner(), by: root, isUpdate: true, at: now).get()
        #expect(grant.client == client && grant.isConfirmed)
    }

    @Test func `case 7: an update of nobody, or of an unconfirmed record, is NFS4ERR_NOENT`()
        throws
    {
        var state = ServerState(start: 7)
        #expect(
            state.exchangeID(owner(), by: root, isUpdate: true, at: now) == .failure(.noEntry)
        )
        _ = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        #expect(
            state.exchangeID(owner(), by: root, isUpdate: true, at: now) == .failure(.noEntry)
        )
    }

    @Test func `case 8: an update with another verifier is NFS4ERR_NOT_SAME`() throws {
        var state = ServerState(start: 7)
        _ = try confirmed(&state, owner(verifier: 1))
        let refused = state.exchangeID(owner(verifier: 2), by: root, isUpdate: true, at: now)
        #expect(refused == .failure(.notSame))
    }

    @Test func `case 9: an update by another principal is NFS4ERR_PERM`() throws {
        var state = ServerState(start: 7)
        _ = try confirmed(&state, owner())
        let refused = state.exchangeID(owner(), by: other, isUpdate: true, at: now)
        #expect(refused == .failure(.notPermitted))
    }

    @Test func `too many clients are told to wait, and an expired one makes room`() throws {
        var limits = ServerLimits()
        limits.clientsMax = 2
        var state = ServerState(start: 7, limits: limits)
        _ = try confirmed(&state, owner("a"))
        _ = try confirmed(&state, owner("b"))
        #expect(
            state.exchangeID(owner("c"), by: root, isUpdate: false, at: now) == .failure(.delay)
        )
        let late = now.adding(seconds: limits.leaseSeconds + 1)
        _ = try state.exchangeID(owner("c"), by: root, isUpdate: false, at: late).get()
        #expect(state.clients.count == 2)
    }

    // MARK: CREATE_SESSION

    @Test func `a session of a client that is not known is NFS4ERR_STALE_CLIENTID`() {
        var state = ServerState(start: 7)
        let stranger = ClientID(rawValue: 7 << 32 | 1)
        let refused = state.createSession(arguments(stranger, 1), by: root, at: now)
        #expect(refused == .failure(.staleClientID))
    }

    @Test func `the sequence before the first is answered as if it had been misordered`() throws {
        var state = ServerState(start: 7)
        let grant = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        let contrived = arguments(grant.client, grant.sequence &- 1)
        #expect(
            state.createSession(contrived, by: root, at: now) == .failure(.sequenceMisordered)
        )
    }

    @Test(arguments: [UInt32(2), 3, .max]) func `any other sequence is misordered`(step: UInt32)
        throws
    {
        var state = ServerState(start: 7)
        let grant = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        _ = try state.createSession(arguments(grant.client, grant.sequence), by: root, at: now)
            .get()
        let odd = arguments(grant.client, grant.sequence &+ step)
        #expect(state.createSession(odd, by: root, at: now) == .failure(.sequenceMisordered))
    }

    @Test func `a repeated CREATE_SESSION gets the same session`() throws {
        var state = ServerState(start: 7)
        let grant = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        let wanted = arguments(grant.client, grant.sequence)
        let first = state.createSession(wanted, by: root, at: now)
        #expect(state.createSession(wanted, by: root, at: now) == first)
        #expect(state.sessions.count == 1)
        let next = state.createSession(
            arguments(grant.client, grant.sequence &+ 1),
            by: root,
            at: now
        )
        #expect(next != first)
        #expect(state.sessions.count == 2)
    }

    @Test func `a refused CREATE_SESSION is refused the same when it is repeated`() throws {
        var state = ServerState(start: 7)
        let grant = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        let small = arguments(
            grant.client,
            grant.sequence,
            fore: WireClient.channel(replyBytesMax: 10)
        )
        for _ in 0..<2 {
            #expect(state.createSession(small, by: root, at: now) == .failure(.tooSmall))
        }
        let again = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        _ = try state.createSession(arguments(again.client, again.sequence), by: root, at: now)
            .get()
    }

    @Test func `another principal may not confirm a client, and may use a confirmed one`() throws {
        var state = ServerState(start: 7)
        let grant = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        let wanted = arguments(grant.client, grant.sequence)
        for _ in 0..<2 {
            #expect(
                state.createSession(wanted, by: other, at: now) == .failure(.clientIDInUse)
            )
        }
        _ = try state.createSession(wanted, by: root, at: now).get()
        _ = try state.createSession(
            arguments(grant.client, grant.sequence &+ 1),
            by: other,
            at: now
        ).get()
    }

    @Test func `flags that there are not are NFS4ERR_INVAL`() throws {
        var state = ServerState(start: 7)
        let grant = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        let odd = arguments(
            grant.client,
            grant.sequence,
            flags: CreateSessionFlags(rawValue: 0xF)
        )
        #expect(state.createSession(odd, by: root, at: now) == .failure(.invalid))
    }

    @Test func `channels are granted within the server's limits`() throws {
        var state = ServerState(start: 7)
        let grant = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        let greedy = ChannelAttributes(
            headerPadding: 512,
            requestBytesMax: .max,
            replyBytesMax: .max,
            cachedReplyBytesMax: .max,
            operationsMax: .max,
            slotsMax: .max,
            rdmaReadDepth: 3
        )
        let made = try state.createSession(
            arguments(grant.client, grant.sequence, fore: greedy),
            by: root,
            at: now
        ).get()
        let limits = state.limits
        #expect(made.sequence == grant.sequence)
        #expect(made.foreChannel.headerPadding == 0 && made.foreChannel.rdmaReadDepth == nil)
        #expect(made.foreChannel.requestBytesMax == UInt32(limits.recordBytesMax))
        #expect(made.foreChannel.cachedReplyBytesMax == UInt32(limits.cachedReplyBytesMax))
        #expect(made.foreChannel.operationsMax == UInt32(limits.operationsMax))
        #expect(made.foreChannel.slotsMax == UInt32(limits.slotsMax))
        #expect(limits.slotsMax >= 64)
    }

    @Test func `a client has so many sessions and no more`() throws {
        var limits = ServerLimits()
        limits.sessionsPerClientMax = 2
        var state = ServerState(start: 7, limits: limits)
        let grant = try state.exchangeID(owner(), by: root, isUpdate: false, at: now).get()
        for step in 0..<2 {
            _ = try state.createSession(
                arguments(grant.client, grant.sequence &+ UInt32(step)),
                by: root,
                at: now
            ).get()
        }
        let third = arguments(grant.client, grant.sequence &+ 2)
        #expect(state.createSession(third, by: root, at: now) == .failure(.delay))
        let session = try #require(state.sessions.keys.first)
        #expect(state.destroy(session: session, running: 0) == .ok)
        _ = try state.createSession(third, by: root, at: now).get()
    }

    // MARK: The end

    @Test func `a client id is destroyed once nothing hangs on it`() throws {
        var state = ServerState(start: 7)
        let (client, session) = try confirmed(&state, owner())
        try open(&state, client)
        #expect(state.destroy(client: client) == .clientIDBusy)
        #expect(state.destroy(session: session, running: 0) == .ok)
        #expect(state.destroy(client: client) == .clientIDBusy, "a file is open")
        let open = try #require(state.opens.values.first)
        #expect(state.close(open.stateID, of: client, on: open.file) == .ok)
        #expect(state.destroy(client: client) == .ok)
        #expect(state.destroy(client: client) == .staleClientID)
        #expect(state.destroy(session: session, running: 0) == .badSession)
    }

    @Test func `RECLAIM_COMPLETE is said once`() throws {
        var state = ServerState(start: 7)
        let (client, _) = try confirmed(&state, owner())
        #expect(state.mayOpen(client, isReclaim: false, at: now) == .grace)
        #expect(state.reclaimComplete(client) == .ok)
        #expect(state.mayOpen(client, isReclaim: false, at: now) == .ok)
        #expect(state.reclaimComplete(client) == .completeAlready)
    }

    @Test func `grace ends as soon as everyone has reclaimed`() throws {
        var state = ServerState(start: 7, remembered: [.gateway("a"), .gateway("b")], at: now)
        let (a, _) = try confirmed(&state, owner("a"))
        let (b, _) = try confirmed(&state, owner("b"))
        let (c, _) = try confirmed(&state, owner("c"))
        #expect(state.mayOpen(a, isReclaim: true, at: now) == .ok)
        #expect(state.mayOpen(c, isReclaim: true, at: now) == .noGrace, "it had nothing")
        #expect(state.reclaimComplete(a) == .ok)
        #expect(state.mayOpen(a, isReclaim: true, at: now) == .noGrace, "it said that it was done")
        #expect(state.reclaimComplete(c) == .ok)
        #expect(state.mayOpen(c, isReclaim: false, at: now) == .grace)
        #expect(state.reclaimComplete(b) == .ok)
        #expect(state.mayOpen(c, isReclaim: false, at: now) == .ok)
    }

    @Test func `a client that leaves in grace keeps nobody waiting`() throws {
        var state = ServerState(start: 7, remembered: [.gateway("a")], at: now)
        let (a, session) = try confirmed(&state, owner("a"))
        let (b, _) = try confirmed(&state, owner("b"))
        #expect(state.reclaimComplete(b) == .ok)
        #expect(state.mayOpen(b, isReclaim: false, at: now) == .grace)
        #expect(state.destroy(session: session, running: 0) == .ok)
        #expect(state.destroy(client: a) == .ok)
        #expect(state.mayOpen(b, isReclaim: false, at: now) == .ok)
    }

    @Test func `grace ends in time though somebody never comes`() throws {
        var state = ServerState(start: 7, remembered: [.gateway("a")], at: now)
        let (b, _) = try confirmed(&state, owner("b"))
        #expect(state.reclaimComplete(b) == .ok)
        #expect(state.mayOpen(b, isReclaim: false, at: now.adding(seconds: 44)) == .grace)
        #expect(state.mayOpen(b, isReclaim: false, at: now.adding(seconds: 45)) == .ok)
    }

    @Test func `a silent client is forgotten after courtesy, an unconfirmed one after a lease`()
        throws
    {
        var state = ServerState(start: 7)
        let (client, session) = try confirmed(&state, owner())
        _ = try state.exchangeID(owner("b"), by: root, isUpdate: false, at: now).get()
        state.sweep(at: now.adding(seconds: state.limits.leaseSeconds + 1))
        #expect(state.clients.count == 1 && state.clients[client] != nil)
        #expect(state.sessions[session] != nil, "courtesy")
        let end = state.limits.leaseSeconds + state.limits.courtesySeconds + 1
        state.sweep(at: now.adding(seconds: end))
        #expect(state.clients.isEmpty && state.sessions.isEmpty)
        #expect(state.confirmed.isEmpty && state.unconfirmed.isEmpty)
    }
}
