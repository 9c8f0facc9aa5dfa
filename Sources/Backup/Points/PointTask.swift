import BackupVault
import FileSystemEngine
import VarveModel

/// Something to read for a recovery point; tasks come in the order of their keys.
enum PointTask: Sendable {
    /// Something that was read already.
    case ready(PointPiece)
    /// An inode with all that it has: at most one tile.
    case whole(Attributes)
    /// An inode without its data.
    case attributes(Attributes)
    /// One tile of a large file: runs of data as bytes of the file.
    case tile(InodeNumber, UInt32, [Range<UInt64>])
    /// A tile that may differ from the earlier point's.
    case changedTile(PointDelta, UInt32, Attributes)

    /// Bytes of content that it reads at most.
    var bytesMax: UInt64 {
        switch self {
        case .ready, .attributes: 0
        case .whole(let attributes): attributes.kind == .regular ? attributes.size : 0
        case .tile(_, _, let runs): PointTile.bounded(runs).reduce(0) { $0 + UInt64($1.count) }
        case .changedTile(_, let tile, let attributes):
            min(
                attributes.size.subtractingFloored(UInt64(tile) * PointFormat.tileBytes),
                PointFormat.tileBytes
            )
        }
    }

    /// What it asks of an inode's rows, if it does.
    var inode: FileSystem.BulkRequest? {
        switch self {
        case .whole(let attributes): .init(attributes, isWhole: true)
        case .attributes(let attributes): .init(attributes, isWhole: false)
        case .ready, .tile, .changedTile: nil
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

    /// Bytes of content, of a symlink's target and of extended attributes.
    var bytesHeld: UInt64 {
        switch self {
        case .delete: 0
        case .inode(let details): UInt64(details.byteCount)
        case .tile(_, _, let content): UInt64(content.chunks.bytesHeld)
        }
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

/// What one child task reads, or what was read already.
struct PointVisit: Sendable {
    /// In the order of their keys.
    var tasks: [PointTask]
    /// Whether it must end, although it may read nothing within ``detailBytesMax``.
    ///
    /// It then takes the next inode whatever it has. Only the visit that is stored next may: so there is one at a time.
    var isNext = false

    /// 256 KiB for what inodes have beside data: 4 KiB each of 64.
    ///
    /// What more there is the same visit reads when it is its turn to be stored.
    static let detailBytesMax = 256 << 10

    /// Bytes that it holds at most until it is done: as they were read, and as they will be stored.
    ///
    /// What inodes have beside data counts once more for what it may leave, which keeps its room when it lands.
    var bytesMax: UInt64 {
        var bytes: UInt64 = 0
        if tasks.contains(where: { $0.inode != nil }) {
            bytes = UInt64(PointVisit.detailBytesMax) * (isNext ? 1 : 2)
        }
        return tasks.reduce(bytes) {
            if case .ready(let piece) = $1 { $0 + piece.bytesHeld } else { $0 + 2 * $1.bytesMax }
        }
    }
}

/// What a visit brought.
struct PointLanding: Sendable {
    var pieces: [PointPiece] = []
    /// What it did not read, for want of room: it goes on when it is its turn to be stored.
    var rest: PointVisit?
}

/// Gathers tasks, in order, into visits: small ones share one, since a hop between threads costs more than reading a
/// small file.
struct PointVisits {
    /// 64 tasks and 1 MiB: some milliseconds of a reader's thread.
    static let tasksMax = 64
    static let bytesMax: UInt64 = 1 << 20

    private var tasks: [PointTask] = []
    private var bytes: UInt64 = 0

    /// Takes the next task; answers the visit that is whole without it, if one is.
    mutating func add(_ task: PointTask) -> PointVisit? {
        let isOver = bytes + task.bytesMax > PointVisits.bytesMax
        let full = isOver || tasks.count == PointVisits.tasksMax ? rest() : nil
        tasks.append(task)
        bytes += task.bytesMax
        return full
    }

    /// What has not been answered yet.
    mutating func rest() -> PointVisit? {
        guard !tasks.isEmpty else { return nil }
        defer { (tasks, bytes) = ([], 0) }
        return PointVisit(tasks: tasks)
    }
}

extension UInt64 {
    fileprivate func subtractingFloored(_ other: UInt64) -> UInt64 {
        self > other ? self - other : 0
    }
}
