import Disk
import FileSystemEngine
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import Backup
@testable import BackupVault

/// Goal: content that a vault has lost, and no parity heals, comes back from whoever still has the bytes, and nothing else does.
@Suite struct LostContentTests {
    struct Sample {
        let world: BackupWorld
        let disk: SimulatedDisk
        let fs: FileSystem
        let vault: Vault
        let point: RecoveryPoint
        /// By name.
        let inodes: [String: InodeNumber]
        let dump: TreeDump
    }

    /// A large file, a small one, one with a long extended attribute, and one with a hole.
    static func sample() async throws -> Sample {
        var generator = SeededGenerator(seed: testSeed(default: 93))
        let (world, disk) = try BackupWorld.inMemory()
        let fs = try await world.makeFileSystem()
        var inodes: [String: InodeNumber] = [:]
        for (name, size) in [
            ("large", 6 << 20), ("small", 5_000), ("dressed", 10), ("holed", 9_000),
        ] {
            let inode = try await fs.create(
                try #require(FileName(name)),
                in: .root,
                NewInode(.regular, permissions: 0o644),
                as: .root
            ).inode
            inodes[name] = inode
            let bytes = generator.bytes(size)
            _ = try await fs.write(inode, bytes, at: 0, stability: .unstable, as: .root)
        }
        let holed = try #require(inodes["holed"])
        let far = generator.bytes(70_000)
        _ = try await fs.write(holed, far, at: 3 << 20, stability: .unstable, as: .root)
        _ = try await fs.setExtendedAttribute(
            Array("user.long".utf8),
            generator.bytes(9_000),
            of: try #require(inodes["dressed"]),
            as: .root
        )
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        let point = try await service.backUp(fs, source: "fs", to: vault).point
        return Sample(
            world: world,
            disk: disk,
            fs: fs,
            vault: vault,
            point: point,
            inodes: inodes,
            dump: try await TreeDump.of(fs)
        )
    }

    /// Damages every chunk of content but the shortest, in which a prune has something left to save.
    private static func damage(_ sample: Sample) throws -> Int {
        let chunks = sample.vault.knowledge.withLock { known in
            known.index.chunks.values.map { ($0, known.index.pack(of: $0)) }
        }
        var hits = 0
        for (place, pack) in chunks where pack.kind == .content && place.length > 10 {
            let path = "/var/vaults/main/packs/" + PackFormat.fileName(pack.id)
            try sample.disk.corrupt(path, at: UInt64(place.offset) + 5, mask: 1)
            hits += 1
        }
        return hits
    }

    private static func reopened(_ sample: Sample) throws -> Vault {
        try Vault.open(
            disk: sample.disk,
            directory: "/var/vaults/main",
            root: sample.world.rootKey
        )
    }

    private static func expectWhole(_ sample: Sample, in vault: Vault) async throws {
        let target = try await sample.world.makeFileSystem()
        _ = try await TreeCopy.run(
            from: .recoveryPoint(vault, sample.point, path: []),
            to: .fileSystem(target, path: [], .root)
        )
        #expect(try await TreeDump.of(target) == sample.dump)
    }

    /// Brings content back, and looks that nothing of the point is missed any more, also after a prune.
    private static func expectRestored(_ sample: Sample, from givers: [LostContent.Giver])
        async throws
    {
        let hits = try damage(sample)
        let vault = try reopened(sample)
        let before = try vault.verify(readData: true)
        let lost = before.findings.filter { $0.affectedCount > 0 }.count
        #expect(lost == hits && lost > 10 && before.findings.allSatisfy { !$0.isSpare })
        let report = try await LostContent(of: vault, from: givers).restore(before)
        #expect(report.chunks == lost && report.left == 0 && report.bytes > 6 << 20)
        for known in [vault, try reopened(sample)] {
            let after = try known.verify(readData: true)
            #expect(after.findings.count == before.findings.count)
            #expect(after.findings.allSatisfy { $0.isSpare && $0.affectedCount == 0 })
        }
        try await expectWhole(sample, in: vault)
        // Whoever knows of the damage prunes the packs that have it; what they hold besides moves.
        #expect(try vault.prune().packsDeleted > 0)
        let pruned = try reopened(sample)
        #expect(try pruned.verify(readData: true).isClean)
        try await expectWhole(sample, in: pruned)
        await sample.world.close()
    }

    @Test func `a live file system gives back what it still has`() async throws {
        let sample = try await Self.sample()
        try await Self.expectRestored(sample, from: [.fileSystem(sample.fs, source: "fs")])
    }

    /// Goal: other keys, other cuts: the same bytes.
    @Test func `another vault gives back what it has of the same files`() async throws {
        let sample = try await Self.sample()
        let other = try sample.world.makeVault("other")
        let service = BackupService(clock: sample.world.clock)
        // Of its points only the first still has the bytes.
        _ = try await service.backUp(sample.fs, source: "fs", to: other)
        for inode in sample.inodes.values {
            _ = try await sample.fs.write(inode, [1, 2, 3], at: 1, stability: .unstable, as: .root)
        }
        sample.world.clock.advance(seconds: 100)
        _ = try await service.backUp(sample.fs, source: "fs", to: other)
        try await Self.expectRestored(sample, from: [.vault(other)])
    }

    @Test func `an instant that is held gives back what the present has no more`() async throws {
        let sample = try await Self.sample()
        let hold = try await sample.fs.hold()
        var generator = SeededGenerator(seed: testSeed(default: 94))
        for inode in sample.inodes.values {
            _ = try await sample.fs.write(
                inode,
                generator.bytes(6 << 20),
                at: 0,
                stability: .unstable,
                as: .root
            )
        }
        _ = try await sample.fs.setExtendedAttribute(
            Array("user.long".utf8),
            [1],
            of: try #require(sample.inodes["dressed"]),
            as: .root
        )
        try await Self.expectRestored(sample, from: [.fileSystem(sample.fs, source: "fs")])
        #expect(hold.epoch.rawValue > sample.point.instant)
    }

    /// Goal: bytes that are others are not taken for those that were lost.
    @Test func `what nobody has stays lost, and is told`() async throws {
        let sample = try await Self.sample()
        let stranger = try await sample.world.makeFileSystem()
        var generator = SeededGenerator(seed: testSeed(default: 95))
        for name in ["large", "small", "dressed", "holed"] {
            let inode = try await stranger.create(
                try #require(FileName(name)),
                in: .root,
                NewInode(.regular, permissions: 0o644),
                as: .root
            ).inode
            #expect(inode == sample.inodes[name])
            let bytes = generator.bytes(6 << 20)
            _ = try await stranger.write(inode, bytes, at: 0, stability: .unstable, as: .root)
        }
        let empty = try sample.world.makeVault("empty")
        _ = try Self.damage(sample)
        let vault = try Self.reopened(sample)
        let before = try vault.verify(readData: true)
        let lost = before.findings.filter { $0.affectedCount > 0 }.count
        let packs = try sample.disk.list("/var/vaults/main/packs")
        let givers: [LostContent.Giver] = [
            .fileSystem(stranger, source: "fs"), .fileSystem(sample.fs, source: "another"),
            .vault(empty),
        ]
        let report = try await LostContent(of: vault, from: givers).restore(before)
        #expect(report == LostContent.Report(chunks: 0, bytes: 0, left: lost))
        #expect(try sample.disk.list("/var/vaults/main/packs") == packs)
        #expect(try vault.verify(readData: true).findings.count == before.findings.count)
        await sample.world.close()
    }
}
