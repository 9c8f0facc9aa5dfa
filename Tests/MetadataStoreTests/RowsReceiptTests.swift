import Disk
import Keyring
import MetadataStore
import TestKit
import Testing
import VarveModel

/// Receipts: kept with a transaction, gone with it, and forgotten by age.
@Suite struct RowsReceiptTests {
    private func key(_ number: UInt32, high: UInt64 = 1) -> ReceiptKey {
        ReceiptKey(high: high, low: .max, number: number)
    }

    @Test func `the newest receipt of a key is kept, over a restart too`() throws {
        var store = try RowsStore()
        try store.at(100) { writer in
            writer.putReceipt(key(0), [1])
            writer.putReceipt(key(.max, high: .max), [])
            writer.putReceipt(key(0), [2, 3])
        }
        try store.reopen()
        #expect(try store.writer.receipt(key(0)) == [2, 3])
        #expect(try store.writer.receipt(key(.max, high: .max)) == [])
        #expect(try store.writer.receipt(key(1)) == nil)
        let reader = try store.database.reader()
        try reader.begin()
        #expect(try reader.receipt(key(0)) == [2, 3])
        try reader.end()
    }

    @Test func `a receipt goes with the operation that is undone, and with the transaction`() throws
    {
        let store = try RowsStore()
        let writer = store.writer
        try store.at(100) { $0.putReceipt(key(0), [1]) }
        try writer.begin(second: 101)
        let mark = try writer.mark()
        writer.putReceipt(key(0), [2])
        try writer.revert(to: mark)
        writer.putReceipt(key(1), [3])
        _ = try writer.commit()
        #expect(try writer.receipt(key(0)) == [1])
        #expect(try writer.receipt(key(1)) == [3])
        try writer.begin(second: 102)
        writer.putReceipt(key(1), [4])
        writer.rollback()
        #expect(try writer.receipt(key(1)) == [3])
    }

    /// Whatever asks SQLite for such rows has those that wait written first, inside the operations that are under way.
    @Test func `a receipt that was written inside an operation that is undone waits again`() throws
    {
        var store = try RowsStore()
        let writer = store.writer
        try writer.begin(second: 100)
        writer.putReceipt(key(0), [1])
        let outer = try writer.mark()
        writer.putReceipt(key(1), [2])
        let inner = try writer.mark()
        writer.putReceipt(key(0), [3])
        writer.putReceipt(key(2), [4])
        #expect(try writer.receipt(key(0)) == [3])
        writer.putReceipt(key(0), [5])
        writer.putReceipt(key(1), [6])
        try writer.revert(to: inner)
        #expect(try writer.receipt(key(1)) == [2])
        writer.putReceipt(key(3), [7])
        try writer.release(outer)
        let last = try writer.mark()
        writer.putReceipt(key(3), [8])
        try writer.revert(to: last)
        _ = try writer.commit()
        try store.reopen()
        let values = try (UInt32(0)..<4).map { try store.writer.receipt(key($0)) }
        #expect(values == [[1], [2], nil, [7]])
    }

    /// Goal: a change with a receipt costs one row of one page more, however many there are in the transaction.
    ///
    /// Method: 16 creates, each an operation under a mark: without receipts, with one each, and with three each of which the last counts.
    /// A savepoint of SQLite's for each mark would be steps.
    @Test func `a receipt is one row of its transaction, and opens no savepoint`() throws {
        let store = try RowsStore()
        func steps(_ second: Int64, marks: Bool = true, receipts: Int) throws -> UInt64 {
            let before = store.writer.rowsStepped
            try store.at(second) { writer in
                for number in UInt32(0)..<16 {
                    let mark = marks ? try writer.mark() : nil
                    _ = try store.make("\(second)-\(number)")
                    for turn in 0..<receipts {
                        let value = [UInt8](repeating: UInt8(turn), count: 58)
                        writer.putReceipt(key(number), value)
                    }
                    if let mark { try writer.release(mark) }
                }
            }
            return store.writer.rowsStepped - before
        }
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
        // From now on each takes the place of one that is there.
        _ = try steps(200, receipts: 1)
        let none = try steps(250, receipts: 0)
        let once = try steps(300, receipts: 1)
        print("steps of SQLite: 16 creates", none, "16 receipts", once - none)
        #expect(once > none && (once - none) % 16 == 0)
        #expect(try steps(400, receipts: 3) == once, "each key once")
        #expect(try steps(500, marks: false, receipts: 1) == once, "marks cost nothing")
    }

    @Test func `the receipts of a transaction are one page more`() throws {
        let store = try RowsStore()
        let root = try #require(try store.writer.inode(.root, at: .live))
        func frames(_ second: Int64, receipts: Int) throws -> UInt64 {
            let before = store.database.sealed.statistics.framesSealed
            try store.at(second) { writer in
                var row = root
                row.change = try writer.nextChange()
                try writer.updateInode(row)
                for number in 0..<receipts {
                    writer.putReceipt(
                        key(UInt32(number), high: 1 << 63 | UInt64(number)),
                        [UInt8](repeating: 7, count: 58)
                    )
                }
            }
            return store.database.sealed.statistics.framesSealed - before
        }
        let (none, one, many) = (
            try frames(200, receipts: 0), try frames(300, receipts: 1),
            try frames(400, receipts: 32)
        )
        print("pages sealed without, with one receipt, with 32:", none, one, many)
        #expect(one == none + 1 && many == one)
    }

    @Test func `old receipts go, a page at a time`() throws {
        let store = try RowsStore()
        // Keys on both sides of zero as SQLite counts, the old among the new.
        let highs: [UInt64] = [0, 1, 1 << 63, .max]
        for (second, rest) in [(Int64(200), UInt32(0)), (300, 1)] {
            try store.at(second) { writer in
                for high in highs {
                    for number in UInt32(0)..<10 where number % 2 == rest {
                        writer.putReceipt(key(number, high: high), [UInt8(number)])
                    }
                }
            }
        }
        var (last, pages) = (ReceiptKey?.none, 0)
        repeat {
            last = try store.at(400) { writer in
                try writer.dropReceipts(keptBefore: 300, after: last, limit: 7)
            }
            pages += 1
        } while last != nil
        #expect(pages == 6, "40 receipts, 7 at a time")
        for high in highs {
            for number in UInt32(0)..<10 {
                let value = try store.writer.receipt(key(number, high: high))
                #expect(value == (number % 2 == 0 ? nil : [UInt8(number)]))
            }
        }
    }

    @Test func `a database of before gets its table when it is opened`() throws {
        var store = try RowsStore()
        let file = try store.at(100) { _ in try store.make("f") }.inode
        store.database.close()
        try store.changeBehind { connection in
            try connection.execute("DROP TABLE receipt")
            try connection.execute("UPDATE meta SET v = 4 WHERE k = 'features.compat'")
        }
        try store.reopen()
        try store.at(101) { $0.putReceipt(key(0), [1]) }
        try store.reopen()
        #expect(try store.writer.receipt(key(0)) == [1])
        #expect(store.database.superblock.compatible == 5, "what a newer program noted stays")
        #expect(try store.writer.inode(file, at: .live) != nil)
    }
}
