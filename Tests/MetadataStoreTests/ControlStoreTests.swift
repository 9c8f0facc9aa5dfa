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
            placement: .oneZone("local-a"),
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
            try await store.setState(FileSystemID.random(), .deleting)
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

    // MARK: Zones

    private static func regional(_ name: String) -> FileSystemRecord {
        FileSystemRecord(
            id: .random(),
            unique: .random(),
            family: .random(),
            name: name,
            placement: .regional(["local-c", "local-a", "local-b"]),
            created: Timestamp(seconds: 1_800_000_000),
            state: .creating
        )
    }

    @Test func `a Regional file system keeps its zones in their order, and has no zone of its own`()
        async throws
    {
        let (world, disk) = try SQLiteWorld.simulated()
        let store = try ControlStoreTests.open(world.disk)
        let (one, all) = (ControlStoreTests.record("one"), ControlStoreTests.regional("all"))
        try await store.insert(one)
        try await store.insert(all)
        let again = try ControlStoreTests.open(disk.restarted(), create: false)
        let found = try await again.fileSystems()
        #expect(Set(found) == [one, all])
        #expect(found.first { $0.name == "all" }?.availabilityZone == nil)
        #expect(found.first { $0.name == "one" }?.availabilityZone == "local-a")
    }

    @Test func `zones that are erased are remembered until the file system is forgotten`()
        async throws
    {
        let (world, disk) = try SQLiteWorld.simulated()
        let store = try ControlStoreTests.open(world.disk)
        let (going, staying) = (
            ControlStoreTests.regional("going"), ControlStoreTests.regional("staying")
        )
        for record in [going, staying] {
            try await store.insert(record)
            try await store.setState(record.id, .available)
        }
        let early = await #expect(throws: MetadataError.self) {
            try await store.noteErased(going.id, in: "local-a")
        }
        #expect(early?.code == .notFound, "what serves is erased nowhere")
        try await store.setState(going.id, .deleting)
        for zone in ["local-a", "local-c", "local-a"] {
            try await store.noteErased(going.id, in: zone)
        }
        let again = try ControlStoreTests.open(
            disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced),
            create: false
        )
        #expect(try await again.erasedZones(of: going.id) == ["local-a", "local-c"])
        #expect(try await again.erasedZones(of: staying.id).isEmpty)
        try await again.remove(going.id)
        #expect(try await again.erasedZones(of: going.id).isEmpty)
        let late = await #expect(throws: MetadataError.self) {
            try await again.noteErased(going.id, in: "local-b")
        }
        #expect(late?.code == .notFound)
        #expect(try await again.findings() == [])
    }

    // MARK: Mount targets

    private static func target(
        of fileSystem: FileSystemID,
        _ address: String,
        port: UInt16 = 2_049
    ) -> MountTargetRecord {
        MountTargetRecord(
            id: .random(),
            fileSystem: fileSystem,
            address: address,
            port: port,
            created: Timestamp(seconds: 1_800_000_000, nanoseconds: 123_456_789),
            state: .creating
        )
    }

    /// A store with one available file system.
    private static func available() async throws -> (
        store: ControlStore, disk: SimulatedDisk, id: FileSystemID
    ) {
        let (world, disk) = try SQLiteWorld.simulated()
        let store = try open(world.disk)
        let record = record("alpha")
        try await store.insert(record)
        try await store.setState(record.id, .available)
        return (store, disk, record.id)
    }

    @Test func `mount targets and their states outlive a restart`() async throws {
        let (store, disk, id) = try await Self.available()
        var first = Self.target(of: id, "127.0.0.2")
        let second = Self.target(of: id, "fd00::2", port: 65_535)
        try await store.insert(first)
        try await store.insert(second)
        try await store.setState(first.id, .available)
        first.state = .available
        let again = try Self.open(
            disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced),
            create: false
        )
        #expect(Set(try await again.mountTargets()) == [first, second])
        try await again.remove(second.id)
        try await again.remove(second.id)
        #expect(try await again.mountTargets() == [first])
        let missing = await #expect(throws: MetadataError.self) {
            try await again.setState(second.id, .deleting)
        }
        #expect(missing?.code == .notFound)
        #expect(try await again.findings() == [])
    }

    @Test func `an address and port are one target's, which is named`() async throws {
        let (store, _, id) = try await Self.available()
        let first = Self.target(of: id, "127.0.0.2")
        try await store.insert(first)
        let taken = await #expect(throws: MetadataError.self) {
            try await store.insert(Self.target(of: id, "127.0.0.2"))
        }
        #expect(taken?.code == .exists)
        #expect(taken?.message.contains(first.id.text) == true, "\(taken?.message ?? "")")
        try await store.insert(Self.target(of: id, "127.0.0.2", port: 2_050))
        try await store.insert(Self.target(of: id, "127.0.0.3"))
        #expect(try await store.mountTargets().count == 3)
    }

    @Test func `a file system goes after its mount targets, and none is made of one that goes`()
        async throws
    {
        let (store, _, id) = try await Self.available()
        let target = Self.target(of: id, "127.0.0.2")
        try await store.insert(target)
        let used = await #expect(throws: MetadataError.self) {
            try await store.setState(id, .deleting)
        }
        #expect(used?.code == .busy)
        #expect(used?.message.contains(target.id.text) == true, "\(used?.message ?? "")")
        #expect(try await store.fileSystems().map(\.state) == [.available])
        try await store.remove(target.id)
        try await store.setState(id, .deleting)
        for gone in [id, FileSystemID.random()] {
            let refused = await #expect(throws: MetadataError.self) {
                try await store.insert(Self.target(of: gone, "127.0.0.2"))
            }
            #expect(refused?.code == .notFound)
        }
        #expect(try await store.mountTargets() == [])
    }

    // MARK: Older schemas

    /// Schema 1 as it was released, word for word: what is in the field.
    private static let released = """
        CREATE TABLE file_system(
            id TEXT PRIMARY KEY, uuid BLOB NOT NULL, family BLOB NOT NULL, name TEXT NOT NULL,
            zone TEXT NOT NULL, created INTEGER NOT NULL, created_ns INTEGER NOT NULL,
            state TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE tag(
            resource TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY(resource, key)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        PRAGMA user_version = 1;
        INSERT INTO file_system VALUES('fs-0123456789abcdef0', x'000102030405060708090a0b0c0d0e0f',
            x'101112131415161718191a1b1c1d1e1f', 'alpha', 'local-a', 1800000000, 5, 'available');
        INSERT INTO tag VALUES('fs-0123456789abcdef0', 'team', 'ice');
        INSERT INTO setting VALUES('nfs-client:6162', '1');
        """

    /// Goal: a database of schema 1 becomes one of schema 2 and loses nothing, whenever power goes.
    @Test func `a database of the first schema is upgraded and keeps everything`() async throws {
        let (world, disk) = try SQLiteWorld.simulated()
        do {
            let old = try SealedDatabase(
                disk: world.disk,
                path: "/state/control.sqlite",
                key: SQLiteWorld.key,
                id: SQLiteWorld.id,
                applicationID: ControlStore.applicationID,
                create: true,
                options: .small
            )
            try old.connect(writer: true).execute(Self.released)
        }
        let before = disk.operations
        let upgraded = try Self.open(world.disk, create: false)
        let after = disk.operations
        try await Self.expectKept(upgraded)
        #expect(after > before, "an upgrade writes")
        for cut in before...after {
            let store = try Self.open(
                disk.image(cuttingAfter: cut, fate: .dropUnsynced),
                create: false
            )
            try await Self.expectKept(store)
        }
    }

    private static func expectKept(_ store: ControlStore) async throws {
        let found = try #require(try await store.fileSystems().first)
        #expect(found.id.text == "fs-0123456789abcdef0" && found.name == "alpha")
        #expect(
            found.unique.bytes == Array(0x00...0x0F) && found.family.bytes == Array(0x10...0x1F)
        )
        #expect(found.created == Timestamp(seconds: 1_800_000_000, nanoseconds: 5))
        #expect(found.state == .available && found.tags == ["team": "ice"])
        #expect(try await store.setting("nfs-client:6162") == "1")
        #expect(try await store.mountTargets() == [])
        try await store.insert(target(of: found.id, "127.0.0.2"))
        #expect(try await store.mountTargets().count == 1)
        #expect(try await store.findings() == [])
    }
}
