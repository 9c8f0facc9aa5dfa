import VarveModel

/// Gives a database of before the accounts of its past: one walk through the slices, once.
struct PastUpgrade {
    private let rows: RowReader
    private let retained: RetainedInstants
    private var bytes = PastBytes()
    private var cells: [PastCell: Int64] = [:]

    /// Does nothing to a database that has them.
    static func run(on sealed: SealedDatabase) throws(MetadataError) {
        let connection = try sealed.connect(writer: true)
        let superblock = try Superblock(connection)
        guard superblock.readOnlyCompatible & Superblock.keepsPast == 0 else { return }
        var upgrade = try PastUpgrade(RowReader(connection, superblock))
        try upgrade.count()
        try connection.execute("BEGIN IMMEDIATE")
        for sql in Schema.past { try connection.execute(sql) }
        for (cell, bytes) in upgrade.cells where bytes != 0 {
            try upgrade.rows.statements.run(
                .countPast,
                cell.death.stored,
                cell.birth.stored,
                bytes
            )
        }
        let features = superblock.readOnlyCompatible | Superblock.keepsPast
        try upgrade.set("past", .bytes(upgrade.bytes.encoded()))
        try upgrade.set("features.ro", .int(Int64(bitPattern: features)))
        try connection.execute("COMMIT")
    }

    private init(_ rows: RowReader) throws(MetadataError) {
        self.rows = rows
        retained = try rows.retention()
    }

    /// Walks the slices tile by tile; what several tiles share is counted at the first of them.
    private mutating func count() throws(MetadataError) {
        var tile: [SliceRow] = []
        var position: SliceKey?
        while true {
            let page = try rows.slices(after: position, limit: 4_096)
            for row in page {
                if let last = tile.last, last.inode != row.inode || last.tile != row.tile {
                    try count(tile)
                    tile = []
                }
                tile.append(row)
            }
            guard let last = page.last else { return try count(tile) }
            position = SliceKey(last)
        }
    }

    private mutating func count(_ tile: [SliceRow]) throws(MetadataError) {
        for (record, rows) in Dictionary(grouping: tile, by: \.record) {
            guard let record else { continue }
            let sharing = try self.rows.sharingSlices(of: record)
            // In the order of the walk.
            let first = sharing.min { ($0.inode, $0.tile) < ($1.inode, $1.tile) }
            guard first == nil || first?.inode == rows[0].inode && first?.tile == rows[0].tile,
                let life = PastLife(sharing.isEmpty ? rows : sharing)
            else { continue }
            let cell = PastCell(life, retained)
            cells[cell, default: 0] += Int64(record.length)
            bytes.count(Int64(record.length), isPinned: cell.isPinned)
        }
    }

    private func set(_ key: String, _ value: MetaValue) throws(MetadataError) {
        let statement = try rows.statements.bound(.setMeta, [])
        defer { statement.reset() }
        statement.bind(1, key)
        switch value {
        case .int(let value): statement.bind(2, value)
        case .bytes(let value): statement.bind(2, value)
        }
        _ = try statement.step()
    }
}
