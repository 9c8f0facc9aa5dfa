import Dispatch
import Disk
import Foundation
import Keyring
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

@Suite struct SQLiteReadBackTests {
    @Test func `rows read back, before and after a checkpoint and a restart`() throws {
        let (world, _) = try SQLiteWorld.simulated()
        var generator = SeededGenerator(seed: testSeed(default: 11))
        var model: [Int64: [UInt8]] = [:]
        for round in 0..<6 {
            let database = try world.open()
            let connection = try database.connect(writer: true)
            try SQLiteWorld.prepare(connection)
            #expect(try SQLiteWorld.all(connection) == model)
            for _ in 0..<5 {
                try connection.execute("BEGIN IMMEDIATE")
                for _ in 0..<20 {
                    let key = Int64.random(in: 0..<500, using: &generator)
                    let value = generator.bytes(Int.random(in: 0..<9000, using: &generator))
                    try SQLiteWorld.put(connection, key, value)
                    model[key] = value
                }
                try connection.execute("COMMIT")
            }
            #expect(try SQLiteWorld.all(connection) == model)
            if round.isMultiple(of: 2) {
                let result = try database.checkpoint()
                #expect(result.frames > 0 && result.copied == result.frames)
                #expect(try SQLiteWorld.all(connection) == model)
            }
            database.close()
        }
    }

    @Test func `savepoints, many tables and values of each kind read back`() throws {
        let (world, _) = try SQLiteWorld.simulated()
        let database = try world.open()
        let connection = try database.connect(writer: true)
        // Enough tables in one transaction that auto-vacuum moves root pages before any is written.
        try connection.execute("BEGIN IMMEDIATE")
        for table in 0..<30 {
            try connection.execute("CREATE TABLE t\(table)(a INTEGER, b TEXT, c BLOB, d)")
            try connection.execute("CREATE INDEX i\(table) ON t\(table)(a)")
        }
        try connection.execute("COMMIT")
        let insert = try connection.prepare("INSERT INTO t3 VALUES (?, ?, ?, ?)")
        try connection.execute("BEGIN IMMEDIATE; SAVEPOINT a")
        insert.bind(1, Int64.min)
        insert.bind(2, "Grüße\u{0}x")
        insert.bind(3, [UInt8]())
        insert.bindNull(4)
        try insert.run()
        try connection.execute("SAVEPOINT b")
        insert.bind(1, UInt64(7))
        try insert.run()
        #expect(connection.changes() == 1)
        try connection.execute("ROLLBACK TO b; RELEASE a; COMMIT")
        let select = try connection.prepare("SELECT * FROM t3")
        #expect(try select.step())
        #expect(select.int(0) == .min && select.text(1) == "Grüße\u{0}x")
        #expect(!select.isNull(2) && select.bytes(2) == [] && select.isNull(3))
        // The same text while it runs is another statement.
        let other = try connection.prepare("SELECT * FROM t3")
        #expect(other !== select)
        #expect(try !select.step())
        select.reset()
        #expect(try connection.prepare("SELECT * FROM t3") === select)
        #expect(connection.totalRowsStepped > 0)
        #expect(try database.findings() == [])
    }

    @Test func `a checkpoint moves sealed pages unchanged and the log begins anew`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let database = try world.open()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        let value = [UInt8](repeating: 3, count: 900)
        for key in 0..<40 { try SQLiteWorld.put(connection, Int64(key), value) }
        let first = database.walDurable
        #expect(first.generation == 1 && first.frames == UInt64(database.walFrames))
        try database.checkpoint()
        let log = try disk.stored(SQLiteWorld.logPath)
        let base = try disk.stored(SQLiteWorld.path)
        var sealed: Set<[UInt8]> = []
        for frame in 0..<Int(first.frames) {
            let start = 4096 + frame * 4160 + 64
            sealed.insert(Array(log[start..<start + 4096]))
        }
        for page in 1..<base.count / 4096 {
            #expect(sealed.contains(Array(base[page * 4096..<page * 4096 + 4096])), "page \(page)")
        }
        try SQLiteWorld.put(connection, 1, [4])
        #expect(database.walDurable.generation == 2)
        #expect(database.walDurable.frames < 6)
        #expect(try disk.stored(SQLiteWorld.logPath).count == log.count, "the log is never cut")
    }

    @Test func `no pair of start salt and counter is stored with two different seals`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        var seals: [[UInt8]: [UInt8]] = [:]
        for _ in 0..<5 {
            let database = try world.open()
            let connection = try database.connect(writer: true)
            try SQLiteWorld.prepare(connection)
            for round in 0..<4 {
                for key in 0..<15 { try SQLiteWorld.put(connection, Int64(key), [UInt8(round)]) }
                let log = try disk.stored(SQLiteWorld.logPath)
                for start in stride(from: 4096, through: log.count - 4160, by: 4160) {
                    // The header's seal, then the page's: tag, then salt and counter.
                    for tag in [start + 32, start + 64 + 4064] {
                        let nonce = Array(log[tag + 16..<tag + 32])
                        if nonce.allSatisfy({ $0 == 0 }) { continue }
                        let known = seals.updateValue(Array(log[tag..<tag + 16]), forKey: nonce)
                        #expect(known == nil || known == Array(log[tag..<tag + 16]))
                    }
                }
                try database.checkpoint()
            }
            database.close()
        }
        #expect(seals.count > 200)
    }

    @Test func `a small change costs one sync, and a checkpoint one more`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let database = try world.open()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        let before = disk.syncs.count
        for key in 0..<10 { try SQLiteWorld.put(connection, Int64(key), [1, 2, 3]) }
        #expect(disk.syncs.count - before == 10)
        try database.checkpoint()
        #expect(disk.syncs.count - before == 11)
        #expect(database.statistics.logSyncs >= 11 && database.statistics.baseSyncs == 1)
    }

    @Test func `pages that shrink away are given back`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let database = try world.open()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        let value = [UInt8](repeating: 9, count: 9000)
        for key in 0..<50 { try SQLiteWorld.put(connection, Int64(key), value) }
        try database.checkpoint()
        let full = try disk.stored(SQLiteWorld.path).count
        try connection.execute("DELETE FROM t WHERE k > 0")
        try connection.execute("PRAGMA incremental_vacuum")
        try database.checkpoint()
        #expect(try disk.stored(SQLiteWorld.path).count < full / 4)
        #expect(try SQLiteWorld.all(connection) == [0: value])
        #expect(try database.findings() == [])
    }

    @Test func `nothing that was stored is in plain in any file`() throws {
        let directory = try TemporaryDirectory()
        let disk = HostDisk()
        let database = try SQLiteReadBackTests.hosted(in: directory)
        let connection = try database.connect(writer: true)
        let planted = "planted-needle-0123456789"
        try connection.execute("CREATE TABLE hidden_table_name(k INTEGER PRIMARY KEY, v TEXT)")
        let statement = try connection.prepare("INSERT INTO hidden_table_name(v) VALUES (?)")
        for index in 0..<300 {
            statement.bind(1, planted + String(index))
            try statement.run()
            if index == 150 { try database.checkpoint() }
        }
        // A sort and a temporary table, which SQLite would like files for.
        try connection.execute(
            "CREATE TEMP TABLE x AS SELECT v FROM hidden_table_name ORDER BY v DESC"
        )
        database.close()
        let names = try disk.list(directory.path)
        #expect(names == ["meta.sqlite", "meta.sqlite-wal"])
        for name in names {
            let bytes = Data(try disk.stored(directory.path + "/" + name))
            for needle in [planted, "hidden_table_name", "SQLite format", "CREATE TABLE"] {
                #expect(bytes.range(of: Data(needle.utf8)) == nil, "'\(needle)' in \(name)")
            }
        }
    }

    @Test func `readers see whole transactions while one thread writes`() throws {
        let directory = try TemporaryDirectory()
        let database = try SQLiteReadBackTests.hosted(in: directory)
        let writer = try database.connect(writer: true)
        try SQLiteWorld.prepare(writer)
        for key in 0..<100 { try SQLiteWorld.put(writer, Int64(key), [0]) }
        let done = FlagBox()
        let problems = ProblemBox()
        let group = DispatchGroup()
        for _ in 0..<3 {
            DispatchQueue.global().async(group: group) {
                do {
                    let reader = try database.connect(writer: false)
                    var reads = 0
                    while !done.isSet || reads < 20 {
                        reads += 1
                        let values = Set(try SQLiteWorld.all(reader).values)
                        if values.count != 1 { problems.add("a mix: \(values.count)") }
                        let late = try SQLiteWorld.all(reader)
                        if late.count != 100 { problems.add("rows: \(late.count)") }
                    }
                } catch {
                    problems.add("\(error)")
                }
            }
        }
        for round in 1...60 {
            try writer.execute("BEGIN IMMEDIATE")
            for key in 0..<100 {
                try SQLiteWorld.put(
                    writer,
                    Int64(key),
                    [UInt8](repeating: UInt8(round), count: 300)
                )
            }
            try writer.execute("COMMIT")
            if round.isMultiple(of: 7) { try database.checkpoint() }
        }
        done.set()
        group.wait()
        #expect(problems.all == [])
        #expect(try database.findings() == [])
    }

    private static func hosted(in directory: TemporaryDirectory) throws -> SealedDatabase {
        try SealedDatabase(
            disk: HostDisk(),
            path: directory.path + "/meta.sqlite",
            key: SQLiteWorld.key,
            id: SQLiteWorld.id,
            applicationID: 7,
            create: true,
            options: SQLiteWorld.options
        )
    }
}
