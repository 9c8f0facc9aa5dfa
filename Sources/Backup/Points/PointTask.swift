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

/// Tasks that are read at once: so many that they hide each other's waits, and few bytes.
///
/// Two batches are held, one being read and one being stored, so a backup holds at most
/// 2 · (16 + 4) MiB of content, whatever the sizes of files and the number of their changes.
struct PointBatch {
    static let tasksMax = 256
    static let bytesMax: UInt64 = 16 << 20

    private var tasks: [PointTask] = []
    private var bytes: UInt64 = 0

    var isFull: Bool { tasks.count >= PointBatch.tasksMax || bytes >= PointBatch.bytesMax }

    mutating func add(_ task: PointTask) {
        bytes += min(task.bytesMax, PointFormat.tileBytes)
        tasks.append(task)
    }

    mutating func take() -> [PointTask] {
        defer { self = PointBatch() }
        return tasks
    }
}

/// What one task of the group reads.
enum PointVisit: Sendable {
    /// Small inodes, one behind the other.
    case small([Attributes])
    case one(PointTask)

    /// 16 inodes of at most 64 KiB: what a reader's thread is kept by is a millisecond or two.
    private static let inodesMax = 16
    private static let bytesMax: UInt64 = 64 << 10

    static func of(_ tasks: [PointTask]) -> [PointVisit] {
        var visits: [PointVisit] = []
        var small: [Attributes] = []
        for task in tasks {
            if case .whole(let attributes) = task, task.bytesMax <= bytesMax {
                small.append(attributes)
                guard small.count == inodesMax else { continue }
                visits.append(.small(small))
                small = []
            } else {
                if !small.isEmpty { visits.append(.small(small)) }
                small = []
                visits.append(.one(task))
            }
        }
        if !small.isEmpty { visits.append(.small(small)) }
        return visits
    }
}

extension UInt64 {
    fileprivate func subtractingFloored(_ other: UInt64) -> UInt64 {
        self > other ? self - other : 0
    }
}
