import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

@Suite struct ControlStoreTests {
    private static func open(_ disk: any Disk, create: Bool = true) throws -> ControlStore {
        try ControlStore(
            disk: disk,
            path: "/state/control.sqlite",
            key: SQLiteWorld.key,
            id: SQLiteWorld.id,
            create: create
        )
    }

    private static func record(_ name: String) -> FileSystemRecord {
        FileSystemRecord(
            id: .random(),
            unique: .random(),
            family: .random(),
            name: name,
            zone: "local-a",
            created: Timestamp(seconds: 1_800_000_000, nanoseconds: 123_456_789),
            state: .creating,
            tags: ["Name": name, "team": "ice"]
        )
    }

    @Test func `file systems, their states, tags and names outlive a restart`() async throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let store = try ControlStoreTests.open(world.disk)
        var first = ControlStoreTests.record("alpha")
        let second = ControlStoreTests.record("beta")
        try await store.insert(first)
        try await store.insert(second)
        try await store.setState(first.id, .available)
        first.state = .available
        #expect(Set(try await store.fileSystems()) == [first, second])
        let again = try ControlStoreTests.open(
            disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced),
            create: false
        )
        #expect(Set(try await again.fileSystems()) == [first, second])
        try await again.remove(second.id)
        try await again.rename(first.id, to: "gamma")
        try await again.setTags(first.id, ["only": "one"])
        let left = try await again.fileSystems()
        #expect(left.map(\.name) == ["gamma"] && left.first?.tags == ["only": "one"])
        #expect(try await again.findings() == [])
    }

    @Test func `an id is taken once, and what is missing is said`() async throws {
        let (world, _) = try SQLiteWorld.simulated()
        let store = try ControlStoreTests.open(world.disk)
        let record = ControlStoreTests.record("alpha")
        try await store.insert(record)
        let taken = await #expect(throws: MetadataError.self) { try await store.insert(record) }
        #expect(taken?.code == .constraint)
        let missing = await #expect(throws: MetadataError.self) {
            try await store.setState(.random(), .deleting)
        }
        #expect(missing?.code == .notFound)
        #expect(try await store.fileSystems() == [record])
    }

    @Test func `settings are remembered, replaced and forgotten`() async throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let store = try ControlStoreTests.open(world.disk)
        #expect(try await store.setting("simulated-clock") == nil)
        // More than a log's worth, so that checkpoints come by themselves.
        for minute in 0..<400 { try await store.set("simulated-clock", "2026-11-24T\(minute)") }
        let again = try ControlStoreTests.open(disk.restarted(), create: false)
        #expect(try await again.setting("simulated-clock") == "2026-11-24T399")
        try await again.set("simulated-clock", nil)
        #expect(try await again.setting("simulated-clock") == nil)
    }
}
