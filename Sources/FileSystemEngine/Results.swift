import MetadataStore
package import VarveModel

/// One name of a listing.
package struct DirectoryEntry: Sendable, Hashable {
    package let name: FileName
    /// Where to go on after this entry; stable for the life of the name, and at every instant.
    package let cookie: UInt64
    package let attributes: Attributes
}

/// A part of a listing, in cookie order; `.` and `..` are the front-end's.
package struct DirectoryPage: Sendable, Hashable {
    package let entries: [DirectoryEntry]
    package let isEnd: Bool
    /// The directory itself, at the same instant.
    package let directory: Attributes
}

/// Memory that a read's bytes are laid into: of the kind that its caller sends on, so that nobody copies them once more.
package protocol ReadMemory: Sendable {
    /// Memory of `count` bytes, all of which `fill` initialises unless it throws.
    init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws
}

extension Array: ReadMemory where Element == UInt8 {
    package init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        try self.init(unsafeUninitializedCapacity: count) { buffer, initialized in
            try fill(UnsafeMutableRawBufferPointer(buffer))
            initialized = count
        }
    }
}

/// Bytes of a file.
package struct ReadResult<Memory: ReadMemory>: Sendable {
    package let bytes: Memory
    /// Whether they reach the end of the file.
    package let isAtEnd: Bool
}

extension ReadResult: Equatable where Memory: Equatable {}
extension ReadResult: Hashable where Memory: Hashable {}

/// What a write answers.
package struct WriteResult: Sendable, Hashable {
    package let attributes: Attributes
    /// Differs from an earlier one when unstable bytes may have been lost since.
    package let verifier: WriteVerifier
}

/// 8 random bytes a start (RFC 8881 §18.3.3).
package struct WriteVerifier: Sendable, Hashable {
    package let rawValue: UInt64
}

/// A file kept alive though its last name goes.
package struct OpenFile: Sendable, Hashable {
    package let id: UInt64
    package let inode: InodeNumber
}

/// A directory's `change` before and after one operation, with nothing else in between (RFC 8881 §3.3.10).
package struct DirectoryChange: Sendable, Hashable {
    package let before: UInt64
    package let after: UInt64
}

/// What a rename did to the two directories, which may be one.
package struct RenameChange: Sendable, Hashable {
    package let source: DirectoryChange
    package let target: DirectoryChange
}

/// An inode's `change` before and after one operation, with nothing else in between.
package struct InodeChange: Sendable, Hashable {
    package let before: UInt64
    package let after: UInt64
}

/// An inode that got a name, and what that did to the directory.
package struct NamedInode: Sendable, Hashable {
    package let attributes: Attributes
    package let directory: DirectoryChange
}

/// A named, pinned instant.
package struct Snapshot: Sendable, Hashable {
    package let id: UInt64
    package let name: String
    package let epoch: Epoch
    package let created: Timestamp
    package let expires: Timestamp?
}

/// A pinned instant without a name; it ends with its release or with the process.
package struct Hold: Sendable, Hashable {
    package let id: UInt64
    package let epoch: Epoch
}

/// A place in the journal of changes that a consumer comes back to.
package struct Bookmark: Sendable, Hashable {
    package let name: String
    package let epoch: Epoch
    package let expires: Timestamp?
}

/// A key that changed between two instants; compare both ends to learn how.
package enum Change: Sendable, Hashable {
    /// An inode's attributes, its birth or its death; of a symlink or small file its bytes too.
    case inode(InodeNumber)
    /// A name in a directory, by the listing's cookie.
    case dirent(directory: InodeNumber, cookie: UInt64)
    /// One of an inode's extended attributes.
    case extendedAttributes(InodeNumber)
    /// Bytes inside one 4 MiB tile of a file.
    case content(InodeNumber, tile: UInt32)
}

/// A part of the changes between two instants, in the order of the journal: by epoch, then by key.
package struct ChangePage: Sendable, Hashable {
    package let changes: [Change]
    /// Hand it back for the next part; `nil` at the end.
    package let resumeAfter: ChangePosition?
}

/// Where a page of changes ended; opaque.
package struct ChangePosition: Sendable, Hashable {
    let change: FiledChange
}

/// A dirent as backup sees it.
package struct DirentRecord: Sendable, Hashable {
    package let directory: InodeNumber
    package let cookie: UInt64
    package let name: FileName
    package let inode: InodeNumber
    package let kind: FileKind
}

/// An extended attribute.
package struct ExtendedAttribute: Sendable, Hashable {
    package let name: [UInt8]
    package let value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

/// An inode with all that is kept of it but a file's bytes.
package struct InodeDetails: Sendable, Hashable {
    package let attributes: Attributes
    /// Where a symlink leads; empty for any other kind.
    package let target: [UInt8]
    /// Sorted by name.
    package let extended: [ExtendedAttribute]

    /// Bytes of the target, and of the extended attributes' names and values.
    package var byteCount: Int {
        extended.reduce(target.count) { $0 + $1.name.count + $1.value.count }
    }
}

/// One version of a file: how it read from `epoch` until the next one.
package struct FileVersion: Sendable, Hashable {
    /// A retained instant at which exactly this version is read.
    package let epoch: Epoch
    /// When this version came to be.
    package let since: Timestamp
    package let attributes: Attributes
    /// Whether this is the present.
    package let isLive: Bool
}

/// Bytes and inodes of a file system (statvfs(3), and more).
package struct FileSystemStatistics: Sendable, Hashable {
    /// Bytes that live files' data occupies.
    package var liveBytes: UInt64
    /// Of them, by tier.
    package var tierBytes: [Tier: UInt64]
    package var inodes: UInt64
    /// Bytes of the segment files by tier, as the disk counts them.
    package var storedBytes: [Tier: UInt64]
    /// Of them, bytes of records that no instant needs any more.
    package var deadBytes: [Tier: UInt64]
    /// Sealed bytes that only instants of the grid show: what the byte budget bounds.
    package var historyBytes: UInt64
    /// Sealed bytes of the past that a snapshot, or a backup under way, shows.
    package var snapshotBytes: UInt64
    /// Bytes of the metadata database and its log.
    package var metadataBytes: UInt64
    package var diskTotalBytes: UInt64
    package var diskAvailableBytes: UInt64
}

/// What is counted as it changes, and the disk's room (statvfs(3)).
package struct FileSystemRoom: Sendable, Hashable {
    package var inodes: UInt64
    /// Bytes that live files' data occupies.
    package var liveBytes: UInt64
    package var diskTotalBytes: UInt64
    package var diskAvailableBytes: UInt64
}

/// What a tier move did.
package struct MoveResult: Sendable, Hashable {
    package var records = 0
    /// Plain bytes moved.
    package var bytes: UInt64 = 0
    /// Sealed bytes in the tier left and in the tier entered.
    package var storedBefore: UInt64 = 0
    package var storedAfter: UInt64 = 0
    /// Records that did not come along, since their rows changed under each attempt.
    package var missed = 0
    /// Other files in colder tiers whose bytes came along.
    package var sharers: Set<InodeNumber> = []

    mutating func add(_ other: MoveResult) {
        records += other.records
        bytes += other.bytes
        storedBefore += other.storedBefore
        storedAfter += other.storedAfter
        missed = other.missed
        sharers.formUnion(other.sharers)
    }
}

/// What became of a file's move.
package struct MoveOutcome: Sendable {
    /// What was moved, durably: of one that failed, before it did.
    package var result = MoveResult()
    package var failure: FileSystemError?

    /// - Throws: What ended the move.
    package func get() throws(FileSystemError) -> MoveResult {
        if let failure { throw failure }
        return result
    }

    /// Adds what another attempt has brought.
    mutating func add(_ other: MoveOutcome) {
        let missed = result.missed
        result.add(other.result)
        // What fails now is in its tier by now; what was missed is told, and lies where it was.
        if other.failure != nil { result.missed = missed }
    }
}

/// What one call of maintenance did.
package struct MaintenanceReport: Sendable, Hashable {
    package var instantsDropped = 0
    package var keysScanned = 0
    package var inodesReaped = 0
    package var recordsFreed = 0
    package var bytesFreed: UInt64 = 0
    package var segmentsFreed = 0
    /// Records that compaction has copied out of half-dead segments.
    package var recordsCompacted = 0
    /// Whether more is due: call again.
    package var isMoreDue = false
}

/// Something that doctor found wrong.
package struct Finding: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Bytes are lost or unreadable.
        case damage
        /// Two rows contradict each other.
        case inconsistency
        /// Space that nothing uses and nothing will free.
        case leak
    }

    package let kind: Kind
    package let inode: InodeNumber?
    /// Bytes of the file that are meant.
    package let range: Range<UInt64>?
    package let segment: SegmentID?
    package let message: String
    package let remedy: String
}
