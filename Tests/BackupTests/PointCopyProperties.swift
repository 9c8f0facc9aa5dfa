import Backup
import BackupVault
import Disk
import FileSystemEngine
import TestKit
import Testing
import VarveModel

/// Goal: whatever was copied from where to where, each copy shows what its original did, and nothing else becomes of
/// the vaults.
///
/// Method: seeded changes of a file system that is backed up to one vault; between backups points are copied among
/// three
/// vaults, forwards, onwards and back, deleted and pruned. A plain model knows by origin what a point shows and which
/// vault has it.
@Suite struct PointCopyProperties {
    /// What the three vaults should have.
    private struct Model {
        /// Of each vault, which origins it has.
        var held: [[PointOrigin: RecoveryPointID]] = [[:], [:], [:]]
        var instants: [PointOrigin: UInt64] = [:]
        var mix: [String: Int] = [:]

        /// What a vault has, the oldest first.
        func origins(in vault: Int) -> [PointOrigin] {
            held[vault].keys.sorted { instants[$0] ?? 0 < instants[$1] ?? 0 }
        }
    }

    @Test(arguments: [UInt64(1), 2])
    func `copies among three vaults show what their originals did`(seed: UInt64) async throws {
        var random = SeededGenerator(seed: testSeed(default: 400 + seed))
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem { $0.tileBytes = 256 << 10 }
        let vaults = try ["a", "b", "c"].map { try world.makeVault($0) }
        let service = BackupService(clock: world.clock)
        var mutator = BackupProperties.Mutator(
            fileSystem: fileSystem,
            generator: SeededGenerator(seed: testSeed(default: seed))
        )
        var model = Model()
        var dumps: [PointOrigin: TreeDump] = [:]
        for round in 0..<8 {
            for _ in 0..<(round == 0 ? 80 : 25) { try await mutator.step() }
            world.clock.advance(seconds: 3_600)
            let dump = try await TreeDump.of(fileSystem)
            let point = try await service.backUp(
                fileSystem,
                source: fileSystem.id.text,
                to: vaults[0],
                labels: ["name": "home"]
            ).point
            let origin = point.origin(in: vaults[0].id)
            dumps[origin] = dump
            model.instants[origin] = point.instant
            model.held[0][origin] = point.id
            for _ in 0..<5 { try await step(vaults, world.clock, &model, &random) }
            while try await fileSystem.collectGarbage().isMoreDue {}
        }
        // Onwards, so that the last vault has something at any rate.
        for (from, to) in [(0, 1), (1, 2)] {
            try await copyAll(vaults, from, to, world.clock, &model)
        }
        print("copies among vaults:", model.mix, model.held.map(\.count))
        #expect(Set(model.mix.keys) == ["all", "newest", "one", "delete", "prune"])
        for (number, vault) in vaults.enumerated() {
            let points = try vault.recoveryPoints()
            let found = Dictionary(
                uniqueKeysWithValues: points.map { ($0.origin(in: vault.id), $0.id) }
            )
            #expect(found == model.held[number], "vault \(number)")
            let report = try vault.verify(readData: true)
            #expect(report.isClean && report.withoutVoucher == 0, "vault \(number)")
        }
        try await restore(from: vaults[2], to: world, dumps)
        try await expectSameNodes(vaults[0], vaults[2], world.clock)
        await world.close()
    }

    private func step(
        _ vaults: [Vault],
        _ clock: any VarveClock,
        _ model: inout Model,
        _ random: inout SeededGenerator
    ) async throws {
        let from = Int.random(in: 0..<3, using: &random)
        let to = (from + Int.random(in: 1...2, using: &random)) % 3
        switch Int.random(in: 0..<10, using: &random) {
        case 0: try await copyAll(vaults, from, to, clock, &model)
        case 1, 2:
            model.mix["newest", default: 0] += 1
            let newest = Array(model.origins(in: from).suffix(1))
            try await copy(newest, .newest { _ in true }, vaults, from, to, clock, &model)
        case 3...5:
            // Any of them, also one that is older than what is there.
            guard let origin = model.origins(in: from).randomElement(using: &random),
                let id = model.held[from][origin]
            else { return }
            model.mix["one", default: 0] += 1
            try await copy([origin], .ids([id]), vaults, from, to, clock, &model)
        case 6, 7:
            // The newest backup stays, so that the next one is an increment of it.
            guard let origin = model.origins(in: from).dropLast().randomElement(using: &random),
                let id = model.held[from].removeValue(forKey: origin)
            else { return }
            model.mix["delete", default: 0] += 1
            try vaults[from].delete(id)
        default:
            model.mix["prune", default: 0] += 1
            _ = try vaults[from].prune()
        }
    }

    private func copyAll(
        _ vaults: [Vault],
        _ from: Int,
        _ to: Int,
        _ clock: any VarveClock,
        _ model: inout Model
    ) async throws {
        model.mix["all", default: 0] += 1
        let origins = Array(model.held[from].keys)
        try await copy(origins, .everything, vaults, from, to, clock, &model)
    }

    /// Copies, and holds what became of each point against the model.
    private func copy(
        _ origins: [PointOrigin],
        _ selection: PointSelection,
        _ vaults: [Vault],
        _ from: Int,
        _ to: Int,
        _ clock: any VarveClock,
        _ model: inout Model
    ) async throws {
        let copies = try PointCopies(from: vaults[from], to: vaults[to], clock: clock)
        let outcomes = try await copies.copy(selection).outcomes
        let asked = outcomes.map { $0.point.origin(in: vaults[from].id) }
        #expect(Set(asked) == Set(origins) && asked.count == origins.count)
        for (outcome, origin) in zip(outcomes, asked) {
            let known = model.held[to][origin]
            switch outcome.what {
            case .there(let id): #expect(id == known)
            case .copied(let copy, _, let base):
                #expect(known == nil && copy.origin(in: vaults[to].id) == origin)
                let shared = Set(model.held[from].keys).intersection(model.held[to].keys)
                #expect((base == nil) == shared.isEmpty, "what both have is stood on")
                model.held[to][origin] = copy.id
            case .planned, .refused: Issue.record("\(outcome)")
            }
        }
    }

    private func restore(
        from vault: Vault,
        to world: BackupWorld,
        _ dumps: [PointOrigin: TreeDump]
    ) async throws {
        let reopened = try Vault.open(
            disk: world.disk,
            directory: "/var/vaults/c",
            root: world.rootKey
        )
        for point in try reopened.recoveryPoints() {
            let other = try await world.makeFileSystem()
            let report = try await TreeCopy.run(
                from: .recoveryPoint(reopened, point, path: []),
                to: .fileSystem(other, path: [], .root)
            )
            #expect(report.omissions == [])
            let restored = try await TreeDump.of(other)
            let dump = try #require(dumps[point.origin(in: vault.id)])
            #expect(restored.differences(from: dump) == [], "\(point.id)")
            #expect(point.labels["name"] == "home" && point.statistics["bytesTotal"] != nil)
            await other.close()
        }
    }

    /// Goal: a vault's maps depend on what they hold alone, not on the way that it came.
    private func expectSameNodes(
        _ source: Vault,
        _ target: Vault,
        _ clock: any VarveClock
    ) async throws {
        let origins = Set(try source.recoveryPoints().map { $0.origin(in: source.id) })
        let before = try target.recoveryPoints().filter {
            origins.contains($0.origin(in: target.id))
        }
        let known = try #require(before.last)
        for point in try target.recoveryPoints() { try target.delete(point.id) }
        _ = try target.prune()
        let origin = known.origin(in: target.id)
        let point = try #require(
            try source.recoveryPoints().first { $0.origin(in: source.id) == origin }
        )
        let copies = try PointCopies(from: source, to: target, clock: clock)
        guard
            case .copied(let again, _, let base)? =
                try await copies.copy(.ids([point.id])).outcomes.first?.what
        else {
            Issue.record("it is gone there, so it is copied")
            return
        }
        #expect(base == nil && again.maps == known.maps)
    }
}
