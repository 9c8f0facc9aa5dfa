import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// Goal: rows that wait for the end of their transaction are there for everybody who asks in it, and what is taken
/// back leaves no trace, wherever the writing came in between.
@Suite struct HeldRowsTests {
    private static func mode(_ store: RowsStore, _ row: InodeRow, _ permissions: UInt16) throws {
        var row = row
        row.permissions = permissions
        row.change = try store.writer.nextChange()
        try store.writer.updateInode(row)
    }

    /// Asks with a statement of SQLite's, which has what waits written first.
    private static func forceWriting(_ writer: MetadataWriter) throws { _ = try writer.audit() }

    // MARK: Costs

    @Test func `a directory that changes with every name is written once a transaction`() throws {
        let store = try RowsStore()
        let root = try #require(try store.writer.inode(.root, at: .live))
        func cost(_ times: Int, _ second: Int64) throws -> (steps: UInt64, frames: UInt64) {
            let steps = store.writer.rowsStepped
            let frames = store.database.sealed.statistics.framesSealed
            try store.at(second) { _ in
                for time in 0..<times { try Self.mode(store, root, UInt16(0o700 + time)) }
            }
            return (
                store.writer.rowsStepped - steps,
                store.database.sealed.statistics.framesSealed - frames
            )
        }
        let once = try cost(1, 200)
        let often = try cost(64, 300)
        print("one change, and 64 of the same row, in one transaction:", once, often)
        #expect(once.steps == often.steps && once.frames == often.frames)
        #expect(once.frames > 0)
        #expect(try store.writer.inode(.root, at: .live)?.permissions == 0o700 + 63)
    }

    @Test func `what is taken back before anything was written runs no statement`() throws {
        let store = try RowsStore()
        let row = try store.at(200) { _ in try store.make("a") }
        try store.writer.begin(second: 300)
        // The names of this hash are known from now on.
        _ = try store.writer.lookup(try RowsStore.name("a"), in: .root, at: .live)
        let steps = store.writer.rowsStepped
        for _ in 0..<10 {
            let mark = try store.writer.mark()
            try store.writer.removeDirent(directory: .root, hash: row.parentHash)
            try Self.mode(store, row, 0o600)
            try store.writer.revert(to: mark)
        }
        #expect(store.writer.rowsStepped == steps)
        _ = try store.writer.commit()
        #expect(try store.names(.live) == ["a"])
        #expect(try store.writer.inode(row.inode, at: .live)?.permissions == 0o644)
        #expect(try store.writer.audit().history == 0)
    }

    /// Method: 16 creates in one transaction, with and without marks around each and a change of their directory.
    ///
    /// Marks are free; the directory's changes cost what one does.
    @Test func `a batch of creates pays for its rows alone`() throws {
        let store = try RowsStore()
        // A name of a later directory: whether a search ends at the table's end would be chance, and a step less.
        let last = InodeNumber(rawValue: 1 << 40)
        try store.at(150) {
            _ = try $0.insertDirent(
                directory: last,
                name: try RowsStore.name("z"),
                inode: last,
                kind: .regular
            )
        }
        func cost(_ count: Int, _ second: Int64, marks: Bool, directory: Bool) throws -> UInt64 {
            let before = store.writer.rowsStepped
            try store.at(second) { writer in
                for number in 0..<count {
                    let mark = marks ? try writer.mark() : nil
                    _ = try store.make("\(second)-\(number)")
                    if directory { try touchRoot(writer) }
                    if let mark { try writer.release(mark) }
                }
                // The counters' row is written in each of these.
                _ = try store.make("\(second)-last")
                if directory { try touchRoot(writer) }
            }
            return store.writer.rowsStepped - before
        }
        func touchRoot(_ writer: MetadataWriter) throws {
            try Self.mode(store, try #require(try writer.inode(.root, at: .live)), 0o755)
        }
        let one = try cost(0, 200, marks: false, directory: false)
        let oneAndDirectory = try cost(0, 300, marks: false, directory: true)
        let plain = try cost(16, 400, marks: false, directory: false)
        let marked = try cost(16, 500, marks: true, directory: false)
        let whole = try cost(16, 600, marks: true, directory: true)
        print("steps of SQLite: a create", one, "16 more", plain - one, "with all", whole - one)
        #expect(marked == plain)
        #expect(whole - plain == oneAndDirectory - one)
        #expect((plain - one) / 16 < one, "a transaction has a price of its own")
    }

    // MARK: Taken back

    @Test func `what was written inside an operation that is taken back is written again`() throws {
        var store = try RowsStore()
        let kept = try store.at(200) { _ in try store.make("kept") }
        let gone = try store.at(200) { _ in try store.make("gone") }
        try store.writer.begin(second: 300)
        try store.writer.removeDirent(directory: .root, hash: gone.parentHash)
        try store.writer.removeInode(gone.inode)
        try Self.mode(store, kept, 0o600)
        let mark = try store.writer.mark()
        let undone = try store.make("undone")
        try Self.mode(store, kept, 0o777)
        try Self.forceWriting(store.writer)
        try store.writer.removeDirent(directory: .root, hash: kept.parentHash)
        try store.writer.revert(to: mark)
        #expect(try store.writer.inode(undone.inode, at: .live) == nil)
        #expect(try store.writer.inode(kept.inode, at: .live)?.permissions == 0o600)
        #expect(try store.writer.lookup(try RowsStore.name("undone"), in: .root, at: .live) == nil)
        _ = try store.writer.commit()
        try store.reopen()
        #expect(try store.names(.live) == ["kept"])
        #expect(try store.writer.inode(kept.inode, at: .live)?.permissions == 0o600)
        #expect(try store.writer.inode(gone.inode, at: .live) == nil)
        #expect(try store.writer.inode(undone.inode, at: .live) == nil)
        let before = View.past(.end(ofSecond: 200))
        #expect(try store.names(before) == ["gone", "kept"])
        #expect(try store.writer.inode(kept.inode, at: before)?.permissions == 0o644)
        let keys = try store.writer.changedKeys(
            after: .end(ofSecond: 200),
            through: store.writer.epoch
        )
        #expect(
            Set(keys) == [
                .inode(kept.inode), .inode(gone.inode), .dirent(.root, gone.parentHash),
            ]
        )
    }

    @Test func `an operation within one is taken back alone`() throws {
        var store = try RowsStore()
        try store.writer.begin(second: 200)
        let outer = try store.writer.mark()
        let first = try store.make("first")
        let inner = try store.writer.mark()
        _ = try store.make("second")
        try Self.forceWriting(store.writer)
        try Self.mode(store, first, 0o600)
        try store.writer.revert(to: inner)
        #expect(try store.writer.inode(first.inode, at: .live)?.permissions == 0o644)
        _ = try store.make("third")
        try store.writer.release(outer)
        _ = try store.writer.commit()
        try store.reopen()
        #expect(try store.names(.live) == ["first", "third"])
    }

    @Test func `a rollback takes back what waits, and what was written`() throws {
        let store = try RowsStore()
        let row = try store.at(200) { _ in try store.make("a") }
        for writes in [false, true] {
            try store.writer.begin(second: 300)
            try Self.mode(store, row, 0o600)
            _ = try store.make("b")
            if writes { try Self.forceWriting(store.writer) }
            _ = try store.make("c")
            store.writer.rollback()
            #expect(try store.writer.inode(row.inode, at: .live)?.permissions == 0o644)
            #expect(try store.names(.live) == ["a"])
        }
        #expect(try store.writer.audit().live == 3, "the root, 'a' and its name")
    }

    // MARK: History

    @Test func `each version around a snapshot inside one transaction is kept`() throws {
        let store = try RowsStore()
        let row = try store.at(200) { _ in try store.make("a") }
        try store.writer.begin(second: 300)
        try Self.mode(store, row, 0o601)
        try store.writer.removeDirent(directory: .root, hash: row.parentHash)
        let first = try store.writer.createSnapshot(name: "first", created: .epoch).epoch
        try Self.mode(store, row, 0o602)
        let other = try store.writer.insertDirent(
            directory: .root,
            name: try RowsStore.name("b"),
            inode: row.inode,
            kind: .regular
        )
        let second = try store.writer.createSnapshot(name: "second", created: .epoch).epoch
        try Self.mode(store, row, 0o603)
        try store.writer.removeDirent(directory: .root, hash: other)
        _ = try store.writer.commit()
        func shown(_ view: View) throws -> [String] {
            let row = try #require(try store.writer.inode(row.inode, at: view))
            return [String(row.permissions, radix: 8)] + (try store.names(view))
        }
        #expect(try shown(.past(.end(ofSecond: 200))) == ["644", "a"])
        #expect(try shown(.past(first)) == ["601"])
        #expect(try shown(.past(second)) == ["602", "b"])
        #expect(try shown(.live) == ["603"])
    }

    @Test func `a name that comes back in the transaction that removed it has its own hash`() throws
    {
        // Two bits: names share hashes, so that the next free number would be another's.
        let store = try RowsStore(nameHashBits: 2)
        let rows = try store.at(200) { _ in try (0..<12).map { try store.make("n\($0)") } }
        try store.writer.begin(second: 300)
        for row in rows { try store.writer.removeDirent(directory: .root, hash: row.parentHash) }
        for (number, row) in rows.enumerated().reversed() {
            let hash = try store.writer.insertDirent(
                directory: .root,
                name: try RowsStore.name("n\(number)"),
                inode: row.inode,
                kind: .regular
            )
            #expect(hash == row.parentHash)
        }
        _ = try store.writer.commit()
        #expect(try store.names(.live) == (0..<12).map { "n\($0)" }.sorted())
    }

    @Test func `the history keeps the space of until now when an inode ends`() throws {
        let store = try RowsStore()
        let row = try store.at(200) { _ in
            let row = try store.make("a")
            try store.writer.putInline(row.inode, [1, 2, 3, 4])
            return row
        }
        try store.at(300) { writer in
            try writer.removeDirent(directory: .root, hash: row.parentHash)
            try writer.removeInode(row.inode)
        }
        let before = View.past(.end(ofSecond: 200))
        #expect(try store.writer.inode(row.inode, at: before)?.space == 4)
        #expect(try store.writer.inline(row.inode, at: before) == [1, 2, 3, 4])
        #expect(store.writer.counters().inlineBytes == 0)
    }

    // MARK: Memory

    @Test func `who asks after a commit finds in memory what it has made`() throws {
        let store = try RowsStore()
        let rows = store.database.liveRows
        let row = try store.at(200) { _ in try store.make("a") }
        let name = try RowsStore.name("a")
        #expect(rows.inode(row.inode)?.row == (try store.writer.inode(row.inode, at: .live)))
        try store.at(201) { _ in
            let root = try #require(try store.writer.inode(.root, at: .live))
            try Self.mode(store, root, 0o700)
        }
        let found = try #require(rows.lookup(name, in: .root))
        #expect(found.directory.row.permissions == 0o700)
        #expect(found.inode?.row.inode == row.inode)
        try store.at(202) { writer in
            try writer.removeDirent(directory: .root, hash: row.parentHash)
            try writer.removeInode(row.inode)
        }
        #expect(rows.inode(row.inode) == nil)
        let absent = try #require(rows.lookup(name, in: .root))
        #expect(absent.inode == nil)
    }

    @Test func `an access time that reads have left is not lost from memory by a change`() throws {
        let store = try RowsStore()
        let rows = store.database.liveRows
        let time = Timestamp(seconds: 900, nanoseconds: 1)
        let row = try store.at(200) { _ in try store.make("a") }
        #expect(rows.inode(row.inode) != nil)
        try store.at(201) { try $0.setAccessTime(row.inode, time) }
        // Nobody has looked at it since: a row without its access time would not be exact.
        #expect(rows.inode(row.inode) == nil)
        try store.at(202) { _ in try Self.mode(store, row, 0o600) }
        #expect(rows.inode(row.inode) == nil)
        let reader = try store.database.reader()
        try reader.begin()
        let live = try #require(try reader.inode(row.inode, at: .live))
        reader.keep(LiveRowCache.Inode(row: live, accessed: time))
        try reader.end()
        try store.at(203) { _ in try Self.mode(store, row, 0o640) }
        let known = try #require(rows.inode(row.inode))
        #expect(known.row.permissions == 0o640 && known.accessed == time)
    }
}
