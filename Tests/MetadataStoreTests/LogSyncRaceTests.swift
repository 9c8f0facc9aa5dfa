import Disk
import Synchronization
import TestKit
import Testing

@testable import MetadataStore

/// Goal: a sync that another connection begins while the log is being written is not taken for the sync of
/// what is being written.
///
/// Method: a disk that runs a checkpoint just before a write of frames reaches the file.
@Suite struct LogSyncRaceTests {
    @Test func `a checkpoint in the middle of a commit does not swallow its sync`() throws {
        let disk = SimulatedDisk()
        try disk.makeDirectories("/state")
        let door = IntrudedDisk(disk)
        let world = SQLiteWorld(disk: door)
        let database = try world.open()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        for key in 1...5 as ClosedRange<Int64> { try SQLiteWorld.put(connection, key, [1]) }
        var intrusions = 0
        for key in 6...20 as ClosedRange<Int64> {
            let before = disk.operations
            door.intrude {
                // A checkpoint that finds the lock taken has done as much as it may.
                _ = try? database.checkpoint()
            }
            try SQLiteWorld.put(connection, key, [2])
            intrusions += door.takeCount()
            disk.mark("\(key)")
            let log = disk.history[before...].filter { $0.path == SQLiteWorld.logPath }
            #expect(log.last?.kind == .sync, "put \(key): \(log)")
            // And the row is there after a cut.
            let cut = disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced)
            let again = try SQLiteWorld(disk: cut).open(create: false)
            let rows = try SQLiteWorld.all(try again.connect(writer: false))
            #expect(rows[key] == [2])
            again.close()
        }
        #expect(intrusions >= 15)
        database.close()
    }
}

/// Runs something once, in front of a write of the log's frames.
private final class IntrudedDisk: Disk {
    private let disk: SimulatedDisk
    private let state = Mutex((pending: nil as (@Sendable () -> Void)?, count: 0))

    init(_ disk: SimulatedDisk) {
        self.disk = disk
    }

    func intrude(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.pending = body }
    }

    func takeCount() -> Int {
        state.withLock { state in
            defer { state.count = 0 }
            return state.count
        }
    }

    fileprivate func beforeFrames() {
        let body = state.withLock { state in
            defer { state.pending = nil }
            if state.pending != nil { state.count += 1 }
            return state.pending
        }
        body?()
    }

    func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        let file = try disk.open(path, mode)
        return path.hasSuffix("-wal") ? IntrudedFile(file, self) : file
    }

    func status(of path: String) throws(DiskError) -> DiskStatus? { try disk.status(of: path) }
    func list(_ directory: String) throws(DiskError) -> [String] { try disk.list(directory) }
    func makeDirectory(_ path: String) throws(DiskError) { try disk.makeDirectory(path) }
    func remove(_ path: String) throws(DiskError) { try disk.remove(path) }
    func removeDirectory(_ path: String) throws(DiskError) { try disk.removeDirectory(path) }
    func rename(_ source: String, to target: String) throws(DiskError) {
        try disk.rename(source, to: target)
    }
    func syncDirectory(_ path: String) throws(DiskError) { try disk.syncDirectory(path) }
    func space(at path: String) throws(DiskError) -> DiskSpace { try disk.space(at: path) }
    func lock(_ path: String) throws(DiskError) -> any DiskLock { try disk.lock(path) }
}

private final class IntrudedFile: DiskFile {
    private let file: any DiskFile
    private let disk: IntrudedDisk

    init(_ file: any DiskFile, _ disk: IntrudedDisk) {
        self.file = file
        self.disk = disk
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(DiskError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        if offset >= UInt64(SealedLayout.pageBytes) { disk.beforeFrames() }
        try file.write(buffer, at: offset)
    }

    func sync() throws(DiskError) { try file.sync() }
    func truncate(to size: UInt64) throws(DiskError) { try file.truncate(to: size) }
    func size() throws(DiskError) -> UInt64 { try file.size() }
    func preallocate(_ range: Range<UInt64>) throws(DiskError) { try file.preallocate(range) }
    func punch(_ range: Range<UInt64>) throws(DiskError) { try file.punch(range) }
    func close() { file.close() }
}
