import Disk
import Synchronization
import TestKit

/// A disk some of whose files do not open, and that counts the bytes read of each.
final class ProbedDisk: Disk {
    private struct State {
        var unopenable: Set<String> = []
        var silent: String?
        var read: [String: Int] = [:]
        var changing: String?
    }

    private let disk: SimulatedDisk
    private let state = Mutex(State())

    init(_ disk: SimulatedDisk) {
        self.disk = disk
    }

    /// Has a file not open, as on a medium that has lost its inode, until another one has its name.
    func failOpens(of path: String) {
        state.withLock { _ = $0.unopenable.insert(path) }
    }

    /// Has nothing beneath a directory be looked at, as on a network disk that is away; `nil` ends that.
    func failLooks(beneath directory: String?) {
        state.withLock { $0.silent = directory }
    }

    /// Has long reads of files whose path has `part` in it give a wrong byte, as a failing controller does; `nil` ends that.
    func changeReads(of part: String?) {
        state.withLock { $0.changing = part }
    }

    fileprivate func isChanging(_ path: String) -> Bool {
        state.withLock { state in state.changing.map(path.contains) ?? false }
    }

    /// Bytes read of all files whose path has `part` in it.
    func bytesRead(of part: String) -> Int {
        state.withLock { state in
            state.read.reduce(0) { $0 + ($1.key.contains(part) ? $1.value : 0) }
        }
    }

    fileprivate func count(_ bytes: Int, of path: String) {
        state.withLock { $0.read[path, default: 0] += bytes }
    }

    func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        guard !state.withLock({ $0.unopenable.contains(path) }) else {
            throw DiskError(.failed, "open '\(path)': Input/output error")
        }
        return ProbedFile(try disk.open(path, mode), path, self)
    }

    func rename(_ source: String, to target: String) throws(DiskError) {
        try disk.rename(source, to: target)
        state.withLock { _ = $0.unopenable.remove(target) }
    }

    func status(of path: String) throws(DiskError) -> DiskStatus? {
        let isSilent = state.withLock { state in state.silent.map { path.hasPrefix($0 + "/") } }
        guard isSilent != true else {
            throw DiskError(.failed, "stat '\(path)': Input/output error")
        }
        return try disk.status(of: path)
    }

    func list(_ directory: String) throws(DiskError) -> [String] { try disk.list(directory) }
    func makeDirectory(_ path: String) throws(DiskError) { try disk.makeDirectory(path) }
    func remove(_ path: String) throws(DiskError) { try disk.remove(path) }
    func removeDirectory(_ path: String) throws(DiskError) { try disk.removeDirectory(path) }
    func syncDirectory(_ path: String) throws(DiskError) { try disk.syncDirectory(path) }
    func space(at path: String) throws(DiskError) -> DiskSpace { try disk.space(at: path) }
    func lock(_ path: String) throws(DiskError) -> any DiskLock { try disk.lock(path) }
}

private final class ProbedFile: DiskFile {
    private let file: any DiskFile
    private let path: String
    private let disk: ProbedDisk

    init(_ file: any DiskFile, _ path: String, _ disk: ProbedDisk) {
        self.file = file
        self.path = path
        self.disk = disk
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(DiskError) -> Int {
        let count = try file.read(into: buffer, at: offset)
        disk.count(count, of: path)
        if count > 400, disk.isChanging(path) { buffer[300] ^= 0x10 }
        return count
    }

    func resident(_ range: Range<UInt64>) -> ResidentBytes? { file.resident(range) }
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        try file.write(buffer, at: offset)
    }
    func sync() throws(DiskError) { try file.sync() }
    func truncate(to size: UInt64) throws(DiskError) { try file.truncate(to: size) }
    func size() throws(DiskError) -> UInt64 { try file.size() }
    func preallocate(_ range: Range<UInt64>) throws(DiskError) { try file.preallocate(range) }
    func punch(_ range: Range<UInt64>) throws(DiskError) { try file.punch(range) }
    func close() { file.close() }
}
