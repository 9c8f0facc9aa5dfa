import Disk
import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: a manifest that is lost, or rolled back, is always named, and one that was deleted never is.
@Suite struct VoucherTests {
    typealias Points = [(point: RecoveryPoint, contents: VaultWorld.Contents)]

    private static let directory = VaultWorld.directory

    static func path(_ id: RecoveryPointID) -> String { "\(directory)/vouchers/\(id).voucher" }
    static func manifest(_ id: RecoveryPointID) -> String {
        "\(directory)/manifests/\(id).manifest"
    }

    /// As a power cut leaves a point that was just published.
    static func remove(_ id: RecoveryPointID, on disk: SimulatedDisk) throws {
        try disk.remove(path(id))
    }

    /// The points that have vouchers.
    static func vouched(on disk: SimulatedDisk) throws -> Set<RecoveryPointID> {
        let names = try disk.list(directory + "/vouchers")
        return Set(names.compactMap { RecoveryPointID(String($0.dropLast(Voucher.ending.count))) })
    }

    /// Makes a vault of before vouchers of one that has them.
    static func age(_ world: VaultWorld) throws {
        let (disk, path) = (world.disk, directory + "/vault.json")
        for name in try disk.list(directory + "/vouchers") {
            try disk.remove("\(directory)/vouchers/\(name)")
        }
        try disk.removeDirectory(directory + "/vouchers")
        let text = String(decoding: try disk.contents(of: path), as: UTF8.self)
        let old = text.replacing("\"readOnlyCompatible\" : 8", with: "\"readOnlyCompatible\" : 0")
        #expect(old != text)
        let description = try VaultDescription(Array(old.utf8))
        try disk.replace(path, with: description.encoded(keys: world.vault.keys))
        try disk.syncDirectory(directory)
    }

    /// A vault with a few points.
    static func sample(
        seed: UInt64,
        disk: SimulatedDisk = SimulatedDisk(recording: false),
        count: Int64 = 3
    ) throws -> (world: VaultWorld, points: Points) {
        var generator = SeededGenerator(seed: testSeed(default: seed))
        let world = try VaultWorld(disk: disk)
        var points: Points = []
        var contents = VaultWorld.contents(12, bytesMax: 2_000, using: &generator)
        for day in 0..<count {
            let point = try VaultWorld.backUp(
                contents,
                to: world.vault,
                after: points.last,
                day: day
            )
            points.append((point, contents))
            contents = VaultWorld.change(contents, using: &generator)
        }
        return (world, points)
    }

    // MARK: Lost and deleted

    @Test func `a lost point is named and kept until it is put back or deleted`() throws {
        let (world, points) = try Self.sample(seed: 501)
        let (point, contents) = points[1]
        let bytes = try world.disk.contents(of: Self.manifest(point.id))
        try world.disk.remove(Self.manifest(point.id))
        let packs = try world.disk.list(Self.directory + "/packs")
        for vault in [world.vault, try world.reopened()] {
            let damaged = try vault.listing().damaged
            #expect(damaged.map(\.id) == [point.id] && damaged.map(\.error.code) == [.corrupt])
            let told = damaged.first?.error
            for word in ["\(point.id)", "is lost", point.source, point.instantTime.utcText] {
                #expect(told?.message.contains(word) == true, "\(word)")
            }
            #expect(told?.remedy.contains("varve backup delete \(point.id) --vault") == true)
            #expect(VaultTests.code { _ = try vault.prune() } == .corrupt)
            #expect(VaultTests.code { _ = try vault.recoveryPoint(point.id) } == .corrupt)
            let found = try vault.verify(readData: true)
            #expect(found.findings.map(\.subject) == [.manifest] && found.withoutVoucher == 0)
            #expect(found.findings.first?.file == "manifests/\(point.id).manifest")
            // Nothing here has it: a repair says so.
            let report = try vault.repair(.structure)
            #expect(report.unhealed.map(\.file) == ["manifests/\(point.id).manifest"])
            #expect(report.healed.isEmpty && !report.verified.isClean)
        }
        #expect(try world.disk.list(Self.directory + "/packs") == packs)
        try world.disk.replace(Self.manifest(point.id), with: bytes)
        let vault = try world.reopened()
        #expect(try vault.verify(readData: true).isClean)
        #expect(try VaultWorld.restore(vault.recoveryPoint(point.id), from: vault) == contents)

        try world.disk.remove(Self.manifest(point.id))
        try vault.delete(point.id)
        #expect(VaultTests.code { try vault.delete(point.id) } == .notFound)
        #expect(VaultTests.code { _ = try vault.recoveryPoint(point.id) } == .notFound)
        #expect(try vault.prune().recoveryPoints == 2)
        #expect(try vault.verify(readData: true).isClean)
        for point in try vault.recoveryPoints() { try vault.delete(point.id) }
        #expect(try Self.vouched(on: world.disk).isEmpty)
        #expect(try vault.prune().packsDeleted > 0)
        #expect(try vault.verify(readData: true).isClean)
    }

    /// Goal: no earlier state of the folder of manifests hides a later point.
    ///
    /// Method: a life of a vault with a copy of its files after every step; each copy's manifests are put into the last
    /// state.
    @Test(arguments: [false, true])
    func `each point that a rolled-back folder of manifests lacks is named`(parity: Bool) throws {
        let life = try RollbackTests.live(seed: testSeed(default: 171), parity: parity)
        let last = try #require(life.states.last)
        func ids(_ files: RollbackTests.Files) -> Set<RecoveryPointID> {
            let names = files.keys.filter { $0.contains("/manifests/") }.map(DiskPath.name(of:))
            return Set(names.compactMap { RecoveryPointID(String($0.prefix(35))) })
        }
        var missed = 0
        for (number, state) in life.states.enumerated() {
            let older = state.filter { $0.key.contains("/manifests/") }
            let rest = last.filter { !$0.key.contains("/manifests/") }
            try RollbackTests.put(rest.merging(older) { $1 }, into: life.world)
            let lost = ids(last).subtracting(ids(state))
            missed += lost.count
            let vault = try life.world.reopened()
            let listing = try vault.listing()
            #expect(Set(listing.damaged.map(\.id)) == lost, "state \(number)")
            #expect(Set(listing.points.map(\.id)) == ids(state), "state \(number)")
            // Right bytes or an error, and what does not read is named.
            let outcome = try life.oracle.examine("manifests of state \(number)")
            for id in lost {
                #expect(outcome.complaints.contains { $0.contains("\(id)") }, "state \(number)")
            }
            guard !lost.isEmpty else { continue }
            #expect(VaultTests.code { _ = try vault.prune() } == .corrupt, "state \(number)")
            // Those from before, whose chunks are gone, are deleted with the lost ones: then it goes on.
            for id in lost.union(ids(state).subtracting(ids(last))) { try vault.delete(id) }
            _ = try vault.prune()
            #expect(try life.world.reopened().verify(readData: true).isClean, "state \(number)")
        }
        #expect(missed > 2)
    }

    @Test func `a damaged voucher is named and made again, and makes nothing lost`() throws {
        let (world, points) = try Self.sample(seed: 503)
        let id = points[0].point.id
        let bytes = try world.disk.contents(of: Self.path(id))
        for harm in EveryByteTests.Harm.allCases {
            try world.disk.replace(Self.path(id), with: harm.applied(to: bytes, at: 120, mask: 1))
            let vault = try world.reopened()
            #expect(try vault.listing().damaged.isEmpty)
            _ = try vault.prune()
            let found = try vault.verify(readData: true)
            #expect(found.findings.map(\.subject) == [.voucher])
            #expect(found.findings.first?.file == "vouchers/\(id).voucher")
            let report = try vault.repair(.structure)
            #expect(report.verified.isClean && report.unhealed.isEmpty)
            #expect(report.healed.map(\.file) == ["vouchers/\(id).voucher"])
            var said = points[0].point.draft
            said.maps = [:]
            #expect(try vault.vouchers.read(id) == said)
        }
        // Its name alone says that there was a point.
        try world.disk.corrupt(Self.path(id), at: 120, mask: 1)
        try world.disk.remove(Self.manifest(id))
        let vault = try world.reopened()
        #expect(try vault.listing().damaged.map(\.id) == [id])
        #expect(VaultTests.code { _ = try vault.prune() } == .corrupt)
        #expect(
            Set(try vault.verify(readData: false).findings.map(\.subject)) == [.manifest, .voucher]
        )
        try vault.delete(id)
        #expect(try vault.verify(readData: false).isClean)
    }

    @Test func `a prune and a repair make the vouchers that a power cut took`() throws {
        let (world, points) = try Self.sample(seed: 504)
        let ids = Set(points.map(\.point.id))
        for isPrune in [true, false] {
            for id in points.dropFirst().map(\.point.id) {
                try Self.remove(id, on: world.disk)
                // What a crash leaves of one on the way to its name.
                try world.disk.replace(Self.path(id) + ".0123.new", with: [1, 2, 3])
            }
            let vault = try world.reopened()
            let found = try vault.verify(readData: true)
            #expect(found.isClean && found.withoutVoucher == 2)
            if isPrune {
                #expect(try vault.prune().vouchersMade == 2)
            } else {
                let healed = try vault.repair(.structure).healed
                #expect(healed.map(\.how) == ["made for 2 recovery points"])
            }
            #expect(try Self.vouched(on: world.disk).isSuperset(of: ids))
            #expect(try vault.verify(readData: true).withoutVoucher == 0)
        }
        _ = try world.vault.prune()
        #expect(try world.disk.list(Self.directory + "/vouchers").count == 3)
        #expect(try world.vault.prune().vouchersMade == 0)
    }

    @Test func `a full disk or another process leaves a voucher to the next prune`() throws {
        let (world, points) = try Self.sample(seed: 505, count: 1)
        try Self.remove(points[0].point.id, on: world.disk)
        world.disk.fail(after: 0, with: .noSpace, lasting: true) { _, path in
            path.contains("/vouchers/")
        }
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault, day: 1)
        #expect(try world.vault.recoveryPoints().map(\.id).contains(point.id))
        #expect(try world.reopened().prune().vouchersMade == 0)
        world.disk.clearFaults()
        let lock = try world.disk.lock(Self.directory + "/leases/holds.lock")
        let other = try VaultWorld.backUp(["a": [2]], to: world.vault, day: 2)
        #expect(try world.reopened().prune().vouchersMade == 0)
        lock.release()
        #expect(try Self.vouched(on: world.disk).isEmpty)
        #expect(try world.reopened().prune().vouchersMade == 3)
        #expect(try Self.vouched(on: world.disk).contains(other.id))
    }

    // MARK: In step

    /// Goal: a deletion that meets the making of a voucher leaves no voucher alone.
    @Test(arguments: ["backup", "prune", "repair"])
    func `a point that is deleted while its voucher is made stays deleted`(work: String) throws {
        let (world, points) = try Self.sample(seed: 506, count: 1)
        if work != "backup" { try Self.remove(points[0].point.id, on: world.disk) }
        let other = try world.reopened()
        let codes = Mutex<[VaultError.Code?]>([])
        let disk = WatchedDisk(world.disk) { path, moment in
            guard path.contains("/vouchers/"), case .write = moment else { return }
            let code = VaultTests.code {
                for id in try other.manifests.ids() { try other.delete(id) }
            }
            codes.withLock { $0.append(code) }
        }
        let vault = try VaultWorld.open(disk, root: world.root)
        switch work {
        case "backup": try VaultWorld.backUp(["a": [1, 2, 3]], to: vault, day: 1)
        case "prune": _ = try vault.prune()
        default: _ = try vault.repair(.structure)
        }
        let refusals = codes.withLock { $0 }
        #expect(refusals == [.locked])
        for point in try other.recoveryPoints() { try other.delete(point.id) }
        for seen in [other, vault, try world.reopened()] {
            #expect(try seen.listing().damaged.isEmpty)
            #expect(try seen.verify(readData: true).isClean)
        }
        #expect(try Self.vouched(on: world.disk).isEmpty)
    }

    @Test func `a point in cold storage has no voucher, and an older one beside it says nothing`()
        throws
    {
        let sample = try ColdVaultTests.Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let id = sample.points[0].point.id
        let voucher = try disk.contents(of: Self.path(id))
        try ColdVaultTests.move(id, of: vault, as: [1, 2, 3])
        #expect(try disk.status(of: Self.path(id)) == nil)
        try disk.replace(Self.path(id), with: voucher)
        for seen in [vault, try sample.world.reopened()] {
            #expect(try seen.listing().damaged.isEmpty && seen.recoveryPoint(id).isCold)
            #expect(try seen.verify(readData: true).isClean)
            _ = try seen.prune()
        }
        try vault.delete(id)
        #expect(try vault.listing().damaged.isEmpty)
        #expect(try disk.status(of: Self.path(id)) == nil)
        #expect(VaultTests.code { try vault.delete(id) } == .notFound)
        #expect(try vault.verify(readData: true).isClean)
    }

    @Test func `a lost point goes when the lock would have let it go`() throws {
        let world = try VaultWorld()
        let day = LockTests.days
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault, expires: day(9))
        _ = try world.vault.setLock(LockTests.request(7), now: day(0))
        try world.disk.remove(Self.manifest(point.id))
        for count in [0, 8] as [Int64] {
            let refused = LockTests.error { try world.vault.delete(point.id, now: day(count)) }
            #expect(refused?.code == .held, "day \(count)")
        }
        try world.vault.delete(point.id, now: day(9))
        #expect(try world.vault.listing().damaged.isEmpty)
        // Of one whose voucher does not read either nobody knows.
        let other = try VaultWorld.backUp(["a": [2]], to: world.vault, day: 9, expires: day(18))
        try world.disk.remove(Self.manifest(other.id))
        try world.disk.corrupt(Self.path(other.id), at: 120, mask: 1)
        let refused = LockTests.error { try world.vault.delete(other.id, now: day(40)) }
        #expect(refused?.code == .held)
    }

    // MARK: Vaults from before

    @Test func `a vault from before is marked by its first change, and has vouchers after a prune`()
        throws
    {
        for isPrune in [true, false] {
            let (world, points) = try Self.sample(seed: 507)
            try Self.age(world)
            let vault = try world.reopened()
            #expect(try vault.recoveryPoints().count == 3)
            let found = try vault.verify(readData: true)
            #expect(found.isClean && found.withoutVoucher == 3)
            try vault.delete(points[0].point.id)
            #expect(try FeatureTests.features(of: world) == 0, "reading and deleting need none")
            if !isPrune {
                let point = try VaultWorld.backUp(["a": [1]], to: vault, day: 5)
                #expect(try Self.vouched(on: world.disk) == [point.id])
                #expect(try FeatureTests.features(of: world) == VaultFeature.vouchers)
            }
            #expect(try vault.prune().vouchersMade == 2)
            #expect(try FeatureTests.features(of: world) == VaultFeature.vouchers)
            try world.disk.remove(Self.manifest(points[2].point.id))
            let lost = try world.reopened().listing().damaged.map(\.id)
            #expect(lost == [points[2].point.id])
        }
    }

    // MARK: What it costs

    /// Goal: a backup pays one sync for its voucher, a deletion one, and a prune none, however many points there are.
    @Test func `a voucher costs one sync when it comes and one when it goes`() throws {
        let world = try VaultWorld()
        var counts: [[Int]] = []
        for day in 0..<12 as Range<Int64> {
            func syncs(_ body: () throws -> Void) throws -> Int {
                let before = world.disk.syncs.count
                try body()
                return world.disk.syncs[before...].count { $0.path.contains("/vouchers") }
            }
            var point: RecoveryPoint?
            let made = try syncs {
                point = try VaultWorld.backUp(["a": [1]], to: world.vault, day: day)
            }
            let pruned = try syncs { _ = try world.vault.prune() }
            let id = try #require(point).id
            let gone = try syncs { if day % 2 == 1 { try world.vault.delete(id) } }
            counts.append([made, pruned, gone])
        }
        for (day, count) in counts.enumerated() {
            #expect(count == [1, 0, day % 2 == 1 ? 1 : 0], "day \(day)")
        }
    }
}
