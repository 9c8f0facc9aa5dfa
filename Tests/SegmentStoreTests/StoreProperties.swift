import Disk
import SegmentStore
import TestKit
import Testing
import VarveModel

/// Goal: whatever the order of calls, every live record reads as it was written, space adds up, and
/// nothing live is ever given back (I6).
///
/// Method: seeded random calls on the store and on a plain dictionary, side by side.
@Suite struct StoreProperties {
    struct Model {
        struct Record {
            let draft: RecordDraft
            let bytes: [UInt8]
            let tier: Tier
        }

        var live: [RecordAddress: Record] = [:]
        var mix: [String: Int] = [:]

        mutating func count(_ kind: String) { mix[kind, default: 0] += 1 }

        /// Addresses in an order that a seed repeats.
        var addresses: [RecordAddress] {
            live.keys.sorted { ($0.segment, $0.offset) < ($1.segment, $1.offset) }
        }
    }

    static let kinds = [
        "append", "read", "read whole", "sync", "reclaim", "finish", "restart", "crash", "sweep",
        "copy", "segment removed", "punch", "no space", "failed write",
    ]

    @Test func `the store agrees with the model`() throws {
        var random = SeededGenerator(seed: testSeed(default: 77))
        var model = Model()
        let disk = SimulatedDisk(recording: false)
        let world = try World(disk: disk) { $0.preallocationBytes = 32 << 10 }
        var sequence: UInt64 = 0
        let steps = TestSizes.current.engineModelOperations / 10
        for step in 0..<steps {
            do {
                try Self.step(world, &model, &random, &sequence)
            } catch {
                Issue.record("step \(step): \(error)")
                return
            }
            if step % 200 == 199 { try Self.checkAll(world, model, "step \(step)") }
        }
        try Self.checkAll(world, model, "the end")
        print("mix: \(model.mix.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })")
        for kind in Self.kinds { #expect(model.mix[kind] != nil, "\(kind) never occurred") }
    }

    static func step(
        _ world: World,
        _ model: inout Model,
        _ random: inout SeededGenerator,
        _ sequence: inout UInt64
    ) throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<45: try append(world, &model, &random, &sequence)
        case 45..<68: try read(world, &model, &random)
        case 68..<78:
            try world.store.syncDirty()
            model.count("sync")
        case 78..<87: try reclaim(world, &model, &random)
        case 87..<90:
            world.store.finishSegment(Tier.allCases.randomElement(using: &random) ?? .standard)
            model.count("finish")
        case 90..<92: try restart(world, &model, &random)
        case 92..<95: try sweep(world, &model, &random)
        default: try copy(world, &model, &random)
        }
    }

    static func append(
        _ world: World,
        _ model: inout Model,
        _ random: inout SeededGenerator,
        _ sequence: inout UInt64
    ) throws {
        sequence += 1
        let size = Int.random(in: 1...(Bool.random(using: &random) ? 5000 : 90_000), using: &random)
        let tier = Int.random(in: 0..<4, using: &random) == 0 ? Tier.infrequentAccess : .standard
        let bytes = Samples.mixed(size, &random)
        let fault = Int.random(in: 0..<30, using: &random)
        if fault == 0 { world.disk.fail(after: 0) { kind, _ in kind == .write } }
        if fault == 1 { world.disk.setCapacity(0) }
        do throws(SegmentError) {
            let address = try world.store.append(draft(sequence), bytes, tier: tier)
            #expect(model.live[address] == nil, "an address came twice")
            model.live[address] = .init(draft: draft(sequence), bytes: bytes, tier: tier)
            model.count("append")
        } catch {
            #expect(fault < 2, "\(error)")
            model.count(error.code == .noSpace ? "no space" : "failed write")
        }
        world.disk.clearFaults()
        world.disk.setCapacity(1 << 40)
    }

    static func read(_ world: World, _ model: inout Model, _ random: inout SeededGenerator) throws {
        guard let address = model.addresses.randomElement(using: &random),
            let record = model.live[address]
        else { return }
        if Bool.random(using: &random) {
            let found = try world.store.readRecord(address, expecting: record.draft.identity)
            #expect(found.bytes == record.bytes && found.header.draft == record.draft)
            model.count("read whole")
        } else {
            let lower = Int.random(in: 0..<record.bytes.count, using: &random)
            let upper = Int.random(in: lower...record.bytes.count, using: &random)
            let found = try world.store.bytes(address, record.draft, lower..<upper)
            #expect(found == Array(record.bytes[lower..<upper]))
            model.count("read")
        }
    }

    static func reclaim(_ world: World, _ model: inout Model, _ random: inout SeededGenerator)
        throws
    {
        // Neighbours go together, as a deleted file's records do.
        let all = model.addresses
        guard !all.isEmpty else { return }
        let start = Int.random(in: all.indices, using: &random)
        let count = Int.random(in: 1...40, using: &random)
        let chosen = Array(all[start..<min(all.count, start + count)])
        for address in chosen { model.live[address] = nil }
        note(try world.store.reclaim(chosen), &model)
        model.count("reclaim")
    }

    static func note(_ result: Reclaimed, _ model: inout Model) {
        #expect(result.ignored == 0)
        if result.bytesPunched > 0 { model.count("punch") }
        for segment in result.segmentsRemoved {
            model.count("segment removed")
            #expect(
                !model.live.keys.contains { $0.segment == segment },
                "live records were removed"
            )
        }
    }

    static func restart(_ world: World, _ model: inout Model, _ random: inout SeededGenerator)
        throws
    {
        if Bool.random(using: &random) {
            try world.store.close()
            model.count("restart")
        } else {
            model.count("crash")
        }
        try world.reopen()
    }

    static func sweep(_ world: World, _ model: inout Model, _ random: inout SeededGenerator) throws
    {
        let closed = world.store.usage().filter { $0.state == .closed }
        guard let segment = closed.randomElement(using: &random)?.segment else { return }
        let live = model.addresses.filter { $0.segment == segment }
        let found = try world.store.scan(segment).records.map(\.address)
        #expect(Set(live).isSubset(of: found), "a scan missed a live record")
        note(try world.store.sweep(segment, live: live.shuffled(using: &random)), &model)
        model.count("sweep")
    }

    static func copy(_ world: World, _ model: inout Model, _ random: inout SeededGenerator) throws {
        guard let old = model.addresses.randomElement(using: &random),
            let record = model.live[old]
        else { return }
        let tier = Tier.allCases.randomElement(using: &random) ?? .archive
        let new = try world.store.copyRecord(old, expecting: record.draft.identity, to: tier)
        model.live[old] = nil
        model.live[new] = .init(draft: record.draft, bytes: record.bytes, tier: tier)
        note(try world.store.reclaim([old]), &model)
        model.count("copy")
    }

    static func checkAll(_ world: World, _ model: Model, _ when: String) throws {
        for (address, record) in model.live {
            let found = try world.store.bytes(address, record.draft, 0..<record.bytes.count)
            #expect(found == record.bytes, "\(when): \(record.draft.identity)")
        }
        var live: [Tier: UInt64] = [:]
        for (address, record) in model.live { live[record.tier, default: 0] += address.footprint }
        let statistics = try world.store.statistics()
        for tier in Tier.allCases {
            #expect(statistics[tier]?.liveBytes == live[tier, default: 0], "\(when): \(tier)")
        }
        for segment in world.store.usage().map(\.segment) {
            #expect(try world.store.verify(segment).isEmpty || hasHoles(world, segment))
        }
    }

    /// A punched segment may hold headers whose blocks were punched away behind them.
    static func hasHoles(_ world: World, _ segment: SegmentID) throws -> Bool {
        guard let usage = world.store.usage(of: segment) else { return false }
        let path = World.path(segment, usage.tier)
        guard let status = try world.disk.status(of: path) else { return false }
        return status.allocated < status.size
    }
}
