package import VarveModel

extension RowReader {
    package func segments() throws(MetadataError) -> [SegmentRow] {
        try statements.all(.segments) { statement throws(MetadataError) in
            try SegmentRow(statement)
        }
    }

    package func segment(_ id: SegmentID) throws(MetadataError) -> SegmentRow? {
        try statements.first(.segment, Int64(id.rawValue)) { statement throws(MetadataError) in
            try SegmentRow(statement)
        }
    }

    /// Where the lifecycle has put a file; `nil` for one that it never moved.
    package func place(_ inode: InodeNumber) throws(MetadataError) -> PlaceRow? {
        try statements.first(.place, inode.stored) { statement throws(MetadataError) in
            try PlaceRow(statement)
        }
    }

    /// Files of one tier with numbers after `inode`, ascending.
    package func placed(
        in tier: Tier,
        after inode: InodeNumber?,
        limit: Int
    ) throws(MetadataError) -> [PlaceRow] {
        try statements.all(
            .placedIn,
            Int64(tier.rawValue),
            inode?.stored ?? 0,
            Int64(limit)
        ) { statement throws(MetadataError) in
            try PlaceRow(statement)
        }
    }

    /// Files and bytes of one project.
    package func usage(project: UInt32) throws(MetadataError) -> (files: UInt64, bytes: UInt64) {
        let row = try statements.first(.usage, Int64(project)) {
            (files: UInt64(clamping: $0.int(0)), bytes: UInt64(clamping: $0.int(1)))
        }
        return row ?? (0, 0)
    }

    /// Files and bytes beneath a directory, as far as anyone has counted: it lags and never decides.
    package func directoryStatistics(
        _ directory: InodeNumber
    ) throws(MetadataError) -> (files: Int64, bytes: Int64) {
        try statements.first(.directoryStatistics, directory.stored) {
            (files: $0.int(0), bytes: $0.int(1))
        } ?? (0, 0)
    }
}

extension SegmentRow {
    /// Columns id, tier, key_id, bytes, dead, born_min, born_max, state, zones.
    init(_ statement: Statement) throws(MetadataError) {
        let tier = Tier(rawValue: UInt8(truncatingIfNeeded: statement.int(1)))
        guard let tier, let state = SegmentState(rawValue: statement.int(7)) else {
            throw MetadataError(
                .corrupt,
                "segment \(statement.int(0)) has an unknown tier or state"
            )
        }
        self.init(
            id: SegmentID(rawValue: UInt64(bitPattern: statement.int(0))),
            tier: tier,
            keyID: UInt32(truncatingIfNeeded: statement.int(2)),
            bytes: UInt64(bitPattern: statement.int(3)),
            dead: UInt64(bitPattern: statement.int(4)),
            bornMin: Epoch(stored: statement.int(5)),
            bornMax: Epoch(stored: statement.int(6)),
            state: state,
            zones: UInt64(bitPattern: statement.int(8))
        )
    }
}

extension PlaceRow {
    init(_ statement: Statement) throws(MetadataError) {
        guard let tier = Tier(rawValue: UInt8(truncatingIfNeeded: statement.int(1))) else {
            throw MetadataError(.corrupt, "inode \(statement.int(0)) has an unknown tier")
        }
        self.init(
            inode: InodeNumber(stored: statement.int(0)),
            tier: tier,
            since: Timestamp(seconds: statement.int(2))
        )
    }
}

extension FileSystemCounters {
    /// Eight 8-byte fields, little-endian: inodes, inline bytes, space and stored of each tier.
    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.append(inodes)
        writer.append(inlineBytes)
        for value in space + stored { writer.append(value) }
        return writer.bytes
    }

    init?(encoded bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let inodes = reader.read(UInt64.self), let inline = reader.read(UInt64.self) else {
            return nil
        }
        var values: [UInt64] = []
        while let value = reader.read(UInt64.self) { values.append(value) }
        guard values.count == 6 else { return nil }
        self.init()
        self.inodes = inodes
        inlineBytes = inline
        space = Array(values[0..<3])
        stored = Array(values[3..<6])
    }
}

extension Query {
    static let segmentColumns =
        "id, tier, key_id, bytes, dead, born_min, born_max, state, zones"

    static let segments = Query("SELECT \(segmentColumns) FROM seg ORDER BY id")
    static let segment = Query("SELECT \(segmentColumns) FROM seg WHERE id = ?1")
    static let place = Query("SELECT ino, tier, since FROM place WHERE ino = ?1")
    static let placedIn = Query(
        """
        SELECT ino, tier, since FROM place WHERE tier = ?1 AND ino > ?2 ORDER BY ino LIMIT ?3
        """
    )
    static let metaCounters = Query("SELECT v FROM meta WHERE k = 'counters'")
    static let usage = Query("SELECT files, bytes FROM usage WHERE project = ?1")
    static let directoryStatistics = Query("SELECT files, bytes FROM dirstat WHERE dir = ?1")

    static let ofAccountReads = [
        segments, segment, place, placedIn, metaCounters, usage, directoryStatistics,
    ]
}
