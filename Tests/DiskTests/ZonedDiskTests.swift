import Disk
import TestKit
import Testing
import VarveModel

@Suite struct ZonedDiskTests {
    @Test func `three directories of the host keep the contract`() throws {
        let directory = try TemporaryDirectory()
        let zones = ["a", "b", "c"].map {
            DiskZone(name: $0, directory: directory.path + "/" + $0, disk: HostDisk())
        }
        let disk = try ZonedDisk.create(
            root: "/logical/root",
            zones: zones,
            unique: ZonedWorld.unique,
            report: { Issue.record("\($0)") }
        )
        #expect(try DiskContract.violations(of: disk, in: "/logical/root") == [])
        #expect(!disk.standing.isDegraded)
        let found = try zones.map { try ZonedWorld.contents(of: $0.disk, in: $0.directory) }
        #expect(found[0].keys.sorted() == ["bytes", "lock", "space", "unlinked"])
        #expect(found[0] == found[1] && found[1] == found[2])
    }

    @Test func `three simulated disks keep the contract`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        #expect(try DiskContract.violations(of: disk, in: ZonedWorld.root) == [])
        #expect(world.told == [])
        let found = try (0..<3).map { try world.contents(of: $0) }
        #expect(found[0].keys.sorted() == ["bytes", "lock", "space", "unlinked"])
        #expect(found[0] == found[1] && found[1] == found[2])
    }

    @Test func `the root hides the zones' file, and nothing else can be reached`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        try disk.replace(path("f"), with: [1])
        #expect(try disk.list(ZonedWorld.root) == ["f"])
        #expect(try disk.status(of: "/state")?.kind == .directory)
        #expect(try disk.status(of: "/")?.kind == .directory)
        try disk.makeDirectory("/state")
        try disk.syncDirectory("/state")
        for place in ["/elsewhere/f", "/state/fs2", path("zone"), path("zone.new"), "/state"] {
            #expect(throws: DiskError.self, "\(place)") { _ = try disk.open(place, .create) }
        }
        try disk.lock(path("lock")).release()
        try disk.remove(path("f"))
        try disk.remove(path("lock"))
        try disk.removeDirectory(ZonedWorld.root)
        for zone in world.zones {
            #expect(try zone.disk.status(of: zone.directory) == nil)
        }
        #expect(throws: DiskError.self) { try disk.makeDirectory(path("d")) }
    }

    @Test func `create wants empty directories and at least three zones`() throws {
        let world = ZonedWorld()
        _ = try world.create()
        #expect(throws: DiskError.self) { _ = try world.create() }
        #expect(throws: DiskError.self) {
            _ = try ZonedDisk.create(
                root: "/x",
                zones: Array(ZonedWorld().zones.prefix(2)),
                unique: ZonedWorld.unique,
                report: { _ in }
            )
        }
    }

    enum Fault: String, CaseIterable {
        case write, sync, readOnly, full, gone, create, rename, list
    }

    /// Whatever one of three fails with: the call is answered by the two others, the zone is out, and comes back equal.
    @Test(arguments: Fault.allCases, [0, 1, 2])
    func `one zone that fails is out, and comes back`(fault: Fault, zone: Int) throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let quiet = try disk.open(path("quiet"), .createNew)
        try quiet.write([UInt8](repeating: 3, count: 1 << 20), at: 0)
        try quiet.sync()
        let file = try disk.open(path("f"), .createNew)
        try file.write([UInt8](repeating: 1, count: 10_000), at: 0)
        try file.sync()
        try disk.syncDirectory(ZonedWorld.root)
        // The list forgets files that rest.
        for number in 0..<3 { try disk.replace(path("other\(number)"), with: [UInt8(number)]) }
        let bad = world.disks[zone]
        switch fault {
        case .write:
            bad.fail(after: 0, lasting: true) { kind, path in kind == .write && path.hasSuffix("/f")
            }
        case .sync:
            bad.fail(after: 0, lasting: true) { kind, path in kind == .sync && path.hasSuffix("/f")
            }
        case .readOnly: bad.fail(after: 0, with: .denied, lasting: true)
        case .full: bad.failAfter(bytes: 8192)
        case .gone: bad.vanish()
        case .create: bad.fail(after: 0, lasting: true) { kind, _ in kind == .create }
        case .rename: bad.fail(after: 0, lasting: true) { kind, _ in kind == .rename }
        case .list: bad.fail(after: 0, lasting: true) { _, path in path.hasSuffix("/zone.new") }
        }
        try file.write([UInt8](repeating: 2, count: 20_000), at: 4_000)
        try file.sync()
        try disk.replace(path("new"), with: [9])
        try disk.remove(path("other0"))
        try disk.syncDirectory(ZonedWorld.root)
        let name = ["a", "b", "c"][zone]
        #expect(disk.inSync == ["a", "b", "c"].filter { $0 != name }, "\(disk.standing)")
        #expect(disk.standing.mayWrite && disk.standing.isDegraded)
        if case .out(.full, _) = disk.state(name) {
            #expect(fault == .full)
        } else {
            #expect(fault != .full)
        }
        #expect(try file.read(count: 2, at: 3_999) == [1, 2])
        // While it is out nothing brings it back, and a look changes nothing.
        try disk.look()
        if fault == .gone || fault == .readOnly || fault == .full {
            #expect(disk.inSync.count == 2)
        }
        try file.write([5], at: 7)
        try file.sync()
        bad.clearFaults()
        bad.setCapacity(1 << 40)
        let copiedBefore = disk.standing.resilveredBytes
        try disk.look()
        #expect(disk.inSync == ["a", "b", "c"], "\(disk.standing) \(world.told)")
        #expect(!disk.standing.isDegraded)
        let copied = disk.standing.resilveredBytes - copiedBefore
        #expect(copied <= 24_000 + 3 * 4_096, "the quiet MiB was not missed: \(copied)")
        // It takes part again, also in files that were open.
        try file.write([6], at: 8)
        try file.sync()
        let found = try (0..<3).map { try world.contents(of: $0) }
        #expect(found[0] == found[1] && found[1] == found[2])
        #expect(found[0]["other0"] == nil && found[0]["new"] == [9])
        #expect(found[0]["f"]?[7...9] == [5, 6, 1])
        // And durably.
        let after = world.line.moment
        for each in 0..<3 {
            let image = world.disks[each].image(
                cuttingAfter: world.disks[each].operations(by: after),
                fate: .dropUnsynced
            )
            #expect(try ZonedWorld.contents(of: image, in: world.zones[each].directory) == found[0])
        }
    }

    @Test func `with one of three zones nothing is written, and everything is read`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let file = try disk.open(path("f"), .createNew)
        try file.write([1, 2, 3], at: 0)
        try file.sync()
        try disk.syncDirectory(ZonedWorld.root)
        world.disks[0].vanish()
        try file.write([4], at: 0)
        try file.sync()
        world.disks[1].fail(after: 0, lasting: true)
        #expect(throws: DiskError.self) {
            try file.write([7], at: 1)
            try file.sync()
        }
        #expect(!disk.standing.mayWrite)
        for body in changes(of: disk, file) {
            let error = #expect(throws: DiskError.self) { try body() }
            #expect(error?.code == .denied && error?.errno == 30)
            #expect(error?.message.contains("zone 'a'") == true, "\(error!)")
            #expect(error?.message.contains("zone 'b'") == true)
        }
        #expect(try file.read(count: 3, at: 0) == [4, 7, 3])
        #expect(try disk.contents(of: path("f")) == [4, 7, 3])
        try disk.look()
        #expect(!disk.standing.mayWrite)
        // One comes back: a majority again, but what was open must be opened anew.
        world.disks[1].clearFaults()
        try disk.look()
        #expect(disk.standing.mayWrite && disk.inSync == ["b", "c"], "\(disk.standing)")
        for body in [{ try file.write([8], at: 0) }, { try file.sync() }] {
            let error = #expect(throws: DiskError.self) { try body() }
            #expect(error?.message.contains("was open while") == true)
        }
        #expect(try file.read(count: 3, at: 0) == [4, 7, 3])
        let again = try disk.open(path("f"), .readWrite)
        try again.write([8], at: 0)
        try again.sync()
        world.disks[0].clearFaults()
        try disk.look()
        #expect(disk.inSync == ["a", "b", "c"])
        let found = try (0..<3).map { try world.contents(of: $0) }
        #expect(found == [["f": [8, 7, 3]], ["f": [8, 7, 3]], ["f": [8, 7, 3]]])
    }

    private func changes(of disk: ZonedDisk, _ file: any DiskFile) -> [() throws -> Void] {
        [
            { try file.write([9], at: 0) }, { try file.sync() }, { try file.truncate(to: 1) },
            { try file.preallocate(0..<10) }, { try file.punch(0..<1) },
            { _ = try disk.open(path("g"), .create) }, { _ = try disk.open(path("g"), .createNew) },
            { try disk.remove(path("f")) }, { try disk.makeDirectory(path("d")) },
            { try disk.rename(path("f"), to: path("g")) },
            { try disk.syncDirectory(ZonedWorld.root) },
            { try disk.removeDirectory(path("d")) },
        ]
    }

    @Test func `a disk that is full everywhere says so, and takes writes when there is room`()
        throws
    {
        let world = ZonedWorld()
        let disk = try world.create()
        let file = try disk.open(path("f"), .createNew)
        try file.write([UInt8](repeating: 1, count: 4_096), at: 0)
        try file.sync()
        for each in world.disks { each.failAfter(bytes: 8_192) }
        let error = #expect(throws: DiskError.self) {
            try file.write([UInt8](repeating: 2, count: 1 << 20), at: 4_096)
        }
        #expect(error?.code == .noSpace)
        #expect(disk.standing.mayWrite && !disk.standing.isDegraded)
        // Two are full, and one has room: what it took is taken back.
        world.disks[1].setCapacity(1 << 40)
        #expect(throws: DiskError.self) { try file.preallocate(4_096..<1 << 20) }
        #expect(disk.standing.mayWrite && !disk.standing.isDegraded)
        #expect(
            try (0..<3).map { try world.contents(of: $0)["f"]?.count } == [4_096, 4_096, 4_096]
        )
        // One is full: it is out, and back when it has room for what it missed and a margin.
        world.disks[0].setCapacity(1 << 40)
        try file.write([UInt8](repeating: 3, count: 1 << 20), at: 4_096)
        try file.sync()
        #expect(disk.inSync == ["a", "b"])
        #expect(disk.standing.zones[2].missedBytes == 1 << 20)
        world.disks[2].failAfter(bytes: 63 << 20)
        try disk.look()
        #expect(disk.inSync == ["a", "b"])
        world.disks[2].failAfter(bytes: 66 << 20)
        try disk.look()
        #expect(disk.inSync == ["a", "b", "c"])
        #expect(try disk.space(at: ZonedWorld.root).available < 66 << 20, "the least of the zones")
    }

    @Test func `what does not read in one zone is read in another, and copies can be mended`()
        throws
    {
        let world = ZonedWorld()
        let disk = try world.create()
        try disk.replace(path("f"), with: [UInt8](repeating: 1, count: 9_000))
        let file = try disk.open(path("f"), .read)
        world.disks[0].failReads { $0.hasSuffix("/f") }
        #expect(try file.read(count: 2, at: 0) == [1, 1])
        #expect(try file.read(count: 2, at: 10) == [1, 1])
        #expect(world.told.count == 1 && world.told[0].contains("zone 'a'"))
        #expect(disk.inSync == ["a", "b", "c"])
        #expect(disk.standing.zones.map(\.failedReads) == [2, 0, 0])
        #expect(disk.standing.zones[0].lastFailedRead?.isEmpty == false)
        world.disks[0].clearFaults()
        try world.disks[0].corrupt("/a/fs/f", at: 5, mask: 4)
        #expect(try file.read(count: 3, at: 4) == [1, 5, 1])
        let copies = file.copies
        #expect(copies.map(\.zone) == ["a", "b", "c"])
        #expect(try copies.map { try $0.size() } == [9_000, 9_000, 9_000])
        try [1].withUnsafeBytes { try copies[0].mend($0.prefix(1).rebased, at: 5) }
        #expect(try file.read(count: 3, at: 4) == [1, 1, 1])
        #expect(disk.standing.mendedBytes == 1)
        // A zone that does not take them is out.
        world.disks[0].fail(after: 0, lasting: true)
        #expect(throws: DiskError.self) {
            try [1].withUnsafeBytes { try copies[0].mend($0.prefix(1).rebased, at: 5) }
        }
        #expect(disk.inSync == ["b", "c"])
        #expect(file.copies.map(\.zone) == ["b", "c"])
        // Of the two that are left none is given up for it.
        world.disks[1].fail(after: 0, lasting: true)
        #expect(throws: DiskError.self) {
            try [1].withUnsafeBytes { try copies[1].mend($0.prefix(1).rebased, at: 5) }
        }
        #expect(disk.inSync == ["b", "c"] && disk.standing.mayWrite)
    }

    @Test func `a file that is missing in one zone is read in another, and put there again`() throws
    {
        let world = ZonedWorld()
        let disk = try world.create()
        try disk.replace(path("f"), with: [1, 2])
        try world.disks[0].remove("/a/fs/f")
        #expect(try disk.list(ZonedWorld.root) == ["f"])
        #expect(try disk.status(of: path("f"))?.size == 2)
        #expect(try disk.contents(of: path("f")) == [1, 2])
        #expect(disk.inSync == ["b", "c"])
        try disk.look()
        #expect(disk.inSync == ["a", "b", "c"])
        #expect(try world.contents(of: 0) == ["f": [1, 2]])
    }

    @Test func `an empty or foreign directory is filled only when it is admitted`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let large = (0..<100_000).map { UInt8(truncatingIfNeeded: ($0 &* 7) &>> 3) }
        try disk.makeDirectories(path("d/e"))
        try disk.replace(path("d/e/f"), with: large)
        disk.close()
        // A new disk in its place, with somebody's file.
        let line = PowerLine()
        let fresh = SimulatedDisk(line: line)
        try fresh.makeDirectories("/b/fs")
        try fresh.replace("/b/fs/theirs", with: [1])
        var disks = world.disks.map { $0.restarted(line: line) }
        disks[1] = fresh
        let next = ZonedWorld(line: line, disks: disks)
        let again = try next.open()
        #expect(again.inSync == ["a", "c"])
        #expect(again.state("b") == .out(.absent, since: next.clock.now()))
        try again.look()
        #expect(try next.contents(of: 1) == ["theirs": [1]])
        #expect(throws: DiskError.self) { try again.admit(zone: "a") }
        #expect(throws: DiskError.self) { try again.admit(zone: "x") }
        try again.admit(zone: "b")
        #expect(again.standing.zones[1].missedFiles == nil)
        try again.look()
        #expect(again.inSync == ["a", "b", "c"])
        #expect(again.standing.resilveredBytes == 100_000)
        #expect(try next.contents(of: 1) == next.contents(of: 0))
        // Another file system's directory is not ours.
        let stranger = ZonedWorld()
        let other = try ZonedDisk.create(
            root: ZonedWorld.root,
            zones: stranger.zones,
            unique: [UInt8](repeating: 9, count: 16),
            report: { _ in }
        )
        other.close()
        let mixed = ZonedWorld(line: line, disks: [disks[0], disks[1], stranger.disks[2]])
        let third = try mixed.open()
        #expect(third.state("c") == .out(.foreign, since: mixed.clock.now()))
    }

    @Test func `once a later start is promised an earlier one changes nothing`() throws {
        let world = ZonedWorld()
        let old = try world.create()
        try old.replace(path("f"), with: [1])
        let new = try world.open()
        try new.replace(path("f"), with: [2])
        let refused = #expect(throws: DiskError.self) { try old.replace(path("g"), with: [3]) }
        #expect(refused?.errno == 30)
        #expect(!old.standing.mayWrite && old.standing.stops == 1)
        #expect(throws: DiskError.self) { try old.look() }
        #expect(!old.standing.mayWrite && new.standing.mayWrite)
        try new.replace(path("h"), with: [4])
        #expect(new.inSync == ["a", "b", "c"])
        for zone in 0..<3 {
            let found = try world.contents(of: zone)
            #expect(found["f"] == [2] && found["h"] == [4] && found["g"] == nil)
        }
    }

    @Test func `through a disk that is closed no zone is let in, and none is looked after`() throws
    {
        let world = ZonedWorld()
        let disk = try world.create()
        try disk.replace(path("f"), with: [1])
        world.disks[2].vanish()
        try disk.replace(path("f"), with: [2])
        #expect(disk.inSync == ["a", "b"])
        disk.close()
        world.disks[2].clearFaults()
        let before = try world.disks[2].contents(of: "/c/fs/zone")
        let refused = #expect(throws: DiskError.self) { try disk.admit(zone: "c") }
        #expect(refused?.code == .busy)
        try disk.look()
        #expect(try world.disks[2].contents(of: "/c/fs/zone") == before)
        #expect(try world.disks[2].contents(of: "/c/fs/f") == [1])
    }

    @Test func `a start that sees too few promises nothing`() throws {
        let world = ZonedWorld()
        try world.create().close()
        for number in 1...2 { world.disks[number].vanish() }
        let before = try world.disks[0].contents(of: "/a/fs/zone")
        for _ in 0..<3 { #expect(throws: DiskError.self) { try world.open() } }
        #expect(try world.disks[0].contents(of: "/a/fs/zone") == before)
    }

    @Test func `a start wants a majority, and names what is missing`() throws {
        let world = ZonedWorld()
        try world.create().close()
        for missing in 0..<3 {
            let next = world.restarted()
            for zone in 0..<3 where zone != missing { next.disks[zone].vanish() }
            let error = #expect(throws: DiskError.self) { _ = try next.open() }
            for zone in 0..<3 {
                let isNamed = error?.message.contains("zone '\(["a", "b", "c"][zone])'") == true
                #expect(isNamed == (zone != missing), "\(error!)")
            }
        }
        for missing in 0..<3 {
            let next = world.restarted()
            next.disks[missing].vanish()
            #expect(try next.open().inSync.count == 2)
        }
    }

    /// B was alone with A when C had left; with A gone, C is behind, and is made equal before anything is written.
    @Test func `a start with a member and a stale zone makes that one equal first`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        try disk.replace(path("old"), with: [1])
        world.disks[2].fail(after: 0, lasting: true)
        try disk.replace(path("new"), with: [2])
        try disk.remove(path("old"))
        try disk.syncDirectory(ZonedWorld.root)
        let next = world.restarted()
        next.disks[0].vanish()
        let again = try next.open()
        #expect(again.standing.mayWrite && again.inSync == ["b", "c"], "\(again.standing)")
        #expect(try next.contents(of: 2) == ["new": [2]])
        try again.replace(path("newer"), with: [3])
        // And A, which led once, does not lead again.
        let last = next.restarted()
        let third = try last.open()
        #expect(third.inSync == ["b", "c"])
        try third.look()
        #expect(third.inSync == ["a", "b", "c"])
        for zone in 0..<3 { #expect(try last.contents(of: zone) == ["new": [2], "newer": [3]]) }
    }

    @Test func `a copy that was put back from long ago is compared whole`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let file = try disk.open(path("f"), .createNew)
        try file.write([1], at: 0)
        try file.sync()
        try disk.syncDirectory(ZonedWorld.root)
        let old = world.disks[1].restarted()
        try file.write([2], at: 0)
        try file.sync()
        file.close()
        // It rests, and leaves the list.
        for number in 0..<3 { try disk.replace(path("other\(number)"), with: [UInt8(number)]) }
        disk.close()
        let line = PowerLine()
        var disks = world.disks.map { $0.restarted(line: line) }
        disks[1] = old.restarted(line: line)
        let next = ZonedWorld(line: line, disks: disks)
        let again = try next.open()
        try again.look()
        #expect(again.inSync == ["a", "b", "c"])
        #expect(try next.contents(of: 1) == next.contents(of: 0))
        #expect(try next.contents(of: 1)["f"] == [2])
    }

    @Test func `a clean end leaves nothing to compare, and the list stays short`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        for number in 0..<200 {
            try disk.replace(path("f\(number)"), with: [UInt8(number)])
        }
        let listed = try ZoneFile(decoding: world.disks[0].contents(of: "/a/fs/zone"))
        #expect(listed.names.count <= 8, "\(listed.names)")
        #expect(!listed.isClean)
        disk.close()
        let ended = try ZoneFile(decoding: world.disks[0].contents(of: "/a/fs/zone"))
        #expect(ended.names == [] && ended.isClean)
        let next = world.restarted()
        for each in next.disks { each.beginRecordingReads() }
        let again = try next.open()
        #expect(
            next.disks.flatMap { $0.endRecordingReads() }.allSatisfy { $0.path.hasSuffix("/zone") }
        )
        #expect(again.standing.resilveredBytes == 0)
    }
}

extension Slice where Base == UnsafeRawBufferPointer {
    var rebased: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self) }
}
