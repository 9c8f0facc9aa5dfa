import Disk
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// Which files are worth a look, and what a look costs.
@Suite struct JournalDueTests {
    private static func store(days: Int? = 30) async throws -> JournalStore {
        let (world, _) = try SQLiteWorld.simulated()
        let store = try JournalStore(
            disk: world.disk,
            path: "/state/journal.sqlite",
            key: SQLiteWorld.key,
            id: SQLiteWorld.id,
            create: true
        )
        try await store.setDueRules("fs-a", DueRules(days: days, fingerprint: "first"))
        return store
    }

    private static func inode(_ number: Int) -> InodeNumber {
        InodeNumber(rawValue: UInt64(number))
    }

    /// Plans a move of an inode and commits it, as the service does.
    @discardableResult
    private static func move(
        _ store: JournalStore,
        _ row: AccessDay,
        to tier: Tier,
        day: Int64,
        bytes: UInt64 = 1_000
    ) async throws -> Int64 {
        let at = Timestamp(seconds: day * 86_400)
        let id = try await store.planTransition(
            "fs-a",
            row.inode,
            from: row.tier,
            to: tier,
            at: at,
            bytes: bytes,
            policy: "cold",
            reason: "idle"
        )
        try await store.commitTransition(
            "fs-a",
            CommittedTransition(
                id: id,
                row: row,
                to: tier,
                at: at,
                bytes: bytes,
                storedBefore: bytes,
                storedAfter: bytes / 2,
                keepsUses: false
            )
        )
        return id
    }

    @Test func `what is due comes in pages, by day and inode`() async throws {
        let store = try await Self.store()
        var generator = SeededGenerator(seed: testSeed(default: 9))
        var model: [UInt64: Int64] = [:]
        for _ in 0..<30 {
            let accesses = (0..<20).map { _ in
                (
                    inode: InodeNumber(rawValue: .random(in: 1...300, using: &generator)),
                    day: Int64.random(in: 20_000..<20_050, using: &generator)
                )
            }
            try await store.recordAccesses("fs-a", accesses)
            for access in accesses {
                model[access.inode.rawValue] = max(model[access.inode.rawValue] ?? 0, access.day)
            }
        }
        try await store.recordAccesses("fs-b", [(Self.inode(1), 1)])
        let wanted = model.filter { $0.value <= 20_030 }.sorted {
            ($0.value, $0.key) < ($1.value, $1.key)
        }
        var found: [AccessDay] = []
        while true {
            let last = found.last.map { (due: $0.due, inode: $0.inode) }
            let page = try await store.due("fs-a", through: 20_060, after: last, limit: 7)
            found += page
            if page.count < 7 { break }
        }
        #expect(found.map(\.inode.rawValue) == wanted.map(\.key))
        #expect(found.map(\.day) == wanted.map(\.value))
        #expect(found.map(\.due) == wanted.map { $0.value + 30 })
        let gone = try #require(found.first?.inode)
        try await store.forgetAccess("fs-a", [gone])
        #expect(try await store.accessDay("fs-a", gone) == nil)
        try await store.forgetFileSystem("fs-a")
        #expect(try await store.due("fs-a", through: .max, limit: 1) == [])
        #expect(try await store.accessDay("fs-b", Self.inode(1))?.day == 1)
        // Without rules nothing of it is ever due.
        #expect(try await store.due("fs-b", through: .max - 1, limit: 1) == [])
    }

    /// Goal: finding 100 due files costs the 100, however many others the journal knows.
    ///
    /// Method: the others are idle for longer, and put off by a look, or used lately. Rows and steps are counted.
    @Test func `100 due inodes cost the same among many as among few`() async throws {
        let few = try await Self.cost(among: 1_000)
        let many = try await Self.cost(among: 100_000)
        print("rows and steps of 100 due inodes: \(few) and \(many)")
        #expect(many < few + few / 10 + 200)
    }

    private static func cost(among others: Int) async throws -> UInt64 {
        let store = try await Self.store()
        for start in stride(from: 1, through: others, by: 4_096) {
            let numbers = start..<min(start + 4_096, others + 1)
            // Every other one is idle for years: too small, or excluded.
            try await store.recordAccesses(
                "fs-a",
                numbers.map { (Self.inode($0), $0 % 2 == 0 ? 18_000 : 20_100) }
            )
            let idle = numbers.filter { $0 % 2 == 0 }.map {
                AccessLook(
                    row: AccessDay(inode: Self.inode($0), day: 18_000, tier: .standard),
                    again: nil,
                    keepsUses: false
                )
            }
            try await store.noteLooks("fs-a", idle)
        }
        try await store.recordAccesses(
            "fs-a",
            (1...100).map { (Self.inode(others + $0), Int64(20_000)) }
        )
        let before = await store.cost()
        let due = try await store.due("fs-a", through: 20_100, limit: 256)
        let cost = await store.cost() - before
        #expect(due.map(\.inode) == (1...100).map { Self.inode(others + $0) })
        let used = try await store.due("fs-a", through: 20_100, onlyUsed: true, limit: 256)
        #expect(used == [])
        return cost
    }

    @Test func `a use in a colder tier leaves the access day, and is due at once`() async throws {
        let store = try await Self.store()
        let inode = Self.inode(7)
        try await store.recordAccesses("fs-a", [(inode, 100)])
        var row = try #require(try await store.accessDay("fs-a", inode))
        try await Self.move(store, row, to: .infrequentAccess, day: 130)
        row = try #require(try await store.accessDay("fs-a", inode))
        #expect(row == AccessDay(inode: inode, day: 100, tier: .infrequentAccess, due: 131))
        try await store.recordAccesses("fs-a", [(inode, 140), (inode, 140)])
        try await store.recordAccesses("fs-a", [(inode, 142)])
        row = try #require(try await store.accessDay("fs-a", inode))
        #expect(row.day == 100 && row.used == 142 && row.uses == 2 && row.lastUse == 142)
        #expect(try await store.due("fs-a", through: 142, onlyUsed: true, limit: 9) == [row])
        #expect(try await store.coldFilesUsed("fs-a", on: 140) == 1)
        #expect(try await store.coldFilesUsed("fs-a", on: 141) == 0)
        try await Self.move(store, row, to: .standard, day: 142)
        row = try #require(try await store.accessDay("fs-a", inode))
        #expect(row == AccessDay(inode: inode, day: 142, tier: .standard, due: 172))
        let returns = try await store.returns("fs-a", of: inode, after: Timestamp(seconds: 0))
        #expect(returns == [Timestamp(seconds: 142 * 86_400)])
    }

    @Test func `a use during a move is not lost`() async throws {
        let store = try await Self.store()
        let inode = Self.inode(7)
        try await store.recordAccesses("fs-a", [(inode, 100)])
        let row = try #require(try await store.accessDay("fs-a", inode))
        try await store.recordAccesses("fs-a", [(inode, 130)])
        try await Self.move(store, row, to: .infrequentAccess, day: 130)
        let after = try #require(try await store.accessDay("fs-a", inode))
        #expect(after.used == 130 && after.uses == 1 && after.due == 130)
        // A look that began before the use puts nothing off.
        try await store.noteLooks("fs-a", [AccessLook(row: row, again: nil, keepsUses: false)])
        #expect(try await store.accessDay("fs-a", inode) == after)
    }

    @Test func `what a look has put off is due again when something about it changes`()
        async throws
    {
        let store = try await Self.store()
        let (fresh, put) = (Self.inode(7), Self.inode(8))
        try await store.recordAccesses("fs-a", [(fresh, 100), (put, 100)])
        let row = try #require(try await store.accessDay("fs-a", put))
        try await store.noteLooks("fs-a", [AccessLook(row: row, again: nil, keepsUses: false)])
        #expect(try await store.due("fs-a", through: 10_000, limit: 9).map(\.inode) == [fresh])
        try await store.recheck("fs-a", [fresh, put], day: 110)
        #expect(try await store.due("fs-a", through: 110, limit: 9).map(\.inode) == [put])
        // What no look has put off comes when its days are over, and no sooner.
        #expect(try await store.accessDay("fs-a", fresh)?.due == 130)
    }

    @Test func `new rules work out every day anew, page by page`() async throws {
        let store = try await Self.store()
        try await store.recordAccesses("fs-a", (1...100).map { (Self.inode($0), Int64($0)) })
        let row = try #require(try await store.accessDay("fs-a", Self.inode(50)))
        try await Self.move(store, row, to: .archive, day: 80)
        try await store.setDueRules("fs-a", DueRules(days: 7, fingerprint: "second"))
        var pages = 0
        var position: InodeNumber?
        repeat {
            position = try await store.renewDue("fs-a", after: position, day: 200, limit: 30)
            pages += 1
        } while position != nil
        #expect(pages == 4)
        for row in try await store.accessDays("fs-a", after: nil, limit: 200) {
            // What is in a colder tier is looked at first.
            let due = row.inode.rawValue == 50 ? JournalStore.foremostDay : row.day + 7
            #expect(row.due == due)
        }
        try await store.setDueRules("fs-a", DueRules(days: nil, fingerprint: "third"))
        #expect(try await store.renewDue("fs-a", after: nil, day: 200, limit: 1_000) == nil)
        #expect(try await store.due("fs-a", through: 10_000, limit: 9).map(\.tier) == [.archive])
    }

    @Test func `bytes moved count by the hour, and are forgotten after two days`() async throws {
        let store = try await Self.store()
        let start = Timestamp(seconds: 100 * 86_400)
        try await store.recordAccesses("fs-a", (1...3).map { (Self.inode($0), Int64(70)) })
        for number in 1...3 {
            let row = try #require(try await store.accessDay("fs-a", Self.inode(number)))
            try await Self.move(
                store,
                row,
                to: .infrequentAccess,
                day: 99 + Int64(number),
                bytes: UInt64(number) * 100
            )
        }
        func moved(_ hours: Int64, _ day: Int64) async throws -> UInt64 {
            try await store.movedBytes(
                "fs-a",
                promoted: false,
                hours: hours,
                at: start.adding(seconds: day * 86_400)
            )
        }
        #expect(try await moved(1, 2) == 300)
        #expect(try await moved(25, 2) == 500)
        // The first is 48 hours old, which is still known.
        #expect(try await moved(49, 2) == 600)
        #expect(try await store.movedBytes("fs-a", promoted: true, hours: 99, at: start) == 0)
    }

    @Test func `pins are there once, and outlive their file, which may come back`() async throws {
        let store = try await Self.store()
        let pin = PinRow(inode: Self.inode(7), since: Timestamp(seconds: 5), placedBy: "uid 0")
        try await store.addPin("fs-a", pin)
        try await store.addPin(
            "fs-a",
            PinRow(inode: Self.inode(7), since: Timestamp(seconds: 9), placedBy: "uid 1")
        )
        try await store.addPin(
            "fs-a",
            PinRow(inode: Self.inode(3), since: Timestamp(seconds: 6), placedBy: "uid 0")
        )
        #expect(try await store.pins("fs-a").map(\.inode.rawValue) == [3, 7])
        #expect(try await store.pins("fs-a").last == pin)
        #expect(try await store.removePin("fs-a", Self.inode(3)))
        #expect(try await !store.removePin("fs-a", Self.inode(3)))
        try await store.forgetAccess("fs-a", [Self.inode(7)])
        #expect(try await store.pins("fs-a") == [pin])
        #expect(try await store.removePin("fs-a", Self.inode(7)))
        #expect(try await store.pins("fs-a") == [])
    }

    @Test func `files that nobody was heard to use are taken in, known ones stay as they are`()
        async throws
    {
        let store = try await Self.store()
        let (known, hot, cold) = (Self.inode(7), Self.inode(8), Self.inode(9))
        try await store.recordAccesses("fs-a", [(known, 100)])
        #expect(try await store.unknown("fs-a", [cold, known, hot]) == [cold, hot])
        #expect(try await store.unknown("fs-b", [known]) == [known])
        let all: [(inode: InodeNumber, tier: Tier)] = [
            (known, .archive), (hot, .standard), (cold, .archive),
        ]
        for day in [Int64(200), 300] { try await store.takeIn("fs-a", all, day: day) }
        #expect(
            try await store.accessDays("fs-a", after: nil, limit: 9) == [
                AccessDay(inode: known, day: 100, tier: .standard, due: 130),
                AccessDay(inode: hot, day: 200, tier: .standard, due: 230),
                AccessDay(inode: cold, day: 200, tier: .archive, due: 200),
            ]
        )
        let row = try #require(try await store.accessDay("fs-a", cold))
        try await store.noteLooks("fs-a", [AccessLook(row: row, again: nil, keepsUses: false)])
        try await store.lookAgain("fs-a", at: [cold], by: 201)
        #expect(try await store.accessDay("fs-a", cold)?.due == 201)
        try await store.lookAgain("fs-a", at: [cold], by: 500)
        #expect(try await store.accessDay("fs-a", cold)?.due == 201)
    }

    @Test func `a day that is judged not to count leaves the others, and the next one counts on`()
        async throws
    {
        let store = try await Self.store()
        let inode = Self.inode(7)
        try await store.recordAccesses("fs-a", [(inode, 100)])
        var row = try #require(try await store.accessDay("fs-a", inode))
        try await Self.move(store, row, to: .infrequentAccess, day: 130)
        for day in [Int64(140), 145] { try await store.recordAccesses("fs-a", [(inode, day)]) }
        row = try #require(try await store.accessDay("fs-a", inode))
        let look = AccessLook(row: row, again: 190, keepsUses: true, dropsLastUse: true)
        try await store.noteLooks("fs-a", [look])
        row = try #require(try await store.accessDay("fs-a", inode))
        #expect(row.used == nil && row.uses == 1 && row.due == 190 && row.day == 100)
        // The same look again is of a row that is no more.
        try await store.noteLooks("fs-a", [look])
        #expect(try await store.accessDay("fs-a", inode) == row)
        try await store.recordAccesses("fs-a", [(inode, 150)])
        row = try #require(try await store.accessDay("fs-a", inode))
        #expect(row.used == 150 && row.uses == 2 && row.due == 150)
        try await Self.move(store, row, to: .standard, day: 151)
        row = try #require(try await store.accessDay("fs-a", inode))
        #expect(row == AccessDay(inode: inode, day: 150, tier: .standard, due: 180))
    }

    @Test func `a move within Standard is no return`() async throws {
        let store = try await Self.store()
        let inode = Self.inode(7)
        try await store.recordAccesses("fs-a", [(inode, 100)])
        let row = try #require(try await store.accessDay("fs-a", inode))
        try await Self.move(store, row, to: .standard, day: 101)
        #expect(
            try await store.returns("fs-a", of: inode, after: Timestamp(seconds: 0)) == []
        )
    }
}
