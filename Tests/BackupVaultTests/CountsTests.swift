import Disk
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: a prune costs what comes and goes, and counts that are lost, damaged or wrong cost a walk of all maps and
/// nothing else (I6, I7).
@Suite struct CountsTests {
    @Test func `a prune reads the nodes that came or went, however many are kept`() throws {
        var kept: [Int] = []
        for entries in [500, 15_000] {
            let world = try VaultWorld(disk: SimulatedDisk(recording: false))
            var points = try CountsWorld.chain(entries: entries, points: 12, in: world)
            let path = Int(try #require(points[0].point.maps["names"]).level) + 1
            let first = try world.vault.prune()
            #expect(first.recountedBecause == "nothing was counted yet")
            // Beside what the first point has, each of the others has a path of its own.
            kept.append(first.nodesRead - 11 * path)

            try world.vault.delete(points.removeLast().point.id)
            let newest = try world.reopened().prune()
            #expect(newest.recountedBecause == nil && newest.nodesRead == path, "\(entries)")

            let last = try #require(points.last)
            points.append(
                try CountsWorld.next(last.contents, after: last, day: 20, in: world)
            )
            let added = try world.reopened().prune()
            #expect(added.recountedBecause == nil && added.nodesRead == path, "\(entries)")

            // The nodes beside the path of one in the middle are its neighbours' too.
            try world.vault.delete(points.remove(at: 5).point.id)
            let middle = try world.reopened().prune()
            #expect(middle.recountedBecause == nil, "\(entries)")
            #expect((1...path).contains(middle.nodesRead), "\(entries): \(middle.nodesRead)")

            let idle = try world.reopened().prune()
            #expect(idle.recountedBecause == nil && idle.nodesRead == 0, "\(entries)")
            #expect(try CountsWorld.violations(world.reopened()) == [], "\(entries)")
            #expect(try world.reopened().verify(readData: true).hasComparedCounts)
        }
        print("nodes that all points share: \(kept)")
        // The vault's own key says where nodes end, so that their numbers differ from run to run, by some ten.
        #expect(kept[1] > kept[0] * 3 && kept[1] > 40)
    }

    @Test func `what moves from a point that goes to one that comes is not read`() throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        let points = try CountsWorld.chain(entries: 3_000, points: 1, in: world)
        _ = try world.vault.prune()
        let next = try CountsWorld.next(points[0].contents, after: points[0], day: 1, in: world)
        try world.vault.delete(points[0].point.id)
        let path = Int(try #require(next.point.maps["names"]).level) + 1
        let report = try world.reopened().prune()
        #expect(report.recountedBecause == nil && report.nodesRead == 2 * path)
        #expect(try CountsWorld.violations(world.reopened()) == [])
    }

    /// The bytes of an empty map may be a file's content as well.
    @Test func `a chunk that is a node and content is counted as both`() throws {
        let world = try VaultWorld()
        let node = MapNode.encode([] as [MapEntry], level: 0)
        let content = try VaultWorld.backUp(["node": node], to: world.vault)
        let empty = try VaultWorld.backUp([:], to: world.vault, day: 1)
        let map = try #require(empty.maps["names"])
        #expect(try world.vault.prune().recountedBecause != nil)
        let stored = try #require(try world.vault.countsFiles.load())
        #expect(stored.counts.table[map.node.id] == References(asNode: 1, asContent: 1))
        try world.vault.delete(content.id)
        _ = try world.vault.prune()
        #expect(try VaultWorld.restore(empty, from: world.reopened()) == [:])
        try world.vault.delete(empty.id)
        #expect(try world.vault.prune().liveChunks == 0)
        #expect(try world.disk.list(CountsWorld.folder) == [], "of no points nothing is kept")
    }

    // MARK: What is odd

    /// What becomes of counts between two prunes, and the words by which the second one tells it.
    enum Oddity: String, CaseIterable {
        case lost, damaged, newer, baseLost, prunedBefore, tooFew, otherMaps

        var words: String {
            switch self {
            case .lost: "nothing was counted yet"
            case .damaged: "does not authenticate"
            case .newer: "has format 2"
            case .baseLost: "not whole"
            case .prunedBefore: "is in no readable pack"
            case .tooFew: "fewer than none"
            case .otherMaps: "has other maps"
            }
        }
    }

    @Test(arguments: Oddity.allCases)
    func `what is odd has every map walked, and is told`(_ oddity: Oddity) throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        var points = try CountsWorld.chain(entries: 600, points: 5, in: world)
        _ = try world.vault.prune()
        let earlier = try CountsWorld.files(of: world)
        try world.vault.delete(points.removeLast().point.id)
        _ = try world.vault.prune()
        try world.vault.delete(points.removeLast().point.id)
        try Self.make(oddity, in: world, earlier: earlier, going: points[0].point)
        let report = try world.reopened().prune()
        #expect(report.recountedBecause?.contains(oddity.words) == true, "\(report)")
        #expect(report.recoveryPoints == points.count)
        #expect(try CountsWorld.violations(world.reopened()) == [])
        #expect(try CountsWorld.deadPacks(of: world.reopened()) == 0)
        for (point, contents) in points {
            #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
        }
        let verified = try world.reopened().verify(readData: true)
        #expect(verified.isClean && verified.hasComparedCounts)
        let again = try world.reopened().prune()
        #expect(again.recountedBecause == nil && again.nodesRead == 0)
    }

    private static func make(
        _ oddity: Oddity,
        in world: VaultWorld,
        earlier: [String: [UInt8]],
        going: RecoveryPoint
    ) throws {
        let vault = world.vault
        let names = try vault.countsFiles.names().map { CountsWorld.folder + "/" + $0.text }
        #expect(names.count == 2)
        switch oddity {
        case .lost: for name in names { try world.disk.remove(name) }
        case .damaged: try world.disk.corrupt(names[1], at: 200, mask: 1)
        case .newer: try world.disk.corrupt(names[1], at: 8, mask: 3)
        case .baseLost: try world.disk.remove(names[0])
        case .prunedBefore:
            // A Varve that does not know of counts prunes what they still lead to.
            for name in names { try world.disk.remove(name) }
            _ = try world.reopened().prune()
            try RollbackTests.put(
                RollbackTests.files(of: world).filter { !$0.key.hasPrefix(CountsWorld.folder) }
                    .merging(earlier) { $1 },
                into: world
            )
        case .tooFew:
            let there = Set(try vault.manifests.ids())
            let counted = try #require(try vault.countsFiles.load()).counts.points
            let gone = try #require(counted.first { !there.contains($0.key) })
            let root = try #require(gone.value.first).node.id
            try CountsWorld.forge(vault) { try $0.change(root, .node, by: -1) }
        case .otherMaps:
            let stored = try #require(try vault.countsFiles.load())
            var points = stored.counts.points
            points[going.id] = []
            let counts = ReferenceCounts(table: stored.counts.table, points: points)
            try vault.countsFiles.forget()
            _ = try vault.countsFiles.write(counts, after: nil)
        }
    }

    @Test func `a needed chunk that no pack has leaves the counts in doubt`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 606))
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        let first = try VaultWorld.backUp(["a": generator.bytes(90)], to: world.vault)
        let packs = world.vault.knowledge.withLock { $0.index.packs }
        let content = try #require(packs.first { $0.kind == .content })
        try VaultWorld.backUp(["b": generator.bytes(90)], to: world.vault, day: 1)
        _ = try world.vault.prune()
        try world.disk.remove(VaultWorld.directory + "/packs/" + PackFormat.fileName(content.id))
        for _ in 0..<2 {
            let reason = try world.reopened().prune().recountedBecause
            #expect(reason?.contains("is needed, and in no pack") == true)
        }
        try world.vault.delete(first.id)
        #expect(try world.reopened().prune().recountedBecause == nil)
        #expect(try CountsWorld.violations(world.reopened()) == [])
        // Counts that need what no map does are wrong.
        let chunk = ChunkID(digest: [UInt8](repeating: 3, count: 24))
        try CountsWorld.forge(world.reopened()) { try $0.change(chunk, .content, by: 1) }
        let error = #expect(throws: VaultError.self) { _ = try world.reopened().prune() }
        #expect(error?.message.contains("\(chunk)") == true)
        #expect(try CountsWorld.violations(world.reopened()) == [])
    }

    @Test func `after thirty prunes by counts every map is walked`() throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        var points = try CountsWorld.chain(entries: 20, points: 3, in: world)
        _ = try world.vault.prune()
        var byCounts = 0
        for day in 3..<60 {
            let last = try #require(points.last)
            points.append(try CountsWorld.next(last.contents, after: last, day: day, in: world))
            try world.vault.delete(points.removeFirst().point.id)
            let report = try world.vault.prune()
            #expect(try CountsWorld.violations(world.vault) == [], "day \(day)")
            guard report.recountedBecause == nil else {
                #expect(report.recountedBecause?.contains("30 prunes") == true)
                break
            }
            byCounts += 1
        }
        #expect(byCounts == Int(PointCounting.updatesMax))
        #expect(try world.vault.prune().recountedBecause == nil)
        #expect(try world.vault.countsFiles.names().count == 1)
    }

    // MARK: Wrong counts

    /// A vault whose counts of one chunk are wrong, by as many references as it has.
    private static func forged(
        by step: Int32,
        updates: UInt32? = nil
    ) throws -> (world: VaultWorld, points: CountsWorld.Points, chunk: ChunkID) {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        let points = try CountsWorld.chain(entries: 300, points: 3, in: world)
        _ = try world.vault.prune()
        let chunk = try contentChunk(of: points[2].point, in: world.vault)
        try CountsWorld.forge(world.vault, updates: updates) {
            for _ in 0..<$0[chunk].asContent { try $0.change(chunk, .content, by: step) }
        }
        return (world, points, chunk)
    }

    /// Too few references, which would cost live chunks, and too many, which would keep dead ones.
    @Test(arguments: [-1, 1] as [Int32])
    func `wrong counts are named by the prune that walks every map, which goes by the maps`(
        step: Int32
    ) throws {
        let (world, points, chunk) = try Self.forged(by: step, updates: PointCounting.updatesMax)
        let error = #expect(throws: VaultError.self) { _ = try world.reopened().prune() }
        #expect(error?.code == .corrupt && error?.message.contains("\(chunk)") == true)
        #expect(error?.message.contains(step < 0 ? "few" : "many") == true)
        #expect(try CountsWorld.violations(world.reopened()) == [])
        #expect(try world.reopened().prune().recountedBecause == nil)
        for (point, contents) in points {
            #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
        }
    }

    @Test(arguments: [-1, 1] as [Int32])
    func `wrong counts are named by a verify, and the next prune does not go by them`(
        step: Int32
    ) throws {
        let (world, points, chunk) = try Self.forged(by: step)
        // Also when points came and went since: the counts are brought up to date for the comparison.
        try world.vault.delete(points[0].point.id)
        let next = try CountsWorld.next(points[2].contents, after: points[2], day: 9, in: world)
        let report = try world.reopened().verify(readData: false)
        #expect(report.findings.map(\.subject) == [.counts] && report.hasComparedCounts)
        #expect(report.findings.first?.message.contains("\(chunk)") == true)
        #expect(report.affectedPoints.isEmpty)
        #expect(try world.reopened().prune().recountedBecause == "nothing was counted yet")
        for (point, contents) in [points[1], points[2], next] {
            #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
        }
        #expect(try world.reopened().verify(readData: true).isClean)
    }

    @Test func `damaged counts are named, and a repair takes them away`() throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        _ = try CountsWorld.chain(entries: 30, points: 2, in: world)
        _ = try world.vault.prune()
        let name = try #require(try world.vault.countsFiles.names().first).text
        try world.disk.corrupt(CountsWorld.folder + "/" + name, at: 150, mask: 4)
        let found = try world.reopened().verify(readData: false).findings
        #expect(found.map(\.file) == ["counts/" + name] && found.first?.subject == .counts)
        let repaired = try world.reopened().repair(.structure)
        #expect(repaired.verified.isClean && repaired.healed.map(\.file) == ["counts"])
        #expect(try world.reopened().prune().recountedBecause == "nothing was counted yet")
    }

    private static func contentChunk(
        of point: RecoveryPoint,
        in vault: Vault
    ) throws -> ChunkID {
        let map = try #require(point.maps["names"])
        let value = try #require(try vault.value(of: Array("entry 100074".utf8), in: map))
        return try #require(value.chunks.first).id
    }

    // MARK: What a prune refuses

    @Test func `a prune with counts refuses what one without refuses`() throws {
        let world = try VaultWorld()
        let points = try CountsWorld.chain(entries: 30, points: 3, in: world)
        _ = try world.vault.prune()
        let path = VaultWorld.directory + "/manifests/\(points[1].point.id).manifest"
        let bytes = try world.disk.contents(of: path)
        try world.disk.corrupt(path, at: 120, mask: 1)
        #expect(VaultTests.code { _ = try world.reopened().prune() } == .corrupt)
        try world.disk.replace(path, with: bytes)
        let hold = PointHold(name: "h", reason: "r", placedBy: "p", placed: VaultWorld.start)
        try world.vault.addHold(hold, to: points[1].point.id)
        try world.disk.remove(path)
        #expect(VaultTests.code { _ = try world.reopened().prune() } == .corrupt)
        try world.disk.replace(path, with: bytes)
        #expect(try world.reopened().prune().recountedBecause == nil)
    }

    @Test func `a full disk has a prune without counts, and the next one makes them`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 605))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(400, bytesMax: 40, using: &generator)
        try VaultWorld.backUp(contents, to: world.vault)
        world.disk.failAfter(bytes: 4_096)
        #expect(try world.vault.prune().recoveryPoints == 1)
        #expect(try world.vault.countsFiles.names().isEmpty)
        world.disk.failAfter(bytes: 1 << 20)
        #expect(try world.reopened().prune().recountedBecause == "nothing was counted yet")
        #expect(try world.reopened().prune().recountedBecause == nil)
        #expect(try CountsWorld.violations(world.reopened()) == [])
        #expect(try world.disk.list(CountsWorld.folder).count == 1)
    }
}
