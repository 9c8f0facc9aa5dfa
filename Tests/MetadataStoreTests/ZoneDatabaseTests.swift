import Disk
import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// A database whose files have three copies: what does not open in one is read from another and put right (I5, I7),
/// and no zone's damage makes its history shorter.
@Suite struct ZoneDatabaseTests {
    /// Rows in the base and more in the log, as a killed process leaves them.
    static func sample() throws -> (mirror: MirroredDisk, rows: [Int64: [UInt8]]) {
        let mirror = MirroredDisk()
        try mirror.makeDirectories("/state")
        let database = try SQLiteWorld(disk: mirror).open()
        let writer = try database.connect(writer: true)
        try SQLiteWorld.prepare(writer)
        var generator = SeededGenerator(seed: 11)
        for key in 0..<40 { try SQLiteWorld.put(writer, Int64(key), generator.bytes(900)) }
        try database.checkpoint()
        for key in 30..<60 { try SQLiteWorld.put(writer, Int64(key), generator.bytes(300)) }
        return (mirror.restarted(), try SQLiteWorld.all(writer))
    }

    static func open(
        _ mirror: MirroredDisk,
        _ reports: Reports = Reports()
    ) throws(MetadataError) -> SealedDatabase {
        try SealedDatabase(
            disk: mirror,
            path: SQLiteWorld.path,
            key: SQLiteWorld.key,
            id: SQLiteWorld.id,
            applicationID: 7,
            create: false,
            options: SQLiteWorld.options,
            report: { reports.add($0) }
        )
    }

    static func scrub(_ database: SealedDatabase) throws -> SealedScrub {
        var scrub = SealedScrub()
        while !scrub.isComplete { try database.scrub(&scrub, bytesMax: 100_000) }
        return scrub
    }

    /// The bytes that mean something: heads, pages, frames that are durable.
    static func covered(_ database: SealedDatabase) throws -> [(path: String, range: Range<UInt64>)]
    {
        let pages = database.files.committedPages
        let frames = database.walDurable.frames
        let record = SealedLayout.logRecordOffset
        return [
            (SQLiteWorld.path, 0..<UInt64(DatabaseHeader.bytes)),
            (
                SQLiteWorld.path,
                SealedLayout.offset(ofPage: 1)..<SealedLayout.offset(ofPage: pages + 1)
            ),
            (SQLiteWorld.logPath, 0..<UInt64(LogHeader.bytes)),
            (SQLiteWorld.logPath, record..<record + UInt64(LogRecord.bytes)),
            (
                SQLiteWorld.logPath,
                SealedLayout.offset(ofFrame: 0)..<SealedLayout.offset(ofFrame: frames)
            ),
        ]
    }

    static func expectEqualZones(
        _ mirror: MirroredDisk,
        _ covered: [(path: String, range: Range<UInt64>)],
        _ what: String
    ) throws {
        for (path, range) in covered {
            let parts = try mirror.disks.map { disk in
                let bytes = try disk.stored(path)
                return Array(bytes[Int(range.lowerBound)..<min(bytes.count, Int(range.upperBound))])
            }
            #expect(parts.allSatisfy { $0 == parts[0] }, "\(what): \(path) \(range)")
        }
    }

    @Test func `whatever is flipped in one zone or two is read right and put right`() throws {
        let (origin, rows) = try Self.sample()
        let covered = try Self.covered(try Self.open(origin.restarted()))
        var healed = 0
        var tried = 0
        let step: UInt64 = TestSizes.current.powerCutStride == 1 ? 509 : 4_099
        for (path, range) in covered {
            let small = range.count < 200 ? UInt64(7) : step
            for offset in stride(from: range.lowerBound, to: range.upperBound, by: Int(small)) {
                let mirror = origin.restarted()
                let zones = [[0], [1], [2], [0, 1], [0, 2], [1, 2]][tried % 6]
                tried += 1
                let what = "byte \(offset) of '\(path)' flipped in zones \(zones)"
                try mirror.corrupt(path, at: offset, in: zones)
                let database = try Self.open(mirror)
                let reader = try database.connect(writer: false)
                #expect(try SQLiteWorld.all(reader) == rows, "\(what)")
                let scrub = try Self.scrub(database)
                #expect(scrub.lost.isEmpty, "\(what): \(scrub.lost)")
                healed += scrub.healed.count
                try Self.expectEqualZones(mirror, covered, what)
                #expect(try Self.scrub(database).healed.isEmpty, "\(what)")
            }
        }
        print("zones of a database: \(tried) places, \(healed) healed by the scrub")
        #expect(tried > 50)
    }

    @Test
    func `a frame of the tail that one zone has is not lost, and one that none has is missed`()
        throws
    {
        let (origin, rows) = try Self.sample()
        let frames = try Self.open(origin.restarted()).walDurable.frames
        let last = SealedLayout.offset(ofFrame: frames - 1) + 100
        for zones in [[0], [0, 1], [0, 2]] {
            let mirror = origin.restarted()
            try mirror.corrupt(SQLiteWorld.logPath, at: last, in: zones)
            let reports = Reports()
            let database = try Self.open(mirror, reports)
            #expect(try SQLiteWorld.all(try database.connect(writer: false)) == rows)
            #expect(reports.all.count { $0.contains("frame \(frames)") } >= 1)
        }
        // The note and the claims tell that it was durable; each zone alone has a note.
        let mirror = origin.restarted()
        try mirror.corrupt(SQLiteWorld.logPath, at: last - 4_160, in: [0, 1, 2])
        for slot in SealedLayout.noteOffsets {
            try mirror.corrupt(SQLiteWorld.path, at: slot + 5, in: [0, 1])
        }
        let failure = #expect(throws: MetadataError.self) { _ = try Self.open(mirror) }
        #expect(failure?.code == .corrupt)
        #expect(failure?.message.contains("shorter than what was durable") == true)
    }

    @Test func `a page flipped in all zones is named, and no row of it comes out`() throws {
        let (mirror, _) = try Self.sample()
        let database = try Self.open(mirror)
        // From now on the base is read, and not the log.
        try database.checkpoint(waitsForReaders: true)
        let last = database.files.committedPages
        let page = SealedLayout.offset(ofPage: last)
        try mirror.corrupt(SQLiteWorld.path, at: page + 700, in: [0, 1, 2])
        let scrub = try Self.scrub(database)
        #expect(scrub.lost.map(\.zones) == [["a", "b", "c"]])
        #expect(scrub.lost.first?.message.contains("page \(last) at byte \(page)") == true)
        #expect(scrub.healed.isEmpty)
        let failure = #expect(throws: MetadataError.self) {
            _ = try SQLiteWorld.all(try database.connect(writer: false))
        }
        #expect(failure?.message.contains("in any of its zones a, b, c") == true)
    }

    @Test func `a zone that lost a write is outvoted by two`() throws {
        let (mirror, rows) = try Self.sample()
        let database = try Self.open(mirror)
        let old = try mirror.disks[1].stored(SQLiteWorld.path)
        try database.checkpoint(waitsForReaders: true)
        // The second zone has the pages of before: each opens, and is not the newest.
        let file = try mirror.disks[1].open(SQLiteWorld.path, .readWrite)
        let first = Int(SealedLayout.offset(ofPage: 1))
        let whole = try mirror.disks[0].stored(SQLiteWorld.path)
        #expect(Array(old[first...]) != Array(whole[first...].prefix(old.count - first)))
        try file.write(Array(old[first...]), at: UInt64(first))
        let scrub = try Self.scrub(database)
        #expect(scrub.lost.isEmpty && scrub.healed.allSatisfy { $0.zone == "b" })
        #expect(!scrub.healed.isEmpty)
        try Self.expectEqualZones(mirror, try Self.covered(database), "after the scrub")
        #expect(try SQLiteWorld.all(try database.connect(writer: false)) == rows)
    }

    @Test func `of three pages that verify and differ none is put over the others`() throws {
        let (mirror, _) = try Self.sample()
        let database = try Self.open(mirror)
        let writer = try database.connect(writer: true)
        var bases: [[UInt8]] = []
        for round in 0..<3 {
            try SQLiteWorld.put(writer, 1, [UInt8](repeating: UInt8(round), count: 900))
            try database.checkpoint(waitsForReaders: true)
            bases.append(try mirror.disks[0].stored(SQLiteWorld.path))
        }
        let first = Int(SealedLayout.offset(ofPage: 1))
        for (zone, old) in [(1, bases[0]), (2, bases[1])] {
            #expect(Array(old[first...]) != Array(bases[2][first...]))
            let file = try mirror.disks[zone].open(SQLiteWorld.path, .readWrite)
            try file.write(Array(old[first...]), at: UInt64(first))
        }
        let scrub = try Self.scrub(database)
        #expect(scrub.lost.contains { $0.message.contains("differs between zones") })
        let left = try mirror.disks[0].stored(SQLiteWorld.path)
        #expect(Array(left[first...]) == Array(bases[2][first...]))
    }

    @Test(arguments: [1, 2])
    func `a zone that does not read keeps no database from opening`(zone: Int) throws {
        let (mirror, rows) = try Self.sample()
        mirror.disks[zone].failReads { [SQLiteWorld.path, SQLiteWorld.logPath].contains($0) }
        let database = try Self.open(mirror)
        #expect(try SQLiteWorld.all(try database.connect(writer: false)) == rows)
    }

    /// Goal: flips in any one zone are harmless whatever the database does between them.
    @Test
    func `flips in single zones, writes, checkpoints, scrubs and restarts agree with a model`()
        throws
    {
        let seed = testSeed(default: 49)
        var generator = SeededGenerator(seed: seed)
        var mirror = MirroredDisk()
        try mirror.makeDirectories("/state")
        var database = try SQLiteWorld(disk: mirror).open()
        var writer = try database.connect(writer: true)
        try SQLiteWorld.prepare(writer)
        var rows: [Int64: [UInt8]] = [:]
        var counts: [String: Int] = [:]
        for step in 0..<400 {
            let kind =
                ["put", "put", "put", "flip", "flip", "checkpoint", "scrub", "read", "restart"]
                .randomElement(using: &generator) ?? "put"
            counts[kind, default: 0] += 1
            switch kind {
            case "put":
                let key = Int64.random(in: 0..<200, using: &generator)
                let bytes = generator.bytes(Int.random(in: 1..<1_500, using: &generator))
                try SQLiteWorld.put(writer, key, bytes)
                rows[key] = bytes
            case "flip":
                // One zone at a time between two scrubs, so that another always has it.
                let zone = step / 20 % 3
                let covered = try Self.covered(database).filter { !$0.range.isEmpty }
                guard let (path, range) = covered.randomElement(using: &generator) else { continue }
                let size = UInt64(try mirror.disks[zone].stored(path).count)
                let offset = UInt64.random(in: range, using: &generator)
                if offset < size { try mirror.corrupt(path, at: offset, in: [zone]) }
            case "checkpoint": try database.checkpoint(waitsForReaders: step.isMultiple(of: 2))
            case "scrub": #expect(try Self.scrub(database).lost.isEmpty, "step \(step)")
            case "read":
                let reader = try database.connect(writer: false)
                #expect(try SQLiteWorld.all(reader) == rows, "step \(step)")
            default:
                mirror = mirror.restarted()
                database = try Self.open(mirror)
                writer = try database.connect(writer: true)
            }
            if step % 20 == 19 { #expect(try Self.scrub(database).lost.isEmpty, "step \(step)") }
        }
        print("zones of a database: seed \(seed), \(counts)")
        #expect(counts.values.allSatisfy { $0 > 10 })
        _ = try Self.scrub(database)
        try Self.expectEqualZones(mirror, try Self.covered(database), "at the end")
        #expect(try SQLiteWorld.all(try database.connect(writer: false)) == rows)
        #expect(try database.findings() == [])
    }
}

/// What was told, in order.
final class Reports: Sendable {
    private let texts = Mutex<[String]>([])
    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
}
