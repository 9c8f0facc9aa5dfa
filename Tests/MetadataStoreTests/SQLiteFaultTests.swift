import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// A disk that is full or fails: nothing acknowledged is lost, nothing doubtful is built upon.
@Suite struct SQLiteFaultTests {
    @Test func `after a failed sync nothing is written until the database is opened again`() throws
    {
        let (world, disk) = try SQLiteWorld.simulated()
        let database = try world.open()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        try SQLiteWorld.put(connection, 1, [1])
        disk.fail(after: 0, when: { kind, _ in kind == .sync })
        let failed = #expect(throws: MetadataError.self) { try SQLiteWorld.put(connection, 2, [2]) }
        #expect(failed?.code == .failed && !database.isTrusted)
        disk.clearFaults()
        let refused = #expect(throws: MetadataError.self) {
            try SQLiteWorld.put(connection, 3, [3])
        }
        #expect(refused?.message.contains("suspect") == true)
        #expect(throws: MetadataError.self) { try connection.execute("BEGIN IMMEDIATE") }
        #expect(try SQLiteWorld.all(connection) == [1: [1]], "what was durable still reads")
        let again = try SQLiteWorld(disk: disk.restarted()).open(create: false)
        let other = try again.connect(writer: true)
        let rows = try SQLiteWorld.all(other)
        #expect(rows == [1: [1]] || rows == [1: [1], 2: [2]])
        try SQLiteWorld.put(other, 3, [3])
    }

    @Test func `what is shown after a failed sync and a reopening is durable`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let database = try world.open()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        disk.fail(after: 0, when: { kind, _ in kind == .sync })
        #expect(throws: MetadataError.self) { try SQLiteWorld.put(connection, 2, [2]) }
        disk.clearFaults()
        // The kernel still shows the bytes, and holds them for clean.
        let again = try world.open(create: false)
        let shown = try SQLiteWorld.all(try again.connect(writer: false))
        for fate in [CutFate.dropUnsynced, .tear(seed: 1), .tear(seed: 2)] {
            let image = disk.image(cuttingAfter: disk.operations, fate: fate)
            let after = try SQLiteWorld(disk: image).open(create: false)
            #expect(try SQLiteWorld.all(try after.connect(writer: false)) == shown, "\(fate)")
        }
    }

    @Test func `a log whose database is gone is not replaced by a new database`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        try SQLiteWorld.prepare(try world.open().connect(writer: true))
        try disk.remove(SQLiteWorld.path)
        let error = #expect(throws: MetadataError.self) { try world.open(create: true) }
        #expect(error?.code == .corrupt)
        try disk.remove(SQLiteWorld.logPath)
        try SQLiteWorld.prepare(try world.open(create: true).connect(writer: true))
    }

    @Test func `a full disk fails the transaction alone`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let database = try world.open()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        try SQLiteWorld.put(connection, 1, [1])
        disk.failAfter(bytes: 20_000)
        let error = #expect(throws: MetadataError.self) {
            try SQLiteWorld.put(connection, 2, [UInt8](repeating: 2, count: 400_000))
        }
        #expect(error?.code == .noSpace && !connection.isInTransaction)
        #expect(database.isTrusted)
        // Small changes still fit into the log as it is.
        try SQLiteWorld.put(connection, 3, [3])
        disk.setCapacity(1 << 30)
        try SQLiteWorld.put(connection, 4, [UInt8](repeating: 4, count: 400_000))
        let again = try SQLiteWorld(disk: disk.restarted()).open(create: false)
        let rows = try SQLiteWorld.all(try again.connect(writer: false))
        #expect(Set(rows.keys) == [1, 3, 4])
    }

    @Test func `a failing disk at any write leaves whole transactions`() throws {
        for code in [DiskError.Code.failed, .noSpace] {
            for after in 0..<60 {
                let (world, disk) = try SQLiteWorld.simulated()
                let database = try world.open()
                let connection = try database.connect(writer: true)
                try SQLiteWorld.prepare(connection)
                disk.fail(
                    after: after,
                    with: code,
                    when: { kind, _ in kind == .write || kind == .sync }
                )
                var acknowledged = 0
                var tried = 0
                for number in 1...12 {
                    tried = number
                    do {
                        try connection.execute("BEGIN IMMEDIATE")
                        try SQLiteWorld.put(
                            connection,
                            1,
                            [UInt8](repeating: UInt8(number), count: 5000)
                        )
                        try SQLiteWorld.put(connection, 2, [UInt8(number)])
                        try connection.execute("COMMIT")
                        acknowledged = number
                        if number % 4 == 0 { try database.checkpoint() }
                    } catch {
                        break
                    }
                }
                disk.clearFaults()
                let again = try SQLiteWorld(disk: disk.restarted()).open(create: false)
                let rows = try SQLiteWorld.all(try again.connect(writer: false))
                let shown = Int(rows[2]?.first ?? 0)
                #expect(shown == acknowledged || shown == tried, "\(code) after \(after)")
                #expect(
                    rows[1] ?? []
                        == (shown == 0 ? [] : [UInt8](repeating: UInt8(shown), count: 5000))
                )
            }
        }
    }

    @Test func `an unreadable page is an error that names the file`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let first = try world.open()
        let connection = try first.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        for key in 0..<30 {
            try SQLiteWorld.put(connection, Int64(key), [UInt8](repeating: 1, count: 3000))
        }
        first.close()
        let database = try world.open(create: false)
        let reader = try database.connect(writer: false)
        disk.failReads(of: SQLiteWorld.logPath)
        let error = #expect(throws: MetadataError.self) { try SQLiteWorld.all(reader) }
        #expect(error?.code == .failed && error?.message.contains(SQLiteWorld.path) == true)
        disk.failReads(of: nil)
        #expect(try SQLiteWorld.all(reader).count == 30)
    }

    @Test func `a second writer is told to wait, and readers may not write`() throws {
        let (world, _) = try SQLiteWorld.simulated()
        let database = try world.open()
        let writer = try database.connect(writer: true)
        try SQLiteWorld.prepare(writer)
        let other = try database.connect(writer: true)
        try writer.execute("BEGIN IMMEDIATE")
        let busy = #expect(throws: MetadataError.self) { try other.execute("BEGIN IMMEDIATE") }
        #expect(busy?.code == .busy)
        try writer.execute("COMMIT")
        let reader = try database.connect(writer: false)
        let refused = #expect(throws: MetadataError.self) { try SQLiteWorld.put(reader, 1, [1]) }
        #expect(refused?.code == .readOnly)
        let constraint = #expect(throws: MetadataError.self) {
            try writer.execute("INSERT INTO t(k, v) VALUES (7, 1)")
        }
        #expect(constraint?.code == .constraint)
    }
}
