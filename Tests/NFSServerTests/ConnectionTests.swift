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

    @Test func `more requests than may be in flight are all answered`() async throws {
        var limits = ServerLimits()
        limits.requestsInFlightMax = 4
        limits.requestBytesInFlightMax = 1_000
        try await serving(limits: limits) { address, _ in
            let wire = try await Wire.connect(address)
            var bytes: [UInt8] = []
            let compound = Compound(version: .v41, operations: [.putRootFileHandle])
            for transaction in 1...500 {
                bytes += Self.call(UInt32(transaction), procedure: 1, compound)
            }
            try await wire.send(bytes)
            var seen: Set<UInt32> = []
            while seen.count < 500, let reply = try await wire.next() {
                #expect(reply.outcome == .success)
                seen.insert(reply.transaction)
            }
            #expect(seen.count == 500)
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

    /// Goal: any bytes at a connection give an answer or its end; the server goes on.
    ///
    /// Method: seeded noise, alone and as mutations of good requests, over many connections.
    @Test func `any bytes at a connection are answered or end it`() async throws {
        try await serving { address, _ in
            var generator = SeededGenerator(seed: testSeed(default: 41))
            let good = Self.call(
                1,
                procedure: 1,
                credential: .system(AuthSys(uid: 0, gid: 0)),
                Compound(
                    version: .v41,
                    operations: [.destroyClientID(ClientID(rawValue: 5))]
                )
            )
            for _ in 0..<TestSizes.current.fuzzInputs / 20 {
                let wire = try await Wire.connect(address)
                for _ in 0..<20 {
                    var bytes = good
                    for _ in 0..<Int.random(in: 0...6, using: &generator) {
                        // The record's mark stays, or the server would wait for bytes that never come.
                        let place = Int.random(in: 4..<bytes.count, using: &generator)
                        bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
                    }
                    do {
                        try await wire.send(bytes)
                    } catch {
                        break  // The server ended the connection at an earlier one.
                    }
                }
                try? await wire.channel.close()
            }
            let wire = try await Wire.connect(address)
            try await wire.send(Self.call(77))
            #expect(try await wire.next()?.transaction == 77)
            try await wire.channel.close()
        }
    }
}
