import BackupVault
import Disk
import FileSystemEngine
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import Backup

/// What a backup holds beside data, and what it tells of itself on the way.
@Suite struct BackupBoundsTests {
    private func file(_ name: String, in fileSystem: FileSystem) async throws -> InodeNumber {
        try await fileSystem.create(
            try #require(FileName(name)),
            in: .root,
            NewInode(.regular, permissions: 0o644),
            as: .root
        ).inode
    }

    private func attributes(
        _ count: Int,
        of inode: InodeNumber,
        in fileSystem: FileSystem,
        _ generator: inout SeededGenerator
    ) async throws {
        for number in 0..<count {
            _ = try await fileSystem.setExtendedAttribute(
                Array("user.a\(number)".utf8),
                generator.bytes(60_000),
                of: inode,
                as: .root
            )
        }
    }

    /// Goal: extended attributes, of which an inode may have 64 MiB, are held within bounds as data is.
    ///
    /// Method: empty files with 12 MB of them together, and one with 1.5 MB; the sum is counted where it is held.
    @Test func `extended attributes of many files are not held together, and all come back`()
        async throws
    {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        var generator = SeededGenerator(seed: testSeed(default: 37))
        for number in 0..<100 {
            let inode = try await file("f\(number)", in: fileSystem)
            try await attributes(2, of: inode, in: fileSystem, &generator)
            if number == 50 {
                try await attributes(25, of: inode, in: fileSystem, &generator)
            }
        }
        let service = BackupService(clock: world.clock)
        let full = try await service.backUp(fileSystem, source: "fs", to: vault)
        let held = full.statistics.bytesHeldMax
        // The one, and what the visits in hand may have: twice the long reads and two, 512 KiB each.
        let most = 25 * 60_010 + UInt64(2 * fileSystem.longReadsMax + 2) << 19
        #expect(held >= 25 * 60_000 && held <= most, "\(held), at most \(most)")
        try await expectRestored(full.point, fileSystem, vault, world)

        // The same of an increment.
        world.clock.advance(seconds: 60)
        for number in 0..<100 {
            let name = try #require(FileName("f\(number)"))
            let inode = try await fileSystem.lookup(name, in: .root, as: .root).inode
            _ = try await fileSystem.setAttributes(inode, .init(permissions: 0o600), as: .root)
        }
        let next = try await service.backUp(fileSystem, source: "fs", to: vault)
        #expect(!next.isFull && next.statistics.inodeEdits == 100)
        #expect(next.statistics.bytesHeldMax >= 25 * 60_000)
        #expect(next.statistics.bytesHeldMax <= most)
        #expect(next.statistics.bytesRead == 0 && next.statistics.contentEdits == 0)
        try await expectRestored(next.point, fileSystem, vault, world)
        await world.close()
    }

    private func expectRestored(
        _ point: RecoveryPoint,
        _ fileSystem: FileSystem,
        _ vault: Vault,
        _ world: BackupWorld
    ) async throws {
        let other = try await world.makeFileSystem()
        let report = try await TreeCopy.run(
            from: .recoveryPoint(vault, point, path: []),
            to: .fileSystem(other, path: [], .root)
        )
        #expect(report.omissions == [])
        let restored = try await TreeDump.of(other)
        #expect(restored.differences(from: try await TreeDump.of(fileSystem)) == [])
        await other.close()
    }

    @Test func `progress only grows, and its last word counts everything`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        for number in 0..<300 {
            let inode = try await file("f\(number)", in: fileSystem)
            _ = try await fileSystem.write(
                inode,
                [UInt8(number & 0xFF), 1],
                at: 0,
                stability: .unstable,
                as: .root
            )
        }
        let service = BackupService(clock: world.clock)
        let told = Mutex<[BackupProgress]>([])
        _ = try await service.backUp(fileSystem, source: "fs", to: vault) { news in
            told.withLock { $0.append(news) }
        }
        let full = told.withLock { $0 }
        #expect(full.count >= 2)
        for (one, next) in zip(full, full.dropFirst()) {
            #expect(one.inodes <= next.inodes && one.bytesRead <= next.bytesRead)
        }
        let whole = try #require(full.last)
        #expect(whole.inodes == 301 && whole.bytesRead == 600)
        // What it comes to is known from the beginning.
        #expect(full.allSatisfy { $0.inodesTotal == 301 && $0.bytesTotal == 600 })

        world.clock.advance(seconds: 60)
        let inode = try await fileSystem.lookup(try #require(FileName("f7")), in: .root, as: .root)
        _ = try await fileSystem.write(
            inode.inode,
            [9],
            at: 0,
            stability: .unstable,
            as: .root
        )
        told.withLock { $0 = [] }
        _ = try await service.backUp(fileSystem, source: "fs", to: vault) { news in
            told.withLock { $0.append(news) }
        }
        let increment = try #require(told.withLock { $0.last })
        #expect(increment.inodes == 1 && increment.bytesRead == 2)
        #expect(increment.inodesTotal == 1 && increment.bytesTotal == nil)
        await world.close()
    }
}
