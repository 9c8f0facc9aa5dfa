package import VarveModel

/// The one door to storage: whatever the daemon writes goes through a `Disk`.
///
/// `HostDisk` is the machine's own; `SimulatedDisk` lives in memory, records every change in order
/// and rebuilds what a power cut after any of them would leave.
///
/// Paths are absolute and UTF-8. What POSIX promises is all that callers may rely on: bytes are
/// durable after ``DiskFile/sync()``, names after ``syncDirectory(_:)`` of their directory.
package protocol Disk: Sendable {
    /// Opens a regular file; it never truncates.
    ///
    /// - Throws: `.notFound`, `.exists`, `.denied`, `.noSpace`, `.failed`.
    func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile

    /// What stands at `path`, not following a symlink; `nil` when nothing does.
    func status(of path: String) throws(DiskError) -> DiskStatus?

    /// The names in a directory, without `.` and `..`, sorted.
    func list(_ directory: String) throws(DiskError) -> [String]

    /// Makes one directory, with permissions 0700. One that exists is left as it is.
    func makeDirectory(_ path: String) throws(DiskError)

    /// Unlinks a file; `.notFound` when there is none.
    func remove(_ path: String) throws(DiskError)

    /// Removes an empty directory.
    func removeDirectory(_ path: String) throws(DiskError)

    /// Renames within one directory or across two, replacing a file at `target`.
    func rename(_ source: String, to target: String) throws(DiskError)

    /// Makes the directory's names durable.
    func syncDirectory(_ path: String) throws(DiskError)

    /// Space of the file system that holds `path`.
    func space(at path: String) throws(DiskError) -> DiskSpace

    /// Takes an exclusive advisory lock (flock) that lasts until released or until death.
    ///
    /// - Throws: `.busy` when another process (or holder in this one) has it.
    func lock(_ path: String) throws(DiskError) -> any DiskLock
}

/// How a file is opened.
package enum DiskOpenMode: Sendable, Hashable {
    case read
    case readWrite
    /// Made when missing, permissions 0600.
    case create
    /// Made now, permissions 0600; `.exists` when it was there.
    case createNew
}

/// What is read at offsets: a file, or one of its copies.
package protocol DiskReadable: Sendable {
    /// Reads up to `buffer.count` bytes; fewer only at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError)
        -> Int

    func size() throws(DiskError) -> UInt64
}

/// One open file.
///
/// Reads and writes at an offset may come from several threads at once.
package protocol DiskFile: DiskReadable, AnyObject {
    /// The bytes of `range` where the page cache holds them all, without a copy; `nil` says: read them.
    func resident(_ range: Range<UInt64>) -> ResidentBytes?

    /// Fills `buffer` from the page cache, without waiting for storage; `false` says: read it.
    func readResident(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool

    /// Writes all of `buffer`.
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError)

    /// Has storage begin to take what was written within `range`: a hint that promises nothing and does not wait.
    func beginWriting(_ range: Range<UInt64>)

    /// Has the page cache forget what is durable, so that it is read from storage: a hint that promises nothing.
    func dropResident()

    /// Makes the file's bytes and size durable (fdatasync). After an error, never trust the file again.
    func sync() throws(DiskError)

    func truncate(to size: UInt64) throws(DiskError)

    /// Reserves space so that later writes within `range` need none; the size grows, reads see zeros.
    func preallocate(_ range: Range<UInt64>) throws(DiskError)

    /// Gives the space of `range` back; it reads as zeros; the size stays.
    func punch(_ range: Range<UInt64>) throws(DiskError)

    /// Every copy that is in sync, in reading order: the first is the one that ``read(into:at:)`` uses.
    ///
    /// Empty where there is but one copy of the file.
    var copies: [any DiskCopy] { get }

    /// Closes; further calls are a programming error. Deinit closes too.
    func close()
}

/// One copy of an open file, for whoever finds that what it read does not verify.
package protocol DiskCopy: DiskReadable {
    /// The zone that holds it.
    var zone: String { get }

    /// Puts verified bytes in the place of bytes that were not, and makes them durable.
    func mend(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError)
}

extension DiskFile {
    package var copies: [any DiskCopy] { [] }
    package func beginWriting(_ range: Range<UInt64>) {}
    package func dropResident() {}
}

/// A held advisory lock.
package protocol DiskLock: AnyObject, Sendable {
    func release()
}

/// What `status(of:)` answers.
package struct DiskStatus: Sendable, Hashable {
    package enum Kind: Sendable, Hashable { case file, directory, other }

    package let kind: Kind
    /// Bytes of a file.
    package let size: UInt64
    /// Bytes that the file occupies; less than `size` when it has holes.
    package let allocated: UInt64
    package let modified: Timestamp

    package init(kind: Kind, size: UInt64, allocated: UInt64, modified: Timestamp) {
        self.kind = kind
        self.size = size
        self.allocated = allocated
        self.modified = modified
    }
}

/// Bytes of a host file system.
package struct DiskSpace: Sendable, Hashable {
    package let total: UInt64
    /// Available to us, without the superuser's reserve.
    package let available: UInt64

    package init(total: UInt64, available: UInt64) {
        self.total = total
        self.available = available
    }
}
