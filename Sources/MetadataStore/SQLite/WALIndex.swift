import CSQLite
import Synchronization

/// SQLite's index of the log and its eight locks, in this process's memory: there is no -shm file.
final class WALIndex: Sendable {
    /// A connection's locks, as bit masks.
    struct Held {
        var shared: UInt8 = 0
        var exclusive: UInt8 = 0
    }

    private struct Locks {
        var shared: (UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16) =
            (0, 0, 0, 0, 0, 0, 0, 0)
        var exclusive: UInt8 = 0
        // SAFETY: regions are only added, under the mutex, and freed when the index goes; what is in
        // them is shared between threads by SQLite's own protocol, with its own barriers.
        nonisolated(unsafe) var regions: [UnsafeMutableRawPointer] = []

        mutating func countShared(_ mask: UInt8, by step: Int) {
            withUnsafeMutableBytes(of: &shared) { raw in
                let counts = raw.bindMemory(to: UInt16.self)
                for lock in 0..<8 where mask & 1 << lock != 0 {
                    counts[lock] = UInt16(Int(counts[lock]) + step)
                }
            }
        }

        func isShared(_ mask: UInt8) -> Bool {
            withUnsafeBytes(of: shared) { raw in
                let counts = raw.bindMemory(to: UInt16.self)
                return (0..<8).contains { mask & 1 << $0 != 0 && counts[$0] > 0 }
            }
        }
    }

    private let locks = Mutex(Locks())

    deinit {
        locks.withLock { for region in $0.regions { region.deallocate() } }
    }

    /// The region's memory, made of zeros when `extends`.
    func region(_ index: Int, bytes: Int, extends: Bool) -> UInt {
        locks.withLock { locks in
            while extends, locks.regions.count <= index {
                let region = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
                region.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
                locks.regions.append(region)
            }
            return index < locks.regions.count ? UInt(bitPattern: locks.regions[index]) : 0
        }
    }

    /// Frames that SQLite counts as committed: `mxFrame` of the index header (sqlite.org/walformat.html §2.1).
    var committedFrames: UInt32 {
        locks.withLock { $0.regions.first?.load(fromByteOffset: 16, as: UInt32.self) ?? 0 }
    }

    /// Pages of the database after the last commit that SQLite knows of; 0 before the first.
    var committedPages: UInt32 {
        locks.withLock { $0.regions.first?.load(fromByteOffset: 20, as: UInt32.self) ?? 0 }
    }

    /// Frames that the base holds already: `nBackfill` behind the two copies of the header (walformat.html §2.2).
    var copiedFrames: UInt32 {
        locks.withLock { $0.regions.first?.load(fromByteOffset: 96, as: UInt32.self) ?? 0 }
    }

    /// Takes or gives back locks `first..<first + count`, as sqlite3_io_methods.xShmLock says.
    ///
    /// - Returns: `SQLITE_OK`, or `SQLITE_BUSY` when another connection is in the way.
    func lock(_ first: Int32, _ count: Int32, _ flags: Int32, _ held: inout Held) -> Int32 {
        let mask = UInt8(truncatingIfNeeded: ((1 << count) - 1) << first)
        return locks.withLock { locks in
            if flags & SQLITE_SHM_UNLOCK != 0 {
                locks.exclusive &= ~(held.exclusive & mask)
                held.exclusive &= ~mask
                if held.shared & mask != 0 {
                    locks.countShared(held.shared & mask, by: -1)
                    held.shared &= ~mask
                }
                return SQLITE_OK
            }
            if flags & SQLITE_SHM_SHARED != 0 {
                if held.shared & mask == mask { return SQLITE_OK }
                guard locks.exclusive & mask == 0 else { return SQLITE_BUSY }
                locks.countShared(mask & ~held.shared, by: 1)
                held.shared |= mask
                return SQLITE_OK
            }
            if held.exclusive & mask == mask { return SQLITE_OK }
            guard locks.exclusive & mask & ~held.exclusive == 0, !locks.isShared(mask) else {
                return SQLITE_BUSY
            }
            locks.exclusive |= mask
            held.exclusive |= mask
            return SQLITE_OK
        }
    }

    /// Gives back all that a connection holds.
    func release(_ held: inout Held) {
        _ = lock(0, 8, SQLITE_SHM_UNLOCK, &held)
    }
}
