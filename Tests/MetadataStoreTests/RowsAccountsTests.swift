import Disk
import Keyring
import MetadataStore
import TestKit
import Testing
import VarveModel

/// The small tables beside the inodes: orphans, places, access times, statistics, usage, links.
@Suite struct RowsAccountsTests {
    @Test func `an orphan is listed once whoever holds it, and goes with its inode`() throws {
        var store = try RowsStore()
        let file = try store.at(100) { _ in try store.make("f") }.inode
        try store.at(101) { writer in
            try writer.markOrphan(file, client: 1)
            try writer.markOrphan(file, client: .max)
            try writer.markOrphan(file, client: 1)
        }
        #expect(try store.writer.orphans() == [file])
        try store.reopen()
        #expect(try store.writer.orphans() == [file], "a restart still knows it")
        try store.at(102) { try $0.removeInode(file) }
        #expect(try store.writer.orphans().isEmpty)
        try store.at(103) { try $0.clearOrphan(file) }
    }

    @Test func `a directory's statistics add up, may be negative, and go with it`() throws {
        let store = try RowsStore()
        try store.at(100) { writer in
            try writer.insertInode(
                InodeRow(inode: InodeNumber(rawValue: 9), kind: .directory, permissions: 0o700)
            )
            try writer.adjustDirectoryStatistics(.root, files: 3, bytes: 1_000)
            try writer.adjustDirectoryStatistics(.root, files: -1, bytes: -2_000)
            try writer.adjustDirectoryStatistics(InodeNumber(rawValue: 9), files: 1, bytes: 1)
        }
        #expect(try store.writer.directoryStatistics(.root) == (2, -1_000))
        try store.at(101) { try $0.removeInode(InodeNumber(rawValue: 9)) }
        #expect(try store.writer.directoryStatistics(InodeNumber(rawValue: 9)) == (0, 0))
    }

    @Test func `a place is found by tier in order, replaced, forgotten, and goes with the inode`()
        throws
    {
        let store = try RowsStore()
        let files = try store.at(100) { _ in try ["a", "b", "c"].map { try store.make($0).inode } }
        let since = Timestamp(seconds: 77)
        try store.at(101) { writer in
            for file in files { try writer.setPlace(file, .infrequentAccess, since: since) }
            try writer.setPlace(files[1], .archive, since: since)
        }
        let writer = store.writer
        #expect(
            try writer.placed(in: .infrequentAccess, after: nil, limit: 9).map(\.inode)
                == [files[0], files[2]]
        )
        #expect(
            try writer.placed(in: .infrequentAccess, after: files[0], limit: 1).map(\.inode)
                == [files[2]]
        )
        #expect(try writer.place(files[1])?.tier == .archive)
        try store.at(102) { writer in
            try writer.setPlace(files[0], nil, since: since)
            try writer.removeInode(files[2])
        }
        #expect(try writer.place(files[0]) == nil)
        #expect(try writer.placed(in: .infrequentAccess, after: nil, limit: 9).isEmpty)
    }

    @Test func `usage follows files, bytes and moves between projects, undone with a savepoint`()
        throws
    {
        let store = try RowsStore()
        let writer = store.writer
        let file = try store.at(100) { _ in
            let row = try store.make("f", project: 7)
            try store.write(row.inode, 0, 0..<64)
            try store.write(row.inode, 1, 0..<10)
            return row.inode
        }
        #expect(try writer.usage(project: 7) == (1, 74))
        try store.at(101) { writer in
            // What is not yet flushed goes along to the new project.
            try store.write(file, 2, 0..<6)
            var row = try #require(try writer.inode(file, at: .live))
            row.project = 8
            try writer.updateInode(row)
        }
        #expect(try writer.usage(project: 7) == (0, 0))
        #expect(try writer.usage(project: 8) == (1, 80))
        try store.at(102) { writer in
            let mark = try writer.mark()
            try store.write(file, 3, 0..<64)
            try writer.removeInode(file)
            #expect(try writer.usage(project: 8).files == 0)
            try writer.revert(to: mark)
        }
        #expect(try writer.usage(project: 8) == (1, 80))
        #expect(try writer.inode(file, at: .live)?.space == 80)
        try store.at(103) { writer in
            try writer.putInline(file, [UInt8](repeating: 1, count: 5))
            try writer.removeInline(file)
            try writer.removeInode(file)
        }
        #expect(try writer.usage(project: 8) == (0, 0))
        #expect(try writer.usage(project: 0) == (0, 0), "no project, no account")
        while try store.at(104, { try $0.reap(limit: 1).hasMore }) {}
        #expect(writer.counters().space == [0, 0, 0])
    }

    @Test func `link rows stand only while there are two names, now and at every instant`() throws {
        let store = try RowsStore()
        let writer = store.writer
        let file = try store.at(100) { _ in try store.make("one").inode }
        func add(_ text: String) throws -> UInt64 {
            var row = try #require(try writer.inode(file, at: .live))
            let hash = try writer.insertDirent(
                directory: .root,
                name: try RowsStore.name(text),
                inode: file,
                kind: .regular
            )
            try writer.addName(&row, directory: .root, hash: hash)
            try writer.updateInode(row)
            return hash
        }
        func drop(_ hash: UInt64) throws {
            var row = try #require(try writer.inode(file, at: .live))
            try writer.removeDirent(directory: .root, hash: hash)
            try writer.removeName(&row, directory: .root, hash: hash)
            try writer.updateInode(row)
        }
        let first = try #require(try writer.inode(file, at: .live)).parentHash
        let second = try store.at(200) { _ in try add("two") }
        let third = try store.at(300) { _ in try add("three") }
        try store.at(400) { _ in try drop(first) }
        try store.at(500) { _ in try drop(third) }
        #expect(try writer.links(of: file, at: .live).isEmpty)
        #expect(try writer.inode(file, at: .live)?.parentHash == second)
        let expected: [(Int64, Set<UInt64>)] = [
            (150, []), (250, [first, second]), (350, [first, second, third]),
            (450, [second, third]),
        ]
        for (time, hashes) in expected {
            let view = View.past(.end(ofSecond: time))
            #expect(Set(try writer.links(of: file, at: view).map(\.hash)) == hashes, "\(time)")
        }
        let foreign = #expect(throws: MetadataError.self) {
            try store.at(600) { writer in
                _ = try add("four")
                var row = try #require(try writer.inode(file, at: .live))
                try writer.removeName(&row, directory: .root, hash: 12_345)
            }
        }
        #expect(foreign?.code == .corrupt)
        writer.rollback()
    }
}
