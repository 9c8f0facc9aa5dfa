import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault
@testable import ObjectStorage

/// Goal: in a bucket, too, a lost manifest is named, and nothing that arrives late makes a deleted point lost.
@Suite struct BucketVoucherTests {
    private static func vouched(_ vault: Vault) throws -> [RecoveryPointID] {
        try vault.vouchers.ids()
    }

    /// Takes a manifest away, as whoever has the bucket's keys can.
    private static func lose(_ point: RecoveryPoint, in world: BucketWorld) {
        let key = "one/manifests/" + Manifest.fileName(point.id)
        world.store.state.withLock { $0.objects[key] = nil }
    }

    /// The backup gave its voucher up; the point was deleted, and then the voucher arrives.
    @Test(arguments: [false, true])
    func `a voucher that arrives after its point was deleted makes nothing lost`(
        isLostBefore: Bool
    ) throws {
        var generator = SeededGenerator(seed: testSeed(default: 20))
        let world = BucketWorld()
        let vault = try world.create("a")
        let contents = BucketWorld.contents(2, using: &generator)
        let kept = try BucketWorld.backUp(contents, to: vault)
        world.store.state.withLock { $0.withheld = "/vouchers/" }
        let point = try BucketWorld.backUp(contents, to: vault)
        #expect(try Self.vouched(vault) == [kept.id])
        let late = world.store.state.withLock { state in
            state.withheld = nil
            return state.waiting
        }
        #expect(!late.isEmpty)
        if isLostBefore {
            // The next prune gives it another one; then somebody takes the manifest away.
            #expect(try vault.prune().vouchersMade == 1)
            Self.lose(point, in: world)
            #expect(try vault.listing().damaged.map(\.id) == [point.id])
        }
        try vault.delete(point.id)
        world.store.release()
        #expect(try Set(Self.vouched(vault)) == [kept.id, point.id])
        for seen in [vault, try world.open("b")] {
            #expect(try seen.listing().damaged.isEmpty)
            #expect(try seen.recoveryPoints().map(\.id) == [kept.id])
            #expect(try seen.verify(.everything).isClean)
        }
        // The first prune drops it; an hour later the mark goes, and nothing comes back.
        for _ in 0..<3 {
            _ = try vault.prune()
            #expect(try Self.vouched(vault) == [kept.id])
            world.clock.pause(nanoseconds: 3_700_000_000_000)
        }
        #expect(try vault.manifests.voided.marked().isEmpty)
        #expect(try vault.listing().damaged.isEmpty)
        #expect(try BucketWorld.restore(kept, from: vault) == contents)
    }

    /// Its lease stayed behind, so that a prune takes the point's writer for dead.
    @Test func `a lost manifest in a bucket is named, and no prune voids its point`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 21))
        let world = BucketWorld()
        let vault = try world.create("a")
        let contents = BucketWorld.contents(2, using: &generator)
        let point = try BucketWorld.backUp(contents, to: vault)
        let key = "one/manifests/" + Manifest.fileName(point.id)
        let manifest = world.store.state.withLock { $0.objects[key] }
        Self.lose(point, in: world)
        let writer = Hex.encode(point.id.unique.bytes)
        let lease = Generation.stem(try vault.generations.current().number) + "-\(writer).writer"
        try vault.files.replace(.leases, lease, with: [1])
        for _ in 0..<2 {
            let other = try world.open("b")
            #expect { try other.prune() } throws: { ($0 as? VaultError)?.code == .corrupt }
            #expect(try other.listing().damaged.map(\.id) == [point.id])
            #expect(try other.manifests.voided.marked().isEmpty)
            #expect(try other.verify(.everything).findings.map(\.subject) == [.manifest])
        }
        world.store.state.withLock { $0.objects[key] = manifest }
        _ = try vault.prune()
        #expect(try BucketWorld.restore(point, from: vault) == contents)
        Self.lose(point, in: world)
        try vault.delete(point.id)
        #expect { try vault.delete(point.id) } throws: { ($0 as? VaultError)?.code == .notFound }
        #expect(try vault.listing().damaged.isEmpty)
        #expect(try vault.prune().packsDeleted > 0)
    }

    /// Its manifest came, a prune of another machine gave it a voucher, and then it was taken back.
    @Test func `a point that is withdrawn is not lost, though it has a voucher`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 22))
        let world = BucketWorld()
        let vault = try world.create("a")
        let writer = try vault.beginWrite()
        let map = try BucketWorld.store(BucketWorld.contents(2, using: &generator), by: writer)
        let id = RecoveryPointID(.random())
        try vault.manifests.write(RecoveryPoint(id: id, draft: BucketWorld.draft(map)))
        #expect(try vault.completeVouchers() == 1)
        try vault.withdraw(id)
        writer.abandon()
        #expect(try Self.vouched(vault) == [id])
        #expect(try vault.listing().damaged.isEmpty)
        #expect(try vault.verify(.structure).isClean)
        _ = try vault.prune()
        #expect(try Self.vouched(vault).isEmpty)
        #expect(try vault.listing().damaged.isEmpty)
    }

    @Test func `a vault in a bucket from before is marked by its first backup`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 23))
        let world = BucketWorld()
        let vault = try world.create("a")
        let contents = BucketWorld.contents(2, using: &generator)
        let point = try BucketWorld.backUp(contents, to: vault)
        // Its description as an older program wrote it, and no voucher.
        let text = try vault.presentDescription().encoded(keys: vault.keys)
        let older = String(decoding: text, as: UTF8.self)
            .replacing("\"readOnlyCompatible\" : 8", with: "\"readOnlyCompatible\" : 0")
        let described = try VaultDescription(Array(older.utf8)).encoded(keys: vault.keys)
        try vault.files.changes.replace(VaultDescription.fileName, with: described)
        try vault.vouchers.remove(point.id)
        let opened = try world.open("b")
        #expect(try !opened.has(feature: VaultFeature.vouchers))
        #expect(try opened.verify(.everything).withoutVoucher == 1)
        let next = try BucketWorld.backUp(contents, to: opened)
        #expect(try world.open("c").has(feature: VaultFeature.vouchers))
        #expect(try Self.vouched(opened) == [next.id])
        #expect(try opened.prune().vouchersMade == 1)
        #expect(try opened.verify(.everything).withoutVoucher == 0)
    }
}
