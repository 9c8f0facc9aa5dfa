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

/// Keys of Regional file systems: erased everywhere, found anywhere, and never older than the newest.
@Suite struct ZoneKeyTests {
    private static func key(_ world: ZoneWorld, _ zone: String, _ id: FileSystemID) -> String {
        world.path(zone) + "/\(id)/key"
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        try HostDisk().contents(of: path, limit: 4_096)
    }

    @Test func `deletion leaves nothing in any zone`() async throws {
        let world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        try await world.put("x", 1)
        #expect(try await world.fileSystems.delete("home").isEmpty)
        for zone in ZoneWorld.names {
            #expect(try FileManager.default.contentsOfDirectory(atPath: world.path(zone)).isEmpty)
        }
        #expect(try await world.control.fileSystems().isEmpty)
        #expect(try await world.control.erasedZones(of: id).isEmpty)
        await world.close()
    }

    @Test func `while a zone is away a deletion is not finished, and says so over restarts`()
        async throws
    {
        var world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        try await world.put("x", 1)
        try world.takeAway("b")
        let away = try await world.fileSystems.delete("home")
        #expect(away.map(\.name) == ["b"])
        for zone in ["a", "c"] {
            #expect(try FileManager.default.contentsOfDirectory(atPath: world.path(zone)).isEmpty)
        }
        for _ in 0..<2 {
            #expect(await world.fileSystems.all().isEmpty, "nobody is served it")
            #expect(try await world.control.fileSystems().map(\.state) == [.deleting])
            let status = try await world.status(of: id.text)
            #expect(status.zones.map(\.zone) == ["b"] && status.zones.map(\.state) == [.away])
            #expect(status.reason?.contains("'b'") == true)
            world = try await world.again()
        }
        // Its name is free meanwhile.
        _ = try await world.fileSystems.create(name: "home", tags: [:], owner: .root)
        try world.bringBack("b")
        #expect(world.isThere(Self.key(world, "b", id)))
        await world.fileSystems.reopen()
        #expect(!world.isThere(world.path("b") + "/\(id)"))
        #expect(try await world.control.fileSystems().map(\.name) == ["home"])
        #expect(await world.fileSystems.listed().count == 1)
        await world.close()
    }

    @Test func `a disk that is gone for good is waited for until the operator says so`()
        async throws
    {
        let world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        try world.takeAway("b")
        #expect(try await world.fileSystems.delete("home").map(\.name) == ["b"])
        let still = try await world.repair("b")
        #expect(still.repairs.map(\.standing.state) == [.away])
        #expect(still.repairs.first?.remedy?.contains("--accept-empty") == true)
        let other = try await world.repair("a", acceptsEmpty: true)
        #expect(other.repairs.isEmpty, "nothing is left in that zone")
        #expect(try await world.control.fileSystems().map(\.id) == [id])
        let given = try await world.repair("b", acceptsEmpty: true)
        #expect(given.repairs.isEmpty)
        #expect(try await world.control.fileSystems().isEmpty)
        await world.close()
    }

    @Test func `a zone that the settings name no more keeps no key of the others`() async throws {
        var world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        await world.close()
        let path = world.directory.path + "/state/varve.yaml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacingOccurrences(of: "c=", with: "d=")
            .write(toFile: path, atomically: true, encoding: .utf8)
        world = try await ZoneWorld(opening: world.directory)
        #expect(world.settings.zones.map(\.name) == ["a", "b", "d"])
        #expect(try await world.fileSystems.delete("home").map(\.name) == ["c"])
        for zone in ["a", "b"] { #expect(!world.isThere(world.path(zone) + "/\(id)")) }
        #expect(world.isThere(Self.key(world, "c", id)))
        let unnamed = await #expect(throws: APIError.self) {
            try await world.repair("c", acceptsEmpty: true)
        }
        #expect(unnamed?.code == .notFound)
        let request = RepairZone(
            zone: "c",
            fileSystem: id.text,
            acceptsEmpty: true,
            isDryRun: false
        )
        _ = try await ZoneRepairs(
            fileSystems: world.fileSystems,
            reports: world.reports,
            request: request
        ).run { _ in }
        #expect(try await world.control.fileSystems().isEmpty)
        await world.close()
    }

    @Test(arguments: ["a", "b", "c"])
    func `a key that is damaged or lost in a zone is read from another, and put right`(
        zone: String
    ) async throws {
        var world = try await ZoneWorld.make()
        let id = try await world.makeRegional().record.id
        try await world.put("kept", 1)
        await world.close()
        let path = Self.key(world, zone, id)
        let good = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try good.seek(toOffset: 40)
        try good.write(contentsOf: Data([0xFF, 0x00, 0xFF, 0x00]))
        try good.close()
        world = try await ZoneWorld(opening: world.directory)
        #expect(try await world.files() == ["kept": 1])
        await world.close()
        guard zone == "a" else { return }
        // The one that is read first; what is read second a scrub comes by.
        let root = try RootKeyFile.read(world.settings[.keyFile], on: HostDisk())
        let family = try #require(try await Self.record(world)).family
        for name in ZoneWorld.names {
            let wrapped = try Self.bytes(Self.key(world, name, id))
            #expect(throws: Never.self) { try DataKey(wrapped: wrapped, by: root, for: family) }
        }
    }

    private static func record(_ world: ZoneWorld) async throws -> FileSystemRecord? {
        let again = try await ZoneWorld(opening: world.directory)
        let record = try await again.control.fileSystems().first
        await again.close()
        return record
    }

    /// Goal: a zone that was away while its key was wrapped anew gets the new one; its stale one is never read.
    @Test func `a key that is wrapped anew while a zone is away wins when the zone is back`()
        async throws
    {
        let world = try await ZoneWorld.make()
        let record = try await world.makeRegional().record
        let (id, old) = (record.id, world.state.rootKey)
        let ground = try #require(try await world.fileSystems.entry("home").ground)
        let key = try ground.keys.load(root: old, family: record.family)
        // The one that would be read first.
        try world.takeAway("a")
        await world.fileSystems.lookAfterZones(of: id)
        let new = RootKey.random()
        try ground.keys.store(key, root: new, family: record.family)
        try world.bringBack("a")
        let stale = try Self.bytes(Self.key(world, "a", id))
        #expect(throws: Never.self) { try DataKey(wrapped: stale, by: old, for: record.family) }
        await world.fileSystems.lookAfterZones(of: id)
        #expect(try await world.states() == [.inSync, .inSync, .inSync])
        for zone in ZoneWorld.names {
            let wrapped = try Self.bytes(Self.key(world, zone, id))
            #expect(throws: Never.self) {
                try DataKey(wrapped: wrapped, by: new, for: record.family)
            }
            #expect(throws: KeyringError.self, "zone \(zone)") {
                try DataKey(wrapped: wrapped, by: old, for: record.family)
            }
        }
        await world.close()
    }
}
