import Disk
import Keyring
import MetadataStore
import TestKit
import Testing
import VarveModel

/// Single rules of the rows, each by an example.
@Suite struct RowsTests {
    private struct Store {
        let disk = SimulatedDisk(recording: false)
        let id = UniqueID.random()
        let key = DataKey.random()
        let path: String
        let database: FileSystemDatabase
        let writer: MetadataWriter

        init() throws {
            let directory = "/rows-\(Hex.encode(id.bytes))"
            try disk.makeDirectory(directory)
            path = directory + "/meta.sqlite"
            database = try FileSystemDatabase.create(
                disk: disk,
                path: path,
                key: key,
                FileSystemDatabaseOptions(
                    fileSystem: id,
                    family: UniqueID.random(),
                    second: 100,
                    tileBytes: 64
                )
            )
            writer = try database.writer()
            try writer.begin(second: 100)
            try writer.putSegment(SegmentRow(id: SegmentID(rawValue: 1), tier: .standard))
            for number in UInt64(1)...3 {
                try writer.insertInode(
                    InodeRow(
                        inode: InodeNumber(rawValue: number),
                        kind: number == 1 ? .directory : .regular,
                        permissions: 0o700
                    )
                )
            }
            _ = try writer.commit()
        }

        func write(_ inode: UInt64, _ tile: Int64, _ range: Range<UInt64>) throws {
            let sequence = try writer.nextSequence()
            _ = try writer.insertSlice(
                InodeNumber(rawValue: inode),
                tile: tile,
                offset: range.lowerBound,
                length: UInt64(range.count),
                sequence: sequence,
                record: RecordPointer(
                    segment: SegmentID(rawValue: 1),
                    offset: sequence * 100,
                    length: 90
                )
            )
        }
    }

    private static let two = InodeNumber(rawValue: 2)

    @Test func `a number once issued is never issued again, crash or not`() throws {
        let store = try Store()
        let inode = try store.writer.nextInode()
        let sequence = try store.writer.nextSequence()
        // No commit follows: the numbers were taken below a ceiling that was durable before.
        store.database.close()
        let again = try FileSystemDatabase.open(
            disk: store.disk,
            path: store.path,
            key: store.key,
            fileSystem: store.id
        )
        let writer = try again.writer()
        #expect(try writer.nextInode() > inode)
        #expect(try writer.nextSequence() > sequence)
    }

    @Test func `a second writer is refused`() throws {
        let store = try Store()
        #expect(throws: MetadataError.self) { try store.database.writer() }
    }

    @Test func `the epoch survives a restart and does not go back with the clock`() throws {
        let store = try Store()
        try store.writer.begin(second: 500)
        let snapshot = try store.writer.createSnapshot(name: "s", created: .epoch)
        _ = try store.writer.commit()
        store.database.close()
        let again = try FileSystemDatabase.open(
            disk: store.disk,
            path: store.path,
            key: store.key,
            fileSystem: store.id
        )
        let writer = try again.writer()
        #expect(try writer.begin(second: 400) == snapshot.epoch.next)
    }

    @Test func `a range row hides at once and resolves to the same bytes`() throws {
        let store = try Store()
        let writer = store.writer
        try writer.begin(second: 200)
        for tile in Int64(0)..<20 { try store.write(2, tile, 0..<64) }
        _ = try writer.commit()
        try writer.begin(second: 201)
        let outcome = try writer.cut(
            Self.two,
            70..<UInt64.max,
            fileSize: 20 * 64,
            sequence: try writer.nextSequence()
        )
        #expect(outcome.spaceDelta == 0, "the accounts follow when the tiles are resolved")
        #expect(try writer.dataRanges(Self.two, at: .live) == [0..<70])
        let before = View.past(Epoch.end(ofSecond: 200))
        #expect(try writer.dataRanges(Self.two, at: before) == [0..<1_280])
        while try writer.resolveRanges(limit: 3).hasMore {}
        #expect(try writer.dataRanges(Self.two, at: .live) == [0..<70])
        #expect(try writer.dataRanges(Self.two, at: before) == [0..<1_280])
        let commit = try writer.commit()
        #expect(commit.freed.isEmpty, "the past still shows every record")
        #expect(try writer.inode(Self.two, at: .live)?.space == 70)
    }

    @Test func `resolving a range begins anew after a restart without a second hole`() throws {
        let store = try Store()
        let writer = store.writer
        try writer.begin(second: 200)
        for tile in Int64(0)..<20 { try store.write(2, tile, 0..<64) }
        _ = try writer.commit()
        try writer.begin(second: 201)
        _ = try writer.cut(
            Self.two,
            32..<UInt64.max,
            fileSize: 20 * 64,
            sequence: try writer.nextSequence()
        )
        _ = try writer.resolveRanges(limit: 1)
        _ = try writer.commit()
        // How far it had come is forgotten, as by a restart.
        try writer.begin(second: 202)
        writer.rollback()
        // The hole of the first tile is hidden, and stays for the instant that shows it.
        try writer.begin(second: 203)
        try store.write(2, 0, 32..<64)
        while try writer.resolveRanges(limit: 3).hasMore {}
        try store.write(2, 0, 16..<64)
        _ = try writer.commit()
        #expect(try writer.dataRanges(Self.two, at: .live) == [0..<64])
        #expect(try writer.dataRanges(Self.two, at: .past(.end(ofSecond: 202))) == [0..<32])
        #expect(try writer.dataRanges(Self.two, at: .past(.end(ofSecond: 200))) == [0..<1_280])
    }

    @Test func `a merge never reaches into a past that showed other bytes`() throws {
        let store = try Store()
        let writer = store.writer
        // A stays; X is cut away whole by a range row, which leaves no row behind in the tile.
        try writer.begin(second: 200)
        try store.write(2, 0, 0..<10)
        try store.write(2, 0, 20..<30)
        for tile in Int64(1)..<20 { try store.write(2, tile, 0..<64) }
        _ = try writer.commit()
        try writer.begin(second: 300)
        _ = try writer.cut(
            Self.two,
            16..<UInt64.max,
            fileSize: 20 * 64,
            sequence: try writer.nextSequence()
        )
        while try writer.resolveRanges(limit: 100).hasMore {}
        let record = RecordPointer(segment: SegmentID(rawValue: 1), offset: 1 << 20, length: 90)
        // The run covers where X was: zeros now, X's bytes at second 200.
        let isMerged = try writer.merge(
            Self.two,
            tile: 0,
            basis: try writer.tileBasis(Self.two, tile: 0),
            runs: [MergedRun(offset: 0, length: 30, record: record)]
        )
        #expect(isMerged)
        _ = try writer.commit()
        let past = try writer.extents(Self.two, tile: 0, at: .past(.end(ofSecond: 250)))
        #expect(past.map(\.offset) == [0, 20])
        #expect(past.allSatisfy { $0.record != record })
    }

    @Test func `a bookmark keeps changes listed after their instant has gone`() throws {
        let store = try Store()
        let writer = store.writer
        let ladder = RetentionLadder(rungs: [.init(step: 1, seconds: 10)])
        try writer.begin(second: 200)
        let held = try writer.createSnapshot(name: nil, created: .epoch)
        try writer.setBookmark(name: "vault", at: held.epoch)
        try store.write(2, 3, 0..<5)
        _ = try writer.commit()
        try writer.begin(second: 5_000)
        try writer.releaseHold(held.id)
        _ = try writer.advanceRetention(second: 5_000, ladder: ladder)
        while try writer.collectGarbage(limit: 5).hasMore {}
        let keys = try writer.changedKeys(
            after: held.epoch,
            through: writer.epoch
        )
        #expect(keys == [.content(Self.two, 3)])
        try writer.removeBookmark(name: "vault")
        while try writer.collectGarbage(limit: 5).hasMore {}
        #expect(try writer.audit().changes == 0)
        _ = try writer.commit()
    }
}
