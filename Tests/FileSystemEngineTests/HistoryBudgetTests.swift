import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// The past may hold so many bytes: then it is thinned from its old end, and snapshots are left alone.
@Suite struct HistoryBudgetTests {
    /// Bytes of the one file; each second all of them are written anew.
    static let fileBytes = 10_000

    static func contents(_ second: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: second), count: fileBytes)
    }

    @Test func `history over its bytes is thinned from the old end, snapshots are not`()
        async throws
    {
        let budget = HistoryBudget(percentOfLive: 10, bytesMin: 40 * 10_000)
        let world = try await EngineWorld.make(history: budget)
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", Self.contents(0))
        var snapshot: (epoch: Epoch, second: Int)?
        var most: UInt64 = 0
        for second in 1...400 {
            world.clock.advance(seconds: 1)
            let bytes = Self.contents(second)
            _ = try await fileSystem.write(file, bytes, at: 0, stability: .stable, as: .root)
            if second == 30 {
                snapshot = (try await fileSystem.createSnapshot("s").epoch, second)
            }
            guard second.isMultiple(of: 20) else { continue }
            while try await fileSystem.collectGarbage().isMoreDue {}
            let found = try await fileSystem.statistics()
            most = max(most, found.historyBytes)
            // A minute is the coarsest cell here: what died within it stays by the ten seconds.
            #expect(found.historyBytes <= 400_000 + 20 * 11_000, "second \(second)")
        }
        let found = try await fileSystem.statistics()
        print("budget: at most \(most) bytes of history, \(found.snapshotBytes) of snapshots")
        // All versions of 400 seconds would be ten times that.
        #expect(most > 200_000)
        #expect((10_000..<12_000).contains(found.snapshotBytes))
        let pinned = try #require(snapshot)
        let then = try await fileSystem.contents(file, at: .past(pinned.epoch))
        #expect(then == Self.contents(pinned.second))
        // What is retained reads back exactly; the newest seconds are all there.
        var retained: Set<Epoch> = []
        for second in 0..<400 {
            let time = EngineWorld.start.adding(seconds: Int64(second))
            guard let instant = try await Self.instant(fileSystem, time) else { continue }
            retained.insert(instant)
            let shown = Int(instant.second - EngineWorld.start.seconds)
            let bytes = try await fileSystem.contents(file, at: .past(instant))
            #expect(bytes == Self.contents(shown))
        }
        #expect(retained.contains(.end(ofSecond: EngineWorld.start.seconds + 399)))
        #expect(retained.count < 100)
        try await fileSystem.deleteSnapshot("s")
        while try await fileSystem.collectGarbage().isMoreDue {}
        #expect(try await fileSystem.statistics().snapshotBytes == 0)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    private static func instant(_ fileSystem: FileSystem, _ time: Timestamp) async throws -> Epoch?
    {
        do {
            return try await fileSystem.instant(atOrBefore: time)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// Goal: no transaction's length hangs on how many snapshots expire at once.
    @Test func `many snapshots that have expired go in parts`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let expires = world.clock.now().adding(seconds: 10)
        let count = MaintenanceLimits.snapshots + 20
        for number in 0..<count {
            _ = try await fileSystem.createSnapshot("s\(number)", expires: expires)
        }
        _ = try await fileSystem.createSnapshot("kept")
        world.clock.advance(seconds: 10)
        let first = try await fileSystem.collectGarbage()
        #expect(first.instantsDropped == MaintenanceLimits.snapshots && first.isMoreDue)
        #expect(try await fileSystem.collectGarbage().instantsDropped == 20)
        #expect(try await fileSystem.snapshots().map(\.name) == ["kept"])
        await fileSystem.close()
    }
}
