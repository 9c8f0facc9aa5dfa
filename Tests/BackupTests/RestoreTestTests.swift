import BackupVault
import FileSystemEngine
import TestKit
import Testing
import VarveModel

@testable import Backup

/// Goal: a restore test says that a point restores when it does, and names each file that does not come back.
///
/// Method: a tree of seeded files; then one thing at a time is spoilt, in the vault, in what was restored or in the sample.
@Suite struct RestoreTestTests {
    private struct Sample {
        let world: BackupWorld
        let source: FileSystem
        let vault: Vault
        let point: RecoveryPoint
        var files: [String: [UInt8]] = [:]

        func test(
            filesMax: Int = 1_000,
            bytesMax: UInt64 = 1 << 30,
            seed: UInt64 = 1,
            withSource: Bool = true
        ) async throws -> RestoreVerdict {
            let scratch = try await world.makeFileSystem()
            return try await RestoreTest(
                vault: vault,
                point: point,
                source: withSource ? source : nil,
                scratch: scratch
            ).run(.init(filesMax: filesMax, bytesMax: bytesMax, seed: seed))
        }
    }

    private static func sample() async throws -> Sample {
        var random = SeededGenerator(seed: testSeed(default: 40))
        let (world, _) = try BackupWorld.inMemory()
        let source = try await world.makeFileSystem()
        var files: [String: [UInt8]] = [:]
        func make(_ name: String, in parent: InodeNumber, _ kind: NewInode.Kind) async throws
            -> InodeNumber
        {
            let new = NewInode(kind, permissions: 0o750, uid: 7, gid: 8)
            return try await source.create(
                try #require(FileName(name)),
                in: parent,
                new,
                as: .root
            ).inode
        }
        for folder in ["a", "b"] {
            let directory = try await make(folder, in: .root, .directory)
            for number in 0..<30 {
                let size = [0, 100, 3_000, 70_000][number % 4]
                let inode = try await make("f\(number)", in: directory, .regular)
                let bytes = random.bytes(size)
                if !bytes.isEmpty {
                    _ = try await source.write(
                        inode,
                        bytes,
                        at: 0,
                        stability: .unstable,
                        as: .root
                    )
                }
                files["\(folder)/f\(number)"] = bytes
            }
        }
        // Two tiles, a hole between runs of data and one at the end.
        let large = try await make("large", in: .root, .regular)
        for offset in [UInt64(0), 3 << 20, 5 << 20] {
            let bytes = random.bytes(300_000)
            _ = try await source.write(
                large,
                bytes,
                at: offset,
                stability: .unstable,
                as: .root
            )
        }
        _ = try await source.setAttributes(large, AttributeChanges(size: 6 << 20), as: .root)
        files["large"] = []
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        // An incremental point has extents that are parts of older chunks.
        _ = try await service.backUp(source, source: "fs", to: vault)
        _ = try await source.write(
            large,
            random.bytes(5_000),
            at: 100_000,
            stability: .stable,
            as: .root
        )
        let point = try await service.backUp(source, source: "fs", to: vault).point
        return Sample(world: world, source: source, vault: vault, point: point, files: files)
    }

    @Test func `a point that restores has no difference, and its history agrees`() async throws {
        let sample = try await Self.sample()
        let verdict = try await sample.test()
        #expect(verdict.differences == [] && verdict.differenceCount == 0)
        #expect(verdict.filesSeen == 61 && verdict.files == 61)
        #expect(verdict.filesInHistory == 61)
        let small = sample.files.values.reduce(0) { $0 + $1.count }
        #expect(verdict.bytes == UInt64(small) + 6 << 20)
        // Without the source the point alone is asked.
        let alone = try await sample.test(withSource: false)
        #expect(alone.filesInHistory == 0 && alone.differenceCount == 0 && alone.files == 61)
        await sample.world.close()
    }

    @Test func `a point whose names are gone is not proved by having nothing to restore`()
        async throws
    {
        let sample = try await Self.sample()
        let writer = try sample.vault.beginWrite()
        defer { writer.abandon() }
        var draft = RecoveryPointDraft(
            source: "fs",
            instant: sample.point.instant,
            instantTime: sample.point.instantTime,
            created: sample.point.created,
            maps: sample.point.maps,
            statistics: sample.point.statistics
        )
        draft.maps[PointFormat.names] = try writer.update(nil, edits: [])
        let nameless = try writer.publish(draft)
        func test(_ point: RecoveryPoint) async throws -> RestoreVerdict {
            try await RestoreTest(
                vault: sample.vault,
                point: point,
                source: sample.source,
                scratch: sample.world.makeFileSystem()
            ).run(.init(filesMax: 10, bytesMax: 1 << 20, seed: 1))
        }
        let verdict = try await test(nameless)
        #expect(verdict.namesSeen == 0 && verdict.files == 0)
        #expect(verdict.differences.first?.what.contains("no name leads to") == true)
        // One of a file system without a file is as it was.
        let service = BackupService(clock: sample.world.clock)
        let empty = try await sample.world.makeFileSystem()
        let point = try await service.backUp(empty, source: "empty", to: sample.vault).point
        let nothing = try await test(point)
        #expect(nothing.namesSeen == 0 && nothing.differenceCount == 0)
        await sample.world.close()
    }

    @Test func `a seed chooses the sample, within its bounds`() async throws {
        let sample = try await Self.sample()
        let tree = try PointTree.open(sample.point.id, of: sample.vault)
        let test = RestoreTest(
            vault: sample.vault,
            point: sample.point,
            source: nil,
            scratch: sample.source
        )
        func chosen(_ seed: UInt64, files: Int = 10, bytes: UInt64 = 1 << 30) throws -> [[FileName]]
        {
            var verdict = RestoreVerdict()
            return try test.choose(
                .init(filesMax: files, bytesMax: bytes, seed: seed),
                of: tree,
                &verdict
            ).map(\.path)
        }
        let first = try chosen(5)
        #expect(try chosen(5) == first)
        #expect(try chosen(6) != first)
        #expect(first.count == 10)
        // Over many seeds each file has its turn, about as often as the others: 61 files, 10 of them 400 times.
        var counts: [[FileName]: Int] = [:]
        for seed in 0..<400 {
            for path in try chosen(UInt64(seed)) { counts[path, default: 0] += 1 }
        }
        #expect(counts.count == 61)
        // 65.6 each are expected, with a standard deviation of 7.4.
        #expect(counts.values.allSatisfy { (28...104).contains($0) }, "\(counts.values.sorted())")
        let small = try await sample.test(bytesMax: 10_000)
        #expect(small.bytes <= 10_000 && small.files > 10 && small.differenceCount == 0)
        #expect(small.filesPassedBy == 61 - small.files)
        await sample.world.close()
    }

    @Test func `what does not come back as it was is named`() async throws {
        let sample = try await Self.sample()
        let scratch = try await sample.world.makeFileSystem()
        let tree = try PointTree.open(sample.point.id, of: sample.vault)
        let test = RestoreTest(
            vault: sample.vault,
            point: sample.point,
            source: sample.source,
            scratch: scratch
        )
        _ = try await TreeCopy.run(
            from: .recoveryPoint(sample.vault, sample.point, path: []),
            to: .fileSystem(scratch, path: [], .root)
        )
        var all = RestoreVerdict()
        let files = try test.choose(
            .init(filesMax: 1_000, bytesMax: 1 << 30, seed: 1),
            of: tree,
            &all
        )
        func complaint(about path: String, after change: (InodeNumber) async throws -> Void)
            async throws -> String?
        {
            let names = Array<FileName>(path: path)
            let file = try #require(files.first { $0.path == names })
            var before = RestoreVerdict()
            try await test.compare(file, of: tree, &before)
            #expect(before.differenceCount == 0, "\(path) differs before it was changed")
            let inode = try await scratch.resolve(names, as: .root).inode
            let times = try await scratch.attributes(of: inode)
            try await change(inode)
            // The times alone would give it away.
            _ = try await scratch.setAttributes(
                inode,
                AttributeChanges(modified: .exactly(times.modified)),
                as: .root
            )
            var verdict = RestoreVerdict()
            try await test.compare(file, of: tree, &verdict)
            #expect(verdict.differences.allSatisfy { $0.path == Array(path.utf8) })
            return verdict.differences.map(\.what).joined(separator: "; ")
        }
        func flip(_ inode: InodeNumber, at offset: UInt64) async throws {
            let byte = try await scratch.bulkRead(inode, offset..<offset + 1, at: .live).bytes[0]
            _ = try await scratch.write(
                inode,
                [byte ^ 1],
                at: offset,
                stability: .stable,
                as: .root
            )
        }
        let whole = try await complaint(about: "a/f2") { try await flip($0, at: 2_999) }
        #expect(whole?.hasPrefix("bytes 0..<3000 are not those of chunk") == true, "\(whole ?? "")")
        let part = try await complaint(about: "large") { try await flip($0, at: (5 << 20) + 7) }
        #expect(part?.contains("are not those of chunk") == true, "\(part ?? "")")
        let mode = try await complaint(about: "a/f3") {
            _ = try await scratch.setAttributes(
                $0,
                AttributeChanges(permissions: 0o755),
                as: .root
            )
        }
        #expect(mode == "kind, size, owner, permissions or times differ")
        let short = try await complaint(about: "a/f7") {
            _ = try await scratch.setAttributes($0, AttributeChanges(size: 69_999), as: .root)
        }
        #expect(short?.contains("69999 of 70000 bytes came back") == true, "\(short ?? "")")
        try await scratch.unlink(
            try #require(FileName("f1")),
            in: try await scratch.resolve(Array<FileName>(path: "b"), as: .root).inode,
            as: .root
        )
        var gone = RestoreVerdict()
        let lost = try #require(files.first { $0.path == Array<FileName>(path: "b/f1") })
        try await test.compare(lost, of: tree, &gone)
        #expect(gone.differenceCount == 1)
        await sample.world.close()
    }

    @Test func `a hole that came back as data is named`() async throws {
        let sample = try await Self.sample()
        let scratch = try await sample.world.makeFileSystem()
        let tree = try PointTree.open(sample.point.id, of: sample.vault)
        let test = RestoreTest(
            vault: sample.vault,
            point: sample.point,
            source: nil,
            scratch: scratch
        )
        _ = try await TreeCopy.run(
            from: .recoveryPoint(sample.vault, sample.point, path: []),
            to: .fileSystem(scratch, path: [], .root)
        )
        var verdict = RestoreVerdict()
        let files = try test.choose(
            .init(filesMax: 1_000, bytesMax: 1 << 30, seed: 1),
            of: tree,
            &verdict
        )
        let large = try #require(files.first { $0.path == Array<FileName>(path: "large") })
        let inode = try await scratch.resolve(large.path, as: .root).inode
        _ = try await scratch.write(
            inode,
            [1],
            at: 2 << 20,
            stability: .stable,
            as: .root
        )
        try await test.compare(large, of: tree, &verdict)
        #expect(verdict.differences.contains { $0.what.contains("a hole before byte 3145728") })
        await sample.world.close()
    }

    @Test func `versions that the source has left behind are still compared`() async throws {
        let sample = try await Self.sample()
        sample.world.clock.advance(seconds: 30)
        var random = SeededGenerator(seed: 3)
        // Some files change after the backup; one goes.
        for name in ["a/f1", "a/f2", "b/f3"] {
            let inode = try await sample.source.resolve(Array<FileName>(path: name), as: .root)
                .inode
            _ = try await sample.source.write(
                inode,
                random.bytes(50),
                at: 0,
                stability: .stable,
                as: .root
            )
        }
        try await sample.source.unlink(
            try #require(FileName("f7")),
            in: try await sample.source.resolve(Array<FileName>(path: "a"), as: .root).inode,
            as: .root
        )
        sample.world.clock.advance(seconds: 30)
        let verdict = try await sample.test()
        #expect(verdict.differenceCount == 0 && verdict.files == 61)
        #expect(verdict.filesInHistory >= 57, "\(verdict)")
        await sample.world.close()
    }

    @Test func `damage in the vault is a difference with the path's name`() async throws {
        let sample = try await LostPartsTests.sample()
        let verdict = try await RestoreTest(
            vault: sample.vault,
            point: sample.point,
            source: nil,
            scratch: try await sample.world.makeFileSystem()
        ).run(.init(filesMax: 1_000, bytesMax: 1 << 30, seed: 1))
        #expect(verdict.differenceCount == 0)
        let tree = try PointTree.open(sample.point.id, of: sample.vault)
        let inode = try tree.resolve(Array<FileName>(path: "large")).attributes.inode
        let tile = try #require(try tree.source.tile(0, of: inode))
        try LostPartsTests().flip(tile.extents[0].chunk.id, in: sample)
        let reopened = try LostPartsTests().reopened(sample)
        let damaged = try await RestoreTest(
            vault: reopened,
            point: sample.point,
            source: nil,
            scratch: try await sample.world.makeFileSystem()
        ).run(.init(filesMax: 1_000, bytesMax: 1 << 30, seed: 1))
        #expect(damaged.differences.map(\.path) == [Array("large".utf8)])
        #expect(damaged.files == verdict.files - 1)
        await sample.world.close()
    }
}
