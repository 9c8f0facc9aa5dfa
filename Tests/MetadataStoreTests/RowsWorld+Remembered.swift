import VarveModel

@testable import MetadataStore

/// Rows in memory beside the rows of the database.
extension RowsWorld {
    /// Tiles of each inode of which some are kept: the operations seldom go beyond.
    private static let tilesKept: Int64 = 6

    /// Keeps some rows and names of the present as a transaction shows them, and names that are not there.
    func remember(_ reader: MetadataReader) throws {
        for number in side.model.inodes.keys.sorted() where chance(3) {
            let inode = InodeNumber(rawValue: number)
            guard let row = try reader.inode(inode, at: .live) else { continue }
            reader.keep(LiveRowCache.Inode(row: row, accessed: nil))
        }
        for number in side.model.inodes.keys.sorted() {
            let inode = InodeNumber(rawValue: number)
            for tile in 0..<Self.tilesKept where chance(3) {
                let extents = try reader.extents(inode, tile: tile, at: .live)
                reader.keep(extents, of: inode, tile: tile)
            }
        }
        for (number, names) in side.model.names.sorted(by: { $0.key < $1.key }) {
            let directory = InodeNumber(rawValue: number)
            let absent = FileName("name \(side.nextName)").map { [$0] } ?? []
            for name in names.keys.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) })
                + absent
            where chance(3) {
                let target = try reader.lookup(name, in: directory, at: .live)?.inode
                reader.keep(name, in: directory, leadsTo: target)
            }
        }
    }

    /// Whatever is in memory is what the database has.
    func checkRemembered() throws {
        let fresh = try database.reader()
        try fresh.begin()
        let remembered = database.liveRows.remembered
        for inode in remembered.inodes {
            guard let kept = database.liveRows.inode(inode) else { continue }
            guard try fresh.inode(inode, at: .live) == kept.row else {
                throw Mismatch("memory has another row of inode \(inode.rawValue)")
            }
            count("row remembered")
        }
        for tile in remembered.tiles { try check(tile, fresh) }
        for name in remembered.names {
            guard let target = database.liveRows.target(of: name) else { continue }
            let found = try fresh.lookup(name.name, in: name.directory, at: .live)
            guard found?.inode == target else {
                throw Mismatch("memory has another end of '\(name.name)'")
            }
            count(target == nil ? "absence remembered" : "name remembered")
        }
        try fresh.end()
    }

    /// What memory has of a tile is what it shows.
    private func check(_ home: RecordHome, _ fresh: MetadataReader) throws {
        let (inode, tile) = (home.inode, home.tile)
        let version = database.liveRows.version
        let kept = database.liveRows.tiles(tile...tile, of: inode, atVersion: version)
        guard let kept else { return }
        guard try kept == [fresh.extents(inode, tile: tile, at: .live)] else {
            throw Mismatch("memory has another content of tile \(tile) of \(inode.rawValue)")
        }
        count(kept == [[]] ? "empty tile remembered" : "tile remembered")
    }
}
