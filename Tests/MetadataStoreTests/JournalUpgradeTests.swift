import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

@Suite struct JournalUpgradeTests {
    /// Schema 1 as it was released, word for word: what is in the field.
    private static let released = """
        CREATE TABLE job_run(
            id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, action TEXT NOT NULL,
            due INTEGER NOT NULL, started INTEGER, ended INTEGER, state TEXT NOT NULL,
            "trigger" TEXT NOT NULL, message TEXT NOT NULL
        ) STRICT;
        CREATE INDEX job_run_due ON job_run(job, due);
        CREATE INDEX job_run_running ON job_run(id) WHERE state = 'running';
        CREATE TABLE job_sighting(
            job TEXT PRIMARY KEY, schedule TEXT NOT NULL, since INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE access_day(
            fs TEXT NOT NULL, ino INTEGER NOT NULL, day INTEGER NOT NULL,
            tier INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(fs, ino)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX access_day_due ON access_day(fs, tier, day, ino);
        CREATE TABLE transition(
            id INTEGER PRIMARY KEY AUTOINCREMENT, fs TEXT NOT NULL, ino INTEGER NOT NULL,
            from_tier INTEGER NOT NULL, to_tier INTEGER NOT NULL, state TEXT NOT NULL,
            planned INTEGER NOT NULL, ended INTEGER, bytes INTEGER NOT NULL,
            stored_before INTEGER NOT NULL, stored_after INTEGER NOT NULL,
            policy TEXT NOT NULL, reason TEXT NOT NULL
        ) STRICT;
        CREATE INDEX transition_inode ON transition(fs, ino);
        CREATE INDEX transition_open ON transition(fs, id) WHERE state IN ('planned', 'copied');
        PRAGMA user_version = 1;
        INSERT INTO job_run VALUES(
            7, 'nightly', 'backup', 100, 101, 130, 'partial', 'catchUp', '2 of 3');
        INSERT INTO job_run VALUES(9, 'nightly', 'backup', 200, 201, NULL, 'running', 'schedule', '');
        INSERT INTO job_sighting VALUES('nightly', '0 2 * * *', 50);
        INSERT INTO access_day VALUES('fs-a', 7, 20000, 0), ('fs-a', 8, 20010, 1), ('fs-b', 7, 1, 2);
        """

    /// What schema 2 added, as it was released.
    private static let second = """
        ALTER TABLE job_run ADD COLUMN output TEXT NOT NULL DEFAULT '';
        CREATE INDEX job_run_output ON job_run(id) WHERE output <> '';
        PRAGMA user_version = 2;
        """

    /// Goal: a journal of schema 1 or 2 becomes one of schema 3 and loses nothing, whenever power goes.
    @Test(arguments: [1, 2])
    func `a journal of an earlier schema is upgraded and keeps everything`(
        schema: Int
    ) async throws {
        let (world, disk) = try SQLiteWorld.simulated()
        do {
            let old = try SealedDatabase(
                disk: world.disk,
                path: "/state/journal.sqlite",
                key: SQLiteWorld.key,
                id: SQLiteWorld.id,
                applicationID: JournalStore.applicationID,
                create: true,
                options: .small
            )
            let connection = try old.connect(writer: true)
            try connection.execute(Self.released)
            if schema == 2 { try connection.execute(Self.second) }
        }
        let before = disk.operations
        try await Self.expectKept(try Self.open(world.disk))
        let after = disk.operations
        #expect(after > before, "an upgrade writes")
        for cut in stride(from: before, through: after, by: TestSizes.current.powerCutStride) {
            let fates: [CutFate] = [.dropUnsynced, .keepUnsynced, .tear(seed: UInt64(cut))]
            for fate in fates {
                try await Self.expectKept(try Self.open(disk.image(cuttingAfter: cut, fate: fate)))
            }
        }
    }

    private static func open(_ disk: any Disk) throws -> JournalStore {
        try JournalStore(
            disk: disk,
            path: "/state/journal.sqlite",
            key: SQLiteWorld.key,
            id: SQLiteWorld.id,
            create: false
        )
    }

    private static func expectKept(_ store: JournalStore) async throws {
        let runs = try await store.runs(of: nil, limit: 9)
        #expect(runs.suffix(2).map(\.id) == [9, 7])
        #expect(runs.last?.state == .partial && runs.last?.trigger == .catchUp)
        #expect(runs.last?.message == "2 of 3" && runs.last?.output == "")
        #expect(runs.last?.ended == Timestamp(seconds: 130))
        #expect(try await store.sightings().map(\.schedule) == ["0 2 * * *"])
        // The new state and the new column are there.
        let id = try await store.insert(
            JobRunRow(
                job: "hourly",
                action: "backup",
                due: Timestamp(seconds: 300),
                trigger: .schedule,
                started: nil,
                ended: Timestamp(seconds: 301),
                state: .expired,
                message: "",
                output: "printed"
            )
        )
        let found = try await store.runs(of: "hourly", limit: 1)
        #expect(found.first?.id == id && found.first?.state == .expired)
        #expect(found.first?.output == "printed")
        // What was known of files is there, and all of it is worth a look.
        let known = try await store.accessDays("fs-a", after: nil, limit: 9)
        #expect(known.map(\.inode.rawValue) == [7, 8] && known.map(\.day) == [20_000, 20_010])
        #expect(known.map(\.tier) == [.standard, .infrequentAccess])
        #expect(try await store.due("fs-a", through: 0, limit: 9).map(\.inode.rawValue) == [7, 8])
        #expect(try await store.pins("fs-a") == [])
        #expect(try await store.findings() == [])
    }
}
