import Disk
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

/// What looks and moves note, beside what comes while they are under way.
@Suite struct JournalLookTests {
    private let inode = InodeNumber(rawValue: 7)
    private let store: JournalStore

    init() async throws {
        let (world, _) = try SQLiteWorld.simulated()
        store = try JournalStore(
            disk: world.disk,
            path: "/state/journal.sqlite",
            key: SQLiteWorld.key,
            id: SQLiteWorld.id,
            create: true
        )
        try await store.setDueRules("fs-a", DueRules(days: 30, fingerprint: "first"))
    }

    private func row() async throws -> AccessDay {
        try #require(try await store.accessDay("fs-a", inode))
    }

    private func due(_ day: Int64, onlyUsed: Bool = false) async throws -> [InodeNumber] {
        try await store.due("fs-a", through: day, onlyUsed: onlyUsed, limit: 9).map(\.inode)
    }

    /// Plans a move of the row as it was, and commits it.
    private func move(
        _ row: AccessDay,
        to tier: Tier,
        day: Int64,
        keepsUses: Bool = false,
        access: Int64? = nil
    ) async throws {
        let at = Timestamp(seconds: day * 86_400)
        let id = try await store.planTransition(
            "fs-a",
            row.inode,
            from: row.tier,
            to: tier,
            at: at,
            bytes: 1_000,
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
                bytes: 1_000,
                storedBefore: 1_000,
                storedAfter: 500,
                keepsUses: keepsUses,
                access: access
            )
        )
    }

    @Test func `a look says nothing of what has changed since its run began`() async throws {
        try await store.recordAccesses("fs-a", [(inode, 100)])
        let began = try await store.generation("fs-a")
        try await store.recheck("fs-a", [inode], day: 130)
        // It is read after the change, and judged by what was known before it.
        let look = AccessLook(row: try await row(), again: nil, keepsUses: false)
        try await store.noteLooks("fs-a", [look], asOf: began)
        #expect(try await due(130) == [inode])
        try await store.noteLooks("fs-a", [look], asOf: try await store.generation("fs-a"))
        #expect(try await due(.max - 1) == [])
        // New rules are such a change, too.
        let between = try await store.generation("fs-a")
        _ = try await store.renewDue("fs-a", after: nil, day: 130, limit: 9)
        try await store.noteLooks("fs-a", [look], asOf: between)
        #expect(try await due(130) == [inode])
    }

    @Test func `what waits is passed by until it is used again`() async throws {
        try await store.recordAccesses("fs-a", [(inode, 100)])
        try await move(try await row(), to: .infrequentAccess, day: 130)
        try await store.recordAccesses("fs-a", [(inode, 140)])
        #expect(try await due(140, onlyUsed: true) == [inode])
        try await store.noteWaits("fs-a", [try await row()], day: 140)
        #expect(try await due(140, onlyUsed: true) == [])
        #expect(try await due(140) == [inode])
        let before = try await row()
        try await store.recordAccesses("fs-a", [(inode, 141)])
        #expect(try await due(141, onlyUsed: true) == [inode])
        // A judgement of the use before says nothing of this one.
        try await store.noteWaits("fs-a", [before], day: 141)
        #expect(try await due(141, onlyUsed: true) == [inode])
        try await store.noteWaits("fs-a", [try await row()], day: 141)
        try await store.recheck("fs-a", [inode], day: 141)
        #expect(try await due(141, onlyUsed: true) == [inode])
        #expect(try await due(JournalStore.foremostDay) == [inode])
        try await store.noteWaits("fs-a", [try await row()], day: 141)
        #expect(try await due(JournalStore.foremostDay) == [])
        #expect(try await due(141) == [inode])
    }

    /// Goal: asking for used files costs nothing of those that wait, however many.
    @Test func `files that wait cost nothing to who looks for used ones`() async throws {
        let few = try await costOfUsed(beside: 1_000, in: "few")
        let many = try await costOfUsed(beside: 20_000, in: "many")
        print("rows and steps of a look for used files: \(few) and \(many)")
        #expect(many <= few + 50)
    }

    private func costOfUsed(beside count: Int, in fileSystem: String) async throws -> UInt64 {
        for start in stride(from: 1, through: count, by: 4_096) {
            let inodes = (start..<min(start + 4_096, count + 1)).map {
                InodeNumber(rawValue: UInt64($0))
            }
            try await store.recordAccesses(fileSystem, inodes.map { ($0, 100) })
            try await store.putAway(fileSystem)
            try await store.recordAccesses(fileSystem, inodes.map { ($0, 140) })
            let used = try await store.due(
                fileSystem,
                through: 140,
                onlyUsed: true,
                limit: count
            )
            #expect(used.count == inodes.count)
            try await store.noteWaits(fileSystem, used, day: 140)
        }
        let before = await store.cost()
        let used = try await store.due(fileSystem, through: 140, onlyUsed: true, limit: 256)
        #expect(used == [])
        return await store.cost() - before
    }

    @Test func `a file that is in Standard after all counts from its last use`() async throws {
        try await store.recordAccesses("fs-a", [(inode, 100)])
        try await move(try await row(), to: .infrequentAccess, day: 130)
        try await store.recordAccesses("fs-a", [(inode, 140)])
        try await store.setTier("fs-a", inode, .standard, day: 150)
        #expect(
            try await row() == AccessDay(inode: inode, day: 140, tier: .standard, due: 170)
        )
        let other = InodeNumber(rawValue: 8)
        try await store.setTier("fs-a", other, .standard, day: 150)
        #expect(try await store.accessDay("fs-a", other)?.due == 180)
        try await store.setTier("fs-a", other, .archive, day: 151)
        let row = try await store.accessDay("fs-a", other)
        #expect(row?.day == 150 && row?.tier == .archive && row?.due == 151)
    }

    @Test func `a use that counts as an access moves the day, by a look and by a move`()
        async throws
    {
        try await store.recordAccesses("fs-a", [(inode, 100)])
        try await move(try await row(), to: .infrequentAccess, day: 130)
        try await store.recordAccesses("fs-a", [(inode, 140)])
        let look = AccessLook(row: try await row(), again: 230, keepsUses: false, access: 140)
        try await store.noteLooks("fs-a", [look])
        #expect(
            try await row()
                == AccessDay(inode: inode, day: 140, tier: .infrequentAccess, due: 230)
        )
        try await store.recordAccesses("fs-a", [(inode, 150)])
        try await move(try await row(), to: .archive, day: 240, access: 150)
        let moved = try await row()
        #expect(moved.day == 150 && moved.tier == .archive && moved.used == nil)
        // An earlier one moves nothing.
        try await store.noteLooks(
            "fs-a",
            [AccessLook(row: moved, again: nil, keepsUses: false, access: 120)]
        )
        #expect(try await row().day == 150)
    }

    @Test func `rules that brought nothing back leave no uses to the next`() async throws {
        try await store.recordAccesses("fs-a", [(inode, 100)])
        try await move(try await row(), to: .infrequentAccess, day: 130)
        try await store.recordAccesses("fs-a", [(inode, 140)])
        _ = try await store.renewDue("fs-a", after: nil, day: 141, limit: 9)
        #expect(try await row().uses == 1)
        _ = try await store.renewDue("fs-a", after: nil, day: 141, forgetsUses: true, limit: 9)
        let kept = try await row()
        #expect(kept.used == nil && kept.uses == 0 && kept.day == 100)
        #expect(try await due(141, onlyUsed: true) == [])
    }

    @Test func `a pin during a move is looked at first`() async throws {
        try await store.recordAccesses("fs-a", [(inode, 100)])
        let judged = try await row()
        #expect(try await store.isUnchanged("fs-a", judged))
        try await store.recheck("fs-a", [inode], day: 130, mayComeBack: true)
        #expect(try await !store.isUnchanged("fs-a", judged))
        try await move(judged, to: .infrequentAccess, day: 130)
        #expect(try await row().due == JournalStore.foremostDay)
        // What was moved on the same day, and is pinned then, is as well.
        let other = InodeNumber(rawValue: 8)
        try await store.recordAccesses("fs-a", [(other, 100)])
        let second = try #require(try await store.accessDay("fs-a", other))
        try await store.recordAccesses("fs-a", [(other, 101)])
        #expect(try await !store.isUnchanged("fs-a", second))
        try await move(second, to: .infrequentAccess, day: 130)
        try await store.recheck("fs-a", [other], day: 130)
        #expect(try await store.accessDay("fs-a", other)?.due == 130)
        try await store.recheck("fs-a", [other], day: 130, mayComeBack: true)
        #expect(try await store.accessDay("fs-a", other)?.due == JournalStore.foremostDay)
    }

    /// Goal: days and hours that a clock had reached which ran ahead bind nothing once it is put right.
    @Test func `days to come become today, and hours to come count for nothing`() async throws {
        let used = InodeNumber(rawValue: 8)
        try await store.recordAccesses("fs-a", [(used, 100)])
        try await move(
            try #require(try await store.accessDay("fs-a", used)),
            to: .infrequentAccess,
            day: 130
        )
        try await store.recordAccesses("fs-a", [(inode, 600), (used, 600)])
        #expect(try await store.latestDay("fs-a") == 600)
        try await move(
            AccessDay(inode: InodeNumber(rawValue: 9), day: 500, tier: .standard),
            to: .archive,
            day: 600
        )
        let today = Timestamp(seconds: 140 * 86_400)
        func moved(_ now: Timestamp) async throws -> UInt64 {
            try await store.movedBytes("fs-a", promoted: false, hours: 24, at: now)
        }
        #expect(try await moved(today) == 0)
        #expect(try await moved(Timestamp(seconds: 600 * 86_400)) == 1_000)
        _ = try await store.renewDue("fs-a", after: nil, day: 140, limit: 9)
        try await store.setLatestDay("fs-a", at: today)
        #expect(try await store.latestDay("fs-a") == 140)
        let (warm, cold) = (try await row(), try await store.accessDay("fs-a", used))
        #expect(warm.day == 140 && warm.due == 170)
        #expect(cold?.day == 100 && cold?.used == 140 && cold?.due == JournalStore.foremostDay)
        // When those days come, they have nothing of it.
        #expect(try await moved(Timestamp(seconds: 600 * 86_400)) == 0)
        #expect(try await store.coldFilesUsed("fs-a", on: 600) == 0)
        try await store.recordAccesses("fs-a", [(inode, 141)])
        #expect(try await row().day == 141)
    }
}

extension JournalStore {
    /// Says that all files of a file system lie in IA.
    fileprivate func putAway(_ fileSystem: String) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run("UPDATE access_day SET tier = 1 WHERE fs = ?1", .text(fileSystem))
        }
    }
}
