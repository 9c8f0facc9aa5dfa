package import Disk
package import Keyring
package import VarveModel

/// `control.sqlite`: the resources of a state directory, and what the daemon must remember of itself.
///
/// Each call that changes something is durable when it returns.
package actor ControlStore {
    /// `VCTL`.
    package static let applicationID: Int32 = 0x5643_544C

    private let thread = BlockingThread()
    private let database: SealedDatabase
    /// Of `control.sqlite`.
    var path: String { database.path }
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
    ///   - path: Of `control.sqlite`.
    ///   - key: The data key that seals it.
    ///   - id: The state directory's own id.
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
            applicationID: ControlStore.applicationID,
            create: create,
            options: .small
        )
        connection = try database.connect(writer: true)
        try connection.establish(steps: ControlSchema.steps)
    }

    // MARK: File systems

    /// All file systems, by id.
    package func fileSystems() throws(MetadataError) -> [FileSystemRecord] {
        var tags: [String: [String: String]] = [:]
        let found = try connection.rows("SELECT resource, key, value FROM tag") {
            ($0.text(0), $0.text(1), $0.text(2))
        }
        for (resource, key, value) in found { tags[resource, default: [:]][key] = value }
        return try connection.rows(
            """
            SELECT id, uuid, family, name, zone, created, created_ns, state, zones
            FROM file_system ORDER BY id
            """
        ) { row throws(MetadataError) in
            let record = FileSystemRecord(row, tags: tags[row.text(0)] ?? [:])
            guard let record else {
                throw MetadataError(
                    .corrupt,
                    "database '\(database.path)': file system '\(row.text(0))' does not decode",
                    remedy: MetadataError.damageRemedy
                )
            }
            return record
        }
    }

    /// Adds a file system; `.constraint` when its id is taken.
    package func insert(_ record: FileSystemRecord) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run(
                """
                INSERT INTO file_system(
                    id, uuid, family, name, zone, created, created_ns, state, zones
                )
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                .text(record.id.text),
                .bytes(record.unique.bytes),
                .bytes(record.family.bytes),
                .text(record.name),
                .text(record.availabilityZone ?? ""),
                .int(record.created.seconds),
                .int(Int64(record.created.nanoseconds)),
                .text(record.state.rawValue),
                .text(record.placement.zonesText)
            )
            try insert(record.tags, of: record.id)
        }
    }

    /// Moves a file system through its life.
    ///
    /// - Throws: `.notFound` when there is none; `.busy` for the deletion of one that has mount targets (EFS: FileSystemInUse).
    package func setState(
        _ id: FileSystemID,
        _ state: FileSystemRecord.State
    ) throws(MetadataError) {
        try change { () throws(MetadataError) in
            if state == .deleting { try requireUnused(id) }
            try connection.run(
                "UPDATE file_system SET state = ?2 WHERE id = ?1",
                .text(id.text),
                .text(state.rawValue)
            )
            try requireChange(id)
        }
    }

    /// Gives a file system another name; `.notFound` when there is none.
    package func rename(_ id: FileSystemID, to name: String) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run(
                "UPDATE file_system SET name = ?2 WHERE id = ?1",
                .text(id.text),
                .text(name)
            )
            try requireChange(id)
        }
    }

    /// Replaces the tags of a file system.
    package func setTags(_ id: FileSystemID, _ tags: [String: String]) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run("DELETE FROM tag WHERE resource = ?", .text(id.text))
            try insert(tags, of: id)
        }
    }

    /// Forgets a file system, its tags and its erased zones; one that is not there is no error.
    package func remove(_ id: FileSystemID) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run("DELETE FROM erased_zone WHERE file_system = ?", .text(id.text))
            try connection.run("DELETE FROM file_system WHERE id = ?", .text(id.text))
            try connection.run("DELETE FROM tag WHERE resource = ?", .text(id.text))
        }
    }

    private func insert(_ tags: [String: String], of id: FileSystemID) throws(MetadataError) {
        for (key, value) in tags {
            try connection.run(
                "INSERT INTO tag(resource, key, value) VALUES (?, ?, ?)",
                .text(id.text),
                .text(key),
                .text(value)
            )
        }
    }

    private func requireChange(_ id: FileSystemID) throws(MetadataError) {
        guard connection.changes() == 0 else { return }
        throw MetadataError(.notFound, "there is no file system \(id)")
    }

    // MARK: Settings

    /// What the daemon remembers under a name.
    package func setting(_ key: String) throws(MetadataError) -> String? {
        try connection.rows("SELECT value FROM setting WHERE key = ?", .text(key)) { $0.text(0) }
            .first
    }

    /// All that the daemon remembers under names with a beginning in common.
    package func settings(startingWith prefix: String) throws(MetadataError) -> [String: String] {
        let found = try connection.rows(
            "SELECT key, value FROM setting WHERE substr(key, 1, length(?1)) = ?1",
            .text(prefix)
        ) { ($0.text(0), $0.text(1)) }
        return Dictionary(uniqueKeysWithValues: found)
    }

    /// Remembers `value` under a name; `nil` forgets it.
    package func set(_ key: String, _ value: String?) throws(MetadataError) {
        try change { () throws(MetadataError) in
            if let value {
                try connection.run(
                    "INSERT OR REPLACE INTO setting(key, value) VALUES (?, ?)",
                    .text(key),
                    .text(value)
                )
            } else {
                try connection.run("DELETE FROM setting WHERE key = ?", .text(key))
            }
        }
    }

    // MARK: Upkeep

    /// Reads every page and row; what is wrong, in words.
    package func findings() throws(MetadataError) -> [String] {
        try database.findings()
    }

    func change(_ body: () throws(MetadataError) -> Void) throws(MetadataError) {
        try connection.transaction(body)
        try database.checkpoint(past: ControlSchema.framesMax)
    }
}

extension FileSystemRecord {
    fileprivate init?(_ row: Statement, tags: [String: String]) {
        guard let id = FileSystemID(row.text(0)), let unique = UniqueID(bytes: row.bytes(1)),
            let family = UniqueID(bytes: row.bytes(2)),
            let nanoseconds = UInt32(exactly: row.int(6)), nanoseconds < 1_000_000_000,
            let state = State(rawValue: row.text(7)),
            let placement = Placement(zone: row.text(4), zonesText: row.text(8))
        else { return nil }
        self.init(
            id: id,
            unique: unique,
            family: family,
            name: row.text(3),
            placement: placement,
            created: Timestamp(seconds: row.int(5), nanoseconds: nanoseconds),
            state: state,
            tags: tags
        )
    }
}

/// The tables of `control.sqlite` (docs/formats/control-and-journal.md).
enum ControlSchema {
    /// What makes each version of the one before it; a step that has been released is never changed.
    static let steps = [first, second, third]

    /// A log longer than this is copied into the base: 256 frames are 1 MiB.
    static let framesMax = 256

    private static let first = """
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
        """

    /// Mount targets.
    private static let second = """
        CREATE TABLE mount_target(
            id TEXT PRIMARY KEY, file_system TEXT NOT NULL, address TEXT NOT NULL,
            port INTEGER NOT NULL, created INTEGER NOT NULL, created_ns INTEGER NOT NULL,
            state TEXT NOT NULL, UNIQUE(address, port)
        ) STRICT, WITHOUT ROWID;
        """
    /// Regional file systems: `zone` is empty and `zones` names theirs.
    private static let third = """
        ALTER TABLE file_system ADD COLUMN zones TEXT NOT NULL DEFAULT '';
        CREATE TABLE erased_zone(
            file_system TEXT NOT NULL, zone TEXT NOT NULL, PRIMARY KEY(file_system, zone)
        ) STRICT, WITHOUT ROWID;
        """
}
