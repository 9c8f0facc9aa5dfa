package import VarveModel

/// Reads rows, at the present or at a retained instant: what the writer and the readers share.
///
/// One thread at a time. An answer is what the connection's transaction shows; a reader caches nothing.
package class RowReader {
    let statements: Statements
    let hasher: NameHasher
    /// Bytes of a tile.
    package let tileBytes: UInt64

    convenience init(_ connection: Connection, _ superblock: Superblock) {
        self.init(Statements(connection), superblock)
    }

    init(_ statements: Statements, _ superblock: Superblock) {
        self.statements = statements
        hasher = NameHasher(key: superblock.nameHashKey, bits: superblock.nameHashBits)
        tileBytes = superblock.tileBytes
    }

    /// Rows and virtual-machine steps that the connection has cost so far; for cost tests.
    package var rowsStepped: UInt64 { statements.connection.totalRowsStepped }

    /// The instants that may be read: a row for each pin.
    package func retention() throws(MetadataError) -> RetainedInstants {
        let pins = try statements.all(.pins) { Epoch(rawValue: UInt64($0.int(0))) }
        let open = try statements.int(.metaEpoch) ?? 0
        return RetainedInstants(
            grid: try storedGrid(),
            pins: pins,
            open: Epoch(rawValue: UInt64(open))
        )
    }

    /// The greatest retained instant that is not after `epoch`; it costs the same however many pins there are.
    package func retainedInstant(atOrBefore epoch: Epoch) throws(MetadataError) -> Epoch? {
        let open = try openEpoch()
        guard open > .zero else { return nil }
        // No other pin than this one can be the answer.
        let latest = min(epoch, Epoch(rawValue: open.rawValue - 1))
        let pin = try statements.int(.lastPin, latest.stored).map { Epoch(stored: $0) }
        return RetainedInstants(grid: try storedGrid(), pins: pin.map { [$0] } ?? [], open: open)
            .last(atOrBefore: latest)
    }

    package final func isRetained(_ epoch: Epoch) throws(MetadataError) -> Bool {
        try retainedInstant(atOrBefore: epoch) == epoch
    }

    /// The second of the last transaction's epoch: a time at or after it needs an empty transaction
    /// first, so that its instant exists.
    package func openEpoch() throws(MetadataError) -> Epoch {
        Epoch(rawValue: UInt64(try statements.int(.metaEpoch) ?? 0))
    }

    /// The file system's accounts: one row, at any size.
    package func counters() throws(MetadataError) -> FileSystemCounters {
        let bytes = try statements.first(.metaCounters) { $0.bytes(0) } ?? []
        guard let counters = FileSystemCounters(encoded: bytes) else {
            throw MetadataError(.corrupt, "the counters in the superblock do not decode")
        }
        return counters
    }

    /// Bytes that only the past shows.
    package func pastBytes() throws(MetadataError) -> PastBytes {
        let bytes = try statements.first(.metaPast) { $0.bytes(0) } ?? []
        guard let past = PastBytes(encoded: bytes) else {
            throw MetadataError(.corrupt, "the accounts of the past do not decode")
        }
        return past
    }

    /// The row of an inode of the present.
    func liveInode(_ inode: InodeNumber) throws(MetadataError) -> InodeRow? {
        try statements.first(.inodeLive, inode.stored) { statement throws(MetadataError) in
            try InodeRow(statement, inode, at: 0)
        }
    }

    /// The names of the present with these hashes, of one name's collision numbers.
    func liveDirents(
        _ directory: InodeNumber,
        _ range: ClosedRange<UInt64>
    ) throws(MetadataError) -> [DirentRow] {
        try statements.all(
            .direntsInRange,
            directory.stored,
            Int64(range.lowerBound),
            Int64(range.upperBound)
        ) { statement throws(MetadataError) in
            try DirentRow(statement, directory, at: 0)
        }
    }

    /// Whether a directory of the present holds a name.
    func holdsName(_ directory: InodeNumber) throws(MetadataError) -> Bool {
        try statements.exists(.direntsLive, directory.stored, 0, 1)
    }

    func storedGrid() throws(MetadataError) -> RetentionGrid {
        let bytes = try statements.first(.metaGrid) { $0.bytes(0) } ?? []
        guard let grid = RetentionGrid(encoded: bytes) else {
            throw MetadataError(.corrupt, "the retention spans in the superblock do not decode")
        }
        return grid
    }

    /// The greatest epoch that a view shows: rows with `born <= bound < died` are in it.
    func bound(_ view: View) -> Int64 {
        switch view {
        case .live: Int64.max - 1
        case .past(let epoch): Int64(epoch.rawValue)
        }
    }
}

extension InodeNumber {
    /// As SQLite stores it.
    var stored: Int64 { Int64(bitPattern: rawValue) }

    init(stored: Int64) {
        self.init(rawValue: UInt64(bitPattern: stored))
    }
}

extension Epoch {
    /// As SQLite stores it.
    var stored: Int64 { Int64(bitPattern: rawValue) }

    init(stored: Int64) {
        self.init(rawValue: UInt64(bitPattern: stored))
    }
}

extension RetentionGrid {
    /// Pairs of from and step, 8 bytes each, little-endian.
    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: spans.count * 16)
        for span in spans {
            writer.append(span.from)
            writer.append(span.step)
        }
        return writer.bytes
    }

    init?(encoded bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        var spans: [Span] = []
        while reader.remaining > 0 {
            guard let from = reader.read(Int64.self), let step = reader.read(Int64.self),
                from >= 0, step > 0, spans.last.map({ $0.from < from }) ?? true
            else { return nil }
            spans.append(Span(from: from, step: step))
        }
        self.init(spans: spans)
    }
}

extension Query {
    static let pins = Query("SELECT epoch FROM snap")
    static let lastPin = Query(
        "SELECT epoch FROM snap WHERE epoch <= ?1 ORDER BY epoch DESC LIMIT 1"
    )
    static let metaEpoch = Query("SELECT v FROM meta WHERE k = 'epoch'")
    static let metaGrid = Query("SELECT v FROM meta WHERE k = 'grid'")

    static let ofReader = [pins, lastPin, metaEpoch, metaGrid]
}
