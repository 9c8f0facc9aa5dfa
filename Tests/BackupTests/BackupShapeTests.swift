import Backup
import BackupVault
import Disk
import FileSystemEngine
import TestKit
import Testing
import VarveModel

/// Files and changes of odd shapes: huge and empty, shrunk, scattered, linked, moved with all beneath them.
@Suite struct BackupShapeTests {
    private struct Bench {
        let world: BackupWorld
        let disk: SimulatedDisk
        let fileSystem: FileSystem
        let vault: Vault

        init(_ change: (inout FileSystemLimits) -> Void = { _ in }) async throws {
            (world, disk) = try BackupWorld.inMemory()
            fileSystem = try await world.makeFileSystem(change)
            vault = try world.makeVault()
        }

        func backUp() async throws -> BackupResult {
            world.clock.advance(seconds: 60)
            return try await BackupService(clock: world.clock)
                .backUp(fileSystem, source: "fs", to: vault)
        }

        /// Restores a point to a new file system and compares it with the old one as it is now.
        func expectRestored(_ point: RecoveryPoint, _ what: String) async throws {
            let other = try await world.makeFileSystem()
            let report = try await TreeCopy.run(
                from: .recoveryPoint(vault, point, path: []),
                to: .fileSystem(other, path: [], .root)
            )
            #expect(report.omissions == [])
            let restored = try await TreeDump.of(other)
            let differences = restored.differences(from: try await TreeDump.of(fileSystem))
            #expect(differences == [], "\(what): \(differences)")
            await other.close()
        }

        func make(
            _ name: String,
            in directory: InodeNumber = .root,
            of other: FileSystem? = nil
        ) async throws -> InodeNumber {
            try await (other ?? fileSystem).create(
                try #require(FileName(name)),
                in: directory,
                NewInode(.regular, permissions: 0o644),
                as: .root
            ).inode
        }

        func makeDirectory(_ name: String, in directory: InodeNumber = .root) async throws
            -> InodeNumber
        {
            try await fileSystem.create(
                try #require(FileName(name)),
                in: directory,
                NewInode(.directory, permissions: 0o755),
                as: .root
            ).inode
        }

        func write(_ inode: InodeNumber, _ bytes: [UInt8], at offset: UInt64) async throws {
            _ = try await fileSystem.write(
                inode,
                bytes,
                at: offset,
                stability: .unstable,
                as: .root
            )
        }

        func resize(_ inode: InodeNumber, to size: UInt64) async throws {
            _ = try await fileSystem.setAttributes(inode, .init(size: size), as: .root)
        }
    }

    /// Goal: holes cost nothing, however large.
    @Test func `a file of 2^50 bytes costs what it holds, and shrinks and grows`() async throws {
        let bench = try await Bench()
        let inode = try await bench.make("huge")
        try await bench.resize(inode, to: 1 << 50)
        for offset in [4 << 20, 1 << 40, (1 << 50) - 5] as [UInt64] {
            try await bench.write(inode, [1, 2, 3, 4, 5], at: offset)
        }
        let full = try await bench.backUp()
        #expect(full.statistics.bytesRead == 15)
        try await bench.expectRestored(full.point, "full")

        try await bench.write(inode, [9], at: 1 << 45)
        let grown = try await bench.backUp()
        #expect(!grown.isFull && grown.statistics.bytesRead <= 16)
        try await bench.expectRestored(grown.point, "one byte more")

        try await bench.resize(inode, to: (1 << 40) + 3)
        let cut = try await bench.backUp()
        #expect(!cut.isFull)
        try await bench.expectRestored(cut.point, "cut in the middle of its data")

        try await bench.resize(inode, to: 0)
        try await bench.expectRestored(try await bench.backUp().point, "empty")
        try await bench.resize(inode, to: 1 << 50)
        try await bench.expectRestored(try await bench.backUp().point, "a hole again")
        await bench.world.close()
    }

    @Test func `a small file that is extended, cut and extended again keeps its holes`()
        async throws
    {
        let bench = try await Bench()
        let inode = try await bench.make("small")
        try await bench.write(inode, [UInt8](repeating: 5, count: 1_500), at: 0)
        _ = try await bench.backUp()
        for size in [1 << 45, 700, 9_000_000, 0, 100] as [UInt64] {
            try await bench.resize(inode, to: size)
            let result = try await bench.backUp()
            #expect(!result.isFull)
            try await bench.expectRestored(result.point, "\(size) bytes")
        }
        await bench.world.close()
    }

    /// Goal: a map of extents stays within 256 ranges and twice the bytes that it shows.
    @Test func `scattered writes do not shatter a file's extents`() async throws {
        let bench = try await Bench()
        let inode = try await bench.make("image")
        var generator = SeededGenerator(seed: testSeed(default: 3))
        for part in 0..<4 {
            try await bench.write(inode, generator.bytes(1 << 20), at: UInt64(part) << 20)
        }
        _ = try await bench.backUp()
        var last: BackupResult?
        var readAll = 0
        for round in 0..<12 {
            for _ in 0..<40 {
                let at = generator.next() % (4 << 20 - 3_000)
                try await bench.write(inode, generator.bytes(500 + round * 100), at: at)
            }
            let result = try await bench.backUp()
            #expect(!result.isFull)
            if result.statistics.bytesRead == 4 << 20 { readAll += 1 }
            last = result
        }
        // Some 80 more ranges a round: every third round or so the tile is cut anew.
        #expect((2...5).contains(readAll), "\(readAll)")
        let point = try #require(last?.point)
        try await bench.expectRestored(point, "after 480 writes")
        let map = try #require(point.maps["inodes"])
        for entry in try bench.vault.scan(map, limit: 100) where entry.key.count == 12 {
            // format u8, count u32, then 16 bytes an extent (docs/formats/manifest.md).
            #expect((entry.value.bytes.count - 5) / 16 <= 256)
            let referenced = Set(entry.value.chunks).reduce(0) { $0 + UInt64($1.length) }
            #expect(referenced <= 2 * (4 << 20))
        }
        await bench.world.close()
    }

    @Test func `a tile of thousands of holes comes back with each of them`() async throws {
        let bench = try await Bench()
        let inode = try await bench.make("comb")
        for tooth in 0..<900 {
            try await bench.write(inode, [UInt8(tooth % 251) + 1], at: UInt64(tooth) * 4_096)
        }
        let full = try await bench.backUp()
        try await bench.expectRestored(full.point, "full")
        for tooth in 0..<100 {
            try await bench.write(inode, [7, 7], at: UInt64(tooth + 1) * 8_192 + 4)
        }
        try await bench.expectRestored(try await bench.backUp().point, "incremental")
        await bench.world.close()
    }

    /// Goal: nobody can make a file that no map takes, and with it every backup fail.
    @Test func `a tile of more holes than a map takes is kept without them`() async throws {
        let bench = try await Bench()
        let inode = try await bench.make("comb")
        for tooth in 0..<5_000 {
            try await bench.write(inode, [UInt8(tooth % 251) + 1], at: UInt64(tooth) * 800)
        }
        let expected = try await bench.fileSystem.bulkRead(inode, 0..<4 << 20, at: .live).bytes
        for round in 0..<2 {
            let point = try await bench.backUp().point
            let other = try await bench.world.makeFileSystem()
            _ = try await TreeCopy.run(
                from: .recoveryPoint(bench.vault, point, path: []),
                to: .fileSystem(other, path: [], .root)
            )
            let found = try await other.resolve(Array(path: "comb"), as: .root)
            let bytes = try await other.bulkRead(found.inode, 0..<4 << 20, at: .live).bytes
            #expect(bytes == expected, "round \(round)")
            await other.close()
            // An attribute alone: the second point stands on the first.
            _ = try await bench.fileSystem.setAttributes(
                inode,
                .init(permissions: 0o600),
                as: .root
            )
        }
        await bench.world.close()
    }

    /// Goal: nor with extended attributes, short or long.
    @Test(arguments: [511, 512])
    func `an inode with as many attributes as it may have is backed up`(bytes: Int) async throws {
        let bench = try await Bench()
        let inode = try await bench.make("a")
        let most = bench.fileSystem.limits.attributesMax
        func set(_ number: Int) async throws(FileSystemError) {
            try await bench.fileSystem.setExtendedAttribute(
                Array("user.attribute-of-a-long-name-\(number)".utf8),
                [UInt8](repeating: UInt8(number % 251), count: bytes) + [UInt8(number / 251)],
                of: inode,
                as: .root
            )
        }
        for number in 0..<most { try await set(number) }
        do throws(FileSystemError) {
            try await set(most)
            Issue.record("one more")
        } catch {
            #expect(error.code == .rangeError)
        }
        try await bench.expectRestored(try await bench.backUp().point, "full")
        await bench.world.close()
    }

    @Test func `hard links across directories are one file in every point`() async throws {
        let bench = try await Bench()
        let (one, two) = (
            try await bench.makeDirectory("one"), try await bench.makeDirectory("two")
        )
        let inode = try await bench.make("a", in: one)
        try await bench.write(inode, [UInt8](repeating: 1, count: 100_000), at: 0)
        _ = try await bench.backUp()
        let name = try #require(FileName("b"))
        _ = try await bench.fileSystem.link(inode, as: name, in: two, as: .root)
        let linked = try await bench.backUp()
        #expect(linked.statistics.bytesRead == 0, "a further name is no content")
        try await bench.expectRestored(linked.point, "linked")
        try await bench.fileSystem.unlink(try #require(FileName("a")), in: one, as: .root)
        let moved = try await bench.backUp()
        #expect(moved.statistics.bytesRead == 0)
        try await bench.expectRestored(moved.point, "the first name gone")
        await bench.world.close()
    }

    /// Goal: names hang on inode numbers, so moving a directory moves nothing beneath it.
    @Test func `a directory of many files that is renamed costs a handful of edits`() async throws {
        let bench = try await Bench()
        let parent = try await bench.makeDirectory("from")
        let target = try await bench.makeDirectory("to")
        let directory = try await bench.makeDirectory("many", in: parent)
        let count = TestSizes.current.costTreeFiles
        let fileSystem = bench.fileSystem
        for start in stride(from: 0, to: count, by: 500) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in start..<min(start + 500, count) {
                    group.addTask {
                        _ = try await fileSystem.create(
                            try #require(FileName("f\(number)")),
                            in: directory,
                            NewInode(.regular, permissions: 0o644),
                            as: .root
                        )
                    }
                }
                try await group.waitForAll()
            }
        }
        _ = try await bench.backUp()
        let name = try #require(FileName("many"))
        try await bench.fileSystem.rename(name, in: parent, to: name, in: target, as: .root)
        let result = try await bench.backUp()
        #expect(!result.isFull)
        #expect(result.statistics.nameEdits == 2, "the old name and the new")
        #expect(result.statistics.inodeEdits == 3, "the directory and its two parents")
        #expect(result.statistics.changeKeys <= 8)
        #expect(result.statistics.bytesRead == 0)
        #expect(result.statistics.nodesWritten < 32)
        await bench.world.close()
    }

    /// Goal: what a backup holds in memory does not grow with the file or with what changed in it.
    ///
    /// Method: counted, not measured: the greatest sum of content between reading and storing.
    @Test func `a large file that changed everywhere is not held in memory`() async throws {
        let bench = try await Bench()
        let inode = try await bench.make("image")
        var generator = SeededGenerator(seed: testSeed(default: 9))
        let piece = generator.bytes(1 << 20)
        let megabytes = 96
        for round in 0..<2 {
            for part in 0..<megabytes {
                let bytes = piece.map { $0 ^ UInt8(part + 100 * round) }
                try await bench.write(inode, bytes, at: UInt64(part) << 20)
            }
            let result = try await bench.backUp()
            #expect(result.isFull == (round == 0))
            #expect(result.statistics.bytesRead == UInt64(megabytes) << 20)
            let held = result.statistics.bytesHeldMax
            #expect(held > 8 << 20 && held <= 40 << 20, "\(held)")
        }
        await bench.world.close()
    }

    // MARK: Damage

    @Test func `a damaged earlier point makes the next backup a full one, which mends it`()
        async throws
    {
        let bench = try await Bench()
        let inode = try await bench.make("a")
        try await bench.write(inode, [UInt8](repeating: 1, count: 5_000), at: 0)
        let first = try await bench.backUp()
        try await bench.expectRestored(first.point, "before")
        // The first node of the pack of nodes (kind 1 at offset 112, docs/formats/vault.md).
        let folder = "/var/vaults/main/packs"
        for name in try bench.disk.list(folder) {
            let path = folder + "/" + name
            guard try bench.disk.contents(of: path)[112] == 1 else { continue }
            try bench.disk.corrupt(path, at: 140, mask: 4)
        }
        let vault = try Vault.open(
            disk: bench.disk,
            directory: "/var/vaults/main",
            root: bench.world.rootKey
        )
        _ = try await bench.make("b")
        bench.world.clock.advance(seconds: 60)
        let second = try await BackupService(clock: bench.world.clock)
            .backUp(bench.fileSystem, source: "fs", to: vault)
        #expect(second.fullBecause?.contains("damaged") == true, "\(second.fullBecause ?? "")")
        try await bench.expectRestored(second.point, "after")
        #expect(try await !bench.backUp().isFull)
        await bench.world.close()
    }

    @Test func `an earlier point that the medium does not give makes the next backup a full one`()
        async throws
    {
        let bench = try await Bench()
        let inode = try await bench.make("a")
        try await bench.write(inode, [UInt8](repeating: 1, count: 5_000), at: 0)
        _ = try await bench.backUp()
        // The pack of nodes (kind 1 at offset 112, docs/formats/vault.md).
        let folder = "/var/vaults/main/packs"
        let packs = try bench.disk.list(folder).map { folder + "/" + $0 }
        let nodes = try #require(
            try packs.first { try bench.disk.contents(of: $0)[112] == 1 }
        )
        let vault = try Vault.open(
            disk: bench.disk,
            directory: "/var/vaults/main",
            root: bench.world.rootKey
        )
        _ = try await bench.make("b")
        bench.disk.failReads(of: nodes)
        bench.world.clock.advance(seconds: 60)
        let service = BackupService(clock: bench.world.clock)
        let second = try await service.backUp(bench.fileSystem, source: "fs", to: vault)
        #expect(second.fullBecause?.contains("damaged") == true, "\(second.fullBecause ?? "")")
        try await bench.expectRestored(second.point, "after")
        bench.world.clock.advance(seconds: 60)
        let third = try await service.backUp(bench.fileSystem, source: "fs", to: vault)
        #expect(!third.isFull)
        bench.disk.clearFaults()
        await bench.world.close()
    }

    /// Goal: whenever the earlier point's manifest rots, the next backup is whole, and none stands on what does not read.
    ///
    /// Method: it rots at the first opening, at the second, and so on until it is opened no more.
    @Test func `an earlier point whose manifest rots during a backup makes that a full one`()
        async throws
    {
        var full: [Bool] = []
        var hasRotted = true
        while hasRotted {
            let bench = try await Bench()
            let inode = try await bench.make("a")
            try await bench.write(inode, [UInt8](repeating: 1, count: 5_000), at: 0)
            let first = try await bench.backUp()
            let name = "/manifests/\(first.point.id).manifest"
            let rot = RotAtOpening(of: "/var/vaults/main" + name, after: full.count)
            let disk = bench.disk
            let vault = try Vault.open(
                disk: WatchedDisk(disk, opening: { rot.open($0, disk) }) { _, _ in },
                directory: "/var/vaults/main",
                root: bench.world.rootKey
            )
            rot.begin()
            _ = try await bench.make("b")
            bench.world.clock.advance(seconds: 60)
            let second = try await BackupService(clock: bench.world.clock)
                .backUp(bench.fileSystem, source: "fs", to: vault)
            hasRotted = rot.hasRotted
            if hasRotted { full.append(second.isFull) }
            try await bench.expectRestored(second.point, "rotten at \(full.count)")
            await bench.world.close()
        }
        // Once to find it, once to stand on it.
        #expect(full.count >= 2 && full.prefix(2).allSatisfy { $0 }, "\(full)")
    }

    @Test func `another point's damaged manifest does not hinder a backup`() async throws {
        let bench = try await Bench()
        _ = try await bench.make("a")
        let first = try await bench.backUp()
        _ = try await bench.make("b")
        _ = try await bench.backUp()
        let path = "/var/vaults/main/manifests/\(first.point.id).manifest"
        try bench.disk.corrupt(path, at: 120, mask: 1)
        _ = try await bench.make("c")
        let third = try await bench.backUp()
        #expect(!third.isFull)
        try await bench.expectRestored(third.point, "third")
        await bench.world.close()
    }

    /// Goal: what two file systems of a vault hold alike is stored once.
    @Test func `another file system's same files cost their names alone`() async throws {
        var generator = SeededGenerator(seed: testSeed(default: 37))
        let bytes = generator.bytes(3 << 20)
        let bench = try await Bench()
        try await bench.write(try await bench.make("here"), bytes, at: 0)
        let first = try await bench.backUp()
        #expect(first.statistics.bytesNew >= 3 << 20)

        let other = try await bench.world.makeFileSystem()
        let inode = try await bench.make("there", of: other)
        _ = try await other.write(inode, bytes, at: 0, stability: .unstable, as: .root)
        let second = try await BackupService(clock: bench.world.clock)
            .backUp(other, source: "other", to: bench.vault)
        #expect(second.isFull && second.statistics.bytesRead == 3 << 20)
        #expect(second.statistics.bytesNew < 16 << 10, "\(second.statistics.bytesNew)")
        await other.close()
        await bench.world.close()
    }
}
