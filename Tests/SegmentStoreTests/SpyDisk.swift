import Disk
import Synchronization

/// Hands every call on, and keeps what was asked to be written, failed writes included.
final class SpyDisk: Disk {
    struct Write: Sendable {
        let path: String
        let offset: UInt64
        let bytes: [UInt8]
    }

    private let inner: any Disk
    private let log = Mutex<[Write]>([])
    private let gate = Mutex<(@Sendable (Write) -> Void)?>(nil)

    init(_ inner: any Disk) {
        self.inner = inner
    }

    var writes: [Write] { log.withLock { $0 } }

    func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        SpyFile(inner: try inner.open(path, mode), path: path, disk: self)
    }

    /// Runs `body` before each write, on the writer's thread; it may wait.
    func before(_ body: (@Sendable (Write) -> Void)?) {
        gate.withLock { $0 = body }
    }

    fileprivate func note(_ write: Write) {
        log.withLock { $0.append(write) }
        gate.withLock { $0 }?(write)
    }

    func status(of path: String) throws(DiskError) -> DiskStatus? { try inner.status(of: path) }
    func list(_ directory: String) throws(DiskError) -> [String] { try inner.list(directory) }
    func makeDirectory(_ path: String) throws(DiskError) { try inner.makeDirectory(path) }
    func remove(_ path: String) throws(DiskError) { try inner.remove(path) }
    func removeDirectory(_ path: String) throws(DiskError) { try inner.removeDirectory(path) }
    func rename(_ source: String, to target: String) throws(DiskError) {
        try inner.rename(source, to: target)
    }
    func syncDirectory(_ path: String) throws(DiskError) { try inner.syncDirectory(path) }
    func space(at path: String) throws(DiskError) -> DiskSpace { try inner.space(at: path) }
    func lock(_ path: String) throws(DiskError) -> any DiskLock { try inner.lock(path) }
}

private final class SpyFile: DiskFile {
    private let inner: any DiskFile
    private let path: String
    private let disk: SpyDisk

    init(inner: any DiskFile, path: String, disk: SpyDisk) {
        self.inner = inner
        self.path = path
        self.disk = disk
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError)
        -> Int
    { try inner.read(into: buffer, at: offset) }

    func resident(_ range: Range<UInt64>) -> ResidentBytes? { inner.resident(range) }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        disk.note(SpyDisk.Write(path: path, offset: offset, bytes: Array(buffer)))
        try inner.write(buffer, at: offset)
    }

    func sync() throws(DiskError) { try inner.sync() }
    func truncate(to size: UInt64) throws(DiskError) { try inner.truncate(to: size) }
    func size() throws(DiskError) -> UInt64 { try inner.size() }
    func preallocate(_ range: Range<UInt64>) throws(DiskError) { try inner.preallocate(range) }
    func punch(_ range: Range<UInt64>) throws(DiskError) { try inner.punch(range) }
    func close() { inner.close() }
}
