import Disk
import FileSystemEngine
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import Backup
@testable import BackupVault

/// Recovery points that are copied from vault to vault: what the copy is, what it is not, and what it refuses.
@Suite struct PointCopyTests {
    @Test func `a copy shows the same, knows where it is from, and goes by its own vault`()
        async throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 301))
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a"), try world.makeVault("b", average: 4_096))
        let contents = CopyWorld.random(60, using: &generator)
        let point = try world.backUp(contents, to: a.vault)
        try a.vault.addHold(
            PointHold(name: "case 17", reason: "asked", placedBy: "ann", placed: point.created),
            to: point.id
        )
        world.clock.advance(seconds: 5 * CopyWorld.day)
        let expires = point.created.adding(seconds: 90 * CopyWorld.day)
        let copied = try await world.copy(
            point,
            from: a.vault,
            to: b.vault,
            PointCopies.Options(expires: { _ in expires }, labels: ["job": "weekly-copy"])
        )
        let copy = copied.copy
        #expect(try CopyWorld.contents(of: copy, in: b.vault) == contents)
        #expect(copied.base == nil)
        #expect(copy.id != point.id && copy.maps["files"]?.node != point.maps["files"]?.node)
        #expect(copy.source == point.source && copy.instant == point.instant)
        #expect(copy.instantTime == point.instantTime && copy.created == point.created)
        #expect(copy.expires == expires && point.expires == nil)
        #expect(
            copy.labels == [
                "name": "home", "kind": "full", "job": "weekly-copy", "madeByJob": "nightly",
                "copyOf": PointOrigin(vault: a.vault.id, point: point.id).description,
                "copiedFrom": PointOrigin(vault: a.vault.id, point: point.id).description,
            ]
        )
        #expect(copy.statistics["inodes"] == UInt64(contents.count))
        #expect(copy.statistics["bytesStored"] == 7)
        #expect(copy.statistics["copiedSeconds"] == UInt64(world.clock.now().seconds))
        #expect(try b.vault.holds(of: copy.id).isEmpty)
        #expect(try a.vault.holds(of: point.id).count == 1)
        // It needs nothing of the other vault, and another process opens it.
        let reopened = try world.open("b", on: b.disk)
        #expect(try reopened.recoveryPoint(copy.id) == copy)
        #expect(try CopyWorld.contents(of: copy, in: reopened) == contents)
        let report = try reopened.verify(readData: true)
        #expect(report.isClean && report.withoutVoucher == 0)
    }

    @Test func `a copy moves to cold storage by its own days, and never by its original's`()
        async throws
    {
        let world = CopyWorld()
        let vaults = try ["a", "b", "c", "d"].map { try world.makeVault($0).vault }
        let contents: CopyWorld.Contents = ["one": [1, 2, 3]]
        let point = try world.backUp(contents, to: vaults[0], coldAfterDays: 30)
        #expect(point.movesToCold == point.created.adding(seconds: 30 * CopyWorld.day))
        let plain = try await world.copy(point, from: vaults[0], to: vaults[1]).copy
        let options = PointCopies.Options(coldAfterDays: 60)
        let own = try await world.copy(point, from: vaults[0], to: vaults[2], options).copy
        // Its days are its vault's, and no copy of it has them.
        let next = try await world.copy(own, from: vaults[2], to: vaults[3]).copy
        #expect(plain.movesToCold == nil && next.movesToCold == nil)
        #expect(own.movesToCold == point.created.adding(seconds: 60 * CopyWorld.day))
        for vault in vaults { try world.backUp(contents, to: vault) }
        world.clock.advance(seconds: 59 * CopyWorld.day)
        let due = try vaults.map { try $0.pointsDueForCold(now: world.clock.now()).map(\.id) }
        #expect(due == [[point.id], [], [], []])
    }

    @Test func `a point that is there already is passed by, whichever way it came`() async throws {
        var generator = SeededGenerator(seed: testSeed(default: 302))
        let world = CopyWorld()
        let a = try world.makeVault("a").vault
        let b = try world.makeVault("b").vault
        let c = try world.makeVault("c").vault
        let contents = CopyWorld.random(20, using: &generator)
        let point = try world.backUp(contents, to: a)
        let copy = try await world.copy(point, from: a, to: b).copy
        #expect(try await world.copy(.ids([point.id]), from: a, to: b).first?.there == copy.id)
        #expect(try await world.copy(.everything, from: a, to: b).map(\.there) == [copy.id])
        let second = try await world.copy(copy, from: b, to: c).copy
        // Onwards it is the first one's copy, made of the second one.
        #expect(second.copyOf == PointOrigin(vault: a.id, point: point.id))
        #expect(
            second.labels["copiedFrom"] == PointOrigin(vault: b.id, point: copy.id).description
        )
        #expect(second.labels["madeByJob"] == "nightly" && second.labels["job"] == nil)
        #expect(try await world.copy(.everything, from: c, to: a).map(\.there) == [point.id])
        #expect(try await world.copy(.everything, from: a, to: c).map(\.there) == [second.id])
        #expect(try a.listing().points.count == 1 && c.listing().points.count == 1)
        // When the original is gone, it comes back from the third vault, and is the same to the second.
        try a.delete(point.id)
        _ = try a.prune()
        let back = try await world.copy(second, from: c, to: a).copy
        #expect(back.copyOf == PointOrigin(vault: a.id, point: point.id))
        #expect(try CopyWorld.contents(of: back, in: a) == contents)
        #expect(try await world.copy(.everything, from: a, to: b).map(\.there) == [copy.id])
    }

    @Test func `what two sources share is stored once, and in one run read once`() async throws {
        var generator = SeededGenerator(seed: testSeed(default: 303))
        let world = CopyWorld()
        let (a, b, c) = (
            try world.makeVault("a"), try world.makeVault("b"), try world.makeVault("c")
        )
        let contents = CopyWorld.random(80, using: &generator)
        let first = try world.backUp(contents, to: a.vault, source: "fs-1")
        let second = try world.backUp(contents, to: a.vault, source: "fs-2")
        let one = try await world.copy(first, from: a.vault, to: b.vault)
        #expect(one.cost.chunksRead > 80 && one.cost.chunksStored > one.cost.chunksRead)
        let other = try await world.copy(second, from: a.vault, to: b.vault)
        #expect(other.base == nil, "of another source nothing is known")
        #expect(other.cost.chunksRead == one.cost.chunksRead)
        #expect(other.cost.chunksStored == 0 && other.cost.bytesStored == 0)
        #expect(other.copy.maps == one.copy.maps)
        let both = try await world.copy(.everything, from: a.vault, to: c.vault)
        let costs = both.map { outcome -> UInt64? in
            guard case .copied(_, let cost, _) = outcome.what else { return nil }
            return cost.chunksRead
        }
        #expect(costs == [one.cost.chunksRead, 0])
        #expect(try c.vault.verify(readData: true).isClean)
    }

    @Test func `the newest of each source, all of one, and none at all`() async throws {
        let world = CopyWorld()
        let a = try world.makeVault("a").vault
        let b = try world.makeVault("b").vault
        var points: [RecoveryPoint] = []
        for number in 0..<3 {
            for source in ["fs-1", "fs-2"] {
                points.append(
                    try world.backUp(["a": [UInt8(number)]], to: a, source: source)
                )
            }
        }
        let newest = try await world.copy(.newest { _ in true }, from: a, to: b)
        #expect(newest.map(\.point.id) == [points[4].id, points[5].id])
        let one = try await world.copy(.all { $0.source == "fs-1" }, from: a, to: b)
        #expect(one.map(\.point.id) == [points[0], points[2], points[4]].map(\.id))
        #expect(one.map { $0.there != nil } == [false, false, true])
        #expect(try b.listing().points.map(\.created) == [0, 2, 4, 5].map { points[$0].created })
        #expect(try await world.copy(.all { _ in false }, from: a, to: b).isEmpty)
        let unknown = try #require(RecoveryPointID("rp-" + String(repeating: "0", count: 32)))
        let refused = await #expect(throws: BackupError.self) {
            try await world.copy(.ids([points[1].id, unknown]), from: a, to: b)
        }
        #expect(refused?.code == .notFound)
        #expect(refused?.message.contains(unknown.description) == true)
        #expect(try b.listing().points.count == 4, "nothing was copied beside what is not there")
    }

    @Test func `a vault is not copied to itself, nor to its own directory elsewhere`() async throws
    {
        let world = CopyWorld()
        let a = try world.makeVault("a")
        let again = try world.open("a", on: a.disk.restarted())
        for other in [a.vault, again] {
            let refused = #expect(throws: BackupError.self) {
                try PointCopies(from: a.vault, to: other, clock: world.clock)
            }
            #expect(refused?.code == .invalid)
        }
    }

    @Test func `a plan says what a copy then does`() async throws {
        var generator = SeededGenerator(seed: testSeed(default: 304))
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a").vault, try world.makeVault("b").vault)
        var contents = CopyWorld.random(50, using: &generator)
        var last: (point: RecoveryPoint, contents: CopyWorld.Contents)?
        for _ in 0..<3 {
            last = (try world.backUp(contents, to: a, after: last), contents)
            contents = CopyWorld.change(contents, using: &generator)
        }
        let copies = try PointCopies(from: a, to: b, clock: world.clock)
        let planned = try copies.plan(.everything).outcomes
        #expect(try b.listing().points.isEmpty)
        let done = try await copies.copy(.everything).outcomes
        for (plan, copy) in zip(planned, done) {
            guard case .planned(let estimate) = plan.what,
                case .copied(_, let cost, let base) = copy.what
            else {
                Issue.record("\(plan) \(copy)")
                continue
            }
            #expect(plan.point.id == copy.point.id && estimate.base == base)
            #expect(estimate.entries == cost.entries && estimate.bytes >= cost.bytesRead)
        }
        #expect(done.count == 3)
        #expect(
            try copies.plan(.everything).outcomes.map { $0.there != nil } == [true, true, true]
        )
    }

    // MARK: Locks

    @Test func `the other vault's lock decides, and its minimum counts from the copying`()
        async throws
    {
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a").vault, try world.makeVault("b").vault)
        let point = try world.backUp(["a": [1, 2, 3]], to: a)
        _ = try a.setLock(.init(minDays: 400, placedBy: "ann"), now: world.clock.now())
        world.clock.advance(seconds: 20 * CopyWorld.day)
        _ = try b.setLock(.init(minDays: 30, maxDays: 100, placedBy: "ann"), now: world.clock.now())
        func attempt(days: Int64?) async throws -> PointCopies.Outcome? {
            let options = PointCopies.Options(
                expires: { point in days.map { point.created.adding(seconds: $0 * CopyWorld.day) } }
            )
            return try await world.copy(.ids([point.id]), from: a, to: b, options).first
        }
        for days in [nil, 29, 101] as [Int64?] {
            let refusal = try await attempt(days: days)?.refusal
            #expect(refusal?.code == .invalid)
            #expect(refusal?.message.contains("at least 30 and at most 100 days") == true)
        }
        #expect(try b.listing().points.isEmpty)
        guard case .copied(let copy, _, _)? = try await attempt(days: 30)?.what else {
            Issue.record("it is admitted")
            return
        }
        // By its age it may go ten days from now; by the lock, thirty.
        world.clock.advance(seconds: 29 * CopyWorld.day)
        try b.observeLock(now: world.clock.now())
        let held = #expect(throws: VaultError.self) {
            try b.delete(copy.id, now: world.clock.now())
        }
        #expect(held?.code == .held)
        world.clock.advance(seconds: 2 * CopyWorld.day)
        // A leap of the time of day counts once a day was lived after it.
        try b.observeLock(now: world.clock.now())
        world.clock.advance(seconds: CopyWorld.day + 1)
        try b.observeLock(now: world.clock.now())
        try b.delete(copy.id, now: world.clock.now())
        // The original's lock is its own.
        #expect(throws: VaultError.self) { try a.delete(point.id, now: world.clock.now()) }
        #expect(try a.lockInForce()?.lock.minDays == 400)
    }

    @Test func `a copy that would have expired already is refused where that was asked for`()
        async throws
    {
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a").vault, try world.makeVault("b").vault)
        let point = try world.backUp(["a": [1]], to: a)
        world.clock.advance(seconds: 40 * CopyWorld.day)
        let options = PointCopies.Options(
            expires: { $0.created.adding(seconds: 35 * CopyWorld.day) },
            mustOutliveCopying: true
        )
        let refusal = try await world.copy(.everything, from: a, to: b, options).first?.refusal
        #expect(refusal?.code == .invalid)
        #expect(refusal?.message.contains("40 days ago") == true, "\(refusal?.message ?? "")")
        #expect(refusal?.message.contains(point.id.description) == true)
    }

    // MARK: Trouble

    @Test func `a full disk ends a copy, and the next one stores only the rest`() async throws {
        var generator = SeededGenerator(seed: testSeed(default: 305))
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a"), try world.makeVault("b"))
        var contents: CopyWorld.Contents = [:]
        for number in 0..<100 { contents["\(number)"] = generator.bytes(8_000) }
        let point = try world.backUp(contents, to: a.vault)
        b.disk.failAfter(bytes: 500_000)
        let full = try await world.copy(.everything, from: a.vault, to: b.vault).first?.refusal
        #expect(full?.code == .noSpace, "\(String(describing: full))")
        #expect(try b.vault.listing().points.isEmpty)
        b.disk.setCapacity(1 << 40)
        #expect(try b.vault.verify(readData: true).isClean)
        let held = try b.vault.statistics()
        #expect(held.plainBytes > 200_000)
        let copied = try await world.copy(point, from: a.vault, to: b.vault)
        #expect(copied.cost.bytesStored < 700_000, "what was there is not stored again")
        #expect(try CopyWorld.contents(of: copied.copy, in: b.vault) == contents)
        #expect(try b.vault.verify(readData: true).isClean)
    }

    private func flip(_ id: ChunkID, in place: CopyWorld.Place, _ name: String) throws {
        let found = try #require(place.vault.place(of: id))
        let path = CopyWorld.directory(name) + "/packs/" + PackFormat.fileName(found.pack.id)
        try place.disk.corrupt(path, at: UInt64(found.place.offset) + 5, mask: 2)
    }

    @Test func `damage that a copy meets is refused, and what it does not meet is not`()
        async throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 306))
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a"), try world.makeVault("b"))
        var contents = CopyWorld.random(40, using: &generator)
        contents["kept"] = generator.bytes(200)
        let first = try world.backUp(contents, to: a.vault)
        try await world.copy(first, from: a.vault, to: b.vault)
        let before = contents
        contents["new"] = generator.bytes(200)
        let second = try world.backUp(contents, to: a.vault, after: (first, before))
        let map = try #require(second.maps["files"])
        let kept = try #require(try a.vault.value(of: Array("kept".utf8), in: map)?.chunks.first)
        let new = try #require(try a.vault.value(of: Array("new".utf8), in: map)?.chunks.first)
        try flip(kept.id, in: a, "a")
        try flip(new.id, in: a, "a")
        let damaged = try world.open("a", on: a.disk)
        let refusal = try await world.copy(.everything, from: damaged, to: b.vault)
            .compactMap(\.refusal).first
        #expect(refusal?.code == .corrupt)
        #expect(refusal?.message.contains(second.id.description) == true)
        #expect(try b.vault.listing().points.count == 1)
        // What the earlier copy has, nobody reads again.
        try flip(new.id, in: a, "a")
        let healed = try world.open("a", on: a.disk)
        let copied = try await world.copy(second, from: healed, to: b.vault)
        #expect(copied.base == first.id && copied.cost.chunksRead == 1)
        #expect(try CopyWorld.contents(of: copied.copy, in: b.vault) == contents)
        // Where nothing is there yet, it is met.
        let c = try world.makeVault("c")
        let all = try await world.copy(.everything, from: healed, to: c.vault)
        #expect(all.map { $0.refusal?.code } == [.corrupt, .corrupt])
        #expect(try c.vault.listing().points.isEmpty)
    }

    /// Goal: a base that is damaged, in either vault, costs a walk over everything and nothing else; the copy mends
    /// the maps.
    @Test(arguments: [true, false])
    func `a base whose maps are damaged is not stood on`(isOfSource: Bool) async throws {
        var generator = SeededGenerator(seed: testSeed(default: 307))
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a"), try world.makeVault("b"))
        let contents = CopyWorld.random(400, bytesMax: 300, using: &generator)
        let first = try world.backUp(contents, to: a.vault)
        let copy = try await world.copy(first, from: a.vault, to: b.vault).copy
        var changed = contents
        changed["file 7"] = generator.bytes(200)
        let second = try world.backUp(changed, to: a.vault, after: (first, contents))
        let lost = try #require((isOfSource ? first : copy).maps["files"]).node.id
        try flip(lost, in: isOfSource ? a : b, isOfSource ? "a" : "b")
        let (from, to) = (try world.open("a", on: a.disk), try world.open("b", on: b.disk))
        let copied = try await world.copy(second, from: from, to: to)
        #expect(copied.base == nil && copied.cost.entries == UInt64(changed.count))
        #expect(try CopyWorld.contents(of: copied.copy, in: to) == changed)
    }

    /// Goal: files are named by their paths where the point is one of a file system.
    @Test func `lost content is told by path and bytes`() async throws {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let (a, b) = (try world.makeVault("a"), try world.makeVault("b"))
        var generator = SeededGenerator(seed: testSeed(default: 308))
        let directory = try await fileSystem.create(
            try #require(FileName("papers")),
            in: .root,
            NewInode(.directory, permissions: 0o755),
            as: .root
        ).inode
        for name in ["plan", "other"] {
            let inode = try await fileSystem.create(
                try #require(FileName(name)),
                in: directory,
                NewInode(.regular, permissions: 0o644),
                as: .root
            ).inode
            _ = try await fileSystem.write(
                inode,
                generator.bytes(30_000),
                at: 0,
                stability: .unstable,
                as: .root
            )
        }
        let point = try await BackupService(clock: world.clock)
            .backUp(fileSystem, source: "fs", to: a).point
        let plan = try await fileSystem.resolve(Array(path: "papers/plan"), as: .root).inode
        let map = try #require(point.maps[PointFormat.inodes])
        let value = try #require(try a.value(of: PointFormat.key(plan, tile: 0), in: map))
        let chunk = try #require(value.chunks.first)
        let place = try #require(a.place(of: chunk.id))
        try disk.corrupt(
            "/var/vaults/a/packs/" + PackFormat.fileName(place.pack.id),
            at: UInt64(place.place.offset) + 5,
            mask: 2
        )
        let damaged = try Vault.open(disk: disk, directory: "/var/vaults/a", root: world.rootKey)
        let copies = try PointCopies(from: damaged, to: b, clock: world.clock)
        let refusal = try await copies.copy(.everything).outcomes.first?.refusal
        #expect(refusal?.code == .corrupt)
        #expect(
            refusal?.message.contains("30000 bytes of '/papers/plan' from byte 0 on") == true,
            "\(refusal?.message ?? "")"
        )
        #expect(refusal?.message.contains("other") == false)
        #expect(refusal?.remedy.contains("varve vault verify a --read-data") == true)
        await world.close()
    }

    // MARK: Meanwhile

    @Test func `a point that is deleted and pruned while it is copied is copied whole`()
        async throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 309))
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a"), try world.makeVault("b"))
        let contents = CopyWorld.random(400, bytesMax: 60_000, using: &generator)
        let point = try world.backUp(contents, to: a.vault)
        let pruner = try world.open("a", on: a.disk)
        let once = OneTime()
        let copied = try await world.copy(
            point,
            from: a.vault,
            to: b.vault,
            PointCopies.Options(progress: { progress in
                guard progress.copied.entries < 401 else { return }
                once.run {
                    try pruner.delete(point.id)
                    #expect(try pruner.prune().packsDeleted == 0)
                }
            })
        )
        #expect(once.hasRun, "it went while it was being copied")
        #expect(try CopyWorld.contents(of: copied.copy, in: b.vault) == contents)
        #expect(try pruner.prune().packsDeleted > 0)
        let gone = try await world.copy(copied.copy, from: b.vault, to: a.vault)
        #expect(try CopyWorld.contents(of: gone.copy, in: a.vault) == contents)
        #expect(try a.vault.verify(readData: true).isClean)
    }

    /// A vault with a point and a later one, and another one with a copy of the first, on which a copy of the second may stand.
    private func afterBase(_ files: Int, seed: UInt64) async throws -> (
        world: CopyWorld, a: CopyWorld.Place, b: CopyWorld.Place, base: RecoveryPoint,
        second: RecoveryPoint, changed: CopyWorld.Contents
    ) {
        var generator = SeededGenerator(seed: testSeed(default: seed))
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a"), try world.makeVault("b"))
        let contents = CopyWorld.random(files, bytesMax: 500, using: &generator)
        let first = try world.backUp(contents, to: a.vault)
        let base = try await world.copy(first, from: a.vault, to: b.vault).copy
        let changed = CopyWorld.change(contents, using: &generator)
        let second = try world.backUp(changed, to: a.vault, after: (first, contents))
        return (world, a, b, base, second, changed)
    }

    /// Goal: what a copy stands on stays for it, though it is deleted and pruned meanwhile: the writer's lease is older than that.
    @Test func `a base that goes while a copy stands on it is there until that ends`() async throws
    {
        let (world, a, b, base, second, changed) = try await afterBase(300, seed: 310)
        let pruner = try world.open("b", on: b.disk)
        let once = OneTime()
        let copied = try await world.copy(
            second,
            from: a.vault,
            to: b.vault,
            PointCopies.Options(progress: { _ in
                once.run {
                    try pruner.delete(base.id)
                    _ = try pruner.prune()
                    _ = try pruner.prune()
                }
            })
        )
        #expect(once.hasRun && copied.base != nil)
        #expect(try CopyWorld.contents(of: copied.copy, in: b.vault) == changed)
        _ = try pruner.prune()
        let reopened = try world.open("b", on: b.disk)
        #expect(try CopyWorld.contents(of: copied.copy, in: reopened) == changed)
        #expect(try reopened.verify(readData: true).isClean)
    }

    /// Goal: whenever the manifest of a copy's base rots, the copy is whole, and stands on nothing that does not read.
    @Test func `a base whose manifest rots during a copy costs a whole copy at the most`()
        async throws
    {
        var stood: [Bool] = []
        var hasRotted = true
        while hasRotted {
            let (world, a, b, base, second, changed) = try await afterBase(60, seed: 312)
            let path = CopyWorld.directory("b") + "/manifests/\(base.id).manifest"
            let rot = RotAtOpening(of: path, after: stood.count)
            let medium = b.disk
            let disk = WatchedDisk(medium, opening: { rot.open($0, medium) }) { _, _ in }
            let target = try world.open("b", on: disk)
            rot.begin()
            let copied = try await world.copy(second, from: a.vault, to: target)
            hasRotted = rot.hasRotted
            if hasRotted { stood.append(copied.base != nil) }
            let reopened = try world.open("b", on: b.disk)
            #expect(try CopyWorld.contents(of: copied.copy, in: reopened) == changed)
        }
        // To find it, to see that it stands, to stand on it: and once it does, it is there until the copy ends.
        #expect(stood.count >= 3 && stood.prefix(3).allSatisfy { !$0 }, "\(stood)")
    }

    @Test func `a run that is cancelled stops, and publishes nothing half`() async throws {
        var generator = SeededGenerator(seed: testSeed(default: 311))
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a").vault, try world.makeVault("b").vault)
        for number in 0..<3 {
            try world.backUp(
                CopyWorld.random(3_000, bytesMax: 40, using: &generator),
                to: a,
                source: "fs-\(number)"
            )
        }
        let copies = try PointCopies(from: a, to: b, clock: world.clock)
        let report = await withTaskGroup(of: PointCopies.Report?.self) { group in
            group.addTask {
                let options = PointCopies.Options(progress: { progress in
                    if progress.number == 2 { withUnsafeCurrentTask { $0?.cancel() } }
                })
                // Without a report the expectations below fail.
                return try? await copies.copy(.everything, options)
            }
            return await group.next() ?? nil
        }
        #expect(report?.isStopped == true)
        #expect(report?.outcomes.first.map { $0.refusal == nil } == true)
        let there = try b.listing().points
        #expect(there.count < 3 && there.count >= 1)
        #expect(try b.verify(readData: true).isClean)
        let rest = try await copies.copy(.everything)
        #expect(!rest.isStopped && rest.outcomes.count == 3)
        #expect(try b.listing().points.count == 3)
    }
}

/// Does something the first time that it is told to.
private final class OneTime: Sendable {
    private let state = Mutex(false)

    var hasRun: Bool { state.withLock { $0 } }

    func run(_ body: () throws -> Void) {
        let isFirst = state.withLock { hasRun in
            defer { hasRun = true }
            return !hasRun
        }
        guard isFirst else { return }
        do {
            try body()
        } catch {
            Issue.record("\(error)")
        }
    }
}
