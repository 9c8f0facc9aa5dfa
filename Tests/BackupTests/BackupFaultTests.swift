import Backup
import BackupVault
import Disk
import FileSystemEngine
import Policies
import Synchronization
import TestKit
import Testing
import VarveModel

/// Backups that meet a full disk, a failure, a lost bookmark; single paths; expiry.
@Suite struct BackupFaultTests {
    private func file(
        _ path: String,
        _ bytes: [UInt8],
        in fileSystem: FileSystem
    ) async throws {
        let names = [FileName](path: path)
        var directory = InodeNumber.root
        for name in names.dropLast() {
            do throws(FileSystemError) {
                directory = try await fileSystem.lookup(name, in: directory, as: .root).inode
            } catch {
                directory = try await fileSystem.create(
                    name,
                    in: directory,
                    NewInode(.directory, permissions: 0o755),
                    as: .root
                ).inode
            }
        }
        let inode = try await fileSystem.create(
            try #require(names.last),
            in: directory,
            NewInode(.regular, permissions: 0o644),
            as: .root
        ).inode
        _ = try await fileSystem.write(inode, bytes, at: 0, stability: .stable, as: .root)
    }

    @Test func `a full disk ends a backup, and the next one succeeds`() async throws {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        var generator = SeededGenerator(seed: 1)
        try await file("a", generator.bytes(100_000), in: fileSystem)
        let first = try await service.backUp(fileSystem, source: "fs", to: vault)
        try await file("b/c", generator.bytes(3 << 20), in: fileSystem)
        disk.failAfter(bytes: 200_000)
        do throws(BackupError) {
            _ = try await service.backUp(fileSystem, source: "fs", to: vault)
            Issue.record("the disk is full")
        } catch {
            #expect(error.code == .noSpace, "\(error)")
        }
        #expect(try vault.recoveryPoints().map(\.id) == [first.point.id])
        disk.setCapacity(1 << 40)
        let second = try await service.backUp(fileSystem, source: "fs", to: vault)
        #expect(!second.isFull, "\(second.fullBecause ?? "")")
        let other = try await world.makeFileSystem()
        _ = try await TreeCopy.run(
            from: .recoveryPoint(vault, second.point, path: []),
            to: .fileSystem(other, path: [], .root)
        )
        let restored = try await TreeDump.of(other)
        #expect(restored.differences(from: try await TreeDump.of(fileSystem)) == [])
        await world.close()
    }

    /// Goal: wherever the vault's disk fails, the next backup makes a whole point.
    @Test func `a backup that fails at any write leaves the vault whole`() async throws {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        var generator = SeededGenerator(seed: 2)
        var failures = 0
        for cut in 0..<12 {
            try await file("f\(cut)", generator.bytes(30_000), in: fileSystem)
            disk.fail(after: cut) { _, path in path.contains("/vaults/") }
            do throws(BackupError) {
                _ = try await service.backUp(fileSystem, source: "fs", to: vault)
            } catch {
                failures += 1
            }
            disk.clearFaults()
            let again = try Vault.open(
                disk: disk,
                directory: "/var/vaults/main",
                root: world.rootKey
            )
            let result = try await service.backUp(fileSystem, source: "fs", to: again)
            #expect(try again.verify(readData: true).findings.isEmpty)
            let other = try await world.makeFileSystem()
            _ = try await TreeCopy.run(
                from: .recoveryPoint(again, result.point, path: []),
                to: .fileSystem(other, path: [], .root)
            )
            let restored = try await TreeDump.of(other)
            #expect(restored.differences(from: try await TreeDump.of(fileSystem)) == [])
            await other.close()
        }
        #expect(failures > 5)
        await world.close()
    }

    @Test func `a cancelled backup leaves no point and no hold`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        var generator = SeededGenerator(seed: 3)
        for number in 0..<20 {
            try await file("f\(number)", generator.bytes(2_000_000), in: fileSystem)
        }
        let service = BackupService(clock: world.clock)
        let code = await withTaskGroup(of: BackupError.Code?.self) { group in
            group.addTask {
                withUnsafeCurrentTask { $0?.cancel() }
                do throws(BackupError) {
                    _ = try await service.backUp(fileSystem, source: "fs", to: vault)
                    return nil
                } catch {
                    return error.code
                }
            }
            return await group.next() ?? nil
        }
        #expect(code == .cancelled)
        #expect(try vault.recoveryPoints().isEmpty)
        #expect(try await service.backUp(fileSystem, source: "fs", to: vault).isFull)
        await world.close()
    }

    /// Goal: a backup that is cancelled while it reads ahead ends at once, and leaves nothing that hinders the next.
    ///
    /// Method: the first word of its progress cancels it: visits have been stored, others wait or are being read.
    @Test func `a backup that is cancelled on its way leaves no point and no hold`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        var generator = SeededGenerator(seed: 4)
        for number in 0..<30 {
            try await file("f\(number)", generator.bytes(2_000_000), in: fileSystem)
        }
        let service = BackupService(clock: world.clock)
        let code = await withTaskGroup(of: BackupError.Code?.self) { group in
            group.addTask {
                do throws(BackupError) {
                    _ = try await service.backUp(fileSystem, source: "fs", to: vault) { _ in
                        withUnsafeCurrentTask { $0?.cancel() }
                    }
                    return nil
                } catch {
                    return error.code
                }
            }
            return await group.next() ?? nil
        }
        #expect(code == .cancelled)
        #expect(try vault.recoveryPoints().isEmpty)
        let next = try await service.backUp(fileSystem, source: "fs", to: vault)
        #expect(next.isFull && next.statistics.bytesRead == 60_000_000)
        #expect(try vault.verify(readData: true).isClean)
        await world.close()
    }

    @Test func `without its point or bookmark a backup is full and says why`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        try await file("a", [1, 2, 3], in: fileSystem)
        let first = try await service.backUp(fileSystem, source: "fs", to: vault)
        #expect(first.fullBecause == "this vault has no earlier point of it")
        try vault.delete(first.point.id)
        let second = try await service.backUp(fileSystem, source: "fs", to: vault)
        #expect(second.fullBecause == "the recovery point of its bookmark is gone")
        let other = try world.makeVault("other")
        let third = try await service.backUp(fileSystem, source: "fs", to: other)
        #expect(third.isFull)
        #expect(try await !service.backUp(fileSystem, source: "fs", to: vault).isFull)
        await world.close()
    }

    @Test func `one path is restored beside what is there`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        try await file("a/b/c", Array("old".utf8), in: fileSystem)
        try await file("a/d", Array("other".utf8), in: fileSystem)
        let point = try await BackupService(clock: world.clock)
            .backUp(fileSystem, source: "fs", to: vault).point
        let report = try await TreeCopy.run(
            from: .recoveryPoint(vault, point, path: Array(path: "a/b/c")),
            to: .fileSystem(fileSystem, path: Array(path: "a/restored"), .root)
        )
        #expect(report.files == 1)
        let found = try await fileSystem.resolve(Array(path: "a/restored"), as: .root)
        #expect(try await fileSystem.read(found.inode, 0..<9, as: .root).bytes == Array("old".utf8))
        _ = try await TreeCopy.run(
            from: .recoveryPoint(vault, point, path: Array(path: "a")),
            to: .fileSystem(fileSystem, path: Array(path: "copy"), .root)
        )
        let copy = try await TreeDump.of(fileSystem, "copy")
        #expect(copy.files.count == 4)
        do throws(BackupError) {
            _ = try await TreeCopy.run(
                from: .recoveryPoint(vault, point, path: Array(path: "a/none")),
                to: .fileSystem(fileSystem, path: Array(path: "x"), .root)
            )
            Issue.record("there is no such path")
        } catch {
            #expect(error.code == .notFound)
        }
        await world.close()
    }

    @Test func `a path comes back from a past instant`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        try await file("a/b", Array("old".utf8), in: fileSystem)
        let hold = try await fileSystem.hold()
        world.clock.advance(seconds: 5)
        let directory = try await fileSystem.resolve(Array(path: "a"), as: .root).inode
        try await fileSystem.unlink(try #require(FileName("b")), in: directory, as: .root)
        _ = try await TreeCopy.run(
            from: .fileSystem(fileSystem, path: Array(path: "a"), .past(hold.epoch), .root),
            to: .fileSystem(fileSystem, path: Array(path: "a"), .root)
        )
        let found = try await fileSystem.resolve(Array(path: "a/b"), as: .root)
        #expect(try await fileSystem.read(found.inode, 0..<9, as: .root).bytes == Array("old".utf8))
        try await fileSystem.release(hold)
        await world.close()
    }

    @Test func `retention deletes what the rule lets go, keeps the first, gives space back`()
        async throws
    {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        var generator = SeededGenerator(seed: 4)
        var points: [RecoveryPoint] = []
        for day in 0..<20 {
            try await file("day\(day)", generator.bytes(50_000), in: fileSystem)
            points.append(try await service.backUp(fileSystem, source: "fs", to: vault).point)
            world.clock.advance(seconds: 86_400)
        }
        let policy = RetentionPolicy(
            name: "a-week-and-the-first",
            why: "",
            file: "",
            rule: RetentionRule(deleteAfterDays: 7, keep: [.first: 1]),
            timeZone: .utc
        )
        let outcome = try RetentionService.apply(
            policy,
            to: vault,
            source: "fs",
            now: world.clock.now()
        )
        let kept = try vault.recoveryPoints().map(\.id)
        #expect(kept.contains(points[0].id))
        #expect(kept.count == outcome.kept.count)
        #expect(outcome.deleted.count == 20 - kept.count)
        #expect(outcome.deleted.count > 10)
        #expect(try vault.verify(readData: true).findings.isEmpty)
        let other = try await world.makeFileSystem()
        let report = try await TreeCopy.run(
            from: .recoveryPoint(vault, points[0], path: []),
            to: .fileSystem(other, path: [], .root)
        )
        #expect(report.files == 1)
        #expect(try await !service.backUp(fileSystem, source: "fs", to: vault).isFull)
        await world.close()
    }

    @Test func `retention keeps the newest point though all are old`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        var points: [RecoveryPoint] = []
        for _ in 0..<3 {
            points.append(try await service.backUp(fileSystem, source: "fs", to: vault).point)
            world.clock.advance(seconds: 86_400)
        }
        points.append(try await service.backUp(fileSystem, source: "other", to: vault).point)
        world.clock.advance(seconds: 86_400 * 400)
        let policy = RetentionPolicy(
            name: "a-week",
            why: "",
            file: "",
            rule: RetentionRule(deleteAfterDays: 7, keep: [:]),
            timeZone: .utc
        )
        for source in ["fs", "other"] {
            let outcome = try RetentionService.apply(
                policy,
                to: vault,
                source: source,
                now: world.clock.now()
            )
            #expect(outcome.kept.map(\.why) == ["the newest of its source"])
        }
        #expect(try vault.recoveryPoints().map(\.id) == [points[2].id, points[3].id])
        await world.close()
    }

    @Test func `a restore ends well though its point is deleted and the vault pruned meanwhile`()
        async throws
    {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        var generator = SeededGenerator(seed: 5)
        for number in 0..<200 {
            try await file("d/f\(number)", generator.bytes(20_000), in: fileSystem)
        }
        let service = BackupService(clock: world.clock)
        let point = try await service.backUp(fileSystem, source: "fs", to: vault).point
        let other = try await world.makeFileSystem()
        let reader = try Vault.open(
            disk: disk,
            directory: "/var/vaults/main",
            root: world.rootKey
        )
        let once = Once()
        let report = try await TreeCopy.run(
            from: .recoveryPoint(reader, point, path: []),
            to: .fileSystem(other, path: [], .root)
        ) { _ in
            once.run {
                try vault.delete(point.id)
                #expect(try vault.prune().packsDeleted == 0)
            }
        }
        #expect(once.hasRun, "the point went while it was being read")
        #expect(report.omissions == [])
        let restored = try await TreeDump.of(other)
        #expect(restored.differences(from: try await TreeDump.of(fileSystem)) == [])
        #expect(try vault.prune().packsDeleted > 0)
        do throws(BackupError) {
            _ = try await TreeCopy.run(
                from: .recoveryPoint(reader, point, path: []),
                to: .fileSystem(other, path: Array(path: "again"), .root)
            )
            Issue.record("the point is gone")
        } catch {
            #expect(error.code == .notFound)
        }
        await world.close()
    }
}

/// Does something the first time that it is told to.
private final class Once: Sendable {
    private let state = Mutex(false)

    var hasRun: Bool { state.withLock { $0 } }

    func run(_ body: () throws -> Void) {
        let isFirst = state.withLock { hasRun in
            defer { hasRun = true }
            return !hasRun
        }
        guard isFirst else { return }
        do {
            try body()
        } catch {
            Issue.record("\(error)")
        }
    }
}
