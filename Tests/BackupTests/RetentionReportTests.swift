import BackupVault
import Disk
import Keyring
import Policies
import TestKit
import Testing
import VarveModel

@testable import Backup

/// Goal: what is wrong with one point, or one source, keeps no rule from the others, and is told.
@Suite struct RetentionReportTests {
    private static let day: Int64 = 86_400

    private let disk = SimulatedDisk(recording: false)
    private let clock = SimulatedClock(Timestamp(seconds: 1_800_000_000))

    private func makeVault(inBucket: Bool = false) throws -> Vault {
        let storage = DirectoryStorage(disk, "/vault")
        return try Vault.create(
            in: inBucket ? DisklessStorage(under: storage) : storage,
            name: "main",
            root: .random(),
            clock: clock,
            pace: .simulated
        )
    }

    private func policy(_ rule: RetentionRule) -> RetentionPolicy {
        RetentionPolicy(name: "rule", why: "", file: "", rule: rule, timeZone: .utc)
    }

    /// A point of a source, made now; a day passes.
    private func publish(
        _ source: String,
        to vault: Vault,
        coldAfterDays: Int? = nil
    ) throws -> RecoveryPointID {
        let writer = try vault.beginWrite()
        defer { writer.abandon() }
        let map = try writer.update(nil, edits: [MapEdit([1], MapValue([2]))])
        let now = clock.now()
        var draft = RecoveryPointDraft(
            source: source,
            instant: UInt64(now.seconds) << 20,
            instantTime: now,
            created: now,
            maps: ["names": map]
        )
        draft.statistics[RecoveryPoint.coldAfterDays] = coldAfterDays.map { UInt64($0) }
        clock.advance(seconds: Self.day)
        return try writer.publish(draft).id
    }

    private func path(of point: RecoveryPointID) throws -> String {
        let name = try disk.list("/vault/manifests").first { $0.contains(point.description) }
        return "/vault/manifests/" + (try #require(name))
    }

    @Test(arguments: [false, true])
    func `a manifest that does not read, or is lost, is told, and the rule goes on with the others`(
        isLost: Bool
    ) async throws {
        let vault = try makeVault()
        var points: [String: [RecoveryPointID]] = [:]
        for _ in 0..<6 {
            for source in ["a", "b"] {
                points[source, default: []] += [try publish(source, to: vault)]
            }
        }
        let (a, b) = (try #require(points["a"]), try #require(points["b"]))
        // The second newest of 'a': rules that count keep one more of the others for it.
        if isLost {
            try disk.remove(try path(of: a[4]))
        } else {
            try disk.corrupt(try path(of: a[4]), at: 100, mask: 1)
        }
        let rule = policy(RetentionRule(deleteAfterDays: nil, keep: [.last: 3]))
        let judged = try RetentionService.judge(rule, of: vault, source: "a", now: clock.now())
        #expect(judged.filter { $0.keptBecause == nil }.map(\.point.id) == Array(a[..<2]))
        let report = await RetentionService.run(rule, of: vault, clock: clock)
        #expect(Set(report.deleted.map(\.id)) == Set(a[..<2] + b[..<3]))
        #expect(report.unread.map(\.id) == [a[4]])
        // Nothing is pruned before somebody says what becomes of it, and that is told too.
        #expect(report.failures.map(\.source) == [nil])
        let listing = try vault.listing()
        #expect(Set(listing.points.map(\.id)) == Set([a[2], a[3], a[5]] + b[3...]))
        #expect(listing.damaged.map(\.id) == [a[4]])
    }

    @Test func `what fails of one source does not keep the others from their turn`() async throws {
        let vault = try makeVault()
        var points: [String: [RecoveryPointID]] = [:]
        for source in ["a", "b", "c"] {
            for _ in 0..<3 { points[source, default: []] += [try publish(source, to: vault)] }
        }
        let b = try #require(points["b"])
        let refused = try path(of: b[1])
        disk.fail(after: 0, lasting: true) { kind, path in kind == .remove && path == refused }
        let rule = policy(RetentionRule(deleteAfterDays: nil, keep: [.last: 1]))
        let report = await RetentionService.run(rule, of: vault, clock: clock)
        #expect(report.failures.map(\.source) == ["b"])
        // What went before the failure is told, and so is what went of those that come after it.
        let gone = ["a", "c"].flatMap { points[$0, default: []].dropLast() } + [b[0]]
        #expect(Set(report.deleted.map(\.id)) == Set(gone))
        #expect(Set(try vault.recoveryPoints().map(\.id)).isDisjoint(with: gone))
    }

    @Test func `the newest of a source is that of its turn, whoever deletes points meanwhile`()
        async throws
    {
        let vault = try makeVault()
        var points: [String: [RecoveryPointID]] = [:]
        for source in ["a", "b"] {
            for _ in 0..<3 { points[source, default: []] += [try publish(source, to: vault)] }
        }
        let (a, b) = (try #require(points["a"]), try #require(points["b"]))
        let rule = policy(RetentionRule(deleteAfterDays: nil, keep: [.last: 1]))
        let report = await RetentionService.run(rule, of: vault, clock: clock) { point in
            // By hand, after all was listed. Harmless: the second time it is gone.
            if point.source == "a" { try? vault.delete(b[2]) }
            return true
        }
        #expect(report.failures.isEmpty, "\(report.failures)")
        #expect(Set(report.deleted.map(\.id)) == Set(a[..<2] + b[..<1]))
        #expect(Set(try vault.recoveryPoints().map(\.id)) == [a[2], b[1]])
    }

    @Test(arguments: ["directory", "bucket"])
    func `in a bucket nothing is due for cold storage, whoever says so`(place: String) async throws
    {
        let inBucket = place == "bucket"
        let vault = try makeVault(inBucket: inBucket)
        let own = try publish("a", to: vault, coldAfterDays: 1)
        _ = try publish("a", to: vault)
        let rule = policy(RetentionRule(deleteAfterDays: nil, moveToColdAfterDays: 1))
        let judged = try RetentionService.judge(rule, of: vault, source: "a", now: clock.now())
        let due = try vault.pointsDueForCold(now: clock.now()).map(\.id)
        #expect(due == (inBucket ? [] : [own]))
        #expect(judged.filter(\.movesToCold).map(\.point.id) == due)
        guard inBucket else { return }
        let report = await RetentionService.run(rule, of: vault, clock: clock)
        #expect(report.failures.isEmpty && report.deleted.isEmpty)
        #expect(report.cold.moved.isEmpty && report.cold.stayed.isEmpty)
    }
}

/// A storage that shows nothing of the disk beneath it, as a bucket does not.
private struct DisklessStorage: VaultStorage {
    let under: DirectoryStorage

    var place: String { "s3://bucket/" }
    var arrivesLate: Bool { false }
    var diskBeneath: (any Disk)? { nil }

    func reach() throws(VaultError) { try under.reach() }
    func open(_ name: String) throws(VaultError) -> any StoredFile { try under.open(name) }
    func contents(_ name: String, limit: Int) throws(VaultError) -> [UInt8] {
        try under.contents(name, limit: limit)
    }
    func size(of name: String) throws(VaultError) -> UInt64? { try under.size(of: name) }
    func replace(_ name: String, with bytes: [UInt8]) throws(VaultError) {
        try under.replace(name, with: bytes)
    }
    func begin(
        _ name: String,
        as openName: String,
        isReadBack: Bool
    ) throws(VaultError) -> any NewStoredFile {
        try under.begin(name, as: openName, isReadBack: isReadBack)
    }
    func remove(_ name: String) throws(VaultError) { try under.remove(name) }
    func list(_ folder: String?) throws(VaultError) -> [String] { try under.list(folder) }
    func sizes(in folder: String) throws(VaultError) -> [String: UInt64]? {
        try under.sizes(in: folder)
    }
    func makePlace() throws(VaultError) { try under.makePlace() }
    func makeFolders(_ folders: [String]) throws(VaultError) -> Bool {
        try under.makeFolders(folders)
    }
    func sync(_ folder: String?) throws(VaultError) { try under.sync(folder) }
    func beginSign(_ name: String) throws(VaultError) -> (any SignOfLife)? {
        try under.beginSign(name)
    }
    func living(
        _ names: [String],
        bury: (String) throws(VaultError) -> Void
    ) throws(VaultError) -> [String] {
        try under.living(names, bury: bury)
    }
    func exclude(_ name: String) throws(VaultError) -> (any Exclusion)? { try under.exclude(name) }
    func keeper() throws(VaultError) -> (any FileKeeper)? { try under.keeper() }
    func unfinished() throws(VaultError) -> [UnfinishedFile] { try under.unfinished() }
    func discard(_ unfinished: UnfinishedFile) throws(VaultError) { try under.discard(unfinished) }
    func hasStood(_ name: String, seconds: Int64) -> Bool {
        under.hasStood(name, seconds: seconds)
    }
}
