import Disk
import Keyring
import Foundation
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// A check reads every page that belongs to a database, free ones too, and cries wolf at none.
@Suite struct DatabaseCheckTests {
    /// A database with free pages whose log holds no more than the last small transaction.
    private static func make(_ world: SQLiteWorld) throws -> (pages: UInt32, free: Int64) {
        var generator = SeededGenerator(seed: 7)
        let database = try world.open()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        try connection.execute("CREATE INDEX byValue ON t(v)")
        for key in 0..<80 {
            try SQLiteWorld.put(connection, Int64(key), generator.bytes(key % 2 == 0 ? 5_000 : 300))
        }
        try connection.execute("DELETE FROM t WHERE k >= 50")
        try database.checkpoint(waitsForReaders: true)
        try SQLiteWorld.put(connection, 1, [1])
        let free = try connection.rows("PRAGMA freelist_count") { $0.int(0) }
        let pages = try connection.rows("PRAGMA page_count") { UInt32($0.int(0)) }
        #expect(database.walFrames < 8)
        database.close()
        return (try #require(pages.first), try #require(free.first))
    }

    private static func findings(_ disk: SimulatedDisk) -> [String] {
        do throws(MetadataError) {
            return try SQLiteWorld(disk: disk).open(create: false).findings()
        } catch {
            return [error.message]
        }
    }

    /// Goal: one flipped bit in any page is named, whatever the page is for.
    ///
    /// Method: each page in turn. Those that the log has newer are nobody's: as many at most as it has frames, and a
    /// checkpoint heals them.
    @Test func `a flipped bit in each page in turn is named`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let (pages, free) = try Self.make(world)
        #expect(free > 10 && pages > 80, "\(free) of \(pages) pages are free")
        #expect(Self.findings(disk.restarted()) == [])
        let frames = try SQLiteWorld(disk: disk.restarted()).open(create: false).walFrames
        var generator = SeededGenerator(seed: testSeed(default: 11))
        var silent = 0
        for page in 1...pages {
            let damaged = disk.restarted()
            let offset = UInt64(page) * 4_096 + UInt64.random(in: 0..<4_096, using: &generator)
            let mask = UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
            try damaged.corrupt(SQLiteWorld.path, at: offset, mask: mask)
            let found = Self.findings(damaged)
            if found.isEmpty {
                silent += 1
                let database = try SQLiteWorld(disk: damaged).open(create: false)
                try database.checkpoint()
                let connection = try database.connect(writer: true)
                try SQLiteWorld.put(connection, 1, [2])
                #expect(try database.findings() == [], "page \(page) does not heal")
            } else {
                let name = "'\(SQLiteWorld.path)': page \(page) at byte \(UInt64(page) * 4_096) "
                #expect(found.contains { $0.contains(name) }, "page \(page): \(found)")
            }
        }
        #expect(silent <= frames, "\(silent) pages are silent, the log has \(frames) frames")
    }

    @Test func `damage to an open database is named, in pages, frames and heads`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        _ = try Self.make(world)
        let database = try world.open(create: false)
        #expect(try database.findings() == [])
        let places: [(path: String, offset: UInt64, says: String)] = [
            (SQLiteWorld.path, 70, "header is damaged"),
            (SQLiteWorld.logPath, 50, "damaged header"),
            (SQLiteWorld.logPath, 4_096 + 4_160 + 70, "frame 2 at byte"),
            (SQLiteWorld.path, 4_096 * 60 + 9, "page 60 at byte"),
        ]
        for (path, offset, says) in places {
            try disk.corrupt(path, at: offset, mask: 16)
            let found = try database.findings()
            #expect(found.contains { $0.contains(says) }, "\(says): \(found)")
            try disk.corrupt(path, at: offset, mask: 16)
        }
        #expect(try database.findings() == [])
        database.close()
    }

    @Test func `many damaged pages are counted, not all listed`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let (pages, _) = try Self.make(world)
        for page in 10...pages {
            try disk.corrupt(SQLiteWorld.path, at: UInt64(page) * 4_096, mask: 1)
        }
        let found = Self.findings(disk)
        #expect(found.count == DatabaseCheck.findingsMax + 1)
        #expect(found.last?.hasSuffix("more like these") == true, "\(found.last ?? "")")
    }

    /// Goal: a check beside a writer, checkpoints and a log that begins anew finds nothing.
    @Test func `a check beside a busy writer finds nothing`() throws {
        let directory = try TemporaryDirectory()
        let id = UniqueID.random()
        let database = try SealedDatabase(
            disk: HostDisk(),
            path: directory.path + "/busy.sqlite",
            key: .random(),
            id: id,
            applicationID: 7,
            create: true,
            options: SQLiteWorld.options
        )
        let setup = try database.connect(writer: true)
        try SQLiteWorld.prepare(setup)
        let rounds = Rounds()
        // A thread of its own: it would keep one of the few that all tests share.
        let writer = Thread { rounds.end(Result { try Self.write(to: database, rounds) }) }
        writer.start()
        for check in 1...60 {
            #expect(try SealedDatabase.findings(of: id) == [])
            // Two checkpoints at least go by, with nobody reading: the log begins anew.
            rounds.wait(for: 9 + check % 5)
        }
        let restarts = try rounds.stop().get()
        #expect(restarts > 5, "the log began anew \(restarts) times")
        database.close()
        #expect(try SealedDatabase.findings(of: id) == nil, "it is open no more")
    }

    /// What the writer has done, and whether it is to go on.
    private final class Rounds: Sendable {
        private struct State {
            var count = 0
            var isStopping = false
            var result: Result<UInt64, any Error>?
        }

        private let condition = NSCondition()
        // SAFETY: touched under `condition`'s lock alone.
        private nonisolated(unsafe) var state = State()

        /// Counts one; whether another is wanted.
        func next() -> Bool {
            condition.withLock {
                state.count += 1
                condition.broadcast()
                return !state.isStopping
            }
        }

        /// Returns when `more` rounds have been done, or there will be no more.
        func wait(for more: Int) {
            condition.withLock {
                let goal = state.count + more
                while state.count < goal, state.result == nil { condition.wait() }
            }
        }

        func end(_ result: Result<UInt64, any Error>) {
            condition.withLock {
                state.result = result
                condition.broadcast()
            }
        }

        /// Lets the round under way end; answers what the writer did.
        func stop() -> Result<UInt64, any Error> {
            condition.withLock {
                state.isStopping = true
                while true {
                    if let result = state.result { return result }
                    condition.wait()
                }
            }
        }
    }

    /// Writes, deletes and checkpoints; answers how often the log began anew.
    private static func write(to database: SealedDatabase, _ rounds: Rounds) throws -> UInt64 {
        let connection = try database.connect(writer: true)
        var generator = SeededGenerator(seed: 5)
        var round = 0
        let first = database.walDurable.generation
        while rounds.next() {
            let key = Int64.random(in: 0..<300, using: &generator)
            try SQLiteWorld.put(connection, key, generator.bytes(key % 3 == 0 ? 6_000 : 100))
            round += 1
            if round.isMultiple(of: 7) { try connection.execute("DELETE FROM t WHERE k % 7 = 3") }
            if round.isMultiple(of: 5) { try database.checkpoint() }
        }
        return database.walDurable.generation - first
    }
}
