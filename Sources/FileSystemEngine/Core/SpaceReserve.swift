package import Disk
import MetadataStore
import SegmentStore
import Synchronization

/// Space of a disk that is held back for what gives space back: on a full disk files and snapshots can
/// be deleted, and their space collected.
///
/// While it is in use everything that takes space is refused, so that no writer eats it; it is taken back
/// as soon as the disk has room for it again. One serves all that lies on the disk.
package final class SpaceReserve: Sendable {
    /// 64 MiB: the log of one file system (16 MiB between checkpoints), the pages that a checkpoint adds to its
    /// base, and the survivors of a half-dead segment of 64 MiB.
    package static let bytesMax: UInt64 = 64 << 20
    /// Of a small disk a 64th part.
    package static let diskPart: UInt64 = 64
    /// 4 MiB: a growth of the log, and the pages that a checkpoint adds; never over a quarter of the disk.
    package static let bytesMin: UInt64 = 4 << 20

    /// How much is held back.
    package let bytes: UInt64
    private let disk: any Disk
    private let directory: String
    private let file: ReserveFile
    private let log: @Sendable (String) -> Void
    private let inUse = Mutex(false)
    private let writers = WaitingWriters()

    /// Takes the space; on a disk that has not got it the reserve counts as in use from the start.
    ///
    /// - Parameters:
    ///   - disk: The disk whose space is meant.
    ///   - directory: Where its file, `reserve`, stands.
    ///   - log: Told when it is used and when it is back.
    /// - Throws: What the disk answers, but `.noSpace`.
    package init(
        disk: any Disk,
        directory: String,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(DiskError) {
        self.disk = disk
        self.directory = directory
        self.log = log
        let path = directory + "/reserve"
        let total = try disk.space(at: directory).total
        bytes = SpaceReserve.bytes(ofDisk: total)
        file = ReserveFile(disk: disk, path: path, bytes: bytes)
        do throws(DiskError) {
            try file.ensure()
        } catch {
            guard error.code == .noSpace else { throw error }
            inUse.withLock { $0 = true }
            log("the disk of '\(directory)' has no room for the reserve of \(bytes) bytes")
        }
    }

    /// What is held back of a disk.
    package static func bytes(ofDisk total: UInt64) -> UInt64 {
        min(bytesMax, max(total / diskPart, min(bytesMin, total / 4)))
    }

    /// Whether the disk is full and its reserve given out.
    package var isInUse: Bool { inUse.withLock { $0 } }

    /// Gives the space to the disk.
    ///
    /// - Returns: Whether there is more room than before.
    package func release() -> Bool {
        inUse.withLock { inUse in
            guard !inUse else { return false }
            do throws(DiskError) {
                try file.release()
            } catch {
                log("the reserve in '\(directory)' cannot be used: \(error.message)")
                return false
            }
            inUse = true
            log("the disk of '\(directory)' is full: its reserve is in use, and writes are refused")
            return true
        }
    }

    /// Gives the space out before work that must not fail, when the disk has less than that left.
    package func releaseIfShort() throws(DiskError) {
        if try disk.space(at: directory).available < bytes / 4 { _ = release() }
    }

    /// Takes the space back when the disk has it again, and a quarter more.
    package func restore() {
        guard isInUse else { return }
        inUse.withLock { inUse in
            guard inUse else { return }
            do throws(DiskError) {
                guard try disk.space(at: directory).available >= bytes + bytes / 4 else { return }
                try file.ensure()
            } catch {
                // No room after all, or a disk in trouble: the next round tries again.
                return log("the reserve in '\(directory)' stays in use: \(error.message)")
            }
            inUse = false
            log("the disk of '\(directory)' has room again: its reserve is held back")
        }
    }

    /// Takes the space also where a zone that came back has the file without it: copies are made of bytes, and a reserve has none.
    package func holdAgain() {
        inUse.withLock { inUse in
            guard !inUse else { return }
            do throws(DiskError) {
                let open = try disk.open(directory + "/reserve", .readWrite)
                defer { open.close() }
                try open.preallocate(0..<bytes)
            } catch {
                // The next round of whoever looks after it, or the next start, tries again.
                log("the reserve in '\(directory)' is not held everywhere: \(error.message)")
            }
        }
    }

    /// Takes the space back for a writer that is about to be refused, if the disk has it by now.
    ///
    /// Writers ask one after another; all but the first find it done.
    ///
    /// - Returns: Whether the reserve is held back.
    func restoreForWriter() async -> Bool {
        await writers.restore(self)
        return !isInUse
    }
}

/// Lets writers take a reserve back one after another, on a thread that may block.
private actor WaitingWriters {
    private let thread = BlockingThread()

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        thread.asUnownedSerialExecutor()
    }

    func restore(_ reserve: SpaceReserve) {
        reserve.restore()
    }
}

extension Core {
    /// Gives the disk's reserve out; `false` when there is none, or none left.
    func releaseReserve() -> Bool { configuration.reserve?.release() ?? false }
}
