package import Disk

/// A disk that calls somebody before each write and sync of a file, and before each opening: who may wait there, do something
/// else, or fail it.
package final class WatchedDisk: Disk {
    package enum Moment: Sendable, Hashable {
        case write(offset: UInt64)
        case sync
    }

    package typealias Watcher =
        @Sendable (_ path: String, _ moment: Moment) throws(DiskError) -> Void

    private let disk: SimulatedDisk
    private let watcher: Watcher
    private let opening: @Sendable (_ path: String) -> Void

    package init(
        _ disk: SimulatedDisk,
        opening: @escaping @Sendable (_ path: String) -> Void = { _ in },
        _ watcher: @escaping Watcher
    ) {
        self.disk = disk
        self.opening = opening
        self.watcher = watcher
    }

    package func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        opening(path)
        return WatchedFile(try disk.open(path, mode), path, watcher)
    }

    package func status(of path: String) throws(DiskError) -> DiskStatus? {
        try disk.status(of: path)
    }
    package func list(_ directory: String) throws(DiskError) -> [String] {
        try disk.list(directory)
    }
    package func makeDirectory(_ path: String) throws(DiskError) { try disk.makeDirectory(path) }
    package func remove(_ path: String) throws(DiskError) { try disk.remove(path) }
    package func removeDirectory(_ path: String) throws(DiskError) {
        try disk.removeDirectory(path)
    }
    package func rename(_ source: String, to target: String) throws(DiskError) {
        try disk.rename(source, to: target)
    }
    package func syncDirectory(_ path: String) throws(DiskError) { try disk.syncDirectory(path) }
    package func space(at path: String) throws(DiskError) -> DiskSpace { try disk.space(at: path) }
    package func lock(_ path: String) throws(DiskError) -> any DiskLock { try disk.lock(path) }
}

private final class WatchedFile: DiskFile {
    private let file: any DiskFile
    private let path: String
    private let watcher: WatchedDisk.Watcher

    init(_ file: any DiskFile, _ path: String, _ watcher: @escaping WatchedDisk.Watcher) {
        self.file = file
        self.path = path
        self.watcher = watcher
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(DiskError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func resident(_ range: Range<UInt64>) -> ResidentBytes? { file.resident(range) }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        try watcher(path, .write(offset: offset))
        try file.write(buffer, at: offset)
    }

    func sync() throws(DiskError) {
        try watcher(path, .sync)
        try file.sync()
    }

    func truncate(to size: UInt64) throws(DiskError) { try file.truncate(to: size) }
    func size() throws(DiskError) -> UInt64 { try file.size() }
    func preallocate(_ range: Range<UInt64>) throws(DiskError) { try file.preallocate(range) }
    func punch(_ range: Range<UInt64>) throws(DiskError) { try file.punch(range) }
    func close() { file.close() }
}
