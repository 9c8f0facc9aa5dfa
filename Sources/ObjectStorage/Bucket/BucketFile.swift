import BackupVault
import Synchronization

/// An object, read in ranges; any thread.
final class BucketFile: StoredFile {
    private let storage: BucketStorage
    private let key: String
    private let bytes: UInt64
    private let last = Mutex<UInt64>(0)

    /// 64 KiB: a small pack, or the beginning of a larger one, comes with its opening.
    private static let firstBytes = 64 << 10
    /// 4 MiB: who reads on gets so much at a time.
    private static let aheadBytes = 4 << 20

    /// Opens it with the first bytes, which tell its size.
    init(_ name: String, in storage: BucketStorage) throws(VaultError) {
        self.storage = storage
        let key = storage.key(name)
        self.key = key
        let first = try atStore { () throws(S3Error) in
            try storage.client.get(key, from: 0, count: BucketFile.firstBytes)
        }
        bytes = first.totalBytes
        storage.windows.add(first.bytes, at: 0, of: ObjectIdentifier(self))
    }

    deinit {
        storage.windows.remove(ObjectIdentifier(self))
    }

    func size() throws(VaultError) -> UInt64 { bytes }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(VaultError) -> Int {
        guard offset < bytes else { return 0 }
        let count = Int(min(UInt64(buffer.count), bytes - offset))
        guard count > 0 else { return 0 }
        let range = offset..<offset + UInt64(count)
        let isReadingOn = last.withLock { last in
            defer { last = range.upperBound }
            return last == offset && offset > 0
        }
        if storage.windows.copy(range, of: ObjectIdentifier(self), to: buffer) { return count }
        let wanted = isReadingOn ? max(count, BucketFile.aheadBytes) : count
        let piece = try atStore { () throws(S3Error) in
            try storage.client.get(key, from: offset, count: wanted)
        }
        guard piece.bytes.count >= count else {
            throw VaultError(.unavailable, "'\(key)' became shorter while it was read")
        }
        buffer.copyBytes(from: piece.bytes.prefix(count))
        if piece.bytes.count > count {
            storage.windows.add(piece.bytes, at: offset, of: ObjectIdentifier(self))
        }
        return count
    }

    func close() {}
}

/// What was read of open files and may be asked for next: few runs, of all files together.
final class ReadWindows: Sendable {
    private struct Window: Sendable {
        let file: ObjectIdentifier
        let start: UInt64
        let bytes: [UInt8]
    }

    /// 32 MiB, and 64 runs.
    private static let bytesMax = 32 << 20
    private static let countMax = 64

    /// The latest comes last.
    private let windows = Mutex<[Window]>([])

    func add(_ bytes: [UInt8], at start: UInt64, of file: ObjectIdentifier) {
        windows.withLock { windows in
            windows.append(Window(file: file, start: start, bytes: bytes))
            var held = windows.reduce(0) { $0 + $1.bytes.count }
            while held > ReadWindows.bytesMax || windows.count > ReadWindows.countMax {
                held -= windows.removeFirst().bytes.count
            }
        }
    }

    /// Copies a range if one run has all of it.
    func copy(
        _ range: Range<UInt64>,
        of file: ObjectIdentifier,
        to buffer: UnsafeMutableRawBufferPointer
    ) -> Bool {
        windows.withLock { windows in
            guard
                let found = windows.last(where: {
                    $0.file == file && $0.start <= range.lowerBound
                        && $0.start + UInt64($0.bytes.count) >= range.upperBound
                })
            else { return false }
            let start = Int(range.lowerBound - found.start)
            buffer.copyBytes(from: found.bytes[start..<start + range.count])
            return true
        }
    }

    func remove(_ file: ObjectIdentifier) {
        windows.withLock { $0.removeAll { $0.file == file } }
    }
}
