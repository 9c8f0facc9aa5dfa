@testable import BackupVault
import Disk
import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import ObjectStorage

/// Goal: in a bucket with Object Lock, the store keeps everything that a locked point needs, for as long as the lock does.
@Suite struct ObjectLockTests {
    private static let now = Timestamp(seconds: 1_800_000_000)
    private static let day: Int64 = 86_400

    private static func backUp(
        _ contents: BucketWorld.Contents,
        to vault: Vault,
        days: Int64
    ) throws -> RecoveryPoint {
        let writer = try vault.beginWrite()
        defer { writer.abandon() }
        var draft = BucketWorld.draft(try BucketWorld.store(contents, by: writer))
        draft.expires = now.adding(seconds: days * day)
        return try writer.publish(draft)
    }

    /// Every object of the vault but signs of life, marks, vouchers, generations, counts, epochs, the reserve, and what changes others
    /// came after: what a point restores by.
    private static func needed(in world: BucketWorld) -> [String: S3Retention?] {
        world.store.state.withLock { state in
            let others = [
                "/leases/", "/void/", "/vouchers/", "/generations/", "/counts/", "/epoch.",
            ]
            var found: [String: S3Retention?] = [:]
            for key in state.objects.keys.sorted() where !others.contains(where: key.contains) {
                if let base = ChangingFiles.base(ofChange: key) {
                    for older in found.keys where older.hasPrefix(base + ".0") {
                        found[older] = nil
                    }
                }
                found[key] = .some(state.retentions[key])
            }
            return found
        }
    }

    private static func expectKept(
        _ keys: [String],
        until end: Timestamp,
        in world: BucketWorld
    ) throws {
        for key in keys {
            let kept = world.store.state.withLock { $0.retentions[key]?.until }
            let until = try #require(kept, "\(key)")
            #expect(until >= end, "\(key)")
        }
    }

    @Test func `what a locked point needs is kept until the point may go`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 41))
        let world = BucketWorld()
        world.store.state.withLock { $0.hasObjectLock = true }
        let vault = try world.create("a")
        var contents = BucketWorld.contents(12, using: &generator)
        let early = try Self.backUp(contents, to: vault, days: 40)
        #expect(Self.needed(in: world).values.allSatisfy { $0 == nil }, "nothing is locked yet")
        _ = try vault.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        let end = Self.now.adding(seconds: 40 * Self.day)
        for (key, retention) in Self.needed(in: world) {
            let retention = try #require(retention, "\(key)")
            #expect(retention.mode == .governance && retention.until >= end, "\(key)")
        }
        // Once more costs what is new, and no more.
        let before = world.store.state.withLock { $0.retained }
        contents["new"] = generator.bytes(3_000)
        let late = try Self.backUp(contents, to: vault, days: 45)
        let new = world.store.state.withLock { $0.retained } - before
        #expect((4...14).contains(new), "\(new)")
        let manifest = "one/manifests/" + Manifest.fileName(late.id)
        #expect(
            world.store.state.withLock { $0.retentions[manifest]?.until }
                == Self.now.adding(seconds: 45 * Self.day)
        )
        // A point that stays for longer than what it shares is kept: the next prune puts that off.
        let long = try Self.backUp(contents, to: vault, days: 300)
        _ = try vault.prune()
        let last = Self.now.adding(seconds: 300 * Self.day)
        // Whoever has the bucket's keys deletes, shortly before, whatever the store lets go of: it is not the point's.
        world.store.state.withLock { state in
            for key in Array(state.objects.keys) where key.contains("/packs/") {
                if let until = state.retentions[key]?.until, until >= last { continue }
                state.objects[key] = nil
            }
        }
        #expect(try BucketWorld.restore(long, from: vault) == contents)
        for point in [early, late, long] {
            let key = "one/manifests/" + Manifest.fileName(point.id)
            let until = world.store.state.withLock { $0.retentions[key]?.until }
            #expect(until == point.expires)
        }
    }

    @Test(arguments: [false, true])
    func `a final lock is compliance, and what was governance becomes it`(asMinIO: Bool) throws {
        var generator = SeededGenerator(seed: testSeed(default: 42))
        let world = BucketWorld()
        world.store.state.withLock { state in
            state.hasObjectLock = true
            state.refusesByStatus400 = asMinIO
        }
        let vault = try world.create("a")
        let contents = BucketWorld.contents(4, using: &generator)
        let request = VaultLock.Request(minDays: 30, changeableDays: 3, placedBy: "root")
        _ = try vault.setLock(request, now: Self.now)
        let point = try Self.backUp(contents, to: vault, days: 40)
        let modes = { Set(Self.needed(in: world).values.compactMap { $0?.mode }) }
        #expect(modes() == [.governance])
        for hour in 1...80 {
            try vault.observeLock(now: Self.now.adding(seconds: Int64(hour) * 3_600))
        }
        let (lock, time) = try #require(try vault.lockInForce())
        #expect(lock.isFinal(at: time))
        // The plain description is kept by governance still.
        let next = try Self.backUp(contents, to: vault, days: 41)
        #expect(try vault.recoveryPoints().map(\.id).contains(next.id))
        _ = try vault.prune()
        let packs = Self.needed(in: world).filter { $0.key.contains("/packs/") }
        #expect(!packs.isEmpty && packs.values.allSatisfy { $0?.mode == .compliance })
        let other = try world.open("b")
        _ = try other.prune()
        #expect(try BucketWorld.restore(point, from: other) == contents)
    }

    /// Whoever has the keys deletes everything: each version that a point needs is still there.
    @Test func `what is deleted with the bucket's keys comes back from its versions`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 43))
        let world = BucketWorld()
        world.store.state.withLock { $0.hasObjectLock = true }
        let vault = try world.create("a")
        let contents = BucketWorld.contents(6, using: &generator)
        _ = try vault.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        let point = try Self.backUp(contents, to: vault, days: 40)
        let client = try world.store.client("thief", clock: world.clock)
        for key in world.store.state.withLock({ Array($0.objects.keys) }) {
            try client.delete(key)
        }
        #expect(throws: VaultError.self) { try world.open("b") }
        // As docs/operating.md says: the newest version that is kept, under its own key.
        world.store.state.withLock { state in
            for (key, bytes, retention) in state.hidden where retention != nil {
                state.objects[key] = bytes
            }
        }
        let opened = try world.open("c")
        #expect(try BucketWorld.restore(point, from: opened) == contents)
        #expect(try opened.lockInForce()?.lock.minDays == 30)
    }

    @Test func `a bucket without Object Lock is asked once an hour, and holds a vault with a lock`()
        throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 44))
        let world = BucketWorld()
        let vault = try world.create("a")
        _ = try vault.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        let contents = BucketWorld.contents(2, using: &generator)
        _ = try Self.backUp(contents, to: vault, days: 40)
        #expect(world.store.state.withLock { $0.retained } == 0)
        #expect(try world.storage("a").check().keepsLocked == false)
        world.store.state.withLock { $0.hasObjectLock = true }
        let check = try world.storage("a").check()
        #expect(check.keepsLocked == true && check.done.contains("keep by Object Lock"))
        world.clock.pause(nanoseconds: 3_600_000_000_001)
        _ = try Self.backUp(contents, to: vault, days: 41)
        #expect(world.store.state.withLock { $0.retained } > 0)
    }

    @Test func `what a store does not let go is asked for again by the next prune, and no sooner`()
        throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 45))
        let world = BucketWorld()
        let vault = try world.create("a")
        let old = try BucketWorld.backUp(BucketWorld.contents(8, using: &generator), to: vault)
        let kept = BucketWorld.contents(2, using: &generator)
        let point = try BucketWorld.backUp(kept, to: vault)
        world.store.state.withLock { $0.worm = ["/packs/", "/manifests/"] }
        try vault.delete(old.id)
        let report = try vault.prune()
        #expect(report.packsKept > 0 && report.packsDeleted == 0)
        #expect(try vault.recoveryPoints().map(\.id) == [point.id])
        world.store.state.withLock { $0.worm = [] }
        #expect(try vault.prune().packsDeleted == report.packsKept)
        #expect(try vault.verify(.everything).isClean)
        #expect(try BucketWorld.restore(point, from: vault) == kept)
    }

    /// A backup that is not made is the greater loss; a prune says what is refused, once its own work is done.
    @Test func `keys that may not keep anything store backups all the same`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 46))
        let world = BucketWorld()
        let vault = try world.create("a")
        _ = try vault.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        world.store.state.withLock { state in
            state.hasObjectLock = true
            state.retainsNothing = true
        }
        world.clock.pause(nanoseconds: 3_600_000_000_001)
        let contents = BucketWorld.contents(2, using: &generator)
        let point = try Self.backUp(contents, to: vault, days: 40)
        #expect(try BucketWorld.restore(point, from: vault) == contents)
        #expect { try vault.prune() } throws: { ($0 as? VaultError)?.code == .denied }
        #expect(try world.storage("a").check().refused.map(\.what) == ["keep by Object Lock"])
        world.store.state.withLock { $0.retainsNothing = false }
        _ = try vault.prune()
        #expect(Self.needed(in: world).values.allSatisfy { $0 != nil })
    }

    /// As a program from before has left it: every file under its plain name.
    @Test func `the keys of a vault from before are kept where they lie`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 47))
        let world = BucketWorld()
        let old = try Vault.create(
            disk: SimulatedDisk(),
            directory: "/old",
            name: "old",
            root: world.root,
            clock: SimulatedClock(Self.now),
            settings: BucketWorld.settings,
            pace: .simulated
        )
        _ = try BucketWorld.backUp(BucketWorld.contents(3, using: &generator), to: old)
        let files = try ChangesTests.files(of: old)
        world.store.state.withLock { state in
            state.objects = files
            state.hasObjectLock = true
        }
        let vault = try world.open("a")
        _ = try vault.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        let end = Self.now.adding(seconds: 30 * Self.day)
        try Self.expectKept(["one/vault.json", "one/key", "one/secret"], until: end, in: world)
    }

    @Test func `a point that does not read hinders a prune, and nothing that is kept for others`()
        throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 48))
        let world = BucketWorld()
        world.store.state.withLock { $0.hasObjectLock = true }
        let vault = try world.create("a")
        _ = try vault.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        let contents = BucketWorld.contents(6, using: &generator)
        _ = try Self.backUp(contents, to: vault, days: 40)
        let shared = world.store.state.withLock { state in
            state.objects.keys.filter { $0.contains("/packs/") }
        }
        let damaged = try Self.backUp(["other": generator.bytes(2_000)], to: vault, days: 40)
        _ = try Self.backUp(contents, to: vault, days: 300)
        let manifest = "one/manifests/" + Manifest.fileName(damaged.id)
        world.store.state.withLock { $0.objects[manifest] = [1, 2, 3] }
        let opened = try world.open("b")
        #expect(throws: VaultError.self) { try opened.prune() }
        let end = Self.now.adding(seconds: 300 * Self.day)
        #expect(!shared.isEmpty)
        try Self.expectKept(shared, until: end, in: world)
    }

    @Test func `what a backup finds of one that failed is kept before anybody is told of it`()
        throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 49))
        let world = BucketWorld()
        world.store.state.withLock { $0.hasObjectLock = true }
        let vault = try world.create("a")
        _ = try vault.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        let contents = BucketWorld.contents(6, using: &generator)
        let failed = try vault.beginWrite()
        _ = try BucketWorld.store(contents, by: failed)
        try failed.settle()
        failed.abandon()
        let packs = world.store.state.withLock { state in
            state.objects.keys.filter { $0.contains("/packs/") }
        }
        #expect(!packs.isEmpty)
        #expect(
            world.store.state.withLock { state in packs.allSatisfy { state.retentions[$0] == nil } }
        )
        _ = try Self.backUp(contents, to: vault, days: 40)
        let end = Self.now.adding(seconds: 40 * Self.day)
        try Self.expectKept(packs, until: end, in: world)
    }

    @Test func `a plain description that was taken away is named, and comes back`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 50))
        let world = BucketWorld()
        world.store.state.withLock { $0.hasObjectLock = true }
        let vault = try world.create("a")
        _ = try vault.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        let contents = BucketWorld.contents(3, using: &generator)
        _ = try Self.backUp(contents, to: vault, days: 40)
        world.store.state.withLock { state in
            state.objects["one/vault.json"] = nil
            state.retentions["one/vault.json"] = nil
        }
        let opened = try world.open("b")
        let point = try Self.backUp(contents, to: opened, days: 41)
        #expect(try opened.verify(.everything).findings.map(\.file) == ["vault.json"])
        try opened.observeLock(now: Self.now.adding(seconds: 3_600))
        #expect(try opened.verify(.everything).isClean)
        _ = try opened.prune()
        #expect(world.store.state.withLock { $0.retentions["one/vault.json"] != nil })
        #expect(try BucketWorld.restore(point, from: world.open("c")) == contents)
    }

    /// A rule of the bucket may have kept each object as it came.
    @Test func `what is kept by compliance for too short stays so for longer`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 51))
        let world = BucketWorld()
        world.store.state.withLock { $0.hasObjectLock = true }
        let vault = try world.create("a")
        _ = try vault.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        _ = try Self.backUp(BucketWorld.contents(3, using: &generator), to: vault, days: 40)
        let short = S3Retention(mode: .compliance, until: Self.now.adding(seconds: 7 * Self.day))
        let packs = world.store.state.withLock { state in
            let keys = state.objects.keys.filter { $0.contains("/packs/") }
            for key in keys { state.retentions[key] = short }
            return keys
        }
        try world.open("b").keepInStore()
        let end = Self.now.adding(seconds: 40 * Self.day)
        for key in packs {
            let kept = world.store.state.withLock { $0.retentions[key] }
            let retention = try #require(kept, "\(key)")
            #expect(retention.mode == .compliance && retention.until >= end, "\(key)")
        }
    }

    @Test func `credentials whose time is over do not say that a bucket has no Object Lock`() throws
    {
        let world = BucketWorld()
        let client = try world.store.client("a", clock: world.clock)
        for (code, expected) in [
            ("ExpiredToken", .denied), ("RequestTimeout", .unavailable),
        ] as [(String, S3Error.Code)] {
            world.store.state.withLock { $0.refusals["GET"] = (400, code) }
            #expect { try client.objectLock() } throws: { ($0 as? S3Error)?.code == expected }
        }
        world.store.state.withLock { $0.refusals["GET"] = (404, "NoSuchThing") }
        #expect(try client.objectLock() == .absent)
    }

    /// RFC 1321, appendix A.5.
    @Test(arguments: [
        ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        (
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "d174ab98d277d9f5a5611c2c9f419d9f"
        ),
        (
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "57edf4a22be3c955ac49da2e2107b67a"
        ),
    ])
    func `MD5 is that of its paper`(text: String, digest: String) {
        #expect(Hex.encode(MD5.digest(Array(text.utf8))) == digest)
    }
}
