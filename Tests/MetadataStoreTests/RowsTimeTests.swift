import Disk
import Keyring
import MetadataStore
import TestKit
import Testing
import VarveModel

/// Instants, names under colliding hashes, and numbers: at the edges.
@Suite struct RowsTimeTests {
    private static let day: Int64 = 86_400

    @Test func `bookmarks break at the second of their expiry, and can be set anew`() throws {
        let store = try RowsStore()
        let writer = store.writer
        let held = try store.at(200) { writer in
            let held = try writer.createSnapshot(name: nil, created: .epoch)
            let expires = Timestamp(seconds: 500)
            try writer.setBookmark(name: "b", at: held.epoch, expires: expires)
            try writer.setBookmark(name: "for ever", at: held.epoch)
            return held
        }
        func isBroken(_ name: String) throws -> Bool? { try writer.bookmark(name: name)?.isBroken }
        try store.at(499) { writer in
            let now = Timestamp(seconds: 499, nanoseconds: 999_999_999)
            try writer.breakBookmarks(expiredBy: now)
        }
        #expect(try isBroken("b") == false)
        try store.at(500) { try $0.breakBookmarks(expiredBy: Timestamp(seconds: 500)) }
        #expect(try isBroken("b") == true)
        #expect(try isBroken("for ever") == false)
        try store.at(501) { try $0.setBookmark(name: "b", at: held.epoch) }
        #expect(try isBroken("b") == false)
        #expect(try isBroken("none") == nil)
    }

    /// Method: the writer looks into its list of all pins, a reader asks the index for one.
    @Test func `a reader finds the instants that the writer knows, by one row of the pins`() throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 411))
        var steps: Set<UInt64> = []
        for pins in [0, 10, 2_000] {
            let store = try RowsStore(second: 1_000)
            let writer = store.writer
            for number in 0..<pins {
                let second = Int64(2_000 + number / 3)
                try store.at(second) { writer in
                    let isNamed = number.isMultiple(of: 2)
                    let name = isNamed ? "s\(number)" : nil
                    _ = try writer.createSnapshot(name: name, created: .epoch)
                }
            }
            try store.at(5_000) { writer in
                let ladder = RetentionLadder.standard
                _ = try writer.advanceRetention(second: 9_000_000, ladder: ladder)
            }
            try store.at(9_000_001) { _ in }
            let reader = try store.database.reader()
            try reader.begin()
            let known = try reader.retention()
            #expect(known == writer.retention())
            let edges = known.pins.flatMap { [$0, Epoch(rawValue: $0.rawValue - 1), $0.next] }
            var asked = edges.shuffled(using: &generator).prefix(200)
            asked += [.zero, known.open, Epoch(rawValue: known.open.rawValue - 1), known.open.next]
            for _ in 0..<50 {
                let second = Int64.random(in: 0...9_000_002, using: &generator)
                asked += [.end(ofSecond: second), Epoch(rawValue: UInt64(second) << 20)]
            }
            for epoch in asked {
                let before = reader.rowsStepped
                let found = try reader.retainedInstant(atOrBefore: epoch)
                steps.insert((reader.rowsStepped - before) / 40)
                #expect(found == known.last(atOrBefore: epoch), "\(epoch) of \(pins)")
                #expect(try reader.isRetained(epoch) == known.contains(epoch))
                #expect(writer.retainedInstant(atOrBefore: epoch) == found)
            }
            try reader.end()
        }
        #expect(steps == [0], "\(steps) times forty rows and steps")
    }

    @Test func `a database of before gets the index of its pins when it is opened`() throws {
        var store = try RowsStore()
        _ = try store.at(200) { try $0.createSnapshot(name: "s", created: .epoch) }
        for isFull in [true, false] {
            store.database.close()
            try store.changeBehind { connection in
                if isFull { return try connection.execute("DROP INDEX snap_epoch") }
                // The start on a full disk has not made it.
                #expect(throws: MetadataError.self) {
                    try connection.execute("DROP INDEX snap_epoch")
                }
            }
            if isFull { store.disk.fail(after: 0, with: .noSpace) }
            try store.reopen()
            store.disk.clearFaults()
            let reader = try store.database.reader()
            try reader.begin()
            let snapshot = try #require(try reader.snapshot(name: "s"))
            #expect(try reader.isRetained(snapshot.epoch))
            try reader.end()
        }
        store.database.close()
        // Now there is one.
        try store.changeBehind { try $0.execute("DROP INDEX snap_epoch") }
    }

    @Test func `the ladder keeps seconds for a day, minutes for seven, hours for thirty-five`() {
        // A whole number of hours, so that cells begin where rungs end.
        let now: Int64 = 500_000 * 3_600
        var grid = RetentionGrid(from: now - 100 * Self.day)
        _ = grid.coarsen(to: .standard, now: now)
        let edges: [(age: Int64, step: Int64)] = [(1, 60), (7, 3_600)]
        for (age, coarse) in edges {
            let edge = now - age * Self.day
            #expect(grid.contains(edge - 1), "the cell before the edge ends a coarse step")
            #expect(
                !grid.contains(edge - 2),
                "\(age) d and a second ago, only \(coarse) s are kept"
            )
            #expect(!grid.contains(edge - coarse / 2))
            #expect(grid.contains(edge - coarse - 1))
        }
        #expect(grid.contains(now - Self.day), "exactly a day ago, every second")
        #expect(grid.contains(now - Self.day + 1))
        #expect(grid.contains(now - 7 * Self.day + 59), "exactly seven days ago, every minute")
        #expect(!grid.contains(now - 7 * Self.day + 58))
        #expect(grid.contains(now - 35 * Self.day + 3_599), "exactly 35 days ago, every hour")
        #expect(grid.last(atOrBefore: now - 35 * Self.day - 1) == nil, "and nothing before")
        #expect(grid.first(atOrAfter: 0) == now - 35 * Self.day + 3_599)
    }

    /// Goal: space comes back at once where no past is kept, and not when the minute or the hour ends.
    @Test func `rungs that last no longer than finer ones keep nothing`() {
        let steps: [Int64] = [1, 60, 3_600]
        let now: Int64 = 500_000 * 3_600 + 1_234
        for seconds in [0, 5, 90] as [Int64] {
            let ladder = RetentionLadder(rungs: steps.map { .init(step: $0, seconds: seconds) })
            var grid = RetentionGrid(from: now - 10_000)
            _ = grid.coarsen(to: ladder, now: now)
            #expect(grid.first(atOrAfter: 0) == now - seconds)
            #expect(grid.contains(now) && grid.last(atOrBefore: now - seconds - 1) == nil)
            // And what is kept again from now on is kept.
            #expect(grid.coarsen(to: .standard, now: now + 60) == nil)
            #expect(grid.contains(now + 1))
        }
        // Minutes that are kept are made of seconds that are.
        let minutes = RetentionLadder(rungs: [
            .init(step: 1, seconds: 0), .init(step: 60, seconds: 600),
            .init(step: 3_600, seconds: 600),
        ])
        var grid = RetentionGrid(from: now - 10_000)
        _ = grid.coarsen(to: minutes, now: now)
        #expect(grid.contains(now / 60 * 60) && grid.contains(now / 60 * 60 - 1))
        #expect(!grid.contains(now / 60 * 60 - 2))
    }

    @Test func `thinning second by second keeps what thinning at once keeps`() {
        let ladder = RetentionLadder(rungs: [
            .init(step: 1, seconds: 30), .init(step: 10, seconds: 200),
            .init(step: 60, seconds: 900),
        ])
        let start: Int64 = 1_000
        var grid = RetentionGrid(from: start)
        for now in start...start + 2_500 {
            _ = grid.coarsen(to: ladder, now: now)
            guard now % 37 == 0 else { continue }
            var once = RetentionGrid(from: start)
            _ = once.coarsen(to: ladder, now: now)
            for second in start...now {
                guard grid.contains(second) != once.contains(second) else { continue }
                Issue.record("second \(second) at \(now): \(grid.spans), \(once.spans)")
                return
            }
            // Nothing inside a rung's span is ever missing.
            for second in max(start, now - 30)...now where !grid.contains(second) {
                Issue.record("second \(second) is lost at \(now)")
                return
            }
        }
        #expect(grid.spans.count <= 4)
    }

    @Test func `a write and another in the same second leave the later one to that instant`() throws
    {
        let store = try RowsStore()
        let writer = store.writer
        let file = try store.at(200) { writer in
            let file = try store.make("f").inode
            try writer.putInline(file, [1])
            return file
        }
        try store.at(200) { try $0.putInline(file, [2]) }
        // Between two writes of one second a snapshot may name the moment.
        let snapshot = try store.at(200) { try $0.createSnapshot(name: "s", created: .epoch) }
        try store.at(200) { try $0.putInline(file, [3]) }
        try store.at(201) { try $0.putInline(file, [4]) }
        #expect(try writer.inline(file, at: .past(snapshot.epoch)) == [2])
        #expect(try writer.inline(file, at: .past(.end(ofSecond: 200))) == [3])
        #expect(writer.retention().last(atOrBefore: .end(ofSecond: 200)) == .end(ofSecond: 200))
        #expect(
            writer.retention().last(atOrBefore: Epoch(second: 200, n: 5)) == snapshot.epoch,
            "a time within the second means the snapshot"
        )
        #expect(
            !writer.retention().contains(.end(ofSecond: 201)),
            "the open second is not yet over"
        )
        #expect(try writer.inline(file, at: .live) == [4])
    }

    @Test func `holds of one instant end one by one, and an old one never ends a new one`() throws {
        var store = try RowsStore()
        let (one, two) = try store.at(200) { writer in
            let one = try writer.createSnapshot(name: nil, created: .epoch)
            return (one, try writer.hold(at: one.epoch, created: .epoch))
        }
        try store.at(201) { try $0.releaseHold(one.id) }
        #expect(store.writer.retention().contains(one.epoch))
        try store.at(202) { try $0.releaseHold(two.id) }
        #expect(!store.writer.retention().contains(one.epoch))
        let three = try store.at(203) { try $0.createSnapshot(name: nil, created: .epoch) }
        #expect(three.id > two.id, "numbers of holds are not used again")
        let stale = #expect(throws: MetadataError.self) {
            try store.at(204) { try $0.releaseHold(one.id) }
        }
        #expect(stale?.code == .notFound)
        store.writer.rollback()
        try store.at(205) { try $0.releaseAllHolds() }
        try store.reopen()
        let four = try store.at(206) { try $0.createSnapshot(name: nil, created: .epoch) }
        #expect(four.id > three.id, "not even by another process")
        let named = try store.at(207) { try $0.createSnapshot(name: "n", created: .epoch) }
        #expect(throws: MetadataError.self) { try store.writer.releaseHold(named.id) }
    }

    @Test func `names under one hash are found by themselves, at every instant`() throws {
        // One bit: a hundred names share two hashes of 256 places.
        let store = try RowsStore(nameHashBits: 1)
        let writer = store.writer
        var random = SeededGenerator(seed: 11)
        var live: [String: InodeNumber] = [:]
        var past: [(Epoch, [String: InodeNumber])] = []
        var cookies: [String: UInt64] = [:]
        for step in 0..<400 {
            let text = "n\(Int.random(in: 0..<100, using: &random))"
            try store.at(200 + Int64(step)) { writer in
                let found = try writer.lookup(try RowsStore.name(text), in: .root, at: .live)
                #expect(found?.inode == live[text])
                if let found {
                    try writer.removeDirent(directory: .root, hash: found.hash)
                    try writer.removeInode(found.inode)
                    live[text] = nil
                } else {
                    let row = try store.make(text)
                    live[text] = row.inode
                    if let cookie = cookies[text] {
                        #expect(row.parentHash == cookie, "\(text) has its cookie again")
                    }
                    cookies[text] = row.parentHash
                }
                guard step % 40 == 39 else { return }
                let snapshot = try writer.createSnapshot(name: "s\(step)", created: .epoch)
                past.append((snapshot.epoch, live))
            }
        }
        #expect(Set(cookies.values).count == cookies.count, "no two names share a cookie")
        for (epoch, names) in past {
            #expect(try store.names(.past(epoch)) == names.keys.sorted())
            for (text, inode) in names {
                let found = try writer.lookup(
                    try RowsStore.name(text),
                    in: .root,
                    at: .past(epoch)
                )
                #expect(found?.inode == inode)
            }
        }
    }

    @Test func `a transaction takes as many numbers as it needs, and a crash gives none again`()
        throws
    {
        var store = try RowsStore()
        let writer = store.writer
        try writer.begin(second: 200)
        var last: UInt64 = 0
        // More than the durable ceiling runs ahead.
        for _ in 0..<1_200_000 { last = try writer.nextSequence() }
        #expect(store.database.sequences.take(.sequence) == nil, "others wait for the commit")
        _ = try writer.commit()
        let shown = try #require(store.database.sequences.take(.sequence))
        #expect(shown > last)
        try store.reopen()
        #expect(try store.writer.nextSequence() > shown)
        try store.writer.begin(second: 201)
        for _ in 0..<1_200_000 { last = try store.writer.nextSequence() }
        store.writer.rollback()
        // Nothing came of them; the next commit lets everybody go on.
        try store.at(202) { _ in }
        #expect(store.database.sequences.take(.sequence) != nil)
    }

    @Test func `a change journal page of any size is answered`() throws {
        let store = try RowsStore()
        try store.at(200) { _ in for index in 0..<20 { _ = try store.make("f\(index)") } }
        for limit in [1, 7, Int.max / 4, .max] {
            let keys = try store.writer.changes(
                after: .zero,
                through: .never,
                resumeAfter: nil,
                limit: limit
            )
            #expect(keys.count == min(limit, 41))
        }
    }
}
