import Disk
import TestKit
import Testing
import VarveModel

@testable import SegmentStore

/// Goal: segments that are read are opened once, as long as the process may have so many files open, and whoever is read has them.
///
/// Method: segments of one record each; how many headers are read, and how many files are open.
@Suite struct OpenFilesTests {
    /// A store of so many closed segments, and what each holds.
    private static func stage(
        _ count: Int,
        _ budget: OpenFileBudget
    ) throws -> (world: World, records: [RecordAddress]) {
        let world = try World { $0.openFiles = budget }
        let records = try (0..<count).map { number in
            let address = try world.store.append(draft(UInt64(number)), [UInt8(number & 255)])
            world.store.finishSegment(.standard)
            return address
        }
        try world.store.syncDirty()
        // Those that were written stay open until they are synced.
        try world.reopen()
        return (world, records)
    }

    /// Reads all, and answers how many segments it had to open.
    private static func read(_ world: World, _ records: [RecordAddress]) throws -> Int {
        world.disk.beginRecordingReads()
        for (number, address) in records.enumerated() {
            let found = try world.store.bytes(address, draft(UInt64(number)), 0..<1)
            #expect(found == [UInt8(number & 255)])
        }
        // A header is all that is read at the start of a file.
        return Set(world.disk.endRecordingReads().filter { $0.offset == 0 }.map(\.path)).count
    }

    @Test func `what fits is opened once, and what does not is read all the same`() throws {
        let (world, records) = try Self.stage(300, OpenFileBudget(400))
        _ = try Self.read(world, records)
        #expect(try Self.read(world, records) == 0)
        #expect(world.store.files.count == 300)
        let (crowded, others) = try Self.stage(300, OpenFileBudget(100))
        for _ in 0..<3 {
            #expect(try Self.read(crowded, others) > 0)
            #expect(crowded.store.files.count <= 100)
        }
    }

    @Test func `whoever is read has the files of who is not`() throws {
        let budget = OpenFileBudget(200)
        let (first, ofFirst) = try Self.stage(200, budget)
        _ = try Self.read(first, ofFirst)
        let (second, ofSecond) = try Self.stage(150, budget)
        _ = try Self.read(second, ofSecond)
        #expect(first.store.files.count == 200)
        #expect(second.store.files.count <= SegmentFiles.least)
        // The first is not read for some rounds; the second goes on.
        for _ in 0..<8 {
            _ = try Self.read(second, ofSecond)
            first.store.forgetIdle()
            second.store.forgetIdle()
        }
        #expect(first.store.files.count == SegmentFiles.least)
        #expect(second.store.files.count > 2 * SegmentFiles.least)
        let before = second.store.files.count
        #expect(try Self.read(first, ofFirst) > 0)
        #expect(second.store.files.count == before)
    }

    @Test func `a store that goes gives back what it had`() throws {
        let budget = OpenFileBudget(100)
        do {
            let (world, records) = try Self.stage(100, budget)
            _ = try Self.read(world, records)
            #expect(!budget.take())
        }
        var count = 0
        while budget.take() { count += 1 }
        #expect(count == 100)
    }
}
