import Disk
import TestKit
import Testing
import VarveModel

/// What power cuts leave of zones that leave, come back, and change.
@Suite struct ZonedCrashTests {
    /// What one run acknowledged, and when.
    private struct Run {
        let world: ZonedWorld
        /// Moments of the power line, with what every later start must find.
        var acknowledged: [(moment: Int, files: [String: [UInt8]])] = []
    }

    /// One of three leaves while files change; it comes back while others do; a member changes places with it.
    private func run() throws -> Run {
        let world = ZonedWorld()
        let disk = try world.create()
        var run = Run(world: world)
        var files: [String: [UInt8]] = [:]
        func put(_ name: String, _ bytes: [UInt8]) throws {
            try disk.replace(path(name), with: bytes)
            files[name] = bytes
            run.acknowledged.append((world.line.moment, files))
        }
        func remove(_ name: String) throws {
            try disk.remove(path(name))
            try disk.syncDirectory(ZonedWorld.root)
            files[name] = nil
            run.acknowledged.append((world.line.moment, files))
        }
        run.acknowledged.append((world.line.moment, files))
        try put("f", [UInt8](repeating: 1, count: 6_000))
        try put("g", [2, 2])
        world.disks[2].fail(after: 0, lasting: true)
        try put("f", [UInt8](repeating: 3, count: 5_000))
        try remove("g")
        try put("h", [4])
        world.disks[2].clearFaults()
        try disk.look()
        #expect(disk.inSync == ["a", "b", "c"])
        try put("h", [5, 5])
        world.disks[0].fail(after: 0, lasting: true)
        try put("g", [6])
        world.disks[0].clearFaults()
        try disk.look()
        try put("f", [7])
        disk.close()
        run.acknowledged.append((world.line.moment, files))
        return run
    }

    private func image(
        _ run: Run,
        at moment: Int,
        _ fate: (Int) -> CutFate
    ) -> ZonedWorld {
        let disks = run.world.disks.enumerated().map { number, disk in
            disk.image(cuttingAfter: disk.operations(by: moment), fate: fate(number))
        }
        return ZonedWorld(line: PowerLine(), disks: disks)
    }

    private func files(_ contents: [String: [UInt8]]) -> [String: [UInt8]] {
        contents.filter { !$0.key.hasSuffix(".new") }
    }

    @Test func `after a power cut at any step members are equal and hold what was acknowledged`()
        throws
    {
        let run = try run()
        let created = run.acknowledged[0].moment
        for moment in created...run.world.line.moment {
            let before = try #require(run.acknowledged.last { $0.moment <= moment })
            let after = run.acknowledged.first { $0.moment > moment } ?? before
            for kind in 0..<4 {
                let world = image(run, at: moment) { zone in
                    switch kind {
                    case 0: .keepUnsynced
                    case 1: .dropUnsynced
                    case 2: zone == moment % 3 ? .keepUnsynced : .dropUnsynced
                    default: .tear(seed: UInt64(moment * 3 + zone))
                    }
                }
                let disk = try world.open()
                let inSync = disk.standing.zones.indices.filter {
                    disk.standing.zones[$0].state == .inSync
                }
                #expect(inSync.count >= 2 && disk.standing.mayWrite, "moment \(moment) \(kind)")
                let found = try inSync.map { try world.contents(of: $0) }
                for each in found { #expect(each == found[0], "moment \(moment), fate \(kind)") }
                let seen = files(found[0])
                for name in ["f", "g", "h"] {
                    #expect(
                        seen[name] == before.files[name] || seen[name] == after.files[name],
                        "moment \(moment), fate \(kind): \(name)"
                    )
                }
                try disk.look()
                #expect(!disk.standing.isDegraded, "\(disk.standing)")
                for zone in 0..<3 { #expect(try world.contents(of: zone) == found[0]) }
                if moment % 5 == kind { try stays(found[0], world) }
            }
        }
    }

    /// What a start showed is there with any two of the zones, after another power cut.
    private func stays(_ contents: [String: [UInt8]], _ world: ZonedWorld) throws {
        for missing in 0..<3 {
            let disks = world.disks.map { disk in
                disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced)
            }
            let next = ZonedWorld(line: PowerLine(), disks: disks)
            next.disks[missing].vanish()
            let disk = try next.open()
            #expect(disk.inSync.count == 2)
            for zone in 0..<3 where zone != missing {
                #expect(try next.contents(of: zone) == contents)
            }
        }
    }

    /// The power of one zone alone goes at any step: the others answer, and it comes back.
    @Test(arguments: [0, 1, 2])
    func `one zone without power at any step loses nothing`(zone: Int) throws {
        for step in 0..<60 {
            let world = ZonedWorld()
            let disk = try world.create()
            world.disks[zone].cutPower(after: step)
            var expected: [String: [UInt8]] = [:]
            for number in 0..<6 {
                let name = "f\(number % 3)"
                try disk.replace(path(name), with: [UInt8](repeating: UInt8(number), count: 5_000))
                expected[name] = [UInt8](repeating: UInt8(number), count: 5_000)
            }
            try disk.remove(path("f0"))
            try disk.syncDirectory(ZonedWorld.root)
            expected["f0"] = nil
            for fate in [CutFate.dropUnsynced, .keepUnsynced, .tear(seed: UInt64(step))] {
                let disks = world.disks.map { $0.image(cuttingAfter: $0.operations, fate: fate) }
                let next = ZonedWorld(line: PowerLine(), disks: disks)
                let again = try next.open()
                try again.look()
                #expect(!again.standing.isDegraded, "step \(step): \(again.standing)")
                for each in 0..<3 {
                    #expect(try files(next.contents(of: each)) == expected, "step \(step)")
                }
            }
        }
    }

    /// An epoch that one zone alone wrote before the power went must not win over what others acknowledged since.
    @Test func `a start that one zone alone remembers does not win`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        try disk.replace(path("f"), with: [1])
        for cut in 0..<40 {
            let next = world.restarted()
            // A and B begin, C is away; the power goes for B at any step, and A goes on for itself.
            next.disks[2].vanish()
            next.disks[1].cutPower(after: cut)
            // Whether it began does not matter.
            _ = try? next.open()
            let line = PowerLine()
            let apart = ZonedWorld(line: line, disks: next.disks.map { $0.restarted(line: line) })
            // B and C go on, and acknowledge.
            apart.disks[0].vanish()
            let begun = try apart.open()
            try begun.replace(path("f"), with: [2])
            // A returns.
            let last = apart.restarted()
            let again = try last.open()
            #expect(try again.contents(of: path("f")) == [2], "cut \(cut)")
            try again.look()
            for zone in 0..<3 { #expect(try last.contents(of: zone)["f"] == [2], "cut \(cut)") }
        }
    }

    @Test func `a sync that failed is not believed, though its bytes can be read`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let file = try disk.open(path("f"), .createNew)
        try file.sync()
        try disk.syncDirectory(ZonedWorld.root)
        try file.write([UInt8](repeating: 1, count: 10_000), at: 0)
        // The page cache of B shows the bytes, and its medium has lost them.
        world.disks[1].fail(after: 0) { kind, path in kind == .sync && path.hasSuffix("/f") }
        try file.sync()
        #expect(disk.inSync == ["a", "c"])
        try disk.look()
        #expect(disk.inSync == ["a", "b", "c"])
        let image = world.disks[1].image(
            cuttingAfter: world.disks[1].operations,
            fate: .dropUnsynced
        )
        #expect(try image.contents(of: "/b/fs/f") == [UInt8](repeating: 1, count: 10_000))
    }
}
