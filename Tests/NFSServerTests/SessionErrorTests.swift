import FileSystemEngine
import NFSWire
import Testing
import VarveModel

@testable import NFSServer

/// Goal: SEQUENCE, EXCHANGE_ID and CREATE_SESSION are answered with each error that RFC 8881 §15.2 lists for them, where the text of
/// §18.46, §18.35 and §18.36 says so.
///
/// Method: requests in bytes to what answers records; the RFC's rows, of which each error is met or said to be impossible.
@Suite struct SessionErrorTests {
    private func sequence(
        _ client: WireClient,
        _ sequence: UInt32 = 1,
        slot: UInt32 = 7,
        highest: UInt32 = 7,
        cache: Bool = false
    ) -> OperationArguments {
        .sequence(
            SequenceArguments(
                session: client.session,
                sequence: sequence,
                slot: slot,
                highestSlot: highest,
                cacheReply: cache
            )
        )
    }

    // MARK: SEQUENCE

    private static let sequenceRow = ErrorRow(
        .sequence,
        unmet: [
            .connectionNotBound:
                "SP4_NONE: a connection is bound by its first SEQUENCE (§2.10.3.1)",
            .replyTooBig: "a session is granted 256 bytes at least, or NFS4ERR_TOOSMALL",
            .replyTooBigToCache:
                "what follows is answered so; SEQUENCE's own result is always kept",
            .retryUncachedReply: "SEQUENCE is answered again, and what follows it so (§2.10.6.1.3)",
        ]
    )

    @Test func `SEQUENCE`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        try await client.connect(
            fore: WireClient.channel(requestBytesMax: 600, operationsMax: 4, slotsMax: 8)
        )
        var row = Self.sequenceRow
        let root = OperationArguments.putRootFileHandle
        func alone(_ reply: CompoundReply) -> CompoundReply {
            #expect(reply.results.count == 1, "nothing behind a refused SEQUENCE is done")
            return reply
        }
        var stranger = SequenceArguments(
            session: client.session,
            sequence: 1,
            slot: 0,
            highestSlot: 0,
            cacheReply: false
        )
        stranger.session = SessionID(high: client.session.high, low: client.session.low ^ 1)
        row.expect(.badSession, alone(try await client.send([.sequence(stranger), root])))
        row.expect(.badSlot, alone(try await client.send([sequence(client, slot: 8), root])))
        let high = sequence(client, highest: 8)
        row.expect(.badHighSlot, alone(try await client.send([high, root])))
        let cut = ErrorRow.bytes([sequence(client)]).dropLast(4)
        row.expect(.badXDR, alone(try await client.answer(bytes: ByteChain(copying: cut)).reply))
        let many = [OperationArguments](repeating: root, count: 4)
        row.expect(.tooManyOperations, alone(try await client.send([sequence(client)] + many)))
        let long = OperationArguments.lookup(WireClient.name(String(repeating: "x", count: 600)))
        row.expect(.requestTooBig, alone(try await client.send([sequence(client), root, long])))
        for wrong: UInt32 in [0, 2, .max] {
            let reply = try await client.send([sequence(client, wrong), root])
            row.expect(.sequenceMisordered, alone(reply))
        }
        // None of them has used the slot.
        let good = [sequence(client, cache: true), root]
        row.expect(.ok, CompoundReply(try await client.send(good), prefix: 1))
        for old: UInt32 in [0, 3] {
            let reply = try await client.send([sequence(client, old), root])
            row.expect(.sequenceMisordered, alone(reply))
        }
        let other = [sequence(client, cache: true), root, root]
        row.expect(.falseRetry, alone(try await client.send(other)))
        #expect(
            try await client.send(good).results.map(\.status) == [.ok, .ok],
            "it is kept still"
        )
        let twice = try await client.send([sequence(client, 2), sequence(client, slot: 6)])
        row.expect(.sequencePosition, twice)
        row.expect(.delay, try await whileItRuns(world, client))
        row.expect(.deadSession, try await afterRestart())
        row.expectComplete()
        await world.fileSystem.close()
    }

    /// What a request is answered with that comes again while its first sending runs.
    private func whileItRuns(_ world: NFSWorld, _ client: WireClient) async throws -> CompoundReply
    {
        let create = CreateArguments(
            kind: .directory,
            name: [0x64],
            attributes: FileAttributes([.mode(0o755)])
        )
        let bytes = ErrorRow.bytes([
            sequence(client, slot: 5, cache: true), .putRootFileHandle, .create(create),
        ])
        let request = CompoundRequest(
            transaction: 1,
            credential: client.credential,
            arguments: XDRReader(ByteChain(copying: bytes)),
            byteCount: bytes.count
        )
        guard case .waiting(let first) = world.parts.begin(request),
            case .answered(let second) = world.parts.begin(request)
        else { throw NFSStatus.serverFault }
        let done = await first.finish()
        #expect(try Self.reply(done).status == .ok)
        guard case .answered(let third) = world.parts.begin(request) else {
            throw NFSStatus.serverFault
        }
        #expect(third == done, "once it has ended it is answered the same")
        return try Self.reply(second)
    }

    private static func reply(_ record: ByteChain) throws -> CompoundReply {
        var reader = XDRReader(record)
        _ = try reader.uint32("record mark")
        _ = try RPCMessage(from: &reader)
        return try CompoundReply(from: &reader)
    }

    /// What a new request is answered with in a persistent session of before a restart.
    private func afterRestart() async throws -> CompoundReply {
        let stage = try await PersistentSessionTests.Stage()
        let create = CreateArguments(
            kind: .directory,
            name: [0x64],
            attributes: FileAttributes([])
        )
        _ = try await stage.client.answer(
            bytes: stage.bytes([.putRootFileHandle, .create(create)])
        )
        try await stage.restart()
        let reply = try await stage.client.send([stage.client.sequence(), .putRootFileHandle])
        await stage.fileSystem.close()
        return reply
    }

    /// Only operations that name a client have NFS4ERR_STALE_CLIENTID (RFC 8881 §15.1.13.5, §15.2).
    @Test(arguments: [true, false])
    func `what runs when its client goes is told that the session is dead`(opens: Bool) async throws
    {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        try await client.connect()
        let operation: OperationArguments =
            opens
            ? .open(WireClient.openArguments("f", creation: .guarded(FileAttributes([]))))
            : .reclaimComplete(ReclaimCompleteArguments(oneFileSystem: false))
        let bytes = ByteChain(
            copying: ErrorRow.bytes([client.sequence(), .putRootFileHandle, operation])
        )
        let request = CompoundRequest(
            transaction: 1,
            credential: client.credential,
            arguments: XDRReader(bytes),
            byteCount: bytes.count
        )
        guard case .waiting(let progress) = world.parts.begin(request) else {
            Issue.record("it was answered at once")
            return
        }
        await world.parts.store.change { state, _ in state.remove(client: client.id) }
        let reply = try Self.reply(await progress.finish())
        ErrorLists.check(reply, to: bytes)
        #expect(reply.status == .deadSession)
        #expect(try await client.send([client.sequence()]).status == .badSession)
        await world.fileSystem.close()
    }

    /// RFC 8881 §8.3: a request in a session that is not there says nothing of its client.
    @Test func `only a SEQUENCE in its session renews a lease`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        try await client.connect()
        let renewed = { world.parts.store.read { $0.clients[client.id]?.renewed } }
        let before = renewed()
        world.clock.advance(seconds: 5)
        var arguments = SequenceArguments(
            session: SessionID(high: client.session.high, low: 1),
            sequence: 1,
            slot: 0,
            highestSlot: 0,
            cacheReply: false
        )
        #expect(try await client.send([.sequence(arguments)]).status == .badSession)
        #expect(renewed() == before)
        arguments.session = client.session
        arguments.slot = 3
        arguments.highestSlot = 3
        #expect(try await client.send([.sequence(arguments)]).status == .ok)
        #expect(renewed() == before?.adding(seconds: 5))
        await world.fileSystem.close()
    }

    // MARK: EXCHANGE_ID

    private static let exchangeRow = ErrorRow(
        .exchangeID,
        unmet: ErrorRow.never.and(ErrorRow.ofSequence).and([
            .badCharacter: "the name of an implementation is read by nobody",
            .encryptionNotSupported: "SP4_SSV is refused for its hash already",
        ])
    )

    private func exchange(
        _ owner: String,
        verifier: UInt64 = 1,
        flags: ExchangeIDFlags = [],
        _ protection: StateProtectRequest = .none
    ) -> OperationArguments {
        .exchangeID(
            ExchangeIDArguments(
                owner: ClientOwner(
                    verifier: Verifier(rawValue: verifier),
                    owner: Array(owner.utf8)
                ),
                flags: flags,
                protection: protection,
                implementation: nil
            )
        )
    }

    @Test func `EXCHANGE_ID`() async throws {
        var limits = ServerLimits()
        limits.clientsMax = 6
        let world = try await NFSWorld.make(limits: limits)
        let (client, other) = (WireClient(world.parts), WireClient(world.parts, uid: 1_000))
        try await client.connect(owner: "a")
        var row = Self.exchangeRow
        try await row.expectGeneral(exchange("b"), of: world, needsSession: false)
        row.expect(.clientIDInUse, try await other.send([exchange("a")]))
        row.expect(.invalid, try await client.send([exchange("a", flags: [.confirmed])]))
        let operations = StateProtectOperations(mustEnforce: [], mustAllow: [])
        let machine = exchange("a", .machineCredential(operations))
        row.expect(.invalid, try await client.send([machine]))
        let secret = StateSecretParameters(
            operations: operations,
            hashAlgorithms: [OpaqueBody(bytes: [1])],
            encryptionAlgorithms: [OpaqueBody(bytes: [2])],
            window: 1,
            gssHandleCount: 1
        )
        row.expect(.hashNotSupported, try await client.send([exchange("a", .secret(secret))]))
        for (hashes, ciphers, window): (Int, Int, UInt32) in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
            var empty = secret
            empty.hashAlgorithms = Array(secret.hashAlgorithms.prefix(hashes))
            empty.encryptionAlgorithms = Array(secret.encryptionAlgorithms.prefix(ciphers))
            empty.window = window
            row.expect(.invalid, try await client.send([exchange("a", .secret(empty))]))
        }
        let update = ExchangeIDFlags.updateConfirmedRecord
        row.expect(.noEntry, try await client.send([exchange("nobody", flags: update)]))
        row.expect(.notSame, try await client.send([exchange("a", verifier: 2, flags: update)]))
        row.expect(.notPermitted, try await other.send([exchange("a", flags: update)]))
        let two = try await client.send([exchange("a"), .putRootFileHandle])
        #expect(two.results.count == 1)
        row.expect(.notOnlyOperation, two)
        // "a", "b" and the three of the general errors are there.
        row.expect(.ok, try await client.send([exchange("c")]))
        row.expect(.delay, try await client.send([exchange("d")]))
        row.expect(.ok, try await client.send([exchange("a", flags: update)]))
        row.expectComplete()
        await world.fileSystem.close()
    }

    // MARK: CREATE_SESSION

    private static let createRow = ErrorRow(
        .createSession,
        unmet: ErrorRow.never.and(ErrorRow.ofSequence).and([
            .noSpace: "where there is no room there may be later: NFS4ERR_DELAY"
        ])
    )

    private func create(
        _ client: ClientID,
        _ sequence: UInt32,
        flags: CreateSessionFlags = [],
        fore: ChannelAttributes = WireClient.channel(),
        security: [CallbackSecurity] = [.none]
    ) -> OperationArguments {
        .createSession(
            CreateSessionArguments(
                client: client,
                sequence: sequence,
                flags: flags,
                foreChannel: fore,
                backChannel: WireClient.channel(),
                callbackProgram: 1,
                callbackSecurity: security
            )
        )
    }

    @Test func `CREATE_SESSION`() async throws {
        var limits = ServerLimits()
        limits.sessionsPerClientMax = 2
        let world = try await NFSWorld.make(limits: limits)
        let (client, other) = (WireClient(world.parts), WireClient(world.parts, uid: 1_000))
        try await client.connect(owner: "a")
        var row = Self.createRow
        try await row.expectGeneral(create(client.id, 99), of: world, needsSession: false)
        let unconfirmed = try await client.send([exchange("new")])
        guard case .exchangeID(let new)? = unconfirmed.results.first else {
            throw unconfirmed.status
        }
        row.expect(.clientIDInUse, try await other.send([create(new.client, new.sequence)]))
        let stale = ClientID(rawValue: client.id.rawValue ^ 0xFFFF)
        row.expect(.staleClientID, try await client.send([create(stale, 1)]))
        for wrong: UInt32 in [new.sequence + 1, new.sequence &- 1, new.sequence &- 2] {
            let reply = try await client.send([create(new.client, wrong)])
            row.expect(.sequenceMisordered, reply)
        }
        let handles = GSSCallbackHandles(service: .none, fromServer: [1], fromClient: [2])
        let secured = create(new.client, new.sequence, security: [.gss(handles)])
        row.expect(.noEntry, try await client.send([secured]))
        let two = try await client.send([create(new.client, new.sequence), .putRootFileHandle])
        #expect(two.results.count == 1)
        row.expect(.notOnlyOperation, two)
        // These are answers of the client's own, and spend its number.
        let flags = create(new.client, new.sequence, flags: CreateSessionFlags(rawValue: 8))
        row.expect(.invalid, try await client.send([flags]))
        row.expect(.invalid, try await client.send([flags]), "a retry is answered the same")
        let tiny = WireClient.channel(replyBytesMax: 100)
        let small = create(new.client, new.sequence + 1, fore: tiny)
        row.expect(.tooSmall, try await client.send([small]))
        for step: UInt32 in 2...3 {
            row.expect(.ok, try await client.send([create(new.client, new.sequence + step)]))
        }
        let third = create(new.client, new.sequence + 4)
        row.expect(.delay, try await client.send([third]))
        let made = world.parts.store.read { $0.clients[new.client]?.sessions.first }
        let destroyed = try await client.send([.destroySession(try #require(made))])
        #expect(destroyed.status == .ok)
        row.expect(.ok, try await client.send([third]), "a delay spends no number")
        row.expectComplete()
        await world.fileSystem.close()
    }
}

extension CompoundReply {
    /// The beginning of one.
    init(_ whole: CompoundReply, prefix count: Int) {
        self.init(
            status: whole.status,
            tag: whole.tag,
            results: Array(whole.results.prefix(count))
        )
    }
}
