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

    /// Walks the slices tile by tile: all that refer to one record stand together.
    private mutating func count() throws(MetadataError) {
        var tile: [SliceRow] = []
        var position: SliceKey?
        while true {
            let page = try rows.slices(after: position, limit: 4_096)
            for row in page {
                if let last = tile.last, last.inode != row.inode || last.tile != row.tile {
                    count(tile)
                    tile = []
                }
                tile.append(row)
            }
            guard let last = page.last else { return count(tile) }
            position = SliceKey(last)
        }
    }

    private mutating func count(_ tile: [SliceRow]) {
        for (record, rows) in Dictionary(grouping: tile, by: \.record) {
            guard let record, let life = PastLife(rows) else { continue }
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
