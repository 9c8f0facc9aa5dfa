package import Disk
package import Keyring
private import Synchronization
package import VarveModel

/// How a file system's database is made.
package struct FileSystemDatabaseOptions: Sendable {
    package var fileSystem: UniqueID
    package var family: UniqueID
    /// Unix seconds of its first epoch.
    package var second: Int64
    /// Bits of the name hash; tests inject few, so that names collide.
    package var nameHashBits: Int
    /// Bytes of a tile; tests inject few.
    package var tileBytes: UInt64

    package init(
        fileSystem: UniqueID,
        family: UniqueID,
        second: Int64,
        nameHashBits: Int = 55,
        tileBytes: UInt64 = FileSystemDatabase.tileBytesStandard
    ) {
        self.fileSystem = fileSystem
        self.family = family
        self.second = second
        self.nameHashBits = nameHashBits
        self.tileBytes = tileBytes
    }
}

/// One file system's metadata: a sealed SQLite file with one writer and many readers.
package final class FileSystemDatabase: Sendable {
    /// 4 MiB: a tile's slices are read whole, and 64 of them fill a segment.
    package static let tileBytesStandard: UInt64 = 4 << 20

    package let superblock: Superblock
    package let sequences: Sequences
    /// Checkpoints and counters of syncs and bytes are its affair.
    package let sealed: SealedDatabase
    /// Rows of the present in memory, kept exact by every commit.
    package let liveRows: LiveRowCache
    /// How far commits have come since it was opened.
    package let commits = CommitProgress()
    private let hasWriter = Atomic<Bool>(false)

    /// Makes an empty database: tables and superblock, no inode.
    ///
    /// - Throws: `.exists` when the file is there, and whatever the disk answers.
    package static func create(
        disk: any Disk,
        path: String,
        key: DataKey,
        _ options: FileSystemDatabaseOptions,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(MetadataError) -> FileSystemDatabase {
        let sealed = try SealedDatabase(
            disk: disk,
            path: path,
            key: key,
            id: options.fileSystem,
            applicationID: Schema.applicationID,
            create: true,
            report: report
        )
        let superblock = Superblock(
            fileSystem: options.fileSystem,
            family: options.family,
            nameHashKey: SecureRandom.bytes(NameHasher.keyBytes),
            nameHashBits: options.nameHashBits,
            tileBytes: options.tileBytes
        )
        try write(superblock, options, to: try sealed.connect(writer: true))
        return try FileSystemDatabase(sealed)
    }

    /// Opens one that was made before.
    ///
    /// - Parameters:
    ///   - disk: Where it lives.
    ///   - path: Its base file.
    ///   - key: The data key that it is sealed under.
    ///   - fileSystem: Whose it must be.
    ///   - position: What its log must reach at least, as the segments remember it.
    ///   - report: Takes one line about bytes that did not verify in one zone.
    /// - Returns: The open database.
    /// - Throws: `.wrongKey`, `.newerFormat`, `.corrupt`, and whatever the disk answers.
    package static func open(
        disk: any Disk,
        path: String,
        key: DataKey,
        fileSystem: UniqueID,
        requireAtLeast position: WALPosition = .none,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(MetadataError) -> FileSystemDatabase {
        let sealed = try SealedDatabase(
            disk: disk,
            path: path,
            key: key,
            id: fileSystem,
            applicationID: Schema.applicationID,
            create: false,
            requireAtLeast: position,
            report: report
        )
        try PastUpgrade.run(on: sealed)
        try ReceiptUpgrade.run(on: sealed)
        try PinUpgrade.run(on: sealed)
        let database = try FileSystemDatabase(sealed)
        guard database.superblock.fileSystem == fileSystem else {
            throw MetadataError(
                .corrupt,
                "\(path) holds the metadata of another file system",
                remedy: "Put each file system's files back into its own directory."
            )
        }
        return database
    }

    private init(_ sealed: SealedDatabase) throws(MetadataError) {
        self.sealed = sealed
        liveRows = LiveRowCache(commits: commits)
        let connection = try sealed.connect(writer: false)
        superblock = try Superblock(connection)
        let rows = RowReader(connection, superblock)
        var ceilings: [UInt64] = []
        for kind in SequenceKind.allCases {
            ceilings.append(UInt64(try rows.statements.int(kind.ceiling) ?? 1))
        }
        sequences = Sequences(ceilings: ceilings)
    }

    /// The one writer.
    ///
    /// Its first commit, an empty one made here, puts the ceilings of the sequences ahead.
    ///
    /// - Returns: A writer for one thread.
    /// - Throws: `.busy` when there is one already.
    package func writer() throws(MetadataError) -> MetadataWriter {
        guard !hasWriter.exchange(true, ordering: .acquiringAndReleasing) else {
            throw MetadataError(.busy, "the file system's metadata has its writer already")
        }
        let writer = try MetadataWriter(try sealed.connect(writer: true), self)
        try writer.begin(second: 0)
        _ = try writer.commit()
        return writer
    }

    /// A reader for one thread; make as many as there are threads.
    package func reader() throws(MetadataError) -> MetadataReader {
        MetadataReader(try sealed.connect(writer: false), self)
    }

    /// Makes commits durable up to one that was made visible alone: it may be shown from then on.
    ///
    /// - Throws: What the log's sync answered. The commit may be there after a restart or not, and none follows it.
    package func makeDurable(_ commit: Commit) throws(MetadataError) {
        do throws(MetadataError) {
            try sealed.syncLog()
        } catch {
            commits.fail()
            throw error
        }
        settle(commit)
    }

    /// A commit is durable: its counters' ceilings count, and who waits for it is told.
    func settle(_ commit: Commit) {
        for ceiling in commit.ceilings { sequences.raise(ceiling.kind, to: ceiling.value) }
        commits.reach(commit.number)
    }

    /// Closes the file; writer and readers must be gone.
    package func close() {
        liveRows.close()
        sealed.close()
    }

    private static func write(
        _ superblock: Superblock,
        _ options: FileSystemDatabaseOptions,
        to connection: Connection
    ) throws(MetadataError) {
        try connection.execute("BEGIN IMMEDIATE")
        for sql in Schema.statements { try connection.execute(sql) }
        try connection.execute("PRAGMA user_version = \(Schema.format)")
        let first = Epoch(second: options.second)
        let rows: [(String, MetaValue)] = [
            ("epoch", .int(first.stored)),
            ("generation", .int(1)),
            ("grid", .bytes(RetentionGrid(from: options.second).encoded())),
            ("counters", .bytes(FileSystemCounters().encoded())),
            ("past", .bytes(PastBytes().encoded())),
            (SequenceKind.inode.key, .int(2)),  // 1 is the root directory.
            (SequenceKind.sequence.key, .int(1)),
            (SequenceKind.change.key, .int(1)),
        ]
        for (key, value) in superblock.rows + rows {
            let statement = try connection.prepare("INSERT INTO meta VALUES (?1, ?2)")
            defer { statement.reset() }
            statement.bind(1, key)
            switch value {
            case .int(let value): statement.bind(2, value)
            case .bytes(let value): statement.bind(2, value)
            }
            _ = try statement.step()
        }
        try connection.execute("COMMIT")
    }
}

/// Reads rows on a connection of its own, in read transactions.
package final class MetadataReader: RowReader {
    private let database: FileSystemDatabase
    /// The open transaction shows at least this commit.
    package private(set) var commitNumber: UInt64 = 0
    /// The open transaction, or the last one, shows no commit after this one.
    package private(set) var shownCommit: UInt64 = 0

    init(_ connection: Connection, _ database: FileSystemDatabase) {
        self.database = database
        super.init(Statements(connection), database.superblock)
    }

    /// Begins a read transaction: until ``end()``, every answer is of one moment.
    package func begin() throws(MetadataError) {
        let number = database.commits.visible
        try statements.run(.beginReading)
        // The first read fixes the moment; BEGIN alone does not.
        _ = try openEpoch()
        commitNumber = number
        shownCommit = database.commits.begun
    }

    package func end() throws(MetadataError) {
        try statements.run(.endReading)
    }

    /// Keeps a live row that the open transaction shows, for those who ask next.
    package func keep(_ inode: LiveRowCache.Inode) {
        database.liveRows.keep(inode, commit: commitNumber)
    }

    /// Keeps what a tile of a live file shows.
    package func keep(_ extents: [TileExtent], of inode: InodeNumber, tile: Int64) {
        database.liveRows.keep(extents, inode, tile: tile, commit: commitNumber)
    }

    /// Keeps where a live name leads, or that there is none.
    package func keep(
        _ name: FileName,
        in directory: InodeNumber,
        leadsTo target: InodeNumber?
    ) {
        let name = LiveRowCache.Name(directory: directory, name: name)
        database.liveRows.keep(name, leadsTo: target, commit: commitNumber)
    }
}

extension SequenceKind {
    var ceiling: Query {
        switch self {
        case .inode: .ceilingInode
        case .sequence: .ceilingSequence
        case .change: .ceilingChange
        }
    }
}

extension Query {
    static let beginReading = Query("BEGIN")
    static let endReading = Query("COMMIT")
    static let ceilingInode = Query("SELECT v FROM meta WHERE k = 'ceiling.ino'")
    static let ceilingSequence = Query("SELECT v FROM meta WHERE k = 'ceiling.seq'")
    static let ceilingChange = Query("SELECT v FROM meta WHERE k = 'ceiling.change'")

    /// Every statement that touches a row, for the test that none scans a table.
    static let all: [Query] =
        ofReader + ofInodeReads + ofNameReads + ofContentReads + ofTimeReads + ofAccountReads
        + ofTierReads
        + ofTransactions + ofInodeWrites + ofNameWrites + ofContentWrites + ofRecordWrites
        + ofRanges + ofTimeWrites + ofGarbage + ofReaping + ofPast + ofReceipts
        + [ceilingInode, ceilingSequence, ceilingChange]
}
