import Disk
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: whatever is backed up, deleted, moved and pruned, and whatever becomes of the counts in between, what a prune
/// takes for live is what the maps say (I6).
///
/// Method: seeded lives of vaults. Before some prunes the counts are lost, damaged, or those of an earlier prune are put
/// back, alone or beside the newest. After each prune the counts are held against a walk of all maps, every point is
/// read whole, and no dead pack is left where nobody writes.
@Suite struct CountsProperties {
    enum Kind: String, CaseIterable {
        case backUp, stand, delete, move, prune, reopen, begin, end
    }

    enum Harm: String, CaseIterable {
        case kept, lost, oneLost, damaged, putBack, beside
    }

    struct Mix {
        var kinds: [Kind: Int] = [:]
        var harms: [Harm: Int] = [:]
        var walks = 0
    }

    /// One vault and what is known of it.
    struct Life {
        let world: VaultWorld
        var vault: Vault
        var generator: SeededGenerator
        var contents: VaultWorld.Contents
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []
        var idle: VaultWriter?
        /// The files of counts after earlier prunes.
        var earlier: [[String: [UInt8]]] = []
        var day: Int64 = 0
    }

    @Test func `what a prune takes for live is what the maps say`() throws {
        let seed = testSeed(default: 611)
        var mix = Mix()
        for number in 0..<UInt64(TestSizes.current.countsLives) {
            var generator = SeededGenerator(seed: seed + number)
            let world = try VaultWorld(disk: SimulatedDisk(recording: false))
            let contents = VaultWorld.contents(300, bytesMax: 50, using: &generator)
            var life = Life(
                world: world,
                vault: world.vault,
                generator: generator,
                contents: contents
            )
            for step in 0..<80 {
                try Self.live(&life, &mix, "seed \(seed + number), step \(step)")
            }
            life.idle?.abandon()
        }
        print("counts: \(mix.kinds), before prunes: \(mix.harms), \(mix.walks) walks of all maps")
        #expect(Kind.allCases.allSatisfy { (mix.kinds[$0] ?? 0) > 0 }, "\(mix.kinds)")
        #expect(Harm.allCases.allSatisfy { (mix.harms[$0] ?? 0) > 0 }, "\(mix.harms)")
        let prunes = mix.kinds[.prune] ?? 0
        #expect(mix.walks > 0 && mix.walks < prunes)
    }

    private static func live(_ life: inout Life, _ mix: inout Mix, _ what: String) throws {
        let kind = Kind.allCases.randomElement(using: &life.generator) ?? .prune
        let place = life.points.indices.randomElement(using: &life.generator)
        switch kind {
        case .backUp:
            life.contents = VaultWorld.change(life.contents, using: &life.generator)
            try backUp(&life, after: nil)
        case .stand:
            guard let place else { return }
            life.contents = VaultWorld.change(
                life.points[place].contents,
                using: &life.generator
            )
            try backUp(&life, after: life.points[place])
        case .delete:
            guard let place, life.points.count > 2 else { return }
            try life.vault.delete(life.points.remove(at: place).point.id)
        case .move:
            guard let place, life.points.count > 4 else { return }
            let id = life.points.remove(at: place).point.id
            try ColdVaultTests.move(id, of: life.vault, as: Array("archive".utf8))
        case .prune: try prune(&life, &mix, what)
        case .reopen: life.vault = try life.world.reopened()
        case .begin:
            guard life.idle == nil else { return }
            life.idle = try life.vault.beginWrite()
        case .end:
            guard let idle = life.idle else { return }
            idle.abandon()
            life.idle = nil
        }
        mix.kinds[kind, default: 0] += 1
    }

    private static func backUp(
        _ life: inout Life,
        after base: (point: RecoveryPoint, contents: VaultWorld.Contents)?
    ) throws {
        life.day += 1
        let point = try VaultWorld.backUp(
            life.contents,
            to: life.vault,
            after: base.map { ($0.point, $0.contents) },
            day: life.day
        )
        life.points.append((point, life.contents))
    }

    private static func prune(_ life: inout Life, _ mix: inout Mix, _ what: String) throws {
        let harm = Harm.allCases.randomElement(using: &life.generator) ?? .kept
        guard try Self.harm(&life, harm) else { return }
        mix.harms[harm, default: 0] += 1
        let report = try life.vault.prune()
        if report.recountedBecause != nil { mix.walks += 1 }
        if harm == .kept, report.recountedBecause != nil {
            #expect(report.recountedBecause == "nothing was counted yet", "\(what)")
        }
        let seen = try life.world.reopened()
        #expect(try CountsWorld.violations(seen) == [], "\(what), \(harm)")
        #expect(report.recoveryPoints == life.points.count, "\(what)")
        for (point, contents) in life.points {
            #expect(try VaultWorld.restore(point, from: seen) == contents, "\(what): \(point.id)")
        }
        if life.idle == nil {
            #expect(try CountsWorld.deadPacks(of: seen) == 0, "\(what), \(harm)")
        }
        let verified = try seen.verify(readData: false)
        #expect(verified.isClean, "\(what): \(verified.findings.map(\.message))")
        life.earlier.append(try CountsWorld.files(of: life.world))
    }

    /// - Returns: Whether there was anything to harm.
    private static func harm(_ life: inout Life, _ harm: Harm) throws -> Bool {
        let disk = life.world.disk
        let files = try CountsWorld.files(of: life.world)
        let paths = files.keys.sorted()
        guard harm != .kept else { return true }
        guard let path = paths.randomElement(using: &life.generator), let bytes = files[path],
            let older = life.earlier.randomElement(using: &life.generator)
        else { return false }
        switch harm {
        case .kept: break
        case .lost: for path in paths { try disk.remove(path) }
        case .oneLost: try disk.remove(path)
        case .damaged:
            let place = UInt64.random(in: 0..<UInt64(bytes.count), using: &life.generator)
            let mask = UInt8.random(in: 1...255, using: &life.generator)
            try disk.corrupt(path, at: place, mask: mask)
        case .putBack, .beside:
            if harm == .putBack { for path in paths { try disk.remove(path) } }
            for (path, bytes) in older { try disk.replace(path, with: bytes) }
        }
        return true
    }

    // MARK: Each byte

    @Test(arguments: EveryByteTests.Harm.allCases)
    func `whatever byte of the counts changes, every map is walked`(
        harm: EveryByteTests.Harm
    ) throws {
        var generator = SeededGenerator(seed: testSeed(default: 612))
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        let points = try CountsWorld.chain(entries: 12, points: 4, in: world)
        _ = try world.vault.prune()
        try world.vault.delete(points[0].point.id)
        _ = try world.vault.prune()
        try world.vault.delete(points[1].point.id)
        let state = try RollbackTests.files(of: world)
        let files = try CountsWorld.files(of: world)
        #expect(files.count == 2)
        let stride = max(1, TestSizes.current.vaultByteStride / 8)
        var tried = 0
        for (path, bytes) in files.sorted(by: { $0.key < $1.key }) {
            var offset = Int.random(in: 0..<stride, using: &generator)
            while offset < bytes.count {
                try RollbackTests.put(state, into: world)
                let mask = UInt8.random(in: 1...255, using: &generator)
                let what = "\(DiskPath.name(of: path)) \(harm.rawValue) at \(offset)"
                try world.disk.replace(
                    path,
                    with: harm.applied(to: bytes, at: offset, mask: mask)
                )
                let report = try world.reopened().prune()
                #expect(report.recountedBecause != nil, "\(what)")
                #expect(try CountsWorld.violations(world.reopened()) == [], "\(what)")
                #expect(try world.reopened().verify(readData: false).isClean, "\(what)")
                tried += 1
                offset += stride
            }
        }
        print("\(tried) bytes of counts \(harm.rawValue)")
        #expect(tried > 20)
    }

    // MARK: The table

    @Test func `a table of counts agrees with a dictionary`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 613))
        var table = CountTable()
        var model: [ChunkID: References] = [:]
        var refused = 0
        for step in 0..<TestSizes.current.fuzzInputs * 5 {
            let digest = [UInt8](repeating: UInt8.random(in: 0..<60, using: &generator), count: 24)
            let id = ChunkID(digest: digest)
            let kind: References.Kind = Bool.random(using: &generator) ? .node : .content
            let amount: Int32 = Bool.random(using: &generator) ? 1 : -1
            if Int.random(in: 0..<50, using: &generator) == 0 { table.settle() }
            let known = model[id] ?? References()
            guard known[kind] + amount >= 0 else {
                // A table that refused is of no use; a copy is asked.
                var copy = table
                #expect(throws: VaultError.self) { try copy.change(id, kind, by: amount) }
                refused += 1
                continue
            }
            let count = try table.change(id, kind, by: amount)
            #expect(count == known[kind] + amount, "step \(step)")
            model[id] = known.adding(.one(kind, amount))
            #expect(table[id] == model[id], "step \(step)")
            guard step.isMultiple(of: 40) else { continue }
            let live = Set(model.filter { !$0.value.isNone }.keys)
            var seen: [ChunkID] = []
            table.forEachLive { seen.append($0) }
            #expect(seen.count == live.count && Set(seen) == live && table.count == live.count)
        }
        #expect(refused > 0)
        // What is stored and what has changed since come to the same as all at once.
        let joined = try #require(CountTable(base: table.stored, differences: table.differences))
        var settled = table
        settled.settle()
        #expect(joined.firstDifference(from: settled) == nil && joined.count == table.count)
    }

    @Test func `a count that would be more than it holds is refused`() throws {
        let id = ChunkID(digest: [UInt8](repeating: 1, count: 24))
        let most = CountTable.Entry(id: id, references: References(asNode: 1, asContent: .max))
        var table = try #require(CountTable(base: [most], differences: []))
        #expect(throws: VaultError.self) { try table.change(id, .content, by: 1) }
        #expect(CountTable(base: [most], differences: [most]) == nil)
        let less = CountTable.Entry(id: id, references: References(asNode: -2, asContent: 0))
        #expect(CountTable(base: [most], differences: [less]) == nil)
    }
}
