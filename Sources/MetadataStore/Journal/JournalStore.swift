package import Disk
package import Keyring
package import VarveModel

/// `journal.sqlite`: what jobs did, when files were last used, and what moved between tiers.
///
/// Each call that changes something is durable when it returns.
package actor JournalStore {
    /// `VJRN`.
    package static let applicationID: Int32 = 0x564A_524E

    private let thread = BlockingThread()
    let database: SealedDatabase
    let connection: Connection

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        thread.asUnownedSerialExecutor()
    }

    /// Opens the database, or makes it when told to and missing.
    ///
    /// It blocks, once, on the caller's thread.
    ///
    /// - Parameters:
    ///   - disk: Where the state directory lives.
    ///   - path: Of `journal.sqlite`.
    ///   - key: The data key that seals it.
    ///   - id: The database's own id.
    ///   - create: Whether to make it when there is none.
    /// - Throws: `.notFound`, `.corrupt`, `.wrongKey`, `.mismatch`, `.newerFormat`, `.noSpace`, `.failed`.
    package init(
        disk: any Disk,
        path: String,
        key: DataKey,
        id: UniqueID,
        create: Bool
    ) throws(MetadataError) {
        database = try SealedDatabase(
            disk: disk,
            path: path,
            key: key,
            id: id,
            applicationID: JournalStore.applicationID,
            create: create,
            options: .small
        )
        connection = try database.connect(writer: true)
        try connection.establish(steps: JournalSchema.steps)
    }

    /// Rows answered and steps run so far: what cost tests count.
    package func cost() -> UInt64 { connection.totalRowsStepped }

    /// Reads every page and row; what is wrong, in words.
    package func findings() throws(MetadataError) -> [String] {
        try database.findings()
    }

    /// Runs `body` in one transaction, and keeps the log short.
    func change<Value>(_ body: () throws(MetadataError) -> Value) throws(MetadataError) -> Value {
        let value = try connection.transaction(body)
        try database.checkpoint(past: JournalSchema.framesMax)
        return value
    }

    func corrupt(_ what: String) -> MetadataError {
        MetadataError(
            .corrupt,
            "database '\(database.path)': \(what) does not decode",
            remedy: MetadataError.damageRemedy
        )
    }
}

/// The tables of `journal.sqlite` (docs/formats/control-and-journal.md).
enum JournalSchema {
    /// A log longer than this is copied into the base: 1,024 frames are 4 MiB.
    static let framesMax = 1024

    /// 1,000: what hooks printed is kept of the newest so many runs, 8 MiB at most.
    static let outputsMax: Int64 = 1_000

    /// In `due`: no look is worth it until something about the file changes.
    static let never = Int64.max

    /// In `due`: looked at before all that is idle, since something about a file of a colder tier has changed.
    static let foremost: Int64 = 0

    /// 400 days: longer than any age of a transition.
    static let coldUseDaysMax: Int64 = 400

    /// 48 hours: the longest time that a rate looks back, twice.
    static let movedHoursMax: Int64 = 48

    /// 10,000 pins of a file system: a run holds their paths in memory.
    static let pinsMax: Int64 = 10_000

    static let steps = [first, second, third, fourth]

    /// The newest of a file system's transitions, and of a job's runs, without a look at all.
    private static let fourth = """
        CREATE INDEX transition_newest ON transition(fs, id);
        CREATE INDEX job_run_newest ON job_run(job, id);
        """

    /// When a look is worth it; uses of cold files; what was moved lately; pins.
    ///
    /// What an earlier version noted is due at once: the first run works it out.
    private static let third = """
        ALTER TABLE access_day ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE access_day ADD COLUMN used INTEGER;
        ALTER TABLE access_day ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE access_day ADD COLUMN looked INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE access_day ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
        DROP INDEX access_day_due;
        CREATE INDEX access_day_due ON access_day(fs, due, ino);
        CREATE INDEX access_day_used ON access_day(fs, due, ino)
            WHERE used IS NOT NULL AND looked <> 2;
        CREATE TABLE lifecycle(
            fs TEXT PRIMARY KEY, generation INTEGER NOT NULL DEFAULT 0,
            day INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE due_rules(
            fs TEXT PRIMARY KEY, days INTEGER, fingerprint TEXT NOT NULL,
            promotes INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE cold_use(
            fs TEXT NOT NULL, day INTEGER NOT NULL, files INTEGER NOT NULL, PRIMARY KEY(fs, day)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE moved(
            fs TEXT NOT NULL, promoted INTEGER NOT NULL, hour INTEGER NOT NULL,
            bytes INTEGER NOT NULL, PRIMARY KEY(fs, promoted, hour)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE pin(
            fs TEXT NOT NULL, ino INTEGER NOT NULL, since INTEGER NOT NULL,
            placed_by TEXT NOT NULL, PRIMARY KEY(fs, ino)
        ) STRICT, WITHOUT ROWID;
        """

    /// What hooks printed; and the states `expired` and `cancelled`, which are words in `state`.
    private static let second = """
        ALTER TABLE job_run ADD COLUMN output TEXT NOT NULL DEFAULT '';
        CREATE INDEX job_run_output ON job_run(id) WHERE output <> '';
        """

    private static let first = """
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
        """
}
