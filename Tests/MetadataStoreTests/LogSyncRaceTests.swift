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
        let door = Intruder()
        let world = SQLiteWorld(
            disk: WatchedDisk(disk) { (path, moment) throws(DiskError) in door.see(path, moment) }
        )
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
private final class Intruder: Sendable {
    private let state = Mutex((pending: nil as (@Sendable () -> Void)?, count: 0))

    func intrude(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.pending = body }
    }

    func takeCount() -> Int {
        state.withLock { state in
            defer { state.count = 0 }
            return state.count
        }
    }

    func see(_ path: String, _ moment: WatchedDisk.Moment) {
        guard path.hasSuffix("-wal"), case .write(let offset) = moment,
            offset >= UInt64(SealedLayout.pageBytes)
        else { return }
        let body = state.withLock { state in
            defer { state.pending = nil }
            if state.pending != nil { state.count += 1 }
            return state.pending
        }
        body?()
    }
}
