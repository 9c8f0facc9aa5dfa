@testable import BackupVault
import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import ObjectStorage

/// A vault in a store in memory, as one machine sees it.
struct BucketWorld {
    typealias Contents = [String: [UInt8]]

    static let settings = VaultSettings(
        packBytes: 24 << 10,
        compressionLevel: 1,
        chunks: ChunkSizes(minimum: 256, average: 1024, maximum: 4096)
    )

    let store = MemoryStore()
    let clock = SimulatedSteadyClock()
    let root = RootKey.random()
    /// Of 127.0.0.1, where requests go over sockets.
    var port: UInt16?

    /// What one machine talks to the store with; its signs are kept up while anybody waits, if it is `kept`.
    func storage(_ name: String, kept: Bool = true) throws -> BucketStorage {
        let storage = BucketStorage(
            try store.client(name, clock: clock, port: port),
            times: .standard,
            isKeptByThread: false
        )
        if kept { clock.keep(storage, as: name) }
        return storage
    }

    func create(_ name: String) throws -> Vault {
        try Vault.create(
            in: try storage(name),
            name: "remote",
            root: root,
            clock: SimulatedClock(Timestamp(seconds: 1_800_000_000)),
            settings: Self.settings,
            pace: .simulated
        )
    }

    func open(_ name: String, kept: Bool = true) throws -> Vault {
        try Vault.open(
            in: try storage(name, kept: kept),
            roots: [root],
            settings: Self.settings,
            pace: .simulated
        )
    }

    static func store(_ contents: Contents, by writer: VaultWriter) throws -> MapRoot {
        var edits: [MapEdit] = []
        for (name, bytes) in contents.sorted(by: { $0.key < $1.key }) {
            var chunks: [ChunkReference] = []
            for start in stride(from: 0, to: bytes.count, by: 4000) {
                chunks.append(
                    try writer.store(Array(bytes[start..<min(bytes.count, start + 4000)]))
                )
            }
            edits.append(MapEdit(Array(name.utf8), MapValue([], chunks: chunks)))
        }
        return try writer.update(nil, edits: edits)
    }

    static func draft(_ map: MapRoot) -> RecoveryPointDraft {
        RecoveryPointDraft(
            source: "fs",
            instant: 1,
            instantTime: Timestamp(seconds: 1_800_000_000),
            created: Timestamp(seconds: 1_800_000_000),
            maps: ["names": map]
        )
    }

    static func backUp(_ contents: Contents, to vault: Vault) throws -> RecoveryPoint {
        let writer = try vault.beginWrite()
        defer { writer.abandon() }
        return try writer.publish(draft(try store(contents, by: writer)))
    }

    static func restore(_ point: RecoveryPoint, from vault: Vault) throws -> Contents {
        var contents: Contents = [:]
        guard let map = point.maps["names"] else { return [:] }
        var scan = vault.entries(of: map)
        while let entry = try scan.next() {
            var bytes: [UInt8] = []
            for chunk in entry.value.chunks { bytes += try vault.read(chunk) }
            contents[String(decoding: entry.key, as: UTF8.self)] = bytes
        }
        return contents
    }

    static func contents(_ count: Int, using generator: inout SeededGenerator) -> Contents {
        var contents: Contents = [:]
        for index in 0..<count {
            let bytes = generator.bytes(Int.random(in: 1...6000, using: &generator))
            contents["file \(index)"] = bytes
        }
        return contents
    }
}

/// Goal: no fault of a network or a store costs a recovery point that somebody was told of, and none that nobody was
/// told of counts without being whole.
@Suite struct BucketVaultTests {
    @Test func `a vault agrees with a dictionary through a store that fails`() throws {
        let world = BucketWorld()
        let vaults = [try world.create("a"), try world.open("b")]
        world.store.state.withLock { state in
            state.faultsPercent = 12
            state.generator = SeededGenerator(seed: testSeed(default: 8))
        }
        try Self.live(vaults, in: world, steps: min(400, TestSizes.current.fuzzInputs / 20)) {
            let faults = world.store.state.withLock { state in
                state.faultsPercent = 0
                return state.mix
            }
            print("bucket vault:", faults.map { "\($0.key) \($0.value)" }.sorted())
            #expect(faults.count == MemoryStore.Fault.allCases.count, "\(faults)")
        }
    }

    /// The same over sockets, through HTTP as it is spoken and a proxy that fails.
    @Test func `a vault agrees with a dictionary through a network that fails`() throws {
        var world = BucketWorld()
        let store = world.store
        let server = try HTTPListener { store.serve($0) }
        defer { server.stop() }
        let proxy = FaultyProxy(store: server.port)
        let listener = try HTTPListener { proxy.serve($0) }
        defer { listener.stop() }
        world.port = listener.port
        let vaults = [try world.create("a"), try world.open("b")]
        proxy.fail(percent: 15, seed: testSeed(default: 13))
        try Self.live(vaults, in: world, steps: min(200, TestSizes.current.fuzzInputs / 100)) {
            proxy.fail(percent: 0, seed: 1)
            let faults = proxy.mix
            print("bucket vault over sockets:", faults.map { "\($0.key) \($0.value)" }.sorted())
            #expect(faults.count == FaultyProxy.Fault.allCases.count, "\(faults)")
        }
    }

    /// Lives with a vault that two machines have open, beside a dictionary of what it should hold.
    ///
    /// - Parameters:
    ///   - opened: The vault as each of the two has it.
    ///   - world: Where it lies.
    ///   - steps: How many things happen.
    ///   - endFaults: Called before all is looked at.
    /// - Throws: What the vault throws: nothing that is short of two minutes of faults.
    private static func live(
        _ opened: [Vault],
        in world: BucketWorld,
        steps: Int,
        endFaults: () -> Void
    ) throws {
        var vaults = opened
        var generator = SeededGenerator(seed: testSeed(default: 7))
        var model: [RecoveryPointID: (point: RecoveryPoint, contents: BucketWorld.Contents)] = [:]
        var contents = BucketWorld.contents(8, using: &generator)
        var held: Set<RecoveryPointID> = []
        // Each thing once, however few steps there are.
        let firstSteps = [0, 0, 8, 0, 4, 6, 7, 9, 8, 4]
        var mix: [String: Int] = [:]
        for step in 0..<steps {
            let vault = vaults[Int.random(in: 0..<2, using: &generator)]
            let ids = model.keys.sorted()
            let chosen = Int.random(in: 0..<10, using: &generator)
            switch step < firstSteps.count ? firstSteps[step] : chosen {
            case 0..<4:
                contents.merge(BucketWorld.contents(2, using: &generator)) { $1 }
                let point = try BucketWorld.backUp(contents, to: vault)
                model[point.id] = (point, contents)
                mix["backup", default: 0] += 1
            case 4..<6 where ids.count > 2:
                let id = ids[Int.random(in: 0..<ids.count, using: &generator)]
                do throws(VaultError) {
                    try vault.delete(id)
                    #expect(!held.contains(id), "step \(step)")
                    model[id] = nil
                } catch {
                    guard error.code == .held else { throw error }
                    #expect(held.contains(id), "step \(step)")
                }
                mix["delete", default: 0] += 1
            case 6:
                _ = try vault.prune()
                mix["prune", default: 0] += 1
            case 8 where !ids.isEmpty:
                let id = ids[Int.random(in: 0..<ids.count, using: &generator)]
                if held.remove(id) != nil {
                    try vault.removeHold(named: hold.name, from: id)
                } else {
                    try vault.addHold(hold, to: id)
                    held.insert(id)
                }
                mix["hold", default: 0] += 1
            case 7:
                let name = ["a", "b"][Int.random(in: 0..<2, using: &generator)]
                vaults[name == "a" ? 0 : 1] = try world.open(name)
                mix["reopen", default: 0] += 1
            default:
                let found = try vault.recoveryPoints()
                #expect(Set(found.map(\.id)) == Set(ids), "step \(step)")
                for (_, known) in model.prefix(2) {
                    #expect(try BucketWorld.restore(known.point, from: vault) == known.contents)
                }
                mix["read", default: 0] += 1
            }
        }
        #expect(mix.count == 6, "\(mix)")
        endFaults()
        let vault = try world.open("c")
        _ = try vault.prune()
        let report = try vault.verify(.everything)
        #expect(report.isClean, "\(report.findings.first?.message ?? "")")
        #expect(Set(try vault.recoveryPoints().map(\.id)) == Set(model.keys))
        #expect(Set(try vault.heldPoints()) == held)
        for known in model.values {
            #expect(try BucketWorld.restore(known.point, from: vault) == known.contents)
        }
    }

    /// Method: one machine's requests no longer arrive from the k-th on, for each k; another one opens the vault when
    /// it is dead.
    @Test func `a machine that goes at any request leaves a vault that is whole`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 9))
        let first = BucketWorld.contents(4, using: &generator)
        let second = first.merging(BucketWorld.contents(3, using: &generator)) { $1 }
        var last = 1
        var isEnded = false
        while !isEnded {
            let world = BucketWorld()
            let old = try BucketWorld.backUp(first, to: try world.create("a"))
            let dying = try world.open("dying")
            world.store.state.withLock {
                $0.lastRequest["dying"] = $0.sent["dying", default: 0] + last
            }
            var told: RecoveryPoint?
            do {
                told = try BucketWorld.backUp(second, to: dying)
                try dying.delete(old.id)
                _ = try dying.prune()
                isEnded = true
            } catch {
                // It is dead; what it was told counts.
            }
            world.clock.forget("dying")
            let vault = try world.open("b")
            _ = try vault.prune()
            let report = try vault.verify(.everything)
            #expect(report.isClean, "request \(last): \(report.findings.first?.message ?? "")")
            let points = try vault.recoveryPoints()
            if let told { #expect(points.contains { $0.id == told.id }, "request \(last)") }
            for point in points {
                let expected = point.id == old.id ? first : second
                #expect(try BucketWorld.restore(point, from: vault) == expected, "request \(last)")
            }
            // A claim to the holds stays until the next one who claims them.
            let signs = try vault.files.list(.leases).filter {
                !$0.hasPrefix("holds.lock-") && $0 != "reserve"
            }
            #expect(signs.isEmpty, "request \(last)")
            last += 3
        }
        #expect(last > 30)
    }

    /// A writer that is paused for so long that a prune takes it for dead, and then wakes.
    @Test func `a writer that wakes too late publishes nothing`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 10))
        let world = BucketWorld()
        let vault = try world.create("a")
        let contents = BucketWorld.contents(5, using: &generator)
        let sleeper = try world.open("sleeper", kept: false)
        let writer = try sleeper.beginWrite()
        let map = try BucketWorld.store(contents, by: writer)
        let report = try vault.prune()
        #expect(report.recoveryPoints == 0)
        #expect(throws: VaultError.self) { try writer.publish(BucketWorld.draft(map)) }
        writer.abandon()
        #expect(try vault.recoveryPoints().isEmpty)
        #expect(try vault.verify(.everything).isClean)
    }

    /// The manifest is on its way for so long that its writer is buried, and comes then.
    @Test func `a manifest that arrives after its writer was buried counts for nothing`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 11))
        let world = BucketWorld()
        let vault = try world.create("a")
        let sleeper = try world.open("sleeper", kept: false)
        let writer = try sleeper.beginWrite()
        let map = try BucketWorld.store(BucketWorld.contents(5, using: &generator), by: writer)
        world.store.state.withLock { $0.withheld = "/manifests/" }
        #expect(throws: VaultError.self) { try writer.publish(BucketWorld.draft(map)) }
        // It dies here: its lease stays.
        world.store.state.withLock { $0.lastRequest["sleeper"] = 0 }
        writer.abandon()
        _ = try vault.prune()
        world.store.release()
        #expect(try vault.recoveryPoints().isEmpty)
        #expect(try world.open("b").recoveryPoints().isEmpty)
        _ = try vault.prune()
        #expect(try vault.verify(.everything).isClean)
        #expect(try vault.files.list(.manifests).isEmpty)
    }

    /// Method: a machine dies at several places of a backup; another one makes it again, and counts what it stores.
    @Test func `what a dead machine's packs hold is not stored again`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 21))
        let contents = BucketWorld.contents(60, using: &generator)
        let whole = BucketWorld()
        _ = try BucketWorld.backUp(contents, to: try whole.create("a"))
        let requests = whole.store.state.withLock { $0.sent["a", default: 0] }
        var held: Set<Int> = []
        var all = 0
        for part in 1...4 {
            let world = BucketWorld()
            _ = try world.create("a")
            let dying = try world.open("dying")
            world.store.state.withLock {
                $0.lastRequest["dying"] = $0.sent["dying", default: 0] + requests * part / 6
            }
            #expect(throws: VaultError.self) { try BucketWorld.backUp(contents, to: dying) }
            world.clock.forget("dying")
            let vault = try world.open("b")
            let found = try vault.statistics()
            #expect(found.recoveryPoints == 0)
            held.insert(found.chunks)
            let writer = try vault.beginWrite()
            defer { writer.abandon() }
            let map = try BucketWorld.store(contents, by: writer)
            let point = try writer.publish(BucketWorld.draft(map))
            all = try vault.statistics().chunks
            #expect(found.chunks + writer.counters.chunksStored == all, "\(found.chunks) held")
            #expect(try BucketWorld.restore(point, from: vault) == contents)
        }
        #expect(held.count > 1 && held.max() ?? 0 > all / 3, "\(held) of \(all)")
    }

    /// A lease may stay behind a published point: its removal was lost, or a late refresh brought it back.
    ///
    /// Method: whoever prunes goes at its k-th request, for each k.
    @Test func `a prune that goes at any request takes no published point along`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 14))
        let contents = BucketWorld.contents(2, using: &generator)
        var last = 1
        var isEnded = false
        while !isEnded {
            let world = BucketWorld()
            let vault = try world.create("a")
            let point = try BucketWorld.backUp(contents, to: vault)
            let isHeld = last.isMultiple(of: 2)
            if isHeld { try vault.addHold(Self.hold, to: point.id) }
            let writer = Hex.encode(point.id.unique.bytes)
            let lease =
                Generation.stem(try vault.generations.current().number) + "-\(writer).writer"
            try vault.files.replace(.leases, lease, with: [1])
            let dying = try world.open("dying")
            world.store.state.withLock {
                $0.lastRequest["dying"] = $0.sent["dying", default: 0] + last
            }
            do {
                _ = try dying.prune()
                isEnded = true
            } catch {
                // It is dead.
            }
            world.clock.forget("dying")
            let other = try world.open("b")
            #expect(try other.recoveryPoints().map(\.id) == [point.id], "request \(last)")
            // Twice: what the first one unearths, the second would drop.
            _ = try other.prune()
            _ = try other.prune()
            #expect(try other.recoveryPoints().map(\.id) == [point.id], "request \(last)")
            #expect(try BucketWorld.restore(point, from: other) == contents, "request \(last)")
            last += 1
        }
        #expect(last > 10)
    }

    /// A proxy answers so while the store behind it restarts.
    @Test func `a 404 that is not the store's own is no absence`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 15))
        let world = BucketWorld()
        let vault = try world.create("a")
        let contents = BucketWorld.contents(3, using: &generator)
        let point = try BucketWorld.backUp(contents, to: vault)
        try vault.addHold(Self.hold, to: point.id)
        world.store.state.withLock { $0.routeless = ("/holds/", 3) }
        #expect { try vault.delete(point.id) } throws: { ($0 as? VaultError)?.code == .held }
        world.store.state.withLock { $0.routeless = ("/manifests/", 3) }
        #expect(try world.open("b").recoveryPoints().map(\.id) == [point.id])
        let other = try world.open("c")
        world.store.state.withLock { $0.routeless = ("/packs/", .max) }
        #expect { try BucketWorld.restore(point, from: other) } throws: {
            ($0 as? VaultError)?.code == .unavailable
        }
        world.store.state.withLock { $0.routeless = ("/holds/", .max) }
        #expect { try vault.files.storage.remove("holds/any") } throws: {
            ($0 as? VaultError)?.code == .unavailable
        }
        world.store.state.withLock { $0.routeless = nil }
        #expect(try BucketWorld.restore(point, from: other) == contents)
    }

    /// The mark may be of whoever withdraws, deletes or buries at this moment.
    @Test func `a locked point does not go because a mark voids it`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 16))
        let world = BucketWorld()
        let vault = try world.create("a")
        let now = Timestamp(seconds: 1_800_000_000)
        _ = try vault.setLock(.init(minDays: 7, placedBy: "root"), now: now)
        let contents = BucketWorld.contents(2, using: &generator)
        let writer = try vault.beginWrite()
        defer { writer.abandon() }
        var draft = BucketWorld.draft(try BucketWorld.store(contents, by: writer))
        draft.expires = now.adding(seconds: 30 * 86_400)
        let point = try writer.publish(draft)
        let mark = try vault.manifests.voided.add(point.id)
        #expect { try vault.delete(point.id, now: now) } throws: {
            ($0 as? VaultError)?.code == .held
        }
        try vault.manifests.voided.remove(mark)
        #expect(try vault.recoveryPoints().map(\.id) == [point.id])
        #expect(try BucketWorld.restore(point, from: vault) == contents)
    }

    /// The deletion was given up, and a hold placed; then the deletion's mark arrives.
    @Test func `a mark that comes after a hold has no force`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 17))
        let world = BucketWorld()
        let vault = try world.create("a")
        let contents = BucketWorld.contents(3, using: &generator)
        let point = try BucketWorld.backUp(contents, to: vault)
        world.store.state.withLock { $0.withheld = "/void/" }
        #expect(throws: VaultError.self) { try vault.delete(point.id) }
        world.store.state.withLock { $0.withheld = nil }
        try vault.addHold(Self.hold, to: point.id)
        world.store.release()
        #expect(try !vault.manifests.voided.marked().isEmpty)
        let other = try world.open("b")
        #expect(try other.recoveryPoints().map(\.id) == [point.id])
        _ = try other.prune()
        #expect(try vault.manifests.voided.marked().isEmpty)
        // The same again; the mark goes with the hold, before a prune.
        try vault.manifests.voided.add(point.id)
        try vault.removeHold(named: Self.hold.name, from: point.id)
        #expect(try vault.recoveryPoints().map(\.id) == [point.id])
        _ = try other.prune()
        #expect(try BucketWorld.restore(point, from: other) == contents)
        // What a deletion has begun is not held any more.
        try vault.manifests.voided.add(point.id)
        #expect { try vault.addHold(Self.hold, to: point.id) } throws: {
            ($0 as? VaultError)?.code == .notFound
        }
    }

    /// The claim is 170 s old when the change begins; at 180 s others must be able to count on it ending.
    @Test func `a change is not repeated after its claim is lost`() throws {
        let world = BucketWorld()
        let storage = try world.storage("a", kept: false)
        let began = world.clock.now()
        let claim = try #require(try storage.exclude("leases/holds.lock"))
        world.clock.pause(nanoseconds: 170_000_000_000)
        world.store.state.withLock { $0.withheld = "/holds/" }
        #expect(throws: VaultError.self) {
            try HeldClaims.holding(claim) { () throws(VaultError) in
                try storage.replace("holds/any", with: [1])
            }
        }
        #expect(world.clock.now() - began < 200_000_000_000)
        #expect(world.store.state.withLock { $0.waiting.count } > 1)
    }

    @Test func `two makings in one place are one after the other`() throws {
        let world = BucketWorld()
        let other = try world.storage("other")
        let claim = try #require(try other.exclude("leases/making.lock"))
        #expect { try world.create("a") } throws: { ($0 as? VaultError)?.code == .locked }
        claim.release()
        _ = try world.create("a")
        #expect { try world.create("b") } throws: { ($0 as? VaultError)?.code == .exists }
    }

    /// Its first making was given up, and repeated; then what the first one sent arrives, file by file.
    @Test(arguments: ["/changes/epoch", "/changes/key", "/changes/secret", "/changes/vault.json"])
    func `a making that was given up takes nothing from the one that was repeated`(
        part: String
    ) throws {
        var generator = SeededGenerator(seed: testSeed(default: 18))
        let world = BucketWorld()
        world.store.state.withLock { $0.withheld = part }
        #expect(throws: VaultError.self) { try world.create("a") }
        world.store.state.withLock { $0.withheld = nil }
        let vault = try world.create("a")
        world.store.release()
        let contents = BucketWorld.contents(2, using: &generator)
        let point = try BucketWorld.backUp(contents, to: vault)
        let opened = try world.open("b")
        #expect(opened.id == vault.id)
        #expect(try BucketWorld.restore(point, from: opened) == contents)
        #expect(try opened.verify(.everything).isClean)
    }

    /// A clock of a machine that sleeps for an hour in each pause.
    private final class SleepyClock: SteadyClock {
        private let time = Mutex<Int64>(1)
        func now() -> Int64 { time.withLock { $0 } }
        func pause(nanoseconds: Int64) { time.withLock { $0 += nanoseconds + 3_600_000_000_000 } }
    }

    /// Answers nothing, and counts.
    private final class DeafStore: S3Transport {
        let count = Mutex(0)

        func send(
            url: String,
            method: String,
            headers: [String: String],
            body: [UInt8],
            seconds: Int64
        ) -> S3Outcome {
            count.withLock { $0 += 1 }
            return .broken("timeout")
        }
    }

    @Test func `a machine that wakes sends nothing of what it wanted before`() throws {
        let store = DeafStore()
        let client = S3Client(
            try S3Address("s3://vaults/one", endpoint: "http://store:9000", region: "us-east-1"),
            credentials: { () throws(S3Error) in MemoryStore.credentials },
            clock: SleepyClock(),
            transport: store
        )
        #expect(throws: S3Error.self) { try client.put("one/holds/any", [1]) }
        #expect(store.count.withLock { $0 } == 1)
    }

    @Test func `an upload whose end is answered without proof is none`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 19))
        let world = BucketWorld()
        let vault = try world.create("a")
        world.store.state.withLock { $0.endsNothing = true }
        let contents = BucketWorld.contents(20, using: &generator)
        #expect(throws: VaultError.self) { try BucketWorld.backUp(contents, to: vault) }
        world.store.state.withLock { $0.endsNothing = false }
        #expect(try vault.recoveryPoints().isEmpty)
        let point = try BucketWorld.backUp(contents, to: vault)
        #expect(try BucketWorld.restore(point, from: world.open("b")) == contents)
    }

    @Test func `a lock that does not answer is no damage`() throws {
        let world = BucketWorld()
        let vault = try world.create("a")
        let now = Timestamp(seconds: 1_800_000_000)
        _ = try vault.setLock(.init(minDays: 7, placedBy: "root"), now: now)
        let other = try world.open("b")
        world.store.state.withLock { $0.routeless = ("one/changes/lock", .max) }
        for body in [
            { _ = try other.lockInForce() }, { _ = try other.lockFindings() },
            { try other.observeLock(now: now) },
        ] as [() throws -> Void] {
            #expect { try body() } throws: { ($0 as? VaultError)?.code == .unavailable }
        }
        world.store.state.withLock { $0.routeless = nil }
        #expect(try other.lockFindings().isEmpty)
    }

    static let hold = PointHold(
        name: "case 17",
        reason: "asked for",
        placedBy: "root",
        placed: Timestamp(seconds: 1_800_000_000)
    )

    @Test func `parity is refused, and a store that is away is no damage`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 12))
        let world = BucketWorld()
        let vault = try world.create("a")
        let contents = BucketWorld.contents(5, using: &generator)
        let point = try BucketWorld.backUp(contents, to: vault)
        #expect(throws: VaultError.self) { try vault.setParity(ParityPolicy(share: 0.05)) }
        let other = try world.open("b")
        world.store.state.withLock { $0.lastRequest["b"] = 0 }
        #expect { try BucketWorld.restore(point, from: other) } throws: {
            ($0 as? VaultError)?.code == .unavailable
        }
        #expect { try other.verify(.everything) } throws: {
            ($0 as? VaultError)?.code == .unavailable
        }
        world.store.state.withLock { $0.lastRequest["b"] = nil }
        #expect(try BucketWorld.restore(point, from: other) == contents)
        #expect(try other.verify(.everything).isClean)
    }
}
