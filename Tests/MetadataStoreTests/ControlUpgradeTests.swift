import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// Goal: a `control.sqlite` of any earlier schema becomes one of the newest and loses nothing, whenever power goes.
///
/// Method: schemas as they were released, word for word.
@Suite struct ControlUpgradeTests {
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
        INSERT INTO file_system VALUES(
            'fs-0123456789abcdef0', x'000102030405060708090a0b0c0d0e0f',
            x'101112131415161718191a1b1c1d1e1f', 'alpha', 'local-b', 1800000000, 5, 'available');
        INSERT INTO tag VALUES('fs-0123456789abcdef0', 'team', 'ice');
        INSERT INTO setting VALUES('clock', '2026-11-24T00:00:00Z');
        """

    /// What schema 2 added, as it was released.
    private static let second = """
        CREATE TABLE mount_target(
            id TEXT PRIMARY KEY, file_system TEXT NOT NULL, address TEXT NOT NULL,
            port INTEGER NOT NULL, created INTEGER NOT NULL, created_ns INTEGER NOT NULL,
            state TEXT NOT NULL, UNIQUE(address, port)
        ) STRICT, WITHOUT ROWID;
        PRAGMA user_version = 2;
        INSERT INTO mount_target VALUES(
            'fsmt-0123456789abcdef0', 'fs-0123456789abcdef0', '127.0.0.2', 2049, 1800000001, 0,
            'available');
        """

    private static let key = DataKey(bytes: Array(0..<32))
    private static let id = UniqueID(bytes: Array(repeating: 0xA5, count: 16))

    private static func create(
        _ disk: any Disk,
        _ path: String,
        schema: Int
    ) throws {
        let old = try SealedDatabase(
            disk: disk,
            path: path,
            key: try #require(key),
            id: try #require(id),
            applicationID: ControlStore.applicationID,
            create: true,
            options: .small
        )
        let connection = try old.connect(writer: true)
        try connection.execute(released)
        if schema == 2 { try connection.execute(second) }
    }

    private static func open(_ disk: any Disk, _ path: String) throws -> ControlStore {
        try ControlStore(
            disk: disk,
            path: path,
            key: try #require(key),
            id: try #require(id),
            create: false
        )
    }

    private static func expectKept(_ store: ControlStore, schema: Int) async throws {
        let found = try await store.fileSystems()
        #expect(found.map(\.id.text) == ["fs-0123456789abcdef0"])
        #expect(found.first?.placement == .oneZone("local-b"), "what there was lies in one zone")
        #expect(found.first?.name == "alpha" && found.first?.tags == ["team": "ice"])
        #expect(found.first?.unique.bytes == Array(0..<16))
        #expect(found.first?.family.bytes == Array(16..<32))
        #expect(found.first?.created == Timestamp(seconds: 1_800_000_000, nanoseconds: 5))
        #expect(try await store.setting("clock") == "2026-11-24T00:00:00Z")
        #expect(try await store.mountTargets().count == schema - 1)
        // The new column and the new table are there.
        let record = FileSystemRecord(
            id: .random(),
            unique: .random(),
            family: .random(),
            name: "beta",
            placement: .regional(["a", "b", "c"]),
            created: Timestamp(seconds: 1),
            state: .deleting
        )
        try await store.insert(record)
        try await store.noteErased(record.id, in: "b")
        #expect(try await store.fileSystems().contains(record))
        #expect(try await store.erasedZones(of: record.id) == ["b"])
        #expect(try await store.findings() == [])
    }

    @Test(arguments: [1, 2])
    func `an earlier schema is upgraded and keeps everything`(schema: Int) async throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let path = "/state/control.sqlite"
        try Self.create(world.disk, path, schema: schema)
        let before = disk.operations
        try await Self.expectKept(try Self.open(world.disk, path), schema: schema)
        let after = disk.operations
        #expect(after > before, "an upgrade writes")
        for cut in stride(from: before, through: after, by: TestSizes.current.powerCutStride) {
            let fates: [CutFate] = [.dropUnsynced, .keepUnsynced, .tear(seed: UInt64(cut))]
            for fate in fates {
                let store = try Self.open(disk.image(cuttingAfter: cut, fate: fate), path)
                let found = try await store.fileSystems()
                #expect(found.first { $0.name == "alpha" }?.placement == .oneZone("local-b"))
                #expect(try await store.findings() == [])
            }
        }
    }
}
