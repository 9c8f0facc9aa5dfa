import Synchronization
import Testing
import VarveModel

@testable import FileSystemEngine

/// The threads that read: their order and their end.
@Suite struct WorkerPoolTests {
    private static func world(readers: Int) async throws -> EngineWorld {
        var limits = EngineWorld.smallLimits
        limits.readers = readers
        return try await EngineWorld.make(limits: limits)
    }

    @Test func `one thread takes jobs in the order in which they came`() async throws {
        let world = try await Self.world(readers: 1)
        let seen = Order()
        for number in 0..<5_000 {
            _ = world.fileSystem.readers.push(isLong: false) { _ in seen.note(number) }
        }
        let all = try await world.fileSystem.readers.run { _ in seen.numbers }
        #expect(all == Array(0..<5_000))
        await world.fileSystem.close()
    }

    @Test func `what was queued before the end is done, and nothing after it`() async throws {
        let world = try await Self.world(readers: 3)
        let seen = Order()
        for number in 0..<1_000 {
            _ = world.fileSystem.readers.push(isLong: false) { _ in seen.note(number) }
        }
        await world.fileSystem.close()
        #expect(seen.numbers.sorted() == Array(0..<1_000))
        await #expect(throws: FileSystemError.self) {
            try await world.fileSystem.readers.run { _ in }
        }
    }

    /// Numbers in the order in which they were noted.
    private final class Order: Sendable {
        private let state = Mutex<[Int]>([])

        var numbers: [Int] { state.withLock { $0 } }

        func note(_ number: Int) {
            state.withLock { $0.append(number) }
        }
    }
}
