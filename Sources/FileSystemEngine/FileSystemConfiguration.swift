package import Disk
package import Keyring
package import MetadataStore
import SegmentStore
package import VarveModel

/// All that a file system needs to be made or opened.
package struct FileSystemConfiguration: Sendable {
    /// Names it to people and in errors.
    package var id: FileSystemID
    /// Names it in seals; drawn once, kept by the control plane.
    package var unique: UniqueID
    /// The family whose segments and data key it uses.
    package var family: UniqueID
    package var dataKey: DataKey
    package var disk: any Disk
    /// The working copy's directory (`filesystems/<fs>`), which holds `meta.sqlite`.
    package var directory: String
    /// The zones' directories (`zones/<az>/<fs>`), nearest first; one is run today.
    package var zones: [String]
    package var clock: any VarveClock
    package var limits: FileSystemLimits
    package var retention: RetentionLadder
    /// How many bytes the past may hold.
    package var history: HistoryBudget
    /// Space held back on the disk of the state directory; shared by all that lie on it.
    package var reserve: SpaceReserve?
    /// For segments that stay open; shared by all file systems of the process.
    package var openFiles: OpenFileBudget
    /// Told of each data read and write of a client.
    package var accessObserver: (any AccessObserver)?
    /// Told, in one line each, of what an operator should know.
    package var log: @Sendable (String) -> Void

    package init(
        id: FileSystemID,
        unique: UniqueID,
        family: UniqueID,
        dataKey: DataKey,
        disk: any Disk,
        directory: String,
        zones: [String],
        clock: any VarveClock,
        limits: FileSystemLimits = FileSystemLimits(),
        retention: RetentionLadder = .standard,
        history: HistoryBudget = .standard,
        reserve: SpaceReserve? = nil,
        openFiles: OpenFileBudget = OpenFileBudget(),
        accessObserver: (any AccessObserver)? = nil,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        precondition(!zones.isEmpty, "a file system has a zone")
        self.id = id
        self.unique = unique
        self.family = family
        self.dataKey = dataKey
        self.disk = disk
        self.directory = directory
        self.zones = zones
        self.clock = clock
        self.limits = limits
        self.retention = retention
        self.history = history
        self.reserve = reserve
        self.openFiles = openFiles
        self.accessObserver = accessObserver
        self.log = log
    }
}

/// What a file system refuses to exceed.
package struct FileSystemLimits: Sendable, Hashable {
    /// 2^53 bytes: what a double of a JSON client still counts exactly; EFS allows 47.9 TiB.
    package var fileBytesMax: UInt64 = 1 << 53
    /// 65,000, as ext4; EFS allows 177.
    package var linksMax: UInt32 = 65_000
    /// 4,095 bytes of a symlink's target (PATH_MAX without its NUL).
    package var symlinkBytesMax = 4_095
    /// 64 KiB a value, as Linux (XATTR_SIZE_MAX).
    package var attributeBytesMax = 65_536
    /// 1,024 extended attributes of one inode.
    ///
    /// So many fit one value of a recovery point's map: short values inside it (543 KiB of its 1 MiB), long
    /// ones as chunks (of 4,096).
    package var attributesMax = 1_024
    /// Names in all of an inode's extended attributes, as Linux (XATTR_LIST_MAX).
    package var attributeNamesBytesMax = 65_536
    /// 4,000,000 keys and inodes that one restore in place sets back; more is refused, and nothing changes.
    ///
    /// It is one transaction, which holds the keys (some 50 bytes each, 200 MB) and the pages that it
    /// changes (sorted by inode, some 40 rows a page: 100,000 pages in each of four trees, 1.6 GiB).
    package var restoreKeysMax = 4_000_000
    /// 65,536 slices that one clone lays in one transaction, which all others wait for: 64 GiB written in 1 MiB each.
    package var cloneSlicesMax = 65_536
    /// Operations in one transaction at most: 64 reach 14,000 creates a second, 512 bound the wait.
    package var batchOperationsMax = 512
    /// 1 ms, as long as a sync takes: for so long a move's turn of the committer swaps rows, and others wait.
    package var swapTurnMicroseconds = 1_000
    /// 32 rows, some hundreds of microseconds: so many are swapped before the time is looked at; tests take few, and no time.
    package var swapRowsMax = 32
    /// 10: of a hundred parts of the time, how many moves' copies take while clients work.
    package var copyTimePercent = 10
    /// Operations queued or running at most; more callers wait their turn.
    package var queuedOperationsMax = 4_096
    /// Threads that read; each has a connection.
    package var readers = 4
    /// 1 ms: an idle reader keeps its transaction so long, for the next of one client's calls.
    package var readerLingerMilliseconds = 1
    /// 64 KiB: reads in order of more bytes than this have the next ones opened ahead; less is opened while it is asked for.
    package var readAheadBytesMin: UInt64 = 64 << 10
    /// Seconds between flushes of unstable writes; `nil` leaves them to commits and ``FileSystem/flush()``.
    package var flushSeconds: Int? = 1
    /// Pending unstable bytes at most; more are flushed at once.
    package var pendingBytesMax: UInt64 = 256 << 20
    /// 4 MiB, fixed at creation: bytes of a tile; tests take small ones so that files span many.
    package var tileBytes: UInt64 = 4 << 20
    /// Bytes of a segment file; `nil` leaves the store's own 64 MiB.
    package var segmentBytes: UInt64?
    /// Of a segment's bytes on disk, this many in a hundred are waste before it is compacted.
    package var wastePercentMin: UInt64 = 50
    /// And so many bytes at least; less is not worth a sync.
    package var wasteBytesMin: UInt64 = 64 << 10
    /// Bits of the name hash in use; tests take 4 so that names collide.
    package var nameHashBits = 55

    package init() {}

    func tune(_ settings: inout SegmentStoreConfiguration) {
        settings.wastePercentMin = wastePercentMin
        settings.wasteBytesMin = wasteBytesMin
        guard let segmentBytes else { return }
        settings.segmentBytes = segmentBytes
        settings.preallocationBytes = min(settings.preallocationBytes, segmentBytes)
    }
}

/// Hears of data reads and writes of clients, for lifecycle.
///
/// Backup, scrub and tier moves are not heard. Called on the engine's threads: it must not block.
package protocol AccessObserver: Sendable {
    /// A client read or wrote data of `inode` on `day` (days since 1970 UTC).
    func accessed(_ inode: InodeNumber, day: Int64)
}
