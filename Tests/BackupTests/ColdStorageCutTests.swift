import Backup
import BackupVault
import Disk
import FileSystemEngine
import Policies
import TestKit
import Testing
import VarveModel

/// Goal: a power cut at any write of moves to cold storage, as the daemon makes them, leaves every point that was not
/// deleted warm or cold, and showing what it showed; what was cut short is done by the next move, and nothing leaks.
///
/// Method: one run of `ColdStorage` and of a retention is recorded over a vault of real recovery points; after each
/// write the disk is rebuilt as a power cut would leave it, with what was not synced kept, dropped and torn.
/// `ColdPowerCutTests` does the same to the vault's own calls, with archives that hold anything.
@Suite struct ColdStorageCutTests {
    typealias Files = [String: [UInt8]]

    /// What must be so once something was acknowledged.
    private struct Promise {
        var cold: Set<RecoveryPointID> = []
        var gone: Set<RecoveryPointID> = []
    }

    /// One recorded life of a vault.
    private final class Life {
        let disk = SimulatedDisk()
        let world: BackupWorld
        var shown: [(id: RecoveryPointID, files: Files)] = []
        var promises = [Promise()]
        var first = 0

        static let directory = "/var/vaults/main"

        init() throws {
            world = try BackupWorld(disk: disk, root: "/var")
        }

        func record() async throws {
            var generator = SeededGenerator(seed: testSeed(default: 470))
            let fileSystem = try await world.makeFileSystem()
            let vault = try world.makeVault()
            try await makePoints(5, fileSystem, vault, using: &generator)
            await world.close()
            first = disk.operations
            let points = try vault.recoveryPoints()
            try await move([points[0], points[1]], vault)
            _ = try vault.prune()
            try vault.delete(points[0].id)
            acknowledge { $0.gone.insert(points[0].id) }
            // The rule lets the next one go, moves the one after it, and prunes.
            let policy = RetentionPolicy(
                name: "rule",
                why: "",
                file: "",
                rule: RetentionRule(deleteAfterDays: nil, keep: [.last: 3], moveToColdAfterDays: 3),
                timeZone: .utc
            )
            let report = await RetentionService.run(policy, of: vault, clock: world.clock)
            #expect(report.deleted.map(\.id) == [points[1].id] && report.failures.isEmpty)
            #expect(report.cold.moved.map(\.id) == [points[2].id])
            acknowledge {
                $0.gone.insert(points[1].id)
                $0.cold.insert(points[2].id)
            }
        }

        private func makePoints(
            _ count: Int,
            _ fileSystem: FileSystem,
            _ vault: Vault,
            using generator: inout SeededGenerator
        ) async throws {
            var files: Files = [:]
            for number in 0..<count {
                for (name, size) in [("small-\(number)", 300), ("large", 90_000)] {
                    let bytes = generator.bytes(size)
                    if files[name] == nil {
                        try await ColdStorageTests.write(name, "", in: fileSystem)
                    }
                    let inode = try await fileSystem.resolve(.init(path: name), as: .root).inode
                    _ = try await fileSystem.write(
                        inode,
                        bytes,
                        at: 0,
                        stability: .stable,
                        as: .root
                    )
                    files[name] = bytes
                }
                let point = try await BackupService(clock: world.clock)
                    .backUp(fileSystem, source: "fs", to: vault).point
                shown.append((point.id, files))
                world.clock.advance(seconds: 86_400)
            }
        }

        private func move(_ points: [RecoveryPoint], _ vault: Vault) async throws {
            let moved = try await ColdStorageTests.move(points, vault, world)
            acknowledge { $0.cold.formUnion(moved.map(\.id)) }
        }

        private func acknowledge(_ change: (inout Promise) -> Void) {
            var next = promises[promises.count - 1]
            change(&next)
            disk.mark("\(promises.count)")
            promises.append(next)
        }
    }

    @Test func `points are warm or cold after a power cut at any write of their move`() async throws
    {
        let life = try Life()
        try await life.record()
        var replay = life.disk.replay()
        let stride = TestSizes.current.powerCutStride
        var forms: [String: Int] = [:]
        for (number, cut) in Swift.stride(
            from: life.first,
            through: life.disk.operations,
            by: stride
        ).enumerated() {
            replay.advance(to: cut)
            let fates: [CutFate] = [.dropUnsynced, .tear(seed: UInt64(cut)), .keepUnsynced]
            for fate in stride == 1 ? fates : [fates[number % 3]] {
                let wrong = await Self.violations(replay.image(fate), life, cut: cut, &forms)
                #expect(wrong == [], "cut after \(cut), \(fate)")
            }
        }
        print("moves to cold storage: \(life.disk.operations - life.first) writes, \(forms)")
        for form in ["warm", "cold", "gone", "moved later"] {
            #expect(forms[form, default: 0] > 0, "\(form): never")
        }
    }

    /// Goal: the test above can fail: a sync that a move leaves out shows.
    @Test func `a sync that a move leaves out shows`() async throws {
        let life = try Life()
        try await life.record()
        let syncs = life.disk.syncs.filter { sync in
            sync.operation > life.first
                && (sync.path.contains(".tar.zst.age") || sync.path.hasSuffix("/manifests")
                    || sync.path.hasSuffix(".cold.new"))
        }
        var shown = 0
        for sync in syncs {
            var replay = life.disk.replay(skippingSync: sync.number)
            var isShown = false
            for mark in life.disk.marks.filter({ $0.position >= sync.operation }).prefix(2) {
                replay.advance(to: mark.position)
                for fate in [CutFate.dropUnsynced] + (1...3).map({ CutFate.tear(seed: $0) })
                where !isShown {
                    var forms: [String: Int] = [:]
                    let image = replay.image(fate)
                    let wrong = await Self.violations(image, life, cut: mark.position, &forms)
                    isShown = !wrong.isEmpty
                }
            }
            if isShown { shown += 1 }
        }
        print("moves to cold storage: \(shown) of \(syncs.count) syncs show when they are left out")
        #expect(syncs.count >= 6 && shown >= 4)
    }

    // MARK: What is wrong

    /// What is wrong on an image; nothing when all is well.
    private static func violations(
        _ image: SimulatedDisk,
        _ life: Life,
        cut: Int,
        _ forms: inout [String: Int]
    ) async -> [String] {
        let known = life.disk.marks(acknowledgedBy: cut).count
        let promise = life.promises[known]
        let next = life.promises[min(known + 1, life.promises.count - 1)]
        do {
            let vault = try Vault.open(
                disk: image,
                directory: Life.directory,
                root: life.world.rootKey
            )
            var wrong = try wrongPoints(vault, life, promise, next, &forms)
            wrong += try vault.verify(readData: true).findings.map(\.message)
            _ = try vault.prune()
            wrong += try leftovers(image, vault)
            // What was cut short is done now.
            let due = try vault.recoveryPoints().dropLast().filter { !$0.isCold }
            let outcome = try await ColdStorage.move(
                Array(due),
                of: vault,
                clock: life.world.clock
            )
            wrong += outcome.stayed.map { "\($0.point) stays warm: \($0.error)" }
            forms["moved later", default: 0] += outcome.moved.count
            var all = next
            all.cold.formUnion(outcome.moved.map(\.id))
            _ = try vault.prune()
            wrong += try wrongPoints(vault, life, promise, all, &forms)
            wrong += try leftovers(image, vault)
            let after = try vault.verify(readData: true)
            return wrong + after.findings.map { "after the move: \($0.message)" }
        } catch {
            return ["\(error)"]
        }
    }

    private static func wrongPoints(
        _ vault: Vault,
        _ life: Life,
        _ promise: Promise,
        _ next: Promise,
        _ forms: inout [String: Int]
    ) throws -> [String] {
        var wrong: [String] = []
        let points = try vault.recoveryPoints()
        for (id, files) in life.shown {
            guard let point = points.first(where: { $0.id == id }) else {
                forms["gone", default: 0] += 1
                if !next.gone.contains(id) { wrong.append("\(id) is gone") }
                continue
            }
            forms[point.isCold ? "cold" : "warm", default: 0] += 1
            if promise.gone.contains(id) { wrong.append("\(id) came back") }
            if point.isCold, !next.cold.contains(id) { wrong.append("\(id) is cold") }
            if !point.isCold, promise.cold.contains(id) { wrong.append("\(id) is warm again") }
            if try shown(by: point, of: vault) != files { wrong.append("\(id) shows else") }
        }
        return wrong
    }

    private static func shown(by point: RecoveryPoint, of vault: Vault) throws -> Files {
        let tree = try PointTree.open(point.id, of: vault)
        let top = try tree.resolve([])
        let walk = PointWalk(tree, from: [], top.attributes.inode) { _ in true }
        var shown: Files = [:]
        while let page = walk.next() {
            for found in page {
                let path = found.path.map(\.description).joined(separator: "/")
                shown[path] = try tree.read(found.entry, 0..<found.entry.attributes.size)
            }
        }
        return shown
    }

    /// Files of cold storage that belong to no cold point.
    private static func leftovers(_ image: SimulatedDisk, _ vault: Vault) throws -> [String] {
        let folder = Life.directory + "/cold"
        guard try image.status(of: folder) != nil else { return [] }
        let cold = try vault.recoveryPoints().filter(\.isCold).map(\.id)
        let own = Set(cold.flatMap { ["\($0).cold", "\($0).tar.zst.age"] } + ["settings"])
        return try image.list(folder).filter { !own.contains($0) }.map { "left: \($0)" }
    }
}
