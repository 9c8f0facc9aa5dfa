import Disk
import TestKit
import Testing

/// What the simulated disk grants after a power cut, clause by clause.
@Suite struct SimulatedDiskTests {
    private let fates: [CutFate] = [.keepUnsynced, .dropUnsynced, .tear(seed: 1), .tear(seed: 2)]

    /// A disk whose `/d` is durable.
    private func prepared() throws -> SimulatedDisk {
        let disk = SimulatedDisk()
        try disk.makeDirectory("/d")
        try disk.syncDirectory("/")
        return disk
    }

    private func exists(_ path: String, on disk: SimulatedDisk) throws -> Bool {
        try disk.status(of: path) != nil
    }

    @Test func `synced bytes under a synced name survive every fate`() throws {
        let disk = try prepared()
        let file = try disk.open("/d/f", .createNew)
        try file.write([1, 2, 3], at: 0)
        try file.sync()
        try disk.syncDirectory("/d")
        for fate in fates {
            let after = disk.image(cuttingAfter: disk.operations, fate: fate)
            #expect(try after.contents(of: "/d/f") == [1, 2, 3], "\(fate)")
        }
    }

    @Test func `a synced file whose directory was not synced may be lost`() throws {
        let disk = try prepared()
        let file = try disk.open("/d/f", .createNew)
        try file.write([1], at: 0)
        try file.sync()
        #expect(try exists("/d/f", on: disk.image(cuttingAfter: 5, fate: .keepUnsynced)))
        #expect(try !exists("/d/f", on: disk.image(cuttingAfter: 5, fate: .dropUnsynced)))
    }

    @Test func `unsynced bytes and sizes are dropped`() throws {
        let disk = try prepared()
        let file = try disk.open("/d/f", .createNew)
        try file.write([1, 1, 1, 1], at: 0)
        try file.sync()
        try disk.syncDirectory("/d")
        try file.write([2], at: 1)
        try file.write([3], at: 9_000)
        let after = disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced)
        #expect(try after.contents(of: "/d/f") == [1, 1, 1, 1])
        try file.truncate(to: 2)
        #expect(
            try disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced)
                .contents(of: "/d/f").count == 4
        )
        #expect(
            try disk.image(cuttingAfter: disk.operations, fate: .keepUnsynced)
                .contents(of: "/d/f") == [1, 2]
        )
    }

    @Test func `a rename in one directory is whole, across two it needs both syncs`() throws {
        let disk = try prepared()
        try disk.makeDirectory("/e")
        try disk.syncDirectory("/")
        try disk.replace("/d/f", with: [1])
        try disk.rename("/d/f", to: "/d/g")
        for seed in 0..<20 {
            let torn = disk.image(cuttingAfter: disk.operations, fate: .tear(seed: UInt64(seed)))
            #expect(try exists("/d/f", on: torn) != exists("/d/g", on: torn))
        }
        try disk.syncDirectory("/d")
        try disk.rename("/d/g", to: "/e/g")
        try disk.syncDirectory("/e")
        let half = disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced)
        #expect(try exists("/d/g", on: half) && exists("/e/g", on: half))
        try disk.syncDirectory("/d")
        let whole = disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced)
        #expect(try !exists("/d/g", on: whole) && exists("/e/g", on: whole))
    }

    @Test func `a later change of a directory may be durable without an earlier one`() throws {
        let disk = try prepared()
        try disk.replace("/d/old", with: [1])
        let file = try disk.open("/d/new", .createNew)
        try file.sync()
        try disk.remove("/d/old")
        var found: Set<[Bool]> = []
        for seed in 0..<60 {
            let torn = disk.image(cuttingAfter: disk.operations, fate: .tear(seed: UInt64(seed)))
            found.insert([try exists("/d/new", on: torn), try exists("/d/old", on: torn)])
        }
        #expect(found == [[true, true], [true, false], [false, true], [false, false]])
    }

    @Test func `changes of one name keep their order`() throws {
        let disk = try prepared()
        try disk.replace("/d/f", with: [1])
        try disk.rename("/d/f", to: "/d/g")
        try disk.rename("/d/g", to: "/d/h")
        for seed in 0..<60 {
            let torn = disk.image(cuttingAfter: disk.operations, fate: .tear(seed: UInt64(seed)))
            #expect(try torn.list("/d").count == 1, "one file has one name")
        }
    }

    @Test func `a removed file comes back when its directory was not synced`() throws {
        let disk = try prepared()
        try disk.replace("/d/f", with: [1])
        try disk.remove("/d/f")
        #expect(
            try exists("/d/f", on: disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced))
        )
        try disk.syncDirectory("/d")
        for fate in fates {
            #expect(try !exists("/d/f", on: disk.image(cuttingAfter: disk.operations, fate: fate)))
        }
    }

    @Test func `a torn write keeps whole sectors of the old or the new`() throws {
        let disk = try prepared()
        let file = try disk.open("/d/f", .createNew)
        try file.write([UInt8](repeating: 1, count: 8_192), at: 0)
        try file.sync()
        try disk.syncDirectory("/d")
        try file.write([UInt8](repeating: 2, count: 6_000), at: 100)
        var kinds: Set<[UInt8]> = []
        for seed in 0..<50 {
            let torn = disk.image(cuttingAfter: disk.operations, fate: .tear(seed: UInt64(seed)))
            let bytes = try torn.contents(of: "/d/f")
            #expect(bytes.count == 8_192)
            for sector in stride(from: 0, to: 8_192, by: 512) {
                let inside = (max(sector, 100)..<max(min(sector + 512, 6_100), max(sector, 100)))
                #expect(Set(bytes[inside]).count <= 1, "sector \(sector) of seed \(seed)")
                let outside = (sector..<sector + 512).filter { !(100..<6_100).contains($0) }
                #expect(outside.allSatisfy { bytes[$0] == 1 })
            }
            kinds.insert(bytes)
        }
        #expect(kinds.count > 10, "seeds tear in different ways")
    }

    @Test func `a sync that is left out leaves its bytes undurable`() throws {
        let disk = try prepared()
        let file = try disk.open("/d/f", .createNew)
        try disk.syncDirectory("/d")
        try file.write([1], at: 0)
        try file.sync()
        try file.write([2], at: 1)
        try file.sync()
        #expect(disk.syncs.map(\.path) == ["/", "/d", "/d/f", "/d/f"])
        #expect(disk.syncs.map(\.isDirectory) == [true, true, false, false])
        func bytes(without sync: Int) throws -> [UInt8]? {
            let after = disk.image(
                cuttingAfter: disk.operations,
                fate: .dropUnsynced,
                skippingSync: sync
            )
            return try exists("/d/f", on: after) ? after.contents(of: "/d/f") : nil
        }
        #expect(try bytes(without: 4) == [1])
        #expect(try bytes(without: 3) == [1, 2], "a later sync covers what an earlier one missed")
        #expect(try bytes(without: 2) == nil)
        #expect(try bytes(without: 1) == nil)
    }

    @Test func `what a failed sync left pending is never durable`() throws {
        let disk = try prepared()
        let file = try disk.open("/d/f", .createNew)
        try disk.syncDirectory("/d")
        try file.write([1], at: 0)
        disk.fail(after: 0) { kind, _ in kind == .sync }
        #expect(throws: DiskError.self) { try file.sync() }
        try file.write([2], at: 1)
        try file.sync()
        let after = disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced)
        #expect(try after.contents(of: "/d/f") == [0, 2])
    }

    @Test func `marks tell what was acknowledged before a cut`() throws {
        let disk = try prepared()
        disk.mark("directory")
        try disk.replace("/d/f", with: [1])
        disk.mark("file")
        #expect(disk.marks(acknowledgedBy: 2).map(\.label) == ["directory"])
        #expect(disk.marks(acknowledgedBy: disk.operations).map(\.label) == ["directory", "file"])
    }

    @Test func `a full disk refuses growth, serves reads, and takes writes again after a removal`()
        throws
    {
        let disk = try prepared()
        try disk.replace("/d/f", with: [UInt8](repeating: 1, count: 10_000))
        disk.failAfter(bytes: 4_096)
        #expect(try disk.space(at: "/").available == 4_096)
        let file = try disk.open("/d/g", .createNew)
        try file.write([1], at: 0)
        do throws(DiskError) {
            try file.write([1], at: 5_000)
            Issue.record("the disk is full")
        } catch {
            #expect(error.code == .noSpace)
        }
        try file.write([2], at: 4_095)
        #expect(try disk.contents(of: "/d/f").count == 10_000)
        try disk.remove("/d/f")
        try file.write([1], at: 5_000)
        #expect(try disk.space(at: "/").available == 3 * 4_096 - 4_096)
    }

    @Test func `power goes after the operations that were granted`() throws {
        let disk = try prepared()
        let file = try disk.open("/d/f", .createNew)
        disk.cutPower(after: 1)
        try file.write([1], at: 0)
        for _ in 0..<2 {
            do throws(DiskError) {
                try file.write([1], at: 0)
                Issue.record("the power is off")
            } catch {
                #expect(error.code == .powerCut)
            }
        }
        #expect(throws: DiskError.self) { try disk.list("/") }
        #expect(disk.operations == 4)
    }

    @Test func `a flipped bit is silent and lasting`() throws {
        let disk = try prepared()
        try disk.replace("/d/f", with: [1, 2, 3])
        try disk.corrupt("/d/f", at: 1, mask: 0x80)
        #expect(try disk.contents(of: "/d/f") == [1, 0x82, 3])
        #expect(try disk.restarted().contents(of: "/d/f") == [1, 0x82, 3])
    }

    /// Goal: `replace` leaves the old bytes or the new, whatever the cut and the fate.
    @Test func `replace is atomic under every cut`() throws {
        let disk = try prepared()
        try disk.replace("/d/f", with: [UInt8](repeating: 1, count: 2_000))
        let before = disk.operations
        try disk.replace("/d/f", with: [UInt8](repeating: 2, count: 3_000))
        var replay = disk.replay()
        for cut in before...disk.operations {
            replay.advance(to: cut)
            for fate in fates + (3..<30).map({ .tear(seed: $0) }) {
                let bytes = try replay.image(fate).contents(of: "/d/f")
                let isOld = bytes == [UInt8](repeating: 1, count: 2_000)
                let isNew = bytes == [UInt8](repeating: 2, count: 3_000)
                #expect(isOld || isNew, "cut \(cut), \(fate)")
                if cut == disk.operations { #expect(isNew) }
            }
        }
    }

    @Test func `a long run is replayed at every cut`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 11))
        let disk = try prepared()
        let file = try disk.open("/d/f", .createNew)
        try disk.syncDirectory("/d")
        try file.preallocate(0..<1 << 20)
        var durable = 0
        for step in 0..<1_000 {
            try file.write(generator.bytes(100), at: UInt64(step * 1_000))
            if step.isMultiple(of: 10) {
                try file.sync()
                durable = step
            }
        }
        var replay = disk.replay()
        for cut in 0...disk.operations {
            replay.advance(to: cut)
            let torn = replay.image(.tear(seed: UInt64(cut)))
            if cut == disk.operations {
                let whole = try disk.contents(of: "/d/f")
                let kept = durable * 1_000 + 100
                #expect(try torn.contents(of: "/d/f").prefix(kept) == whole.prefix(kept))
            }
        }
    }
}
