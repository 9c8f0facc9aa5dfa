import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// Goal: every committed transaction survives a power cut at any instant, and no other leaves a trace.
///
/// Method: one recorded run of transactions, checkpoints, log restarts and a reopening; then, for each
/// write of it, the disk that a cut there leaves, with unsynced writes kept, dropped and torn.
@Suite struct SQLitePowerCutTests {
    /// Each transaction writes its number into all rows of a set: a mix of two shows at once.
    private struct Run {
        let disk: SimulatedDisk
        /// What the table holds after transaction `n`; before the first it is empty.
        var states: [[Int64: [UInt8]]] = [[:]]
        /// Operations before the database was begun, and until its table was made.
        var begunAt = 0
        var madeAt = 0
        /// Syncs that need not show when left out.
        var needless: Set<Int> = []
    }

    private static func record(seed: UInt64) throws -> Run {
        let (world, disk) = try SQLiteWorld.simulated()
        var run = Run(disk: disk, begunAt: disk.operations)
        var generator = SeededGenerator(seed: seed)
        var database = try world.open()
        run.needless = [disk.syncs.count + 1]
        var connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        run.madeAt = disk.operations
        for number in 1...26 {
            try connection.execute("BEGIN IMMEDIATE")
            var state = run.states[number - 1]
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let key = Int64.random(in: 0..<12, using: &generator)
                let size = [8, 300, 5000][Int.random(in: 0..<3, using: &generator)]
                state[key] = [UInt8(number)] + generator.bytes(size)
                try SQLiteWorld.put(connection, key, state[key] ?? [])
            }
            state[99] = [UInt8(number)]
            try SQLiteWorld.put(connection, 99, [UInt8(number)])
            try connection.execute("COMMIT")
            run.states.append(state)
            disk.mark("\(number)")
            if number % 5 == 0 { try database.checkpoint() }
            if number == 13 {
                database.close()
                database = try world.open(create: false)
                connection = try database.connect(writer: true)
            }
        }
        return run
    }

    /// What a reopened database shows, or why it did not open.
    private static func found(on disk: SimulatedDisk, made: Bool) throws -> [Int64: [UInt8]] {
        let database = try SQLiteWorld(disk: disk).open()
        defer { database.close() }
        let connection = try database.connect(writer: true)
        if try connection.schemaVersion() == 0 {
            guard !made else { throw MetadataError(.notFound, "the table is gone") }
            try SQLiteWorld.prepare(connection)
        }
        var rows = try SQLiteWorld.all(connection)
        rows[1000] = nil
        // It must also go on from there.
        try SQLiteWorld.put(connection, 1000, [1])
        try database.checkpoint()
        guard try database.findings() == [] else {
            throw MetadataError(.corrupt, "\(try database.findings())")
        }
        return rows
    }

    /// The first thing that is wrong after a cut, or `nil`.
    private static func problem(_ run: Run, cut: Int, _ image: SimulatedDisk) -> String? {
        let acknowledged = run.disk.marks(acknowledgedBy: cut).count
        do {
            let rows = try found(on: image, made: cut >= run.madeAt)
            let shown = Int(rows[99]?.first ?? 0)
            guard shown == acknowledged || shown == acknowledged + 1 else {
                return "shows transaction \(shown), \(acknowledged) were acknowledged"
            }
            return rows == run.states[shown] ? nil : "a mix of transactions"
        } catch {
            return "\(error)"
        }
    }

    @Test func `committed transactions survive a power cut after every write`() throws {
        let run = try SQLitePowerCutTests.record(seed: testSeed(default: 5))
        var replay = run.disk.replay()
        var images = 0
        for cut in run.begunAt...run.disk.operations {
            replay.advance(to: cut)
            let seed = UInt64(cut)
            let fates: [CutFate] = [
                .keepUnsynced, .dropUnsynced, .tear(seed: seed), .tear(seed: seed + 1_000_000),
            ]
            for fate in fates {
                images += 1
                let problem = SQLitePowerCutTests.problem(run, cut: cut, replay.image(fate))
                #expect(problem == nil, "cut after \(cut) of \(run.disk.operations), \(fate)")
            }
        }
        print(
            "power cuts: \(run.disk.operations) writes, \(images) images, \(run.states.count - 1) transactions"
        )
        #expect(images > 400)
    }

    @Test func `a second cut during recovery loses nothing either`() throws {
        let run = try SQLitePowerCutTests.record(seed: 6)
        var replay = run.disk.replay()
        for cut in stride(from: run.madeAt, through: run.disk.operations, by: 9) {
            replay.advance(to: cut)
            let torn = replay.image(.tear(seed: UInt64(cut)))
            _ = try SQLitePowerCutTests.found(on: torn, made: true)
            for second in 0...torn.operations {
                let twice = torn.image(cuttingAfter: second, fate: .tear(seed: UInt64(second)))
                let problem = SQLitePowerCutTests.problem(run, cut: cut, twice)
                #expect(problem == nil, "cut after \(cut), again after \(second)")
            }
        }
    }

    /// Every sync that the run made is left out in turn: some cut must then show it.
    ///
    /// Only the one of the first log header need not, under which nothing is overwritten yet.
    @Test func `a run that leaves out one sync shows it`() throws {
        let run = try SQLitePowerCutTests.record(seed: 7)
        var shown = 0
        for sync in run.disk.syncs where !run.needless.contains(sync.number) {
            guard sync.operation > run.begunAt else { continue }
            let isShown = try SQLitePowerCutTests.shows(run, without: sync)
            shown += isShown ? 1 : 0
            #expect(isShown, "sync \(sync.number) of \(sync.path)")
        }
        print("syncs left out: \(shown) of \(run.disk.syncs.count) show")
        #expect(shown > 30)
    }

    /// An opening syncs and writes nothing when the note proves the whole log, and takes it over when not.
    @Test func `an opening that finds everything proven writes nothing`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let database = try world.open()
        let made = disk.operations
        let again = try world.open()
        #expect(disk.operations == made, "a log that was never begun")
        again.close()
        try SQLiteWorld.prepare(try database.connect(writer: true))
        database.close()
        let proven = disk.restarted()
        try SQLiteWorld(disk: proven).open(create: false).close()
        #expect(proven.operations == 0, "the note proves all frames")
        // The note is lost, the frames are not.
        let notes = disk.history.filter {
            $0.path == SQLiteWorld.path && $0.description.contains(" 48 bytes at ")
        }
        let unproven = disk.image(
            cuttingAfter: try #require(notes.first).number - 1,
            fate: .keepUnsynced
        )
        try SQLiteWorld(disk: unproven).open(create: false).close()
        #expect(unproven.syncs.map(\.path) == [SQLiteWorld.logPath])
    }

    /// Whether some cut between this sync and the file's next shows that it is missing.
    private static func shows(_ run: Run, without sync: RecordedSync) throws -> Bool {
        let next = run.disk.syncs.first { $0.number > sync.number && $0.path == sync.path }
        let last = max(sync.operation, (next?.operation ?? run.disk.operations + 1) - 1)
        var replay = run.disk.replay(skippingSync: sync.number)
        for cut in sync.operation...min(last, sync.operation + 60) {
            replay.advance(to: cut)
            var fates: [CutFate] = [.dropUnsynced]
            fates += (0..<12).map { .tear(seed: UInt64(cut * 100 + $0)) }
            for fate in fates {
                guard let found = problem(run, cut: cut, replay.image(fate)) else { continue }
                print("without sync \(sync.number) of \(sync.path): \(found)")
                return true
            }
        }
        return false
    }
}
