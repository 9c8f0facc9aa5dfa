package import Disk
import Synchronization

/// Space that is held back, so that garbage collection runs on a full disk.
///
/// Before such work ``release()`` gives it to the disk, afterwards ``ensure()`` takes it back.
package final class ReserveFile: Sendable {
    private let disk: any Disk
    private let path: String
    private let bytes: UInt64
    private let held = Mutex(false)

    /// Names the file; nothing is touched yet.
    ///
    /// - Parameters:
    ///   - disk: The disk whose space is meant.
    ///   - path: A file of its own, in a directory that exists.
    ///   - bytes: How much to hold back.
    package init(disk: any Disk, path: String, bytes: UInt64) {
        self.disk = disk
        self.path = path
        self.bytes = bytes
    }

    /// Whether the space is held back now.
    package var isHeld: Bool { held.withLock { $0 } }

    /// Takes the space, unless it is held already.
    ///
    /// - Throws: `.noSpace` when the disk has not got it; none of it is held then.
    package func ensure() throws(DiskError) {
        try held.withLock { (held) throws(DiskError) in
            guard !held else { return }
            let file = try disk.open(path, .create)
            defer { file.close() }
            do throws(DiskError) {
                let size = try file.size()
                if size < bytes { try file.preallocate(size..<bytes) }
            } catch {
                try file.truncate(to: 0)
                throw error
            }
            held = true
        }
    }

    /// Gives the space to the disk.
    package func release() throws(DiskError) {
        try held.withLock { (held) throws(DiskError) in
            if try disk.status(of: path) != nil { try disk.remove(path) }
            held = false
        }
    }
}
