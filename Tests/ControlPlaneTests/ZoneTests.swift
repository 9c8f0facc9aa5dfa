import Disk
import FileSystemEngine
import Foundation
import Keyring
import LocalAPI
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// Goal: a Regional file system outlives any one of its zones, says how they stand, and is whole again when they are back.
///
/// Method: directories that are moved away stand for disks; writes go through the engine.
@Suite struct ZoneTests {
    @Test func `who is due comes to its turn, however many are before it`() {
        let due = (0..<11).map { _ in FileSystemID.random() }
        var turns = ZoneTurns()
        var taken: [FileSystemID] = []
        // Four seats a round, and each is free again when the next begins.
        for _ in 0..<3 {
            for id in turns.order(of: due).prefix(4) {
                turns.take(id)
                taken.append(id)
            }
        }
        #expect(Set(taken) == Set(due))
        #expect(taken.count == 12 && taken[11] == taken[0])
        // One that is gone meanwhile is no hindrance.
        #expect(turns.order(of: Array(due.dropFirst())).count == 10)
    }

    @Test func `every zone holds a whole copy, and One Zone has none of it`() async throws {
        var world = try await ZoneWorld.make()
        let home = try await world.makeRegional()
        let one = try await world.fileSystems.create(name: "one", tags: [:], owner: .root)
        #expect(home.record.availabilityZone == nil && one.record.availabilityZone == "local-a")
        try await world.put("first", 1)
        try await world.put("alone", 2, in: "one")
        #expect(try await world.states() == [.inSync, .inSync, .inSync])
        world = try await world.again()
        #expect(try await world.files() == ["first": 1])
        #expect(try await world.files(of: "one") == ["alone": 2])
        let id = home.record.id
        await world.close()
        try world.expectEqualCopies(of: id)
        for zone in ZoneWorld.names {
            #expect(world.isThere(world.path(zone) + "/\(id)/key"))
            #expect(!world.isThere(world.path(zone) + "/\(one.record.id)"))
        }
        #expect(!world.isThere(world.state.paths.fileSystem(id.text)), "it lies in its zones alone")
        #expect(world.isThere(world.state.paths.fileSystem(one.record.id.text) + "/key"))
    }

    @Test func `with one zone away writes go on, and what comes back stale is made equal`()
        async throws
    {
        let world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        try await world.put("before", 1)
        try world.takeAway("c")
        await world.fileSystems.lookAfterZones(of: id)
        try await world.put("during", 2)
        let status = try await world.status()
        #expect(status.isDegraded && status.mayWrite)
        #expect(status.zones.map(\.state) == [.inSync, .inSync, .out])
        #expect(status.zones[2].reason?.isEmpty == false && status.zones[2].since != nil)
        let zones = try await world.reports.zones()
        #expect(zones.map(\.fileSystems) == [1, 1, 1] && zones.map(\.inSync) == [1, 1, 0])
        #expect(!world.isThere(world.path("c") + "/\(id)"), "a mount point is left empty")
        try world.bringBack("c")
        let planned = try await world.repair("c", isDryRun: true)
        #expect(planned.repairs.map(\.standing.state) == [.out])
        #expect(try await world.states() == [.inSync, .inSync, .out], "a dry run does nothing")
        let repaired = try await world.repair("c")
        #expect(repaired.repairs.map(\.standing.state) == [.inSync])
        #expect(repaired.repairs.map(\.fileSystem) == [id.text])
        #expect(try #require(repaired.repairs.first).copiedBytes >= 70_000)
        try await world.put("after", 3)
        #expect(try await world.files() == ["before": 1, "during": 2, "after": 3])
        await world.close()
        try world.expectEqualCopies(of: id)
    }

    @Test func `an empty directory is filled only on the operator's word`() async throws {
        let world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        try await world.put("kept", 1)
        try world.takeAway("b")
        let refused = try await world.repair("b")
        #expect(refused.repairs.map(\.standing.state) == [.out])
        #expect(refused.repairs.first?.remedy?.contains("--accept-empty") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: world.path("b")).isEmpty)
        let filled = try await world.repair("b", acceptsEmpty: true)
        #expect(filled.repairs.map(\.standing.state) == [.inSync])
        #expect(try #require(filled.repairs.first).copiedBytes >= 70_000)
        await world.close()
        try world.expectEqualCopies(of: id)
    }

    @Test func `with two zones away changes are refused, reads go on, and all goes on with them`()
        async throws
    {
        var world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        try await world.put("before", 1)
        for zone in ["b", "c"] { try world.takeAway(zone) }
        await world.fileSystems.lookAfterZones(of: id)
        let refused = await #expect(throws: (any Error).self) { try await world.put("during", 2) }
        let words = APIError(try #require(refused)).description
        #expect(words.contains("zone"), "\(words)")
        #expect(try await world.files() == ["before": 1])
        let status = try await world.status()
        #expect(!status.mayWrite)
        for zone in ["b", "c"] { try world.bringBack(zone) }
        await world.fileSystems.lookAfterZones(of: id)
        #expect(try await world.status().mayWrite)
        // It was opened anew: the one that had failed refuses changes for ever.
        try await world.put("after", 3)
        await world.fileSystems.lookAfterZones(of: id)
        #expect(try await world.states() == [.inSync, .inSync, .inSync])
        world = try await world.again()
        let files = try await world.files()
        #expect(files["before"] == 1 && files["after"] == 3)
        await world.close()
        try world.expectEqualCopies(of: id)
    }

    @Test func `changes that came back while nobody waited are taken again all the same`()
        async throws
    {
        let world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        try await world.put("before", 1)
        for zone in ["b", "c"] { try world.takeAway(zone) }
        await world.fileSystems.lookAfterZones(of: id)
        let before = try #require(try await world.fileSystems.entry("home").zones)
        #expect(!before.standing.mayWrite)
        for zone in ["b", "c"] { try world.bringBack(zone) }
        // A look of which nobody heard the end.
        try before.look()
        #expect(before.standing.mayWrite && before.standing.stops > 0)
        await world.fileSystems.lookAfterZones(of: id)
        let after = try #require(try await world.fileSystems.entry("home").zones)
        #expect(after !== before, "it is opened anew")
        try await world.put("after", 2)
        #expect(try await world.files()["after"] == 2)
        // The one that is closed lets nobody in.
        let refused = #expect(throws: DiskError.self) { try before.admit(zone: "c") }
        #expect(refused?.code == .busy)
        await world.fileSystems.lookAfterZones(of: id)
        #expect(try await world.states() == [.inSync, .inSync, .inSync])
        let again = try await world.fileSystems.entry("home").zones
        #expect(again === after, "once is enough")
        await world.close()
        try world.expectEqualCopies(of: id)
    }

    @Test(arguments: ["a", "b", "c"])
    func `a start without any one zone serves, its key too`(lost: String) async throws {
        var world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        try await world.put("before", 1)
        await world.close()
        try world.takeAway(lost)
        world = try await ZoneWorld(opening: world.directory)
        #expect(try await world.files() == ["before": 1])
        try await world.put("during", 2)
        #expect(try await world.status().zones.filter { $0.state == .out }.map(\.zone) == [lost])
        #expect(try FileManager.default.contentsOfDirectory(atPath: world.path(lost)).isEmpty)
        try world.bringBack(lost)
        await world.fileSystems.lookAfterZones(of: id)
        #expect(try await world.states() == [.inSync, .inSync, .inSync])
        await world.close()
        try world.expectEqualCopies(of: id)
    }

    @Test func `a start without two zones says why, and serves once they are back`() async throws {
        var world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        _ = try await world.fileSystems.create(name: "one", tags: [:], owner: .root)
        try await world.put("before", 1)
        await world.close()
        for zone in ["a", "c"] { try world.takeAway(zone) }
        world = try await ZoneWorld(opening: world.directory)
        try await world.put("beside", 1, in: "one")
        let refused = await #expect(throws: APIError.self) {
            try await world.fileSystems.find("home")
        }
        #expect(refused?.code == .unavailable)
        for zone in ["a", "c"] {
            #expect(
                refused?.message.contains("zone '\(zone)'") == true,
                "\(refused?.message ?? "")"
            )
        }
        let status = try await world.status()
        #expect(status.isDegraded && !status.mayWrite && status.reason != nil)
        #expect(status.zones.map(\.state) == [.unknown, .unknown, .unknown])
        let check = try await Checks.everything(
            world.fileSystems,
            Vaults(state: world.state, clock: SimulatedClock(StateWorld.start))
        ) { _ in }
        #expect(check.found.map(\.kind) == ["unavailable"], "\(check.found)")
        for zone in ["a", "c"] { try world.bringBack(zone) }
        await world.fileSystems.reopen()
        #expect(try await world.files() == ["before": 1])
        #expect(try await world.states() == [.inSync, .inSync, .inSync])
        await world.close()
        try world.expectEqualCopies(of: id)
    }

    @Test func `doctor names a zone that is out, and zones on one device`() async throws {
        let world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        try world.takeAway("b")
        await world.fileSystems.lookAfterZones(of: id)
        let vaults = Vaults(state: world.state, clock: SimulatedClock(StateWorld.start))
        let check = try await Checks.everything(world.fileSystems, vaults) { _ in }
        #expect(check.found.map(\.kind) == ["unavailable"], "\(check.found)")
        #expect(check.found.first?.subject.contains("zone 'b'") == true)
        #expect(check.found.first?.remedy.contains("varve zone repair b") == true)
        let shared = try await Checks.zones(
            world.settings,
            world.fileSystems,
            on: world.state.disk
        )
        #expect(shared.found.map(\.kind) == ["warning"])
        #expect(shared.found.first?.subject == "zones a, b, c")
        await world.close()
    }

    @Test func `a file system is not made where a zone is missing, nor in one directory twice`()
        async throws
    {
        let world = try await ZoneWorld.make()
        try DaemonProcess.system("mv", world.path("c"), world.path("c") + ".away")
        let missing = await #expect(throws: APIError.self) { try await world.makeRegional() }
        #expect(missing?.code == .unavailable)
        #expect(missing?.message.contains(world.path("c")) == true)
        try DaemonProcess.system("ln", "-s", world.path("a"), world.path("c"))
        let twice = await #expect(throws: APIError.self) { try await world.makeRegional() }
        #expect(twice?.code == .invalid)
        #expect(await world.fileSystems.listed().isEmpty)
        #expect(try await world.control.fileSystems().isEmpty, "nothing is left of either")
        for zone in ["a", "b"] {
            #expect(try FileManager.default.contentsOfDirectory(atPath: world.path(zone)).isEmpty)
        }
        await world.close()
    }

    @Test func `the device of a mount is read from the kernel's list`() throws {
        let mounts = """
            22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
            36 22 8:17 / /srv/b rw,noatime - xfs /dev/sdb1 rw
            37 22 0:35 / /x rw - tmpfs none rw
            """
        #expect(ZoneDevice.source("8:17", mounts) == "/dev/sdb1")
        #expect(ZoneDevice.source("8:1", mounts) == "/dev/sda1")
        #expect(ZoneDevice.source("8:2", mounts) == nil)
        #expect(ZoneDevice(of: "/no/such/directory") == nil)
    }
}
