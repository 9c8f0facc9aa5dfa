import Backup
import BackupVault
import Disk
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// What backups cost, by counters: O(changes), never O(files).
@Suite struct BackupCostTests {
    /// A file system of `count` files of 3,000 bytes, 200 a directory.
    private func fill(_ fileSystem: FileSystem, files count: Int) async throws -> [InodeNumber] {
        var inodes: [InodeNumber] = []
        for start in stride(from: 0, to: count, by: 200) {
            let directory = try await fileSystem.create(
                try #require(FileName("d\(start)")),
                in: .root,
                NewInode(.directory, permissions: 0o755),
                as: .root
            ).inode
            inodes += try await withThrowingTaskGroup(of: InodeNumber.self) { group in
                for number in start..<min(start + 200, count) {
                    group.addTask {
                        let name = try #require(FileName("f\(number)"))
                        let new = NewInode(.regular, permissions: 0o644)
                        let inode = try await fileSystem.create(
                            name,
                            in: directory,
                            new,
                            as: .root
                        ).inode
                        var generator = SeededGenerator(seed: UInt64(number))
                        _ = try await fileSystem.write(
                            inode,
                            generator.bytes(3_000),
                            at: 0,
                            stability: .unstable,
                            as: .root
                        )
                        return inode
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        try await fileSystem.flush()
        return inodes.sorted()
    }

    /// What one backup cost, counted where it happens.
    private struct Cost {
        var statistics: BackupStatistics
        /// Steps of SQLite's machine, readers and writer together.
        var rowSteps: UInt64
        var syncs: Int
        /// Bytes that the disk was asked for: pages, segments, map nodes.
        var diskBytesRead: UInt64
    }

    private func rowSteps(_ fileSystem: FileSystem) async throws -> UInt64 {
        let written = try await fileSystem.committer.run { $0.writer.rowsStepped }
        return try await fileSystem.readers.run { $0.reader.rowsStepped } + written
    }

    private func incrementOf100(files: Int) async throws -> Cost {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem {
            $0.readers = 1
            // A transaction that a busy machine lets end makes steps of its own.
            $0.readerLingerMilliseconds = 600_000
        }
        let vault = try world.makeVault()
        let inodes = try await fill(fileSystem, files: files)
        let service = BackupService(clock: world.clock)
        _ = try await service.backUp(fileSystem, source: "fs", to: vault)
        world.clock.advance(seconds: 60)
        for index in 0..<100 {
            _ = try await fileSystem.write(
                inodes[index * files / 100],
                [UInt8(index)],
                at: 1_000,
                stability: .unstable,
                as: .root
            )
        }
        try await fileSystem.flush()
        try await fileSystem.checkpoint()
        let rows = try await rowSteps(fileSystem)
        let (syncs, bytes) = (disk.syncs.count, disk.bytesRead)
        let result = try await service.backUp(fileSystem, source: "fs", to: vault)
        #expect(!result.isFull)
        let cost = Cost(
            statistics: result.statistics,
            rowSteps: try await rowSteps(fileSystem) - rows,
            syncs: disk.syncs.count - syncs,
            diskBytesRead: disk.bytesRead - bytes
        )
        await world.close()
        return cost
    }

    @Test func `an increment of 100 changes costs the same in a small tree and a large one`()
        async throws
    {
        let small = try await incrementOf100(files: 1_000)
        let large = try await incrementOf100(files: TestSizes.current.costTreeFiles)
        print("increment of 100 changes:", small, large)
        let (few, many) = (small.statistics, large.statistics)
        #expect(few.changeKeys == many.changeKeys)
        #expect(few.inodeEdits == many.inodeEdits)
        #expect(few.contentEdits == many.contentEdits)
        #expect(few.nameEdits == many.nameEdits)
        #expect(few.bytesRead == many.bytesRead)
        #expect(few.bytesRead <= 100 * 3_000)
        #expect(small.syncs == large.syncs)
        // Whether a reader's transaction was still open makes some steps; files would make nine times as many.
        let difference = max(small.rowSteps, large.rowSteps) - min(small.rowSteps, large.rowSteps)
        #expect(difference * 50 < small.rowSteps, "\(small.rowSteps), \(large.rowSteps)")
        // A path from the root to a leaf a change at most: logarithmic, not equal.
        #expect(many.nodesRead <= 100 * 8)
        #expect(many.nodesWritten <= 100 * 8)
        // A page on each level of the rows' trees, and a node on each of the maps', for each change.
        #expect(large.diskBytesRead <= 100 * (16 * 4_096 + 8 * 8_192))
    }

    @Test func `4 KiB written in place in a large image costs 4 KiB`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let image = try await fileSystem.create(
            try #require(FileName("image")),
            in: .root,
            NewInode(.regular, permissions: 0o600),
            as: .root
        ).inode
        var generator = SeededGenerator(seed: 7)
        let tile = generator.bytes(1 << 20)
        for part in 0..<64 {
            let bytes = tile.map { $0 ^ UInt8(part) }
            _ = try await fileSystem.write(
                image,
                bytes,
                at: UInt64(part) << 20,
                stability: .unstable,
                as: .root
            )
        }
        let service = BackupService(clock: world.clock)
        let full = try await service.backUp(fileSystem, source: "fs", to: vault)
        #expect(full.statistics.bytesRead == 64 << 20)
        world.clock.advance(seconds: 60)
        _ = try await fileSystem.write(
            image,
            generator.bytes(4_096),
            at: 33 << 20,
            stability: .unstable,
            as: .root
        )
        let next = try await service.backUp(fileSystem, source: "fs", to: vault)
        #expect(next.statistics.bytesRead == 4_096)
        #expect(next.statistics.contentEdits == 1)
        #expect(next.statistics.bytesStored < 64 << 10)
        world.clock.advance(seconds: 60)
        let idle = try await service.backUp(fileSystem, source: "fs", to: vault)
        #expect(idle.statistics.bytesRead == 0)
        #expect(idle.statistics.changeKeys == 0)
        await world.close()
    }

    /// Bytes of all files below a directory of the disk.
    private func bytes(below directory: String, on disk: SimulatedDisk) throws -> UInt64 {
        try disk.list(directory).reduce(0) { sum, name in
            let path = directory + "/" + name
            guard let status = try disk.status(of: path) else { return sum }
            return try sum
                + (status.kind == .directory ? bytes(below: path, on: disk) : status.size)
        }
    }

    /// Goal: many blocks that were overwritten in a large image cost what was written, and no read of the rest.
    ///
    /// Method: counted: bytes that the backup read of the file, that segments gave it, and that the vault's directory
    /// grew by, whatever lies there.
    @Test func `scattered blocks of an image cost at most twice their bytes`() async throws {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let image = try await fileSystem.create(
            try #require(FileName("image")),
            in: .root,
            NewInode(.regular, permissions: 0o600),
            as: .root
        ).inode
        var generator = SeededGenerator(seed: testSeed(default: 17))
        for part in 0..<64 {
            _ = try await fileSystem.write(
                image,
                generator.bytes(1 << 20),
                at: UInt64(part) << 20,
                stability: .unstable,
                as: .root
            )
        }
        let service = BackupService(clock: world.clock)
        _ = try await service.backUp(fileSystem, source: "fs", to: vault)
        world.clock.advance(seconds: 60)
        // One in 128: as many as 512 in 256 MiB.
        let blocks = 128
        for block in 0..<blocks {
            let within = UInt64.random(in: 0..<128, using: &generator) * 4_096
            _ = try await fileSystem.write(
                image,
                generator.bytes(4_096),
                at: UInt64(block) << 19 + within,
                stability: .unstable,
                as: .root
            )
        }
        try await fileSystem.flush()
        let before = try bytes(below: "/var/vaults", on: disk)
        disk.beginRecordingReads()
        let next = try await service.backUp(fileSystem, source: "fs", to: vault)
        let read = disk.endRecordingReads().filter { $0.path.hasPrefix("/var/zones/") }
            .reduce(0) { $0 + $1.count }
        let written = UInt64(blocks * 4_096)
        #expect(next.statistics.bytesRead == written)
        let growth = try bytes(below: "/var/vaults", on: disk) - before
        print("128 scattered blocks of 4 KiB:", growth, "bytes more in the vault,", read, "read")
        #expect(growth > written && growth <= 2 * written, "\(growth)")
        // A block is sealed in a record of its own, so that no other byte is read with it.
        #expect(read >= Int(written) && read <= 2 * Int(written), "\(read)")
        await world.close()
    }

    /// A first backup of small files of 3,000 bytes, and the syncs that it made.
    private func full(files: Int) async throws -> (statistics: BackupStatistics, syncs: Int) {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        _ = try await fill(fileSystem, files: files)
        let syncs = disk.syncs.count
        let result = try await BackupService(clock: world.clock)
            .backUp(fileSystem, source: "fs", to: vault)
        await world.close()
        return (result.statistics, disk.syncs.count - syncs)
    }

    @Test func `a first backup reads each byte once, and syncs by packs, not by files`()
        async throws
    {
        let few = try await full(files: 100)
        let many = try await full(files: 2_000)
        for (found, files) in [(few, 100), (many, 2_000)] {
            #expect(found.statistics.bytesRead == UInt64(files) * 3_000)
            #expect(found.statistics.contentEdits == UInt64(files))
            // One chunk a file, and the nodes.
            #expect(
                found.statistics.chunksStored == UInt64(files) + found.statistics.nodesWritten
            )
        }
        #expect(few.syncs == many.syncs)
    }
}
