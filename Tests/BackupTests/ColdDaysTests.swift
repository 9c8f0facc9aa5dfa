import Backup
import BackupVault
import Disk
import FileSystemEngine
import Foundation
import Policies
import TestKit
import Testing
import VarveModel

/// Goal: over 200 days a retention has warm, cold and gone just what its words say, and every point that is there restores.
///
/// Method: a backup every few days, the rule every day, and a plain model: of a point of an age, the newest stays warm, what
/// is over the days of deletion is gone, what is over those of the move is cold, and the rest is warm.
@Suite struct ColdDaysTests {
    private static let day: Int64 = 86_400

    private struct Made {
        let id: RecoveryPointID
        let day: Int
        let text: String
    }

    @Test func `over 200 days what is warm, cold and gone is what the rule says`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let policy = RetentionPolicy(
            name: "cold",
            why: "",
            file: "",
            rule: RetentionRule(deleteAfterDays: 125, moveToColdAfterDays: 30),
            timeZone: .utc
        )
        try await ColdStorageTests.write("day", "none", in: fileSystem)
        let inode = try await fileSystem.resolve(Array(path: "day"), as: .root).inode
        var made: [Made] = []
        var (cold, gone, full) = (0, 0, 0)
        for day in 0..<200 {
            if day % 4 == 0 {
                let text = "day \(day)"
                _ = try await fileSystem.setAttributes(inode, .init(size: 0), as: .root)
                _ = try await fileSystem.write(
                    inode,
                    Array(text.utf8),
                    at: 0,
                    stability: .stable,
                    as: .root
                )
                let result = try await BackupService(clock: world.clock)
                    .backUp(fileSystem, source: "fs", to: vault)
                if result.isFull { full += 1 }
                made.append(Made(id: result.point.id, day: day, text: text))
            }
            let judged = try RetentionService.judge(
                policy,
                of: vault,
                source: "fs",
                now: world.clock.now()
            )
            let outcome = await RetentionService.run(
                policy,
                of: vault,
                source: "fs",
                clock: world.clock
            )
            #expect(outcome.cold.stayed.isEmpty)
            // A dry run tells the same.
            #expect(
                judged.filter(\.movesToCold).map(\.point.id) == outcome.cold.moved.map(\.id)
            )
            #expect(
                judged.filter { $0.keptBecause == nil }.map(\.point.id)
                    == outcome.deleted.map(\.id)
            )
            let points = try vault.recoveryPoints()
            let found = Dictionary(uniqueKeysWithValues: points.map { ($0.id, $0.isCold) })
            var expected: [RecoveryPointID: Bool] = [:]
            for one in made {
                let age = day - one.day
                let isNewest = one.id == made.last?.id
                if age >= 125, !isNewest { continue }
                expected[one.id] = age >= 30 && !isNewest
            }
            #expect(found == expected, "day \(day)")
            cold += outcome.cold.moved.count
            gone += outcome.deleted.count
            world.clock.advance(seconds: Self.day)
        }
        #expect(full == 1, "no later backup built on what had moved")
        #expect(cold > 30 && gone > 15)
        #expect(try vault.verify(readData: true).isClean)
        try await expectTexts(made, vault, world)
        await world.close()
    }

    /// Each point that is there shows the text of its day.
    private func expectTexts(
        _ made: [Made],
        _ vault: Vault,
        _ world: BackupWorld
    ) async throws {
        let points = Set(try vault.recoveryPoints().map(\.id))
        for one in made where points.contains(one.id) {
            let tree = try PointTree.open(one.id, of: vault)
            let file = try tree.resolve(Array(path: "day"))
            let bytes = try tree.read(file, 0..<100)
            #expect(String(decoding: bytes, as: UTF8.self) == one.text)
        }
    }

    /// Goal: points that bear their own days move without any rule, and a rule that came later moves the others.
    @Test func `a point moves by its own days as by a rule's`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        let start = world.clock.now()
        let own = try await service.backUp(
            fileSystem,
            source: "fs",
            to: vault,
            coldAfterDays: 10
        ).point
        #expect(own.movesToCold == start.adding(seconds: 10 * Self.day))
        let plain = try await service.backUp(fileSystem, source: "fs", to: vault).point
        world.clock.advance(seconds: 1)
        let newest = try await service.backUp(
            fileSystem,
            source: "fs",
            to: vault,
            coldAfterDays: 1
        ).point
        world.clock.advance(seconds: 20 * Self.day)
        let due = try vault.pointsDueForCold(now: world.clock.now())
        #expect(due.map(\.id) == [own.id])
        let moved = try await ColdStorage.move(due, of: vault, clock: world.clock).moved
        #expect(moved.map(\.id) == [own.id])
        let policy = RetentionPolicy(
            name: "cold",
            why: "",
            file: "",
            rule: RetentionRule(deleteAfterDays: nil, moveToColdAfterDays: 20),
            timeZone: .utc
        )
        let outcome = await RetentionService.run(
            policy,
            of: vault,
            source: "fs",
            clock: world.clock
        )
        #expect(outcome.cold.moved.map(\.id) == [plain.id] && outcome.deleted.isEmpty)
        #expect(try vault.recoveryPoint(newest.id).isCold == false)
        // Whoever made a newer point died before it moved the bookmark: what that names may move, and is built on no more.
        let writer = try vault.beginWrite()
        _ = try writer.publish(
            RecoveryPointDraft(
                source: "fs",
                instant: newest.instant + 1,
                instantTime: world.clock.now(),
                created: world.clock.now(),
                maps: newest.maps
            )
        )
        _ = try await ColdStorage.move([newest], of: vault, clock: world.clock)
        let next = try await service.backUp(fileSystem, source: "fs", to: vault)
        #expect(next.fullBecause?.contains("cold storage") == true)
        await world.close()
    }

    /// Goal: what a rule deleted is given back though nothing can move; the error is told all the same.
    @Test func `a move that fails keeps no prune from what was deleted`() async throws {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        var generator = SeededGenerator(seed: testSeed(default: 446))
        try await ColdStorageTests.write("big", generator.bytes(200_000), in: fileSystem)
        let inode = try await fileSystem.resolve(Array(path: "big"), as: .root).inode
        for (name, days) in [("old", 70), ("due", 40), ("new", 0)] as [(String, Int64)] {
            try await ColdStorageTests.write(name, name, in: fileSystem)
            _ = try await service.backUp(fileSystem, source: "fs", to: vault)
            // Nothing but the first point needs this.
            _ = try await fileSystem.setAttributes(inode, .init(size: 0), as: .root)
            world.clock.advance(seconds: days * Self.day)
        }
        _ = try vault.setCold(.init())
        try disk.corrupt(world.root + "/vaults/main/cold/settings", at: 100, mask: 1)
        let policy = RetentionPolicy(
            name: "cold",
            why: "",
            file: "",
            rule: RetentionRule(deleteAfterDays: 100, moveToColdAfterDays: 10),
            timeZone: .utc
        )
        let before = try vault.statistics()
        let outcome = await RetentionService.run(
            policy,
            of: vault,
            source: "fs",
            clock: world.clock
        )
        #expect(outcome.failures.map(\.error.code) == [.corrupt])
        #expect(outcome.cold.moved.isEmpty, "nobody can say who may read archives")
        let after = try vault.statistics()
        #expect(after.recoveryPoints == 2)
        #expect(after.generation > before.generation, "a prune has condemned what is dead")
        await world.close()
    }
}
