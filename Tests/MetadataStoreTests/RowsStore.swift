import Disk
import Keyring
import MetadataStore
import VarveModel

/// A file system's rows on a simulated disk, with a root directory, for examples of single rules.
struct RowsStore {
    let disk = SimulatedDisk(recording: false)
    let id = UniqueID.random()
    let key = DataKey.random()
    let path: String
    var database: FileSystemDatabase
    var writer: MetadataWriter

    static let segment = SegmentID(rawValue: 1)

    init(second: Int64 = 100, nameHashBits: Int = 55) throws {
        let directory = "/rows-\(Hex.encode(id.bytes))"
        try disk.makeDirectory(directory)
        path = directory + "/meta.sqlite"
        database = try FileSystemDatabase.create(
            disk: disk,
            path: path,
            key: key,
            FileSystemDatabaseOptions(
                fileSystem: id,
                family: UniqueID.random(),
                second: second,
                nameHashBits: nameHashBits,
                tileBytes: 64
            )
        )
        writer = try database.writer()
        try writer.begin(second: second)
        try writer.putSegment(SegmentRow(id: Self.segment, tier: .standard))
        try writer.insertInode(
            InodeRow(inode: .root, kind: .directory, permissions: 0o755, links: 2, parent: .root)
        )
        _ = try writer.commit()
    }

    /// Runs `body` in a transaction of its own.
    @discardableResult
    func at<Value>(_ second: Int64, _ body: (MetadataWriter) throws -> Value) throws -> Value {
        try writer.begin(second: second)
        let value = try body(writer)
        _ = try writer.commit()
        return value
    }

    /// What a restart does; a transaction that is open is lost.
    mutating func reopen() throws {
        database.close()
        database = try FileSystemDatabase.open(disk: disk, path: path, key: key, fileSystem: id)
        writer = try database.writer()
    }

    /// Changes the database of a store that is closed, as another program would.
    func changeBehind(_ body: (Connection) throws -> Void) throws {
        try Self.changeBehind(disk, path, key, id, body)
    }

    static func changeBehind(
        _ disk: SimulatedDisk,
        _ path: String,
        _ key: DataKey,
        _ id: UniqueID,
        _ body: (Connection) throws -> Void
    ) throws {
        let sealed = try SealedDatabase(
            disk: disk,
            path: path,
            key: key,
            id: id,
            applicationID: 0x5641_5256,
            create: false
        )
        defer { sealed.close() }
        try body(try sealed.connect(writer: true))
    }

    /// A new regular file with a name in the root.
    func make(
        _ text: String,
        project: UInt32 = 0,
        in directory: InodeNumber = .root
    ) throws -> InodeRow {
        var row = InodeRow(
            inode: try writer.nextInode(),
            kind: .regular,
            permissions: 0o644,
            links: 0,
            project: project
        )
        let hash = try writer.insertDirent(
            directory: directory,
            name: try Self.name(text),
            inode: row.inode,
            kind: .regular
        )
        try writer.addName(&row, directory: directory, hash: hash)
        try writer.insertInode(row)
        return row
    }

    func write(_ inode: InodeNumber, _ tile: Int64, _ range: Range<UInt64>) throws {
        let sequence = try writer.nextSequence()
        _ = try writer.insertSlice(
            inode,
            tile: tile,
            offset: range.lowerBound,
            length: UInt64(range.count),
            sequence: sequence,
            record: RecordPointer(segment: Self.segment, offset: sequence * 100, length: 90)
        )
    }

    func names(_ view: View) throws -> [String] {
        try writer.list(.root, after: 0, limit: 1_000, at: view).map { "\($0.name)" }.sorted()
    }

    static func name(_ text: String) throws -> FileName {
        guard let name = FileName(text) else {
            throw MetadataError(.failed, "the test's name '\(text)'")
        }
        return name
    }
}
