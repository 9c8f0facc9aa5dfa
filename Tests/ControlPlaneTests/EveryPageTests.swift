import Foundation
import TestKit
import Testing

/// Goal: `doctor` names damage in every page of every metadata database, used or not, and says what to do.
///
/// Method: the real programs; one flipped bit in each page in turn (in CI a seeded sample), on a copy of one good
/// state. What stays unnamed is a page that the log has newer: the file system reads, and the next checkpoint heals it.
@Suite(.serialized) struct EveryPageTests {
    private static let pageBytes = 4_096
    /// Pages that the last transactions of a database may hold in its log.
    private static let silentMax = 12

    @Test func `a flipped bit in any page of any database is named by doctor`() throws {
        let world = try DamagedWorld()
        let isFull = ProcessInfo.processInfo.environment["VARVE_FULL"] != nil
        var generator = SeededGenerator(seed: testSeed(default: 31))
        let meta = "filesystems/\(world.first)/meta.sqlite"
        for file in [meta, "control.sqlite", "journal.sqlite"] {
            let path = world.daemon.state + "/" + file
            let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
            var blocks = Array(0..<size / Self.pageBytes)
            #expect(blocks.count > (file == meta ? 20 : 1), "\(file) has \(blocks.count) blocks")
            if !isFull { blocks = Array(blocks.shuffled(using: &generator).prefix(10)) }
            var silent = 0
            for block in blocks {
                // Of the first block the header alone means something (docs/formats/sealed-sqlite.md).
                let range = block == 0 ? 0..<112 : 0..<Self.pageBytes
                let offset = block * Self.pageBytes + Int.random(in: range, using: &generator)
                if try !Self.isNamed(world, file, offset) { silent += 1 }
            }
            #expect(silent <= Self.silentMax, "\(file): \(silent) pages are silent")
            // The log's record and its first frames, which hold what the base has not yet.
            for offset in [520, 4_096 + 30, 4_096 + 64 + 2_000, 4_096 + 4_160 + 100] {
                #expect(
                    try Self.isNamed(world, file + "-wal", offset),
                    "\(file)-wal byte \(offset)"
                )
            }
        }
    }

    /// Damages a byte of a good state; answers whether doctor names it, and checks what it says or that it heals.
    private static func isNamed(
        _ world: DamagedWorld,
        _ file: String,
        _ offset: Int
    ) throws -> Bool {
        try world.heal()
        try world.damage(file, .flip(offset))
        let doctor = try world.daemon.varved("doctor")
        let what = "\(file) byte \(offset): \(doctor.text)\(doctor.errors)"
        guard doctor.status != 0 else {
            try heals(world, what)
            return false
        }
        #expect(doctor.status == 2, "\(what)")
        #expect(doctor.text.contains("damage: "), "\(what)")
        #expect(doctor.text.contains(file.replacing("-wal", with: "")), "\(what)")
        let says = doctor.text.lowercased()
        #expect(says.contains("put") && says.contains("back"), "\(what)")
        return true
    }

    /// The daemon reads all, and after a checkpoint nothing is wrong.
    private static func heals(_ world: DamagedWorld, _ what: String) throws {
        try world.daemon.start()
        #expect(try world.reads("first") && world.reads("second"), "\(what)")
        try world.daemon.done("clock", "advance", "1m")
        #expect(world.daemon.stop() == 0)
        let doctor = try world.daemon.varved("doctor")
        #expect(doctor.status == 0, "\(what) after it healed: \(doctor.text)\(doctor.errors)")
    }

    /// Goal: the running daemon's doctor finds what a page lost under it, where no walk of the rows comes.
    @Test func `doctor of the running daemon reads the pages that nothing else reads`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        let id = try daemon.done("fs", "create", "home").line
        let many = daemon.work + "/many"
        try DaemonProcess.system("bash", "-c", "mkdir '\(many)' && cd '\(many)' && touch {1..3000}")
        try daemon.done("import", many, "home:/many")
        // Rows that came and went within the grid leave free pages.
        try daemon.done("rm", "-r", "home:/many")
        try daemon.done("clock", "advance", "40d")
        try daemon.done("clock", "advance", "1m")
        try daemon.done("mkdir", "home:/after")
        #expect(try daemon.varve("doctor").complaint == "")
        let path = daemon.state + "/filesystems/\(id)/meta.sqlite"
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let size = try handle.seekToEnd()
        var named = 0
        for offset in stride(
            from: UInt64(2 * Self.pageBytes + 50),
            to: size,
            by: 20 * Self.pageBytes
        ) {
            try handle.seek(toOffset: offset)
            let byte = try #require(try handle.read(upToCount: 1))
            try handle.seek(toOffset: offset)
            try handle.write(contentsOf: Data([byte[byte.startIndex] ^ 4]))
            let page = Int(offset) / Self.pageBytes
            for words in [["doctor"], ["doctor", "home"]] {
                let doctor = try DaemonProcess.run("varve", ["--socket", daemon.socket] + words)
                let names = doctor.text.contains("'\(path)': page \(page) at byte")
                if words.count == 1, names { named += 1 }
                #expect(doctor.status == (names ? 2 : 0), "page \(page): \(doctor.text)")
                #expect(
                    !names || doctor.text.contains("restore a recovery point"),
                    "\(doctor.text)"
                )
            }
            // Unless a checkpoint has written the page anew meanwhile.
            try handle.seek(toOffset: offset)
            let now = try #require(try handle.read(upToCount: 1))
            guard now[now.startIndex] == byte[byte.startIndex] ^ 4 else { continue }
            try handle.seek(toOffset: offset)
            try handle.write(contentsOf: byte)
        }
        try handle.close()
        #expect(named >= 3, "\(named) pages were named")
        #expect(try daemon.varve("doctor").complaint == "")
    }
}
