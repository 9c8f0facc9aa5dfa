import Disk
import Foundation
import Keyring
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// Goal: what format 1 has written is read for ever.
///
/// Method: a database with rows in its base and in its log stands in `Fixtures`. It was made by
/// ``make()``; never make it again: a newer format gets a sample of its own.
@Suite struct SQLiteGoldenTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Fixtures")
    private static let name = "sealed-format-1.sqlite"
    private static let id = UniqueID(bytes: Array(repeating: 0xA5, count: 16))
    private static let key = DataKey(bytes: Array(0..<32))

    private static func open(_ directory: String, create: Bool) throws -> SealedDatabase {
        try SealedDatabase(
            disk: HostDisk(),
            path: directory + "/" + name,
            key: try #require(key),
            id: try #require(id),
            applicationID: 7,
            create: create,
            options: SealedDatabaseOptions(logBytes: 4096)
        )
    }

    private static func make() throws {
        let database = try open(fixtures.path(), create: true)
        let connection = try database.connect(writer: true)
        try SQLiteWorld.prepare(connection)
        try SQLiteWorld.put(connection, 1, Array("in the base".utf8))
        try database.checkpoint()
        try SQLiteWorld.put(connection, 2, Array("in the log".utf8))
    }

    @Test func `a database of format 1 is read`() throws {
        let manager = FileManager.default
        if ProcessInfo.processInfo.environment["VARVE_MAKE_FIXTURES"] != nil,
            !manager.fileExists(
                atPath: SQLiteGoldenTests.fixtures.path() + "/" + SQLiteGoldenTests.name
            )
        {
            try manager.createDirectory(
                at: SQLiteGoldenTests.fixtures,
                withIntermediateDirectories: true
            )
            try SQLiteGoldenTests.make()
        }
        // Opening writes; the sample stays as it is.
        let directory = try TemporaryDirectory()
        for name in [SQLiteGoldenTests.name, SQLiteGoldenTests.name + "-wal"] {
            try manager.copyItem(
                atPath: SQLiteGoldenTests.fixtures.path() + "/" + name,
                toPath: directory.path + "/" + name
            )
        }
        let database = try SQLiteGoldenTests.open(directory.path, create: false)
        #expect(try database.findings() == [])
        #expect(database.walDurable == WALPosition(generation: 2, frames: 1))
        let rows = try SQLiteWorld.all(try database.connect(writer: false))
        #expect(rows == [1: Array("in the base".utf8), 2: Array("in the log".utf8)])
    }
}
