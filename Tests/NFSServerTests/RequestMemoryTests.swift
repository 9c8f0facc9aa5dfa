import NFSWire
import NIOCore
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: what clients ask for, and do not take, holds a bounded part of the daemon's memory, and loses no reply.
///
/// Method: READs of a mebibyte by NFSv4.0, which needs no session: many more at a time than may be under way. The most that was ever
/// held is the server's own account, in which a request counts with the longest reply that it may have.
@Suite(.serialized) struct RequestMemoryTests {
    private typealias Wire = ConnectionTests.Wire

    private static let fileBytes = 1 << 20
    /// What a channel takes of replies until it counts as full.
    private static let channelBytes = 4 << 20

    private static func limits(
        ofOne: Int = ServerLimits().requestBytesInFlightMax,
        ofAll: Int = ServerLimits().requestBytesOfAllMax
    ) -> ServerLimits {
        var limits = ServerLimits()
        limits.requestBytesInFlightMax = ofOne
        limits.requestBytesOfAllMax = ofAll
        return limits
    }

    private func serving(
        _ limits: ServerLimits,
        _ body: @escaping @Sendable (SocketAddress, ServerParts) async throws -> Void
    ) async throws {
        try await ConnectionTests().serving(limits: limits) { address, world in
            let maker = WireClient(world.parts)
            try await maker.connect()
            let (stateID, handle) = try await maker.make("f")
            let part = [UInt8](repeating: 7, count: Self.fileBytes / 16)
            for index in 0..<16 {
                let offset = UInt64(index * part.count)
                _ = try await maker.write(handle, stateID, part, at: offset)
            }
            try await body(address, world.parts)
        }
    }

    /// READs with these transaction numbers, in one piece.
    private static func reads(_ transactions: ClosedRange<UInt32>) -> [UInt8] {
        let read = ReadArguments(stateID: .anonymous, offset: 0, count: UInt32(fileBytes))
        let compound = Compound(version: .v40, operations: WireClient.walk("f") + [.read(read)])
        return transactions.flatMap {
            ConnectionTests.call(
                $0,
                procedure: 1,
                credential: .system(AuthSys(uid: 0, gid: 0)),
                compound
            )
        }
    }

    /// Takes replies until each of these READs has had its own, with all its bytes.
    private static func takeReplies(
        _ transactions: ClosedRange<UInt32>,
        from wire: Wire
    ) async throws {
        var missing = Set(transactions)
        for await record in wire.records {
            var reader = XDRReader(record)
            guard case .reply(let reply) = try RPCMessage(from: &reader) else { continue }
            let results = try CompoundReply(from: &reader).results
            guard case .read(let read)? = results.last else {
                Issue.record("no READ: \(results)")
                return
            }
            #expect(read.data.count == fileBytes)
            #expect(missing.remove(reply.transaction) != nil)
            if missing.isEmpty { return }
        }
        Issue.record("the server hung up; \(missing.count) replies are missing")
    }

    /// Asks for nothing again and again, and is answered, for as long as something holds.
    private static func ask(_ wire: Wire, while holds: () -> Bool) async throws {
        var transaction: UInt32 = 2_000_000
        while holds() {
            transaction += 1
            try await wire.send(ConnectionTests.call(transaction))
            #expect(try await wire.next()?.transaction == transaction)
        }
    }

    @Test func `a client that takes no replies holds its own share, and others go on`()
        async throws
    {
        let limits = Self.limits(ofOne: 3 << 20)
        let ofOne = limits.recordBytesMax + 512
        try await serving(limits) { address, parts in
            let hog = try await Wire.connect(address, reads: false)
            let other = try await Wire.connect(address)
            try await hog.send(Self.reads(1...64))
            // Until it holds all that it may, and was refused more.
            try await Self.ask(other, while: { parts.memory.peak < limits.requestBytesInFlightMax })
            try await other.send(Self.reads(1_000_000...1_000_003))
            try await Self.takeReplies(1_000_000...1_000_003, from: other)

            try await hog.channel.setOption(.autoRead, value: true).get()
            try await Self.takeReplies(1...64, from: hog)
            // Two connections, of each what is under way, and what fills a channel until it counts as full.
            let share = limits.requestBytesInFlightMax + ofOne
            #expect(parts.memory.peak <= 3 * share + Self.channelBytes)

            // What was held is let go with the last reply, before the next is sent.
            for wire in [hog, other] {
                try await wire.send(ConnectionTests.call(77))
                #expect(try await wire.next()?.transaction == 77)
            }
            #expect(parts.memory.bytes == 0)
            try await hog.channel.close()
            try await other.channel.close()
        }
    }

    @Test func `many clients together hold what all may, and one request each`() async throws {
        let limits = Self.limits(ofAll: 2 << 20)
        let ofOne = limits.recordBytesMax + 512
        let clients = 8
        try await serving(limits) { address, parts in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<clients {
                    group.addTask {
                        let wire = try await Wire.connect(address)
                        try await wire.send(Self.reads(1...16))
                        try await Self.takeReplies(1...16, from: wire)
                        try await wire.channel.close()
                    }
                }
                try await group.waitForAll()
            }
            // Of each a request, and replies until its channel is full; without a limit it would be 16 requests of each.
            let ofEach = Self.channelBytes + 2 * ofOne
            #expect(parts.memory.peak >= limits.requestBytesOfAllMax)
            #expect(parts.memory.peak <= limits.requestBytesOfAllMax + clients * ofEach)
        }
    }

    @Test func `a client that goes holds nothing any more`() async throws {
        let limits = Self.limits(ofOne: 2 << 20)
        try await serving(limits) { address, parts in
            let hog = try await Wire.connect(address, reads: false)
            let other = try await Wire.connect(address)
            try await hog.send(Self.reads(1...64))
            try await Self.ask(other, while: { parts.memory.peak < limits.requestBytesInFlightMax })
            try await hog.channel.close()
            // Requests that were under way end first; each answer lets the server see to its other connections.
            try await Self.ask(other, while: { parts.memory.bytes > 0 })
            try await other.channel.close()
        }
    }
}
