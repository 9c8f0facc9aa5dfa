import FileSystemEngine
import Glibc
import NFSWire
import NIOCore
import NIOPosix
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: over a real socket the same holds, whatever the bytes: requests in any fragments, in any number, and noise.
@Suite(.serialized) struct ConnectionTests {
    /// Runs a server on a free port for as long as `body` takes.
    func serving(
        limits: ServerLimits = ServerLimits(),
        _ body: @escaping @Sendable (SocketAddress, NFSWorld) async throws -> Void
    ) async throws {
        let world = try await NFSWorld.make(limits: limits)
        let server = NFSServer(world.parts, ExportLists())
        let (host, port) = try await server.openGateway(host: "127.0.0.1", port: 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await server.run() }
            try await body(try SocketAddress(ipAddress: host, port: port), world)
            group.cancelAll()
            try await group.waitForAll()
        }
        await world.fileSystem.close()
    }

    /// A connection that sends bytes and reads records.
    struct Wire {
        let channel: any Channel
        let records: AsyncStream<ByteChain>

        /// Connects; one that does not read takes nothing of what it is sent until it is told to.
        static func connect(
            _ address: SocketAddress,
            from own: SocketAddress? = nil,
            reads: Bool = true
        ) async throws -> Wire {
            let (records, sink) = AsyncStream<ByteChain>.makeStream()
            let plain = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.autoRead, value: reads)
            let channel = try await (own.map { plain.bind(to: $0) } ?? plain)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(RecordReader(sink))
                    }
                }
                .connect(to: address).get()
            return Wire(channel: channel, records: records)
        }

        /// Connects from the first of these ports that is free.
        static func connect(_ address: SocketAddress, fromPorts ports: Range<Int>) async throws
            -> Wire
        {
            var failure: (any Error)?
            for port in ports {
                do {
                    let own = try SocketAddress(ipAddress: "127.0.0.1", port: port)
                    return try await connect(address, from: own)
                } catch {
                    failure = error
                }
            }
            throw try #require(failure)
        }

        func send(_ bytes: [UInt8]) async throws {
            try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
        }

        /// The next record's transaction number and how RPC answered; `nil` when the server hung up.
        func next() async throws -> RPCReply? {
            for await record in records {
                var reader = XDRReader(record)
                guard case .reply(let reply) = try RPCMessage(from: &reader) else { continue }
                return reply
            }
            return nil
        }
    }

    static func call(
        _ transaction: UInt32,
        procedure: UInt32 = 0,
        program: UInt32 = NFSProgram.number,
        version: UInt32 = 4,
        credential: RPCCredential = .none,
        _ arguments: Compound? = nil
    ) -> [UInt8] {
        var writer = XDRWriter.record()
        RPCCall(
            transaction: transaction,
            program: program,
            version: version,
            procedure: procedure,
            credential: credential
        ).encode(to: &writer)
        arguments?.encode(to: &writer)
        return writer.finishRecord().bytes
    }

    @Test func `RPC itself answers what is not for NFS`() async throws {
        try await serving { address, _ in
            let wire = try await Wire.connect(address)
            let cases: [([UInt8], RPCReply.Outcome)] = [
                (Self.call(1), .success),
                (Self.call(2, program: 100_005), .programUnavailable),
                (Self.call(3, version: 3), .programMismatch(low: 4, high: 4)),
                (Self.call(4, procedure: 2), .procedureUnavailable),
                (Self.call(5, procedure: 1), .garbageArguments),
                (
                    Self.call(6, procedure: 1, credential: .gss([1])),
                    .authenticationError(.badCredential)
                ),
            ]
            for (bytes, outcome) in cases {
                try await wire.send(bytes)
                let reply = try await wire.next()
                #expect(reply?.outcome == outcome)
            }
            try await wire.channel.close()
        }
    }

    @Test func `where privileged ports are asked, others are turned away`() async throws {
        var limits = ServerLimits()
        limits.requiresPrivilegedPorts = true
        try await serving(limits: limits) { address, _ in
            let wire = try await Wire.connect(address)
            // It may be gone before it has been heard.
            try? await wire.send(Self.call(1))
            #expect(try await wire.next() == nil)
            guard getuid() == 0 else { return }
            let privileged = try await Wire.connect(address, fromPorts: 600..<1_024)
            try await privileged.send(Self.call(1))
            #expect(try await privileged.next()?.outcome == .success)
            try await privileged.channel.close()
        }
    }

    /// Goal: what a connection's requests are known by reaches the replies that are kept (`ReplyCacheTests`).
    @Test func `a REMOVE of NFSv4_0 that is sent again is not done again`() async throws {
        try await serving { address, world in
            let maker = WireClient(world.parts)
            try await maker.connect()
            _ = try await maker.make("f")
            let wire = try await Wire.connect(address)
            let remove = Compound(
                version: .v40,
                operations: [.putRootFileHandle, .remove(WireClient.name("f"))]
            )
            let credential = RPCCredential.system(AuthSys(uid: 0, gid: 0, groups: []))
            var statuses: [NFSStatus] = []
            for transaction: UInt32 in [7, 7, 8] {
                let call = Self.call(transaction, procedure: 1, credential: credential, remove)
                try await wire.send(call)
                for await record in wire.records {
                    var reader = XDRReader(record)
                    _ = try RPCMessage(from: &reader)
                    statuses.append(try CompoundReply(from: &reader).status)
                    break
                }
            }
            #expect(statuses == [.ok, .ok, .noEntry])
            try await wire.channel.close()
        }
    }

    @Test func `requests come in any pieces`() async throws {
        try await serving { address, _ in
            let wire = try await Wire.connect(address)
            var bytes: [UInt8] = []
            for transaction in 1...20 { bytes += Self.call(UInt32(transaction)) }
            var generator = SeededGenerator(seed: 1)
            while !bytes.isEmpty {
                let count = min(bytes.count, Int.random(in: 1...50, using: &generator))
                try await wire.send(Array(bytes.prefix(count)))
                bytes.removeFirst(count)
            }
            for transaction in 1...20 {
                #expect(try await wire.next()?.transaction == UInt32(transaction))
            }
            try await wire.channel.close()
        }
    }

    /// Method: each request waits for the engine, so that more are under way than a limit lets in.
    @Test(arguments: ["a connection", "a loop", "bytes"])
    func `more requests than may be under way are all answered`(limit: String) async throws {
        var limits = ServerLimits()
        switch limit {
        case "a connection": limits.requestsInFlightMax = 4
        case "a loop": limits.requestsPerLoopMax = 1
        default: limits.requestBytesInFlightMax = 1_000
        }
        try await serving(limits: limits) { address, _ in
            let wire = try await Wire.connect(address)
            // There is no such name.
            let remove = Compound(
                version: .v40,
                operations: [.putRootFileHandle, .remove(WireClient.name("none"))]
            )
            let root = RPCCredential.system(AuthSys(uid: 0, gid: 0))
            try await wire.send(
                (1...200).flatMap { Self.call($0, procedure: 1, credential: root, remove) }
            )
            var seen: Set<UInt32> = []
            while seen.count < 200, let reply = try await wire.next() {
                #expect(reply.outcome == .success)
                seen.insert(reply.transaction)
            }
            #expect(seen == Set(1...200))
            try await wire.channel.close()
        }
    }

    @Test func `a record over the limit ends the connection, and no other`() async throws {
        try await serving { address, _ in
            let (bad, good) = (try await Wire.connect(address), try await Wire.connect(address))
            try await bad.send([0xFF, 0xFF, 0xFF, 0xFF])
            #expect(try await bad.next() == nil)
            try await good.send(Self.call(9))
            #expect(try await good.next()?.transaction == 9)
            try await good.channel.close()
        }
    }

    @Test func `connections over the limit are closed`() async throws {
        var limits = ServerLimits()
        limits.connectionsMax = 1
        try await serving(limits: limits) { address, _ in
            let first = try await Wire.connect(address)
            try await first.send(Self.call(1))
            #expect(try await first.next()?.transaction == 1)
            let second = try await Wire.connect(address)
            #expect(try await second.next() == nil)
            try await first.channel.close()
        }
    }

    /// 4,096 connections that say nothing must not shut everybody out.
    @Test func `a silent connection makes room for a new one`() async throws {
        var limits = ServerLimits()
        limits.connectionsMax = 2
        limits.connectionIdleSeconds = 0
        try await serving(limits: limits) { address, _ in
            let (silent, heard) = (try await Wire.connect(address), try await Wire.connect(address))
            for transaction: UInt32 in 1...2 {
                try await heard.send(Self.call(transaction))
                #expect(try await heard.next()?.transaction == transaction)
            }
            let new = try await Wire.connect(address)
            try await new.send(Self.call(3))
            #expect(try await new.next()?.transaction == 3)
            #expect(try await silent.next() == nil)
            try await heard.send(Self.call(4))
            #expect(try await heard.next()?.transaction == 4)
            for wire in [heard, new] { try await wire.channel.close() }
        }
    }

    @Test func `one address has so many connections and no more`() async throws {
        var limits = ServerLimits()
        limits.connectionsPerAddressMax = 1
        try await serving(limits: limits) { address, _ in
            let first = try await Wire.connect(address)
            try await first.send(Self.call(1))
            #expect(try await first.next()?.transaction == 1)
            let second = try await Wire.connect(address)
            #expect(try await second.next() == nil)
            let other = try SocketAddress(ipAddress: "127.0.0.2", port: 0)
            let third = try await Wire.connect(address, from: other)
            try await third.send(Self.call(2))
            #expect(try await third.next()?.transaction == 2)
            for wire in [first, third] { try await wire.channel.close() }
        }
    }

    /// Requests that get far: a client's beginning and a session that is not there, in all versions.
    private static let good: [[UInt8]] = {
        let owner = ClientOwner(verifier: .zero, owner: [1, 2, 3])
        let exchange = ExchangeIDArguments(
            owner: owner,
            flags: [],
            protection: .none,
            implementation: nil
        )
        let create = CreateSessionArguments(
            client: ClientID(rawValue: 5),
            sequence: 1,
            flags: [],
            foreChannel: WireClient.channel(),
            backChannel: WireClient.channel(),
            callbackProgram: 1,
            callbackSecurity: [.none]
        )
        let sequence = SequenceArguments(
            session: SessionID(high: 1, low: 1),
            sequence: 1,
            slot: 0,
            highestSlot: 0,
            cacheReply: false
        )
        let bind = BindConnectionArguments(
            session: SessionID(high: 1, low: 1),
            direction: .foreOrBoth,
            useRDMA: false
        )
        let compounds: [(MinorVersion, [OperationArguments])] = [
            (.v41, [.exchangeID(exchange)]), (.v41, [.createSession(create)]),
            (.v42, [.sequence(sequence), .putRootFileHandle, .getFileHandle]),
            (.v41, [.bindConnection(bind)]), (.v41, [.destroyClientID(ClientID(rawValue: 5))]),
            (.v40, [.setClientID(WireClientV40.introduction("fuzz"))]),
            (.v40, WireClient.walk("d") + [.open(WireClient.openArguments("f"))]),
            (
                .v40,
                [
                    .putRootFileHandle,
                    .getAttributes(GetAttributesArguments(attributes: ObjectAttributes.supported)),
                ]
            ),
        ]
        return compounds.map { version, operations in
            call(
                1,
                procedure: 1,
                credential: .system(AuthSys(uid: 0, gid: 0)),
                Compound(version: version, operations: operations)
            )
        }
    }()

    /// Goal: any bytes at a connection give an answer, or its end; the server goes on.
    ///
    /// Method: mutations of good requests of every kind that needs no session, the records' marks among them, over many connections. Each
    /// answer must be RPC, and where it is a COMPOUND's it must decode, end with its status, and have no status that its version has not.
    @Test func `any bytes at a connection are answered or end it`() async throws {
        try await serving { address, _ in
            var generator = SeededGenerator(seed: testSeed(default: 41))
            var (answers, successes) = (0, 0)
            for number in 0..<TestSizes.current.fuzzInputs / 20 {
                let wire = try await Wire.connect(address)
                // One connection in four may break the records' marks: then it is cut, or waits for bytes that never come.
                let first = number % 4 == 0 ? 0 : 4
                var versions: Set<MinorVersion> = []
                rounds: for _ in 0..<20 {
                    var bytes = try #require(Self.good.randomElement(using: &generator))
                    for _ in 0..<Int.random(in: 0...6, using: &generator) {
                        let place = Int.random(in: first..<bytes.count, using: &generator)
                        bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
                    }
                    versions.formUnion(Self.version(of: bytes).map { [$0] } ?? [])
                    do {
                        // Behind it one that is answered for certain: what became a reply is not.
                        try await wire.send(bytes + Self.call(Self.certain))
                    } catch {
                        break  // The server ended the connection at an earlier one.
                    }
                    while first == 4 {
                        guard let record = await wire.record() else { break rounds }
                        var reader = XDRReader(record)
                        if try reader.uint32("xid") == Self.certain { break }
                        answers += 1
                        if try Self.judge(record, versions) { successes += 1 }
                    }
                }
                // It may be closed already, by the server.
                try? await wire.channel.close()
            }
            #expect(answers > 150 && successes > 10, "\(answers), \(successes)")
            let wire = try await Wire.connect(address)
            try await wire.send(Self.call(77))
            #expect(try await wire.next()?.transaction == 77)
            try await wire.channel.close()
        }
    }

    /// The number of a call between the others.
    private static let certain: UInt32 = 0xCE27_A100

    /// The minor version that a call asks for; `nil` when it is none.
    private static func version(of bytes: [UInt8]) -> MinorVersion? {
        var reader = XDRReader(ByteChain(copying: bytes.dropFirst(4)))
        // What does not decode asks for no version.
        guard let message = try? RPCMessage(from: &reader), case .call = message,
            let compound = try? CompoundReader(reader)
        else { return nil }
        return compound.version
    }

    /// Whether an answer is that of a COMPOUND that ran; expects of any that it is in order.
    private static func judge(
        _ record: ByteChain,
        _ versions: Set<MinorVersion>
    ) throws -> Bool {
        var reader = XDRReader(record)
        guard case .reply(let head) = try RPCMessage(from: &reader) else {
            Issue.record("a call for a call")
            return false
        }
        guard head.outcome == .success, reader.remaining > 0 else { return false }
        let reply = try CompoundReply(from: &reader)
        try reader.requireEnd("COMPOUND4res")
        #expect(reply.results.last.map { $0.status == reply.status } ?? true)
        #expect(reply.results.dropLast().allSatisfy { $0.status == .ok })
        let isLegal = versions.contains { reply.status.isLegal(in: $0) } || reply.results.isEmpty
        #expect(isLegal, "\(reply.status) in \(versions)")
        return reply.status == .ok
    }
}

extension ConnectionTests.Wire {
    /// The next record, its mark left out; `nil` when the server hung up.
    fileprivate func record() async -> ByteChain? {
        for await record in records { return record }
        return nil
    }
}
