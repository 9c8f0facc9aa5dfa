import BackupVault
import FileSystemEngine
import VarveModel

/// Something to read for a recovery point; tasks come in the order of their keys.
enum PointTask: Sendable {
    /// Something that was read already.
    case ready(PointPiece)
    /// An inode with all that it has: at most one tile.
    case whole(Attributes)
    /// A large file without its data.
    case attributes(Attributes)
    /// One tile of a large file: runs of data as bytes of the file.
    case tile(InodeNumber, UInt32, [Range<UInt64>])
    /// A tile that may differ from the earlier point's.
    case changedTile(PointDelta, UInt32, Attributes)

    /// Bytes that it holds once it is done, at most.
    var bytesMax: UInt64 {
        switch self {
        case .ready(let piece): piece.bytesHeld
        case .whole(let attributes): attributes.kind == .regular ? attributes.size : 0
        case .attributes: 0
        case .tile(_, _, let runs): runs.reduce(0) { $0 + UInt64($1.count) }
        case .changedTile(_, let tile, let attributes):
            attributes.size.subtractingFloored(UInt64(tile) * PointFormat.tileBytes)
        }
    }
}

/// What changed of an inode.
struct PointChange: Sendable, Hashable {
    /// Attributes, extended ones included; of a small file perhaps its bytes.
    var isInode = false
    var tiles: Set<UInt32> = []
    /// Any tile may have changed.
    var isAnyTile = false
}

/// Something that was read.
enum PointPiece: Sendable {
    case delete([UInt8])
    case inode(InodeDetails)
    case tile(InodeNumber, UInt32, PointTileContent)

    /// Bytes of content.
    var bytesHeld: UInt64 {
        guard case .tile(_, _, let content) = self else { return 0 }
        return UInt64(content.chunks.bytesHeld)
    }
}

/// Bytes of a tile that are to be stored.
struct PointTileContent: Sendable {
    /// Runs within the tile, in order.
    var runs: [Range<UInt32>]
    /// Their bytes, one after another, cut into chunks.
    var chunks: PreparedChunks
    var byteCount: UInt64
    /// The tile as the earlier point has it, when only `runs` of it are replaced.
    var old: PointTile?
    /// All data of the tile, when `old` is given.
    var data: [Range<UInt32>] = []
}

/// What one child task reads.
enum PointVisit: Sendable {
    /// Inodes with all that they have, one behind the other.
    case whole([Attributes])
    case one(PointTask)
    /// Pieces that were read already.
    case ready([PointPiece])

    /// Bytes that it holds at most until it is done: as they were read, and as they will be stored.
    var bytesMax: UInt64 {
        switch self {
        case .whole(let inodes): inodes.reduce(0) { $0 + 2 * PointTask.whole($1).bytesMax }
        case .one(let task): 2 * min(task.bytesMax, PointFormat.tileBytes)
        case .ready(let pieces): pieces.reduce(0) { $0 + $1.bytesHeld }
        }
    }
}

/// Gathers tasks, in order, into visits: small files share one, since a hop between threads costs more than reading
/// one of them.
struct PointVisits {
    /// 64 inodes and 1 MiB: some milliseconds of a reader's thread.
    static let inodesMax = 64
    static let bytesMax: UInt64 = 1 << 20
    /// Pieces that were read already, handed on together.
    static let piecesMax = 256

    private var inodes: [Attributes] = []
    private var bytes: UInt64 = 0
    private var pieces: [PointPiece] = []

    /// Takes the next task; answers the visits that are whole with it.
    mutating func add(_ task: PointTask) -> [PointVisit] {
        switch task {
        case .whole(let attributes):
            let isOver = bytes + task.bytesMax > PointVisits.bytesMax
            let full = isOver || inodes.count == PointVisits.inodesMax ? rest() : restOfPieces()
            inodes.append(attributes)
            bytes += task.bytesMax
            return full
        case .ready(let piece):
            let full = pieces.count == PointVisits.piecesMax ? rest() : restOfInodes()
            pieces.append(piece)
            return full
        case .attributes, .tile, .changedTile: return rest() + [.one(task)]
        }
    }

    /// What has not been answered yet.
    mutating func rest() -> [PointVisit] { restOfInodes() + restOfPieces() }

    private mutating func restOfInodes() -> [PointVisit] {
        guard !inodes.isEmpty else { return [] }
        defer { (inodes, bytes) = ([], 0) }
        return [.whole(inodes)]
    }

    private mutating func restOfPieces() -> [PointVisit] {
        guard !pieces.isEmpty else { return [] }
        defer { pieces = [] }
        return [.ready(pieces)]
    }
}

extension UInt64 {
    fileprivate func subtractingFloored(_ other: UInt64) -> UInt64 {
        self > other ? self - other : 0
    }
}
