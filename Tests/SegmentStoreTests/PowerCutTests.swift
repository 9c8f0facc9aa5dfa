import Disk
import SegmentStore
import TestKit
import Testing
import VarveModel

/// Goal: what a sync has covered reads back after a power cut at any instant, and no record ever
/// reads as other bytes (I1, I2, I5).
///
/// Method: one run is recorded; then the disk that a cut after each of its writes leaves is opened,
/// with unsynced writes kept, dropped and torn, and every record ever appended is asked for.
@Suite struct PowerCutTests {
    struct Written {
        let address: RecordAddress
        let draft: RecordDraft
        let bytes: [UInt8]
        /// Operations after which a sync covered it.
        var durableAt = Int.max
        /// The store that wrote it died before a sync.
        var isForgotten = false
        /// Operations after which it was given back.
        var freedAt = Int.max
    }

    struct Sync {
        let began: Int
        let ended: Int
        let position: DurablePosition
    }

    struct Run {
        let world: World
        var records: [Written] = []
        var syncs: [Sync] = []

        mutating func append(_ size: Int, _ tier: Tier, _ random: inout SeededGenerator) throws {
            let draft = draft(UInt64(records.count + 1))
            let bytes = Samples.mixed(size, &random)
            let address = try world.store.append(draft, bytes, tier: tier)
            records.append(Written(address: address, draft: draft, bytes: bytes))
        }

        mutating func sync() throws {
            let began = world.disk.operations
            let position = DurablePosition(generation: 1, frame: UInt64(syncs.count + 1))
            guard try world.store.syncDirty(after: position) > 0 else { return }
            for index in records.indices
            where records[index].durableAt == .max && !records[index].isForgotten {
                records[index].durableAt = world.disk.operations
            }
            syncs.append(Sync(began: began, ended: world.disk.operations, position: position))
        }

        mutating func free(every nth: Int, from start: Int) throws {
            let chosen = stride(from: start, to: records.count, by: nth).filter {
                records[$0].freedAt == .max && records[$0].durableAt < .max
            }
            for index in chosen { records[index].freedAt = world.disk.operations }
            try world.store.reclaim(chosen.map { records[$0].address })
        }
    }

    /// Appends in all tiers, syncs, frees, recycles and restarts.
    static func record(seed: UInt64) throws -> Run {
        var random = SeededGenerator(seed: seed)
        let world = try World { configuration in
            configuration.segmentBytes = 48 << 10
            configuration.preallocationBytes = 16 << 10
        }
        var run = Run(world: world)
        for round in 0..<14 {
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let size = Int.random(in: 1...9000, using: &random)
                let tier: Tier = Int.random(in: 0..<5, using: &random) == 0 ? .archive : .standard
                try run.append(size, tier, &random)
            }
            try run.sync()
            if round == 5 { try run.free(every: 3, from: 0) }
            if round == 6 { try run.free(every: 1, from: 0) }
            if round == 9 {
                try run.append(70_000, .standard, &random)
                try world.reopen()
                run.records[run.records.count - 1].isForgotten = true
            }
            if round == 11 { world.store.finishSegment(.standard) }
        }
        try world.store.close()
        return run
    }

    /// What is wrong with the store that is found after a cut.
    static func violations(_ run: Run, _ disk: SimulatedDisk, cut: Int) throws -> [String] {
        let world = try run.world.on(disk, known: run.world.store.usage())
        var wrong: [String] = []
        for record in run.records {
            let isDue = record.durableAt <= cut && record.freedAt >= cut
            do {
                let found = try world.store.bytes(
                    record.address,
                    record.draft,
                    0..<record.bytes.count
                )
                if found != record.bytes { wrong.append("\(record.draft.identity): other bytes") }
            } catch {
                if isDue { wrong.append("\(record.draft.identity): lost: \(error)") }
            }
        }
        let position = world.store.lastDurablePosition()
        let least = run.syncs.last { $0.ended <= cut }?.position ?? .none
        let most = run.syncs.last { $0.began <= cut }?.position ?? .none
        if !(least...most).contains(position) {
            wrong.append("log position \(position) is not between \(least) and \(most)")
        }
        let fresh = try world.store.append(draft(1), [1, 2, 3])
        try world.store.syncDirty()
        if try world.store.bytes(fresh, draft(1), 0..<3) != [1, 2, 3] { wrong.append("no append") }
        return wrong
    }

    static func fates(_ cut: Int) -> [CutFate] {
        [.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut)), .tear(seed: UInt64(cut) << 20)]
    }

    @Test func `synced records survive a power cut after every write`() throws {
        let run = try Self.record(seed: testSeed(default: 41))
        #expect(run.records.contains { $0.freedAt < .max })
        #expect(run.world.disk.history.contains { $0.kind == .rename }, "a spare was written over")
        var replay = run.world.disk.replay()
        let stride = TestSizes.current.powerCutStride
        for cut in Swift.stride(from: 0, through: run.world.disk.operations, by: stride) {
            replay.advance(to: cut)
            for fate in Self.fates(cut) {
                let wrong = try Self.violations(run, replay.image(fate), cut: cut)
                #expect(wrong.isEmpty, "cut after \(cut), \(fate): \(wrong)")
            }
        }
    }

    /// Goal: the test above would notice a missing sync.
    ///
    /// Method: each sync in turn never reaches the medium; then some cut must lose something. Two
    /// kinds are explained: that of a header, which the first sync of records covers again, and that
    /// of a table, without which a scan finds the records just as well. A directory's is explained
    /// where a later one covers it before anything relies on it.
    @Test func `a sync that is left out is noticed`() throws {
        let run = try Self.record(seed: 41)
        let history = run.world.disk.history
        var noticed = 0
        for sync in run.world.disk.syncs {
            var replay = run.world.disk.replay(skippingSync: sync.number)
            // Rely on it after the next few syncs of the store.
            var isNoticed = false
            for cut in run.syncs.map(\.ended).filter({ $0 >= sync.operation }).prefix(3) {
                replay.advance(to: cut)
                let wrong = try Self.violations(run, replay.image(.dropUnsynced), cut: cut)
                isNoticed = isNoticed || !wrong.isEmpty
            }
            if isNoticed { noticed += 1 }
            let before = history[sync.operation - 2]
            let endsRecords = before.kind == .write && before.description.contains(" 256 bytes at")
            if endsRecords { #expect(isNoticed, "\(sync)") }
        }
        #expect(noticed > run.syncs.count)
    }
}
