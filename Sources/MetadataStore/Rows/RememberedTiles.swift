import VarveModel

/// What tiles of live files show, as a part of ``LiveRowCache``.
///
/// Two halves as in ``RecentlyUsed``; what bounds them is the number of extents, for a tile may have one or a thousand.
struct RememberedTiles: Sendable {
    private typealias Half = [InodeNumber: [Int64: [TileExtent]]]

    /// 131,072 extents of 80 bytes: 10 MiB a file system.
    static let extentsMax = 1 << 17

    private var young: Half = [:]
    private var old: Half = [:]
    /// Extents of the young half, and one a tile.
    private var youngWeight = 0
    private let halfMax: Int

    init(extentsMax: Int = RememberedTiles.extentsMax) {
        halfMax = extentsMax / 2
    }

    /// Extents and tiles that are held, counted one by one: for tests.
    var weight: Int {
        [young, old].reduce(0) { sum, half in
            half.values.reduce(sum) { $1.values.reduce($0) { $0 + $1.count + 1 } }
        }
    }

    /// The tiles that are held: for tests.
    var homes: [RecordHome] {
        [young, old].flatMap { half in
            half.flatMap { inode, tiles in
                tiles.keys.map { RecordHome(inode: inode, tile: $0) }
            }
        }
    }

    /// What a tile shows, ascending; `nil` when that is not known here.
    mutating func extents(_ inode: InodeNumber, tile: Int64) -> [TileExtent]? {
        if let found = young[inode]?[tile] { return found }
        guard let found = old[inode]?.removeValue(forKey: tile) else { return nil }
        keep(found, inode, tile: tile)
        return found
    }

    /// Keeps what a tile shows, unless it is so much that it would drive out half of all others.
    mutating func keep(_ extents: [TileExtent], _ inode: InodeNumber, tile: Int64) {
        remove(inode, tile: tile)
        let weight = extents.count + 1
        guard weight <= halfMax / 2 else { return }
        if youngWeight + weight > halfMax {
            old = young
            young = [:]
            youngWeight = 0
        }
        young[inode, default: [:]][tile] = extents
        youngWeight += weight
    }

    /// Forgets a tile; ``SliceRow/rangeTile`` all of the inode's.
    mutating func remove(_ inode: InodeNumber, tile: Int64) {
        guard tile != SliceRow.rangeTile else {
            let gone = young.removeValue(forKey: inode)?.values.reduce(0) { $0 + $1.count + 1 }
            youngWeight -= gone ?? 0
            old[inode] = nil
            return
        }
        if let gone = young[inode]?.removeValue(forKey: tile) { youngWeight -= gone.count + 1 }
        if young[inode]?.isEmpty == true { young[inode] = nil }
        old[inode]?.removeValue(forKey: tile)
        if old[inode]?.isEmpty == true { old[inode] = nil }
    }
}
