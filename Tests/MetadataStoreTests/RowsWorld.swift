import Disk
import Keyring
import TestKit
import VarveModel

@testable import MetadataStore

/// A database and the plain model beside it, driven by one seeded generator.
final class RowsWorld {
    /// What a savepoint or a rollback takes back on the model's side.
    struct Side {
        var model = ModelState()
        /// The model after each epoch, ascending.
        var states: [(epoch: Epoch, model: ModelState)] = []
        var snapshots: [String: Epoch] = [:]
        var holds: [Int64: Epoch] = [:]
        var bookmarks: [String: Epoch] = [:]
        /// Every record that may be referred to, and its plain bytes.
        var records: [RecordPointer: [UInt64]] = [:]
        /// The file and tile that each was written for.
        var homes: [RecordPointer: RecordHome] = [:]
        /// With the second of its transaction.
        var receipts: [ReceiptKey: (second: Int64, value: [UInt8])] = [:]
        var nextRecord: UInt64 = 1
        var nextName = 0

        func state(at epoch: Epoch) -> ModelState {
            states.last { $0.epoch <= epoch }?.model ?? ModelState()
        }

        mutating func keep(_ epoch: Epoch) {
            if states.last?.epoch == epoch { states.removeLast() }
            states.append((epoch, model))
        }
    }

    static let tileBytes: UInt64 = 64
    static let ladder = RetentionLadder(rungs: [
        .init(step: 1, seconds: 15), .init(step: 5, seconds: 60), .init(step: 20, seconds: 200),
    ])
    private static let root = InodeNumber.root

    let disk = SimulatedDisk(recording: false)
    let key = DataKey.random()
    let id = UniqueID.random()
    let path: String
    var database: FileSystemDatabase
    var writer: MetadataWriter
    var reader: MetadataReader
    var generator: SeededGenerator
    /// Its own, so that a seed's other operations are the same with receipts as without.
    var receiptGenerator: SeededGenerator
    var side = Side()
    var second: Int64 = 1_000
    /// Operations, and what they met, by kind.
    var mix: [String: Int] = [:]

    init(seed: UInt64, nameHashBits: Int) throws {
        generator = SeededGenerator(seed: seed)
        receiptGenerator = SeededGenerator(seed: ~seed)
        path = "/world-\(Hex.encode(id.bytes))/meta.sqlite"
        try disk.makeDirectory("/world-\(Hex.encode(id.bytes))")
        database = try FileSystemDatabase.create(
            disk: disk,
            path: path,
            key: key,
            FileSystemDatabaseOptions(
                fileSystem: id,
                family: UniqueID.random(),
                second: second,
                nameHashBits: nameHashBits,
                tileBytes: Self.tileBytes
            )
        )
        writer = try database.writer()
        reader = try database.reader()
        try writer.begin(second: second)
        for tier in Tier.allCases {
            try writer.putSegment(
                SegmentRow(id: SegmentID(rawValue: UInt64(tier.rawValue) + 1), tier: tier)
            )
        }
        let row = InodeRow(inode: Self.root, kind: .directory, permissions: 0o755, links: 2)
        try writer.insertInode(row)
        side.model.inodes[1] = row
        side.model.names[1] = [:]
        try commit()
    }

    func count(_ kind: String) { mix[kind, default: 0] += 1 }

    func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &generator) == 0 }

    func pick<Element>(_ elements: [Element]) -> Element? {
        elements.randomElement(using: &generator)
    }

    /// Commits, and takes freed records off the books: each must have been on them.
    func commit() throws {
        let commit = try writer.commit()
        for freed in commit.freed {
            guard side.records.removeValue(forKey: freed.record) != nil else {
                throw Mismatch("a record was freed twice, or while reachable: \(freed)")
            }
            count("record freed")
        }
        side.keep(writer.epoch)
        count("commit")
    }

    func reopen() throws {
        database.close()
        if mix["reopen", default: 0].isMultiple(of: 2) { try forgetPast() }
        database = try FileSystemDatabase.open(disk: disk, path: path, key: key, fileSystem: id)
        writer = try database.writer()
        reader = try database.reader()
        count("reopen")
    }

    /// Makes the database one of a program that did not keep accounts of the past.
    private func forgetPast() throws {
        try RowsStore.changeBehind(disk, path, key, id) { connection in
            try connection.execute("BEGIN IMMEDIATE")
            try connection.execute("DROP TABLE past")
            try connection.execute("DELETE FROM meta WHERE k = 'past'")
            try connection.execute("UPDATE meta SET v = 0 WHERE k = 'features.ro'")
            try connection.execute("COMMIT")
        }
        count("upgrade")
    }

    /// One transaction of random operations, some reverted, sometimes all rolled back.
    func transaction(operations: Int) throws {
        if chance(3) { second += Int64.random(in: 0..<4, using: &generator) }
        if chance(15) { second += Int64.random(in: 5..<40, using: &generator) }
        if chance(40) { second -= 3 }
        let before = side
        let early = try database.reader()
        try early.begin()
        try remember(early)
        try writer.begin(second: second)
        for _ in 0..<operations {
            let mark = try writer.mark()
            let kept = side
            try operate()
            try changeReceipts()
            if chance(12) {
                try writer.revert(to: mark)
                side = kept
                count("revert")
            } else {
                try writer.release(mark)
            }
        }
        if chance(20) {
            writer.rollback()
            side = before
            count("rollback")
        } else {
            try commit()
        }
        // What began to read before may put in nothing that was changed since.
        try remember(early)
        try early.end()
        try checkRemembered()
    }

    // MARK: Checks

    /// Everything that may be asked now reads back exactly (I4); records and rows agree (I6).
    ///
    /// Pinned instants are all looked at, of the grid's one in `stride`.
    func check(stride: Int = 1) throws {
        try reader.begin()
        let retained = try reader.retention()
        let comparison = ModelComparison(reader: reader, records: side.records, homes: side.homes)
        if let difference = try comparison.difference(side.model, at: .live) {
            throw Mismatch("live: \(difference)")
        }
        var instant = retained.oldest
        while let epoch = instant {
            instant = retained.first(after: epoch)
            guard retained.pins.contains(epoch) || chance(stride) else { continue }
            if let difference = try comparison.difference(side.state(at: epoch), at: .past(epoch)) {
                throw Mismatch("at \(epoch.rawValue): \(difference)")
            }
            count("instant checked")
        }
        try checkReceipts(reader)
        try reader.end()
        for (name, epoch) in side.snapshots {
            guard retained.contains(epoch) else { throw Mismatch("snapshot \(name) is gone") }
        }
        for epoch in side.holds.values {
            guard retained.contains(epoch) else { throw Mismatch("a held instant is gone") }
        }
        try checkRecords()
        try checkDifferences(retained)
    }

    /// The records that slices name are exactly those that were not freed.
    private func checkRecords() throws {
        var named: Set<RecordPointer> = []
        var rows: [RecordPointer: [SliceRow]] = [:]
        var key: SliceKey?
        while true {
            let page = try reader.slices(after: key, limit: 50)
            named.formUnion(page.compactMap(\.record))
            for row in page {
                if let record = row.record { rows[record, default: []].append(row) }
            }
            guard let last = page.last else { break }
            key = SliceKey(last)
        }
        let known = Set(side.records.keys)
        guard named == known else {
            throw Mismatch(
                "lost \(named.subtracting(known)), leaked \(known.subtracting(named))"
            )
        }
        try checkSharing(rows)
        try checkPast(rows)
        let counters = try reader.counters()
        for tier in Tier.allCases {
            let segment = SegmentID(rawValue: UInt64(tier.rawValue) + 1)
            let bytes = known.filter { $0.segment == segment }.reduce(0) { $0 + $1.length }
            let row = try reader.segment(segment)
            guard counters.stored[Int(tier.rawValue)] == bytes,
                let row, row.bytes - row.dead == bytes
            else { throw Mismatch("stored bytes of \(tier)") }
        }
        guard counters.inodes == UInt64(side.model.inodes.count) else {
            throw Mismatch("\(counters.inodes) inodes counted")
        }
    }

    /// Rows that share a record are found by it, and so is one that is not where the record was written for.
    private func checkSharing(_ rows: [RecordPointer: [SliceRow]]) throws {
        for (record, rows) in rows {
            let found = try reader.sharingSlices(of: record)
            let isForeign = rows.contains { $0.foreignHome != nil }
            let wanted = rows.count > 1 || isForeign ? Set(rows) : []
            guard Set(found) == wanted, found.count == wanted.count else {
                throw Mismatch("\(record) is shared by \(found), not \(wanted)")
            }
            if rows.count == 1, isForeign { count("last referrer elsewhere") }
        }
    }

    /// What only the past shows is counted exactly, and what pins show of it apart.
    private func checkPast(_ rows: [RecordPointer: [SliceRow]]) throws {
        let pins = try reader.retention().pins.filter { $0 != .end(ofSecond: $0.second) }
        var (history, pinned): (UInt64, UInt64) = (0, 0)
        for (record, rows) in rows {
            guard let born = rows.map(\.born).min(), let died = rows.map(\.died).max(),
                died != .never
            else { continue }
            if pins.contains(where: { $0 >= born && $0 < died }) {
                pinned += record.length
            } else {
                history += record.length
            }
        }
        let past = try reader.pastBytes()
        guard past.history == history, past.pinned == pinned else {
            throw Mismatch("accounts of the past: \(past), not \(history) and \(pinned)")
        }
        if history > 0 { count("history counted") }
        if pinned > 0 { count("pinned counted") }
    }

    /// What differs between two moments is among the changes, and `.same` is true.
    private func checkDifferences(_ retained: RetainedInstants) throws {
        var instants: [Epoch] = side.bookmarks.values.sorted()
        var instant = retained.oldest
        while let epoch = instant {
            instants.append(epoch)
            instant = retained.first(after: epoch)
        }
        guard let low = pick(instants) else { return }
        let high = pick(instants.filter { $0 > low } + [writer.epoch]) ?? writer.epoch
        var filed: [FiledChange] = []
        while true {
            let page = try reader.changes(
                after: low,
                through: high,
                resumeAfter: filed.last,
                limit: 9
            )
            filed += page
            if page.count < 9 { break }
        }
        guard filed == filed.sorted(), Set(filed).count == filed.count else {
            throw Mismatch("changes come out of order")
        }
        guard filed.allSatisfy({ low < $0.epoch && $0.epoch <= high }) else {
            throw Mismatch("changes come from outside of \(low)...\(high)")
        }
        let keys = try reader.changedKeys(after: low, through: high)
        guard keys == Set(filed.map(\.key)).sorted() else {
            throw Mismatch("the keys are not those of the changes")
        }
        let view = high == writer.epoch ? View.live : .past(high)
        let difference = ModelDifference(
            old: side.state(at: low),
            new: view == .live ? side.model : side.state(at: high)
        )
        if let missed = difference.missing(from: Set(keys)) {
            throw Mismatch("\(missed) is not among the changes of \(low)...\(high)")
        }
        count("difference checked")
        // A bookmark's instant says what changed since; it reads only while it is retained too.
        guard retained.contains(low), view == .live || retained.contains(high) else { return }
        for key in keys where try reader.compare(key, from: low, to: view) == .same {
            guard !difference.concerns(key) else {
                let number = key.inode.rawValue
                let (old, new) = (difference.old.inodes[number], difference.new.inodes[number])
                throw Mismatch(
                    "\(key) is not the same from \(low) to \(view): \(String(describing: old)), "
                        + "then \(String(describing: new)); both ends read "
                        + "\(String(describing: try reader.inode(key.inode, at: .past(low)))), "
                        + "\(String(describing: try reader.inode(key.inode, at: view)))"
                )
            }
            count("same at both ends")
        }
    }
}

/// What a check found wrong.
struct Mismatch: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
