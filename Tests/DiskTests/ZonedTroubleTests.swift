import TestKit
import Testing
import VarveModel

@testable import Disk

/// What zones answer when several things go wrong at once, and what a start takes from which.
@Suite struct ZonedTroubleTests {
    private func file(_ disk: ZonedDisk, _ bytes: [UInt8]) throws -> any DiskFile {
        let file = try disk.open(path("f"), .createNew)
        try file.write(bytes, at: 0)
        try file.sync()
        try disk.syncDirectory(ZonedWorld.root)
        return file
    }

    /// Has `f`, written before, leave the list.
    private func rest(_ disk: ZonedDisk) throws {
        for number in 0..<3 { try disk.replace(path("other\(number)"), with: [UInt8(number)]) }
    }

    @Test func `a sync beside which changes stop is not answered well`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let file = try file(disk, [1])
        try file.write([2], at: 0)
        world.disks[0].fail(after: 0) { kind, path in
            guard kind == .sync, path.hasSuffix("/f") else { return false }
            disk.members.stop([(1, .failed("gone")), (2, .failed("gone"))])
            return false
        }
        let error = #expect(throws: DiskError.self) { try file.sync() }
        #expect(error?.code == .denied && error?.errno == 30, "\(error!)")
        #expect(!disk.standing.mayWrite)
    }

    @Test func `a sync that finds no room in two zones stops changes`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let file = try file(disk, [1])
        try file.write([2], at: 0)
        for zone in [1, 2] {
            world.disks[zone].fail(after: 0, with: .noSpace, lasting: true) { kind, path in
                kind == .sync && path.hasSuffix("/f")
            }
        }
        let error = #expect(throws: DiskError.self) { try file.sync() }
        #expect(error?.code == .denied && error?.errno == 30, "\(error!)")
        #expect(!disk.standing.mayWrite)
    }

    @Test func `a file that was closed has no sync, and nothing stops for it`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let file = try file(disk, [1])
        file.close()
        #expect(throws: DiskError.self) { try file.sync() }
        #expect(disk.standing.mayWrite && !disk.standing.isDegraded)
    }

    @Test func `a zone that failed does not stay because another has no room to say so`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let file = try file(disk, [1])
        world.disks[1].fail(after: 0, with: .noSpace, lasting: true) { _, path in
            path.hasSuffix("/zone.new")
        }
        world.disks[2].fail(after: 0, lasting: true) { kind, path in
            kind == .write && path.hasSuffix("/f")
        }
        let error = #expect(throws: DiskError.self) { try file.write([2], at: 0) }
        #expect(error?.code == .denied && error?.errno == 30, "\(error!)")
        #expect(!disk.standing.mayWrite)
        #expect(try file.read(count: 1, at: 0) == [2])
    }

    @Test func `a zone comes back from another member where the first does not read`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        try disk.replace(path("f"), with: [1, 2, 3])
        world.disks[2].fail(after: 0, lasting: true)
        try disk.replace(path("f"), with: [4, 5])
        #expect(disk.inSync == ["a", "b"])
        world.disks[2].clearFaults()
        world.disks[0].failReads { $0.hasSuffix("/f") }
        try disk.look()
        #expect(disk.inSync == ["a", "b", "c"], "\(world.told)")
        #expect(try world.contents(of: 2) == ["f": [4, 5]])
    }

    @Test(arguments: [0, 1, 2])
    func `a file that one zone alone has lost is given back at a start`(zone: Int) throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let bytes = (0..<9_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try disk.makeDirectory(path("d"))
        try disk.syncDirectory(ZonedWorld.root)
        try disk.replace(path("d/f"), with: bytes)
        try disk.replace(path("gone"), with: [9])
        try rest(disk)
        let listed = try ZoneFile(decoding: world.disks[0].contents(of: "/a/fs/zone"))
        #expect(!listed.names.contains("d/f") && !listed.isClean, "\(listed.names)")
        try disk.remove(path("gone"))
        try disk.syncDirectory(ZonedWorld.root)
        let next = world.restarted()
        let directory = next.zones[zone].directory
        try next.disks[zone].remove(directory + "/d/f")
        try next.disks[zone].removeDirectory(directory + "/d")
        let again = try next.open()
        #expect(again.inSync == ["a", "b", "c"], "\(next.told)")
        for each in 0..<3 {
            let found = try next.contents(of: each)
            #expect(found["d/f"] == bytes && found["gone"] == nil, "zone \(each)")
            #expect(found["other1"] == [1])
        }
    }

    @Test(arguments: [0, 1, 2])
    func `what rots in one zone before a start is not copied over two`(zone: Int) throws {
        let world = ZonedWorld()
        let disk = try world.create()
        let bytes = (0..<9_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        _ = try file(disk, bytes)
        let next = world.restarted()
        for offset in [5, 8_995] as [UInt64] {
            try next.disks[zone].corrupt(next.zones[zone].directory + "/f", at: offset, mask: 4)
        }
        let again = try next.open()
        #expect(again.inSync == ["a", "b", "c"], "\(next.told)")
        for each in 0..<3 { #expect(try next.contents(of: each)["f"] == bytes, "zone \(each)") }
    }
}
