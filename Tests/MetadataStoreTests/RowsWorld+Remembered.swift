import VarveModel

@testable import MetadataStore

/// Rows in memory beside the rows of the database.
extension RowsWorld {
    /// Keeps some rows and names of the present as a transaction shows them, and names that are not there.
    func remember(_ reader: MetadataReader) throws {
        for number in side.model.inodes.keys.sorted() where chance(3) {
            let inode = InodeNumber(rawValue: number)
            guard let row = try reader.inode(inode, at: .live) else { continue }
            reader.keep(LiveRowCache.Inode(row: row, accessed: nil))
        }
        for (number, names) in side.model.names.sorted(by: { $0.key < $1.key }) {
            let directory = InodeNumber(rawValue: number)
            let absent = FileName("name \(side.nextName)").map { [$0] } ?? []
            for name in names.keys.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) })
                + absent
            where chance(3) {
                let target = try reader.lookup(name, in: directory, at: .live)?.inode
                reader.keep(name, in: directory, leadsTo: target)
                namesKept.insert(LiveRowCache.Name(directory: directory, name: name))
            }
        }
    }

    /// Whatever is in memory is what the database has.
    func checkRemembered() throws {
        let fresh = try database.reader()
        try fresh.begin()
        let last = side.model.inodes.keys.max() ?? 1
        for number in 1...last + 50 {
            let inode = InodeNumber(rawValue: number)
            guard let kept = database.liveRows.inode(inode) else { continue }
            guard try fresh.inode(inode, at: .live) == kept.row else {
                throw Mismatch("memory has another row of inode \(number)")
            }
            count("row remembered")
        }
        for name in namesKept {
            guard let target = database.liveRows.target(of: name) else { continue }
            let found = try fresh.lookup(name.name, in: name.directory, at: .live)
            guard found?.inode == target else {
                throw Mismatch("memory has another end of '\(name.name)'")
            }
            count(target == nil ? "absence remembered" : "name remembered")
        }
        try fresh.end()
    }
}
