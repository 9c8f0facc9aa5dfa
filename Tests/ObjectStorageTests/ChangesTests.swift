@testable import BackupVault
import Disk
import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import ObjectStorage

/// Goal: a change that was given up, and takes effect later, brings nothing back that a later change has replaced.
///
/// Method: its request is withheld, another change is made by the same process or by another one, and then it arrives.
@Suite struct ChangesTests {
    private static let now = Timestamp(seconds: 1_800_000_000)
    private static let hold = BucketVaultTests.hold

    private static func world(
        seed: UInt64 = 31
    ) throws -> (BucketWorld, Vault, RecoveryPoint, BucketWorld.Contents) {
        var generator = SeededGenerator(seed: testSeed(default: seed))
        let world = BucketWorld()
        let vault = try world.create("a")
        let contents = BucketWorld.contents(3, using: &generator)
        return (world, vault, try BucketWorld.backUp(contents, to: vault), contents)
    }

    /// Has a change given up: its last request stays on the way.
    private static func giveUp(
        _ part: String,
        in world: BucketWorld,
        _ change: () throws -> Void
    ) {
        world.store.state.withLock { $0.withheld = part }
        #expect { try change() } throws: { ($0 as? VaultError)?.code == .unavailable }
        world.store.state.withLock { $0.withheld = nil }
        #expect(world.store.state.withLock { !$0.waiting.isEmpty })
    }

    @Test(arguments: [false, true])
    func `a removal that comes late does not take a hold that was placed again`(
        byAnother: Bool
    ) throws {
        let (world, vault, point, _) = try Self.world()
        try vault.addHold(Self.hold, to: point.id)
        Self.giveUp("/holds/", in: world) {
            try vault.removeHold(named: Self.hold.name, from: point.id)
        }
        let other = byAnother ? try world.open("b") : vault
        #expect { try other.addHold(Self.hold, to: point.id) } throws: {
            ($0 as? VaultError)?.code == .exists
        }
        world.store.release()
        for one in [vault, other, try world.open("c")] {
            #expect(try one.holds(of: point.id) == [Self.hold])
            #expect { try one.delete(point.id) } throws: { ($0 as? VaultError)?.code == .held }
        }
        #expect(try vault.verify(.everything).isClean)
    }

    @Test(arguments: [false, true])
    func `a hold that comes late is not there once it was taken away`(byAnother: Bool) throws {
        let (world, vault, point, _) = try Self.world()
        Self.giveUp("/holds/", in: world) { try vault.addHold(Self.hold, to: point.id) }
        let other = byAnother ? try world.open("b") : vault
        #expect {
            try other.removeHold(named: Self.hold.name, from: point.id)
        } throws: { ($0 as? VaultError)?.code == .notFound }
        world.store.release()
        #expect(try other.holds(of: point.id).isEmpty)
        #expect(try vault.heldPoints().isEmpty)
        try vault.delete(point.id)
        #expect(try other.recoveryPoints().isEmpty)
    }

    @Test(arguments: [false, true])
    func `a lock that comes late weakens nothing`(byAnother: Bool) throws {
        let (world, vault, _, _) = try Self.world()
        _ = try vault.setLock(.init(minDays: 3, placedBy: "root"), now: Self.now)
        Self.giveUp("/changes/lock", in: world) {
            _ = try vault.setLock(.init(minDays: 7, placedBy: "root"), now: Self.now)
        }
        let other = byAnother ? try world.open("b") : vault
        _ = try other.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        world.store.release()
        for one in [vault, other, try world.open("c")] {
            #expect(try one.lockInForce()?.lock.minDays == 30)
            #expect(try one.lockFindings().isEmpty)
        }
    }

    @Test func `a key that comes late does not undo a change of the root key`() throws {
        let (world, vault, point, contents) = try Self.world()
        let (second, third) = (RootKey.random(), RootKey.random())
        Self.giveUp("/changes/key", in: world) { try vault.wrap(by: second) }
        try vault.wrap(by: third)
        world.store.release()
        let opened = try Vault.open(
            in: try world.storage("b"),
            roots: [third],
            settings: BucketWorld.settings,
            pace: .simulated
        )
        #expect(try BucketWorld.restore(point, from: opened) == contents)
        #expect(try opened.verify(.everything).isClean)
        for root in [world.root, second] {
            #expect {
                _ = try Vault.open(in: try world.storage("c"), roots: [root], pace: .simulated)
            } throws: { ($0 as? VaultError)?.code == .wrongKey }
        }
    }

    @Test func `a key that the old root key opens is not left without a word`() throws {
        let (world, vault, point, contents) = try Self.world()
        let root = RootKey.random()
        world.store.state.withLock { $0.forbidden = ("DELETE", "/key") }
        #expect {
            try vault.wrap(by: root)
        } throws: { error in
            let told = error as? VaultError
            return told?.code == .denied
                && told?.message.contains("what the old one opens is still there") == true
        }
        #expect(vault.rootKey == root.id)
        world.store.state.withLock { $0.forbidden = nil }
        let opened = try Vault.open(
            in: try world.storage("b"),
            roots: [root],
            settings: BucketWorld.settings,
            pace: .simulated
        )
        #expect(try BucketWorld.restore(point, from: opened) == contents)
        // Two prunes an hour apart, as the message says.
        _ = try opened.prune()
        world.clock.pause(nanoseconds: 3_700_000_000_000)
        _ = try opened.prune()
        let keys = world.store.state.withLock { state in
            state.objects.keys.filter { $0.contains("/key") }
        }
        #expect(keys.count == 1, "\(keys)")
    }

    @Test func `a description that comes late loses no feature`() throws {
        let (world, vault, point, _) = try Self.world()
        Self.giveUp("/changes/vault.json", in: world) {
            try vault.addHold(Self.hold, to: point.id)
        }
        try vault.addHold(Self.hold, to: point.id)
        _ = try vault.setLock(.init(minDays: 3, placedBy: "root"), now: Self.now)
        world.store.release()
        let opened = try world.open("b")
        for bit in [VaultFeature.holds, VaultFeature.lock] {
            #expect(try opened.has(feature: bit))
        }
        #expect(try opened.verify(.everything).isClean)
    }

    /// As a program from before would have left it: the same files under their plain names.
    @Test func `a vault from before opens, and its changes have names from then on`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 32))
        let world = BucketWorld()
        let disk = SimulatedDisk()
        let old = try Vault.create(
            disk: disk,
            directory: "/old",
            name: "old",
            root: world.root,
            clock: SimulatedClock(Self.now),
            settings: BucketWorld.settings,
            pace: .simulated
        )
        let contents = BucketWorld.contents(3, using: &generator)
        let point = try BucketWorld.backUp(contents, to: old)
        try old.addHold(Self.hold, to: point.id)
        _ = try old.setLock(.init(minDays: 3, placedBy: "root"), now: Self.now)
        let files = try Self.files(of: old)
        world.store.state.withLock { $0.objects = files }
        let vault = try world.open("a")
        #expect(try vault.holds(of: point.id) == [Self.hold])
        #expect(try vault.lockInForce()?.lock.minDays == 3)
        #expect(world.store.state.withLock { $0.objects == files }, "who reads changes nothing")
        try vault.removeHold(named: Self.hold.name, from: point.id)
        _ = try vault.setLock(.init(minDays: 30, placedBy: "root"), now: Self.now)
        // A program from before had this on its way.
        world.store.state.withLock { $0.objects.merge(files) { $1 } }
        let opened = try world.open("b")
        #expect(try opened.holds(of: point.id).isEmpty)
        #expect(try opened.lockInForce()?.lock.minDays == 30)
        #expect(try BucketWorld.restore(point, from: opened) == contents)
        #expect(try opened.verify(.everything).isClean)
        let plain = try #require(files["one/vault.json"])
        #expect(try VaultDescription(plain).namesChanges == false)
        #expect(try opened.presentDescription().namesChanges)
    }

    static func files(of vault: Vault) throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for name in try vault.files.storage.list(nil) {
            guard let folder = VaultFiles.Folder(rawValue: name) else {
                found["one/\(name)"] = try vault.files.contents(name)
                continue
            }
            for file in try vault.files.list(folder) {
                found["one/\(folder)/\(file)"] = try vault.files.contents(folder, file)
            }
        }
        return found
    }

    @Test func `a copy of a bucket is a vault in a directory, and stays one`() throws {
        let (world, vault, point, contents) = try Self.world()
        try vault.addHold(Self.hold, to: point.id)
        let disk = SimulatedDisk()
        _ = try Self.copy(world, to: disk)
        for turn in 0..<2 {
            let opened = try Vault.open(disk: disk, directory: "/copy", root: world.root)
            #expect(try opened.holds(of: point.id).isEmpty == (turn == 1))
            #expect(try BucketWorld.restore(point, from: opened) == contents)
            #expect(try opened.verify(.everything).isClean)
            if turn == 0 { try opened.removeHold(named: Self.hold.name, from: point.id) }
        }
    }

    /// As a copy of all objects leaves it in a directory.
    private static func copy(
        _ world: BucketWorld,
        to disk: SimulatedDisk
    ) throws -> DirectoryStorage {
        let copy = DirectoryStorage(disk, "/copy")
        try copy.makePlace()
        _ = try copy.makeFolders(VaultFiles.Folder.allCases.map(\.rawValue))
        try copy.sync(nil)
        for (key, bytes) in world.store.state.withLock({ $0.objects }) {
            try copy.replace(String(key.dropFirst("one/".count)), with: bytes)
        }
        return copy
    }

    /// The bucket was of a program from before: its plain file was copied along.
    @Test func `a hold that is taken away in a copy does not come back from its plain file`() throws
    {
        let (world, vault, point, _) = try Self.world()
        try vault.addHold(Self.hold, to: point.id)
        let name = "holds/" + HoldList.fileName(point.id)
        let disk = SimulatedDisk()
        let copy = try Self.copy(world, to: disk)
        try copy.replace(name, with: try vault.files.changes.contents(name))
        let opened = try Vault.open(disk: disk, directory: "/copy", root: world.root)
        #expect(try opened.holds(of: point.id) == [Self.hold])
        try opened.removeHold(named: Self.hold.name, from: point.id)
        let again = try Vault.open(disk: disk, directory: "/copy", root: world.root)
        for one in [opened, again] {
            #expect(try one.holds(of: point.id).isEmpty)
            #expect(try one.heldPoints().isEmpty)
        }
    }

    @Test func `a change that is too long is a damaged one, and no silence of the store`() throws {
        let (world, vault, point, contents) = try Self.world()
        let name = "changes/vault.json.00000fff00000001-00112233445566778899aabbccddeeff"
        try vault.files.storage.replace(name, with: [UInt8](repeating: 0, count: 5 << 20))
        let opened = try world.open("b")
        #expect(try BucketWorld.restore(point, from: opened) == contents)
        let next = try BucketWorld.backUp(contents, to: opened)
        #expect(try opened.recoveryPoints().map(\.id).contains(next.id))
    }

    @Test func `a making that ended before its last file is none`() throws {
        let world = BucketWorld()
        world.store.state.withLock { $0.forbidden = ("PUT", "one/vault.json") }
        #expect(throws: VaultError.self) { try world.create("a") }
        world.store.state.withLock { $0.forbidden = nil }
        #expect { try world.open("b") } throws: { ($0 as? VaultError)?.code == .notFound }
        let vault = try world.create("c")
        #expect(try world.open("d").id == vault.id)
    }

    /// The plain description is gone, so that the place passes for one whose making was cut short.
    @Test func `two vaults in one place store nothing in the older one, and erase no keys`() throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 35))
        let world = BucketWorld()
        let first = try world.create("a")
        world.store.state.withLock { $0.objects["one/vault.json"] = nil }
        let second = try world.create("b")
        #expect(first.id != second.id)
        let contents = BucketWorld.contents(2, using: &generator)
        #expect { try BucketWorld.backUp(contents, to: first) } throws: {
            ($0 as? VaultError)?.code == .corrupt
        }
        for _ in 0..<3 {
            _ = try second.prune()
            world.clock.pause(nanoseconds: 3_700_000_000_000)
        }
        for file in ["key", "secret", "vault.json"] {
            let count = world.store.state.withLock { state in
                state.objects.keys.count { $0.contains("/changes/\(file).") }
            }
            #expect(count == 2, "\(file)")
        }
        let point = try BucketWorld.backUp(contents, to: second)
        #expect(try BucketWorld.restore(point, from: world.open("c")) == contents)
    }

    @Test func `where a vault of a newer format was made, nothing is stored in the older one`()
        throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 36))
        let world = BucketWorld()
        let vault = try world.create("a")
        let plain = try vault.files.storage.contents(VaultDescription.fileName, limit: 1 << 20)
        let text = String(decoding: plain, as: UTF8.self)
        let newer = text.replacing("\"format\" : 1,", with: "\"format\" : 9,")
        #expect(newer != text)
        let trailer = [UInt8](repeating: 0, count: 40) + Array("VRVCHANG".utf8)
        try vault.files.storage.replace(
            "changes/vault.json.00000fff00000001-00112233445566778899aabbccddeeff",
            with: Array(newer.utf8) + trailer
        )
        let contents = BucketWorld.contents(2, using: &generator)
        #expect { try BucketWorld.backUp(contents, to: vault) } throws: {
            ($0 as? VaultError)?.code == .corrupt
        }
    }

    @Test func `what others came after an hour ago goes, and nothing else`() throws {
        let (world, vault, point, contents) = try Self.world()
        _ = try vault.setLock(.init(minDays: 3, placedBy: "root"), now: Self.now)
        for hour in 1...40 {
            world.clock.pause(nanoseconds: 3_600_000_000_000)
            try vault.observeLock(now: Self.now.adding(seconds: Int64(hour) * 3_600))
        }
        func count(_ part: String) -> Int {
            world.store.state.withLock { $0.objects.keys.count { $0.contains(part) } }
        }
        #expect((2...4).contains(count("/changes/lock.") - count("/changes/lock.copy.")))
        try vault.addHold(Self.hold, to: point.id)
        try vault.removeHold(named: Self.hold.name, from: point.id)
        #expect(count("/holds/") == 2)
        for _ in 0..<3 {
            _ = try vault.prune()
            world.clock.pause(nanoseconds: 3_700_000_000_000)
        }
        #expect(count("/holds/") == 0)
        #expect(count("/changes/epoch.") == 1 && count("/changes/key.") == 1)
        #expect(count("/changes/lock") == 2)
        let opened = try world.open("b")
        #expect(try opened.lockInForce()?.lock.minDays == 3)
        #expect(try BucketWorld.restore(point, from: opened) == contents)
    }

    /// Whoever has no key of the vault can make nothing that counts.
    @Test func `what is not authenticated counts for nothing, or keeps more`() throws {
        let (world, vault, point, contents) = try Self.world()
        try vault.addHold(Self.hold, to: point.id)
        let name = ".00000fff00000001-00112233445566778899aabbccddeeff"
        for file in ["changes/vault.json", "changes/key", "changes/secret"] {
            try vault.files.storage.replace(file + name, with: Array("{}".utf8))
        }
        let hold = "holds/" + HoldList.fileName(point.id)
        let placed = try #require(try vault.files.changes.newestPath(hold))
        let bytes = try vault.files.storage.contents(placed, limit: 1 << 20)
        let opened = try world.open("b")
        #expect(opened.id == vault.id)
        #expect(try BucketWorld.restore(point, from: opened) == contents)
        // The same bytes under another revision are none of it: the point is held by what does not read.
        try vault.files.storage.replace(hold + name, with: bytes)
        #expect { try opened.delete(point.id) } throws: { ($0 as? VaultError)?.code == .corrupt }
        #expect(try opened.verify(.everything).findings.map(\.file) == [hold])
    }
}

/// Goal: a store that is away, full, or forbids something costs the work that it concerns, and names nothing that is not.
@Suite struct BucketOutageTests {
    private static let now = Timestamp(seconds: 1_800_000_000)

    @Test func `a claim that is lost stops the work that relies on it, and no other`() throws {
        let world = BucketWorld()
        let storage = try world.storage("a", kept: false)
        let claim = try #require(try storage.exclude("leases/prune.lock"))
        world.clock.pause(nanoseconds: 200_000_000_000)
        try storage.replace("packs/beside", with: [1])
        let other = try #require(try storage.exclude("leases/holds.lock"))
        try HeldClaims.holding(other) { () throws(VaultError) in
            try storage.replace("holds/beside", with: [1])
        }
        #expect {
            try HeldClaims.holding(claim) { () throws(VaultError) in
                try storage.remove("packs/beside")
            }
        } throws: { ($0 as? VaultError)?.code == .unavailable }
        #expect(try storage.list("packs") == ["beside"])
    }

    @Test(arguments: [
        "/changes/vault.json", "/changes/key", "/changes/secret", "/changes/lock", "/holds/rp",
        "/index/", "/generations/", "/manifests/", "/vouchers/", "/packs/",
    ])
    func `a verify whose store does not give one kind of file names nothing`(part: String) throws {
        var generator = SeededGenerator(seed: testSeed(default: 33))
        let world = BucketWorld()
        let vault = try world.create("a")
        let contents = BucketWorld.contents(3, using: &generator)
        let point = try BucketWorld.backUp(contents, to: vault)
        try vault.addHold(BucketVaultTests.hold, to: point.id)
        _ = try vault.setLock(.init(minDays: 3, placedBy: "root"), now: Self.now)
        try vault.generations.write(Generation(number: 1, condemned: [:]))
        let opened = try world.open("b")
        for code in [VaultError.Code.unavailable, .denied] {
            world.store.state.withLock { state in
                if code == .denied {
                    state.forbidden = ("GET", part)
                } else {
                    state.routeless = (part, .max)
                }
            }
            #expect { try opened.verify(.everything) } throws: { ($0 as? VaultError)?.code == code }
            world.store.state.withLock { state in
                state.routeless = nil
                state.forbidden = nil
            }
            #expect(try opened.verify(.everything).isClean)
        }
    }

    @Test(arguments: LockFiles.names)
    func `a lock of which one file may not be read lets nothing go`(name: String) throws {
        let world = BucketWorld()
        let vault = try world.create("a")
        _ = try vault.setLock(.init(minDays: 3, placedBy: "root"), now: Self.now)
        let opened = try world.open("b")
        world.store.state.withLock { $0.forbidden = ("GET", "/changes/\(name).0") }
        #expect { try opened.lockInForce() } throws: { ($0 as? VaultError)?.code == .denied }
        #expect { try opened.prune() } throws: { ($0 as? VaultError)?.code == .denied }
    }

    @Test func `points are deleted, and their space comes back, in a bucket that is full`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 34))
        let world = BucketWorld()
        let vault = try world.create("a")
        let old = try BucketWorld.backUp(BucketWorld.contents(8, using: &generator), to: vault)
        let kept = BucketWorld.contents(2, using: &generator)
        let point = try BucketWorld.backUp(kept, to: vault)
        func used() -> Int {
            world.store.state.withLock { $0.objects.values.reduce(0) { $0 + $1.count } }
        }
        let full = used()
        world.store.state.withLock { $0.quota = full }
        #expect { try BucketWorld.backUp(kept.mapValues { $0 + [1] }, to: vault) } throws: {
            ($0 as? VaultError)?.code == .noSpace
        }
        try vault.delete(old.id)
        let report = try vault.prune()
        #expect(report.packsDeleted > 0)
        #expect(try vault.recoveryPoints().map(\.id) == [point.id])
        #expect(try BucketWorld.restore(point, from: vault) == kept)
        #expect(used() < full)
    }
}
