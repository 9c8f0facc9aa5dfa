import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// Damage is named, never read: in the base, in the log, in headers, and in what is missing.
@Suite struct SQLiteDamageTests {
    /// A database with pages in its base and newer ones in its log.
    private static func make() throws -> (SQLiteWorld, SimulatedDisk, [Int64: [UInt8]]) {
        let (world, disk) = try SQLiteWorld.simulated()
        var generator = SeededGenerator(seed: 3)
        var model: [Int64: [UInt8]] = [:]
        let database = try world.open()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        for key in 0..<60 {
            model[Int64(key)] = generator.bytes(key % 3 == 0 ? 6000 : 200)
            try SQLiteWorld.put(connection, Int64(key), model[Int64(key)] ?? [])
        }
        try database.checkpoint()
        for key in 0..<12 {
            model[Int64(key)] = generator.bytes(500)
            try SQLiteWorld.put(connection, Int64(key), model[Int64(key)] ?? [])
        }
        database.close()
        return (world, disk, model)
    }

    /// What came of opening and reading everything.
    private static func outcome(_ disk: SimulatedDisk) -> (
        rows: [Int64: [UInt8]]?, findings: [String]
    ) {
        do {
            let database = try SQLiteWorld(disk: disk).open(create: false)
            let connection = try database.connect(writer: false)
            let findings = try database.findings()
            return (try? SQLiteWorld.all(connection), findings)
        } catch {
            let known: Set<MetadataError.Code> = [.corrupt, .mismatch, .newerFormat, .wrongKey]
            #expect(known.contains(error.code), "\(error)")
            return (nil, [error.message])
        }
    }

    /// The bytes of both files that mean something: headers, pages, frames of the last generation.
    private static func targets(_ disk: SimulatedDisk) throws -> [(String, Range<UInt64>)] {
        let base = UInt64(try disk.stored(SQLiteWorld.path).count)
        let database = try SQLiteWorld(disk: disk.restarted()).open(create: false)
        let frames = UInt64(database.walFrames)
        #expect(frames > 10)
        return [
            (SQLiteWorld.path, 0..<112), (SQLiteWorld.path, 4096..<base),
            (SQLiteWorld.logPath, 0..<80), (SQLiteWorld.logPath, 512..<592),
            (SQLiteWorld.logPath, 4096..<4096 + frames * 4160),
        ]
    }

    /// A page of the base that the log has newer is not read, and heals at the next checkpoint.
    private static func heals(_ disk: SimulatedDisk) throws -> Bool {
        let database = try SQLiteWorld(disk: disk).open(create: false)
        try database.checkpoint()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.put(connection, 1, [1])
        return try database.findings() == []
    }

    @Test func `every flipped bit is found, or heals, and is never read`() throws {
        let (_, disk, model) = try SQLiteDamageTests.make()
        var generator = SeededGenerator(seed: testSeed(default: 21))
        let clean = SQLiteDamageTests.outcome(disk.restarted())
        #expect(clean.rows == model && clean.findings == [])
        var healed = 0
        for (path, range) in try SQLiteDamageTests.targets(disk) {
            for _ in 0..<120 {
                let offset = UInt64.random(in: range, using: &generator)
                let mask = UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
                let damaged = disk.restarted()
                try damaged.corrupt(path, at: offset, mask: mask)
                let outcome = SQLiteDamageTests.outcome(damaged)
                if outcome.findings.isEmpty {
                    let isHealed = try SQLiteDamageTests.heals(damaged)
                    #expect(isHealed && path == SQLiteWorld.path, "bit \(mask) at \(offset)")
                    healed += 1
                }
                if let rows = outcome.rows {
                    #expect(rows == model, "bit \(mask) at \(offset) of \(path)")
                }
            }
        }
        #expect(healed < 40, "most pages are in the base alone")
    }

    @Test func `a bad page names its file and its number`() throws {
        let (_, disk, _) = try SQLiteDamageTests.make()
        try disk.corrupt(SQLiteWorld.path, at: 4096 * 30 + 100, mask: 1)
        let findings = SQLiteDamageTests.outcome(disk).findings
        #expect(findings.contains { $0.contains("'\(SQLiteWorld.path)': page 30 at byte 122880") })
    }

    @Test func `pages that have changed places do not open`() throws {
        let (_, disk, _) = try SQLiteDamageTests.make()
        let file = try disk.open(SQLiteWorld.path, .readWrite)
        let page = try file.read(count: 4096, at: 4096 * 8)
        try file.write(page, at: 4096 * 10)
        #expect(SQLiteDamageTests.outcome(disk).findings.contains { $0.contains("page 10 ") })
    }

    @Test func `a frame of an earlier generation in its old place does not open`() throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let database = try world.open()
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        try SQLiteWorld.put(connection, 1, [1])
        let old = try disk.stored(SQLiteWorld.logPath)
        try database.checkpoint()
        for value in 2..<6 { try SQLiteWorld.put(connection, 1, [UInt8(value)]) }
        database.close()
        let file = try disk.open(SQLiteWorld.logPath, .readWrite)
        try file.write(Array(old[4096 + 4160..<4096 + 2 * 4160]), at: 4096 + 4160)
        #expect(throws: MetadataError.self) { try world.open(create: false) }
    }

    @Test func `a base cut short is refused when its lost pages are read`() throws {
        let (_, disk, model) = try SQLiteDamageTests.make()
        let size = try disk.stored(SQLiteWorld.path).count
        for keep in [0, 100, 4096, 5000, 8192, size / 2, size - 4096, size - 1] {
            let cut = disk.restarted()
            let file = try cut.open(SQLiteWorld.path, .readWrite)
            try file.truncate(to: UInt64(keep))
            file.close()
            let outcome = SQLiteDamageTests.outcome(cut)
            #expect(outcome.rows != model, "\(keep) of \(size) bytes")
        }
    }

    @Test func `a log cut short is a history too short`() throws {
        let (world, disk, _) = try SQLiteDamageTests.make()
        for keep in [0, 300, 4096, 4096 + 4160, 4096 + 3 * 4160 + 17] {
            let cut = disk.restarted()
            let file = try cut.open(SQLiteWorld.logPath, .readWrite)
            try file.truncate(to: UInt64(keep))
            file.close()
            let error = #expect(throws: MetadataError.self, "\(keep) bytes") {
                try SQLiteWorld(disk: cut).open(create: false)
            }
            #expect(error?.code == .corrupt)
        }
        let gone = disk.restarted()
        try gone.remove(SQLiteWorld.logPath)
        let error = #expect(throws: MetadataError.self) {
            try SQLiteWorld(disk: gone).open(create: false)
        }
        #expect(error?.code == .corrupt && error?.message.contains("is missing") == true)
        _ = world
    }

    @Test func `a history shorter than another file remembers is refused`() throws {
        let (world, disk, _) = try SQLiteDamageTests.make()
        let position = try world.open(create: false).walDurable
        let more = WALPosition(generation: position.generation, frames: position.frames + 1)
        _ = try SQLiteWorld(disk: disk.restarted()).open(create: false, atLeast: position)
        let error = #expect(throws: MetadataError.self) {
            try SQLiteWorld(disk: disk.restarted()).open(create: false, atLeast: more)
        }
        #expect(error?.code == .corrupt && error?.message.contains("shorter") == true)
    }

    @Test func `another key, another id, another kind are told apart`() throws {
        let (_, disk, _) = try SQLiteDamageTests.make()
        func code(_ open: (SQLiteWorld) throws -> SealedDatabase) -> MetadataError.Code? {
            (#expect(throws: MetadataError.self) { try open(SQLiteWorld(disk: disk.restarted())) })?
                .code
        }
        #expect(code { try $0.open(create: true, key: .random()) } == .wrongKey)
        #expect(code { try $0.open(create: true, id: .random()) } == .mismatch)
        #expect(code { try $0.open(create: true, kind: 8) } == .mismatch)
        #expect(
            code { _ in
                let empty = try SQLiteWorld.simulated().0
                return try empty.open(create: false)
            } == .notFound
        )
    }

    @Test func `a newer format is refused by name and not touched`() throws {
        let (_, disk, _) = try SQLiteDamageTests.make()
        let file = try disk.open(SQLiteWorld.path, .readWrite)
        for field in [8, 16, 20] {
            var header = try file.read(count: 112, at: 0)
            let old = header
            header[field] = 9
            header.replaceSubrange(80..<112, with: Digest.sha256(Array(header[0..<80])))
            try file.write(header, at: 0)
            let before = disk.operations
            let error = #expect(throws: MetadataError.self) {
                try SQLiteWorld(disk: disk).open(create: true)
            }
            #expect(error?.code == .newerFormat && disk.operations == before)
            try file.write(old, at: 0)
        }
        let world = SQLiteWorld(disk: disk)
        let connection = try world.open().connect(writer: true)
        try connection.execute("PRAGMA user_version = 12")
        let error = #expect(throws: MetadataError.self) { try connection.requireSchema(atMost: 1) }
        #expect(error?.code == .newerFormat)
    }
}
