import Backup
import Disk
import FileSystemEngine
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// What two dumps say of the difference between their points.
///
/// Names are never used twice where this judges, so what has one path at both ends is one file.
enum PointDiffModel {
    static func expect(
        _ report: PointDiff.Report,
        from old: TreeDump,
        to new: TreeDump
    ) throws {
        func paths(_ sign: PointDiff.Difference.Sign) -> Set<String> {
            Set(
                report.differences.filter { $0.sign == sign }
                    .map { $0.path.map { "/" + Hex.encode($0.bytes) }.joined() }
            )
        }
        #expect(!report.isCut)
        #expect(paths(.added) == Set(new.files.keys).subtracting(old.files.keys))
        #expect(paths(.removed) == Set(old.files.keys).subtracting(new.files.keys))
        let changed = paths(.changed)
        let expected = Set(
            new.files.filter { path, file in
                old.files[path].map { isChanged($0, file) } ?? false
            }.keys
        )
        // What was renamed and changed is told under its new name.
        let told = expected.union(new.links.flatMap(\.self)).union(paths(.added))
        #expect(changed.isSubset(of: told), "\(changed.subtracting(told))")
        for path in expected {
            // A file of several names is told once.
            let names = new.links.first { $0.contains(path) } ?? [path]
            #expect(names.contains(where: changed.contains), "\(path) differs")
        }
    }

    private static func isChanged(_ old: TreeDump.File, _ new: TreeDump.File) -> Bool {
        old.permissions != new.permissions || old.owner != new.owner
            || old.attributes != new.attributes || old.size != new.size
            || (new.kind != .directory && old.times[0] != new.times[0])
            || (new.kind == .regular && old.content != new.content)
    }
}

/// Comparing recovery points costs what changed.
@Suite struct PointDiffTests {
    /// What comparing took, after 20 bytes were written into 20 of so many files.
    private func cost(files count: Int) async throws -> PointDiff.Report {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        var inodes: [InodeNumber] = []
        for number in 0..<count {
            if number % 100 == 0 {
                inodes.append(try await make("d\(number)", .root, in: fileSystem))
            }
            let directory = inodes[inodes.count - 1 - number % 100]
            inodes.append(try await make("f\(number)", directory, in: fileSystem, isFile: true))
        }
        let files = try await PointDiffTests.files(of: fileSystem)
        let service = BackupService(clock: world.clock)
        let old = try await service.backUp(fileSystem, source: "fs", to: vault).point
        world.clock.advance(seconds: 60)
        for index in 0..<20 {
            _ = try await fileSystem.write(
                files[index * files.count / 20],
                [UInt8(index)],
                at: 10,
                stability: .unstable,
                as: .root
            )
        }
        let new = try await service.backUp(fileSystem, source: "fs", to: vault).point
        let report = try PointDiff.run(
            from: try PointTree.open(old.id, of: vault),
            to: try PointTree.open(new.id, of: vault)
        )
        let same = try PointDiff.run(
            from: try PointTree.open(new.id, of: vault),
            to: try PointTree.open(new.id, of: vault)
        )
        #expect(same.differences.isEmpty && same.nodesRead == 0 && same.namesRead == 0)
        await world.close()
        return report
    }

    private func make(
        _ name: String,
        _ directory: InodeNumber,
        in fileSystem: FileSystem,
        isFile: Bool = false
    ) async throws -> InodeNumber {
        try await fileSystem.create(
            try #require(FileName(name)),
            in: directory,
            NewInode(isFile ? .regular : .directory, permissions: 0o755),
            as: .root
        ).inode
    }

    /// The files two levels down, by inode.
    private static func files(of fileSystem: FileSystem) async throws -> [InodeNumber] {
        var files: [InodeNumber] = []
        for directory in try await fileSystem.readDirectory(
            .root,
            after: 0,
            limit: 1_000,
            as: .root
        ).entries {
            let page = try await fileSystem.readDirectory(
                directory.attributes.inode,
                after: 0,
                limit: 1_000,
                as: .root
            )
            files += page.entries.map(\.attributes.inode)
        }
        return files.sorted()
    }

    /// Goal: what is looked at costs what it holds, and bytes are read only where ids do not tell.
    ///
    /// Method: a directory of two files beside 4,000 others, whose content is then replaced by as much; the reads of a vault that was
    /// opened anew.
    @Test func `a small directory costs its own names, and other chunks differ unread`()
        async throws
    {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        var generator = SeededGenerator(seed: testSeed(default: 83))
        let small = try await make("small", .root, in: fileSystem)
        var files: [InodeNumber] = []
        for name in ["a", "b"] {
            files.append(try await make(name, small, in: fileSystem, isFile: true))
        }
        func fill() async throws {
            for file in files {
                let bytes = generator.bytes(9_000)
                _ = try await fileSystem.write(file, bytes, at: 0, stability: .stable, as: .root)
            }
        }
        try await fill()
        let many = try await make("many", .root, in: fileSystem)
        for number in 0..<4_000 {
            _ = try await make("f\(number)", many, in: fileSystem, isFile: true)
        }
        let service = BackupService(clock: world.clock)
        let old = try await service.backUp(fileSystem, source: "fs", to: vault).point
        world.clock.advance(seconds: 60)
        try await fill()
        let new = try await service.backUp(fileSystem, source: "fs", to: vault).point
        let reopened = try Vault.open(
            disk: disk,
            directory: world.root + "/vaults/main",
            root: world.rootKey
        )
        let content = reopened.knowledge.withLock { known in
            known.index.packs.filter { $0.kind == .content }.map { PackFormat.fileName($0.id) }
        }
        #expect(content.count == 2)
        func packReads() -> [String] {
            disk.endRecordingReads().map(\.path).filter { $0.contains("/packs/") }
        }
        let trees = (
            try PointTree.open(old.id, of: reopened), try PointTree.open(new.id, of: reopened)
        )
        disk.beginRecordingReads()
        let page = try trees.1.list(small, after: 0)
        #expect(page.entries.count == 2 && page.isEnd)
        // A path of nodes in each of two maps, a leaf's neighbour in each, and headers of packs. A page of a thousand names, whosever
        // they are, has eleven.
        #expect(packReads().count <= 9)
        disk.beginRecordingReads()
        let report = try PointDiff.run(from: trees.0, to: trees.1)
        #expect(report.differences.count == 2)
        #expect(report.differences.allSatisfy { $0.what.contains("data") })
        let ofContent = packReads().filter { path in content.contains { path.hasSuffix($0) } }
        #expect(ofContent.isEmpty)
        await world.close()
    }

    @Test func `a comparison of 20 changes costs the same in a small tree and a large one`()
        async throws
    {
        let small = try await cost(files: 400)
        let large = try await cost(files: TestSizes.current.costTreeFiles / 4)
        print("20 changes:", small.nodesRead, small.namesRead, large.nodesRead, large.namesRead)
        for (report, files) in [(small, 400), (large, TestSizes.current.costTreeFiles / 4)] {
            #expect(report.differences.count == 20)
            #expect(
                report.differences.allSatisfy { $0.sign == .changed && $0.what.contains("data") }
            )
            // A path from the root to a leaf in each of two maps for each change, and one look at each directory on the way.
            #expect(report.nodesRead <= 20 * 2 * 4)
            #expect(report.namesRead <= 20 * 100 + files / 100)
        }
    }

    /// Goal: a directory above many changed ones is read once, however wide it is.
    @Test func `a comparison beneath a wide directory reads its names once`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        var directories: [InodeNumber] = []
        for number in 0..<300 {
            directories.append(try await make("d\(number)", .root, in: fileSystem))
        }
        let service = BackupService(clock: world.clock)
        let old = try await service.backUp(fileSystem, source: "fs", to: vault).point
        world.clock.advance(seconds: 60)
        for directory in directories {
            _ = try await make("new", directory, in: fileSystem, isFile: true)
        }
        let new = try await service.backUp(fileSystem, source: "fs", to: vault).point
        let report = try PointDiff.run(
            from: try PointTree.open(old.id, of: vault),
            to: try PointTree.open(new.id, of: vault)
        )
        #expect(report.differences.filter { $0.sign == .added }.count == 300)
        #expect(report.namesRead <= 2 * 300, "\(report.namesRead)")
        do throws(BackupError) {
            _ = try PointDiff.run(
                from: try PointTree.open(old.id, of: vault),
                to: try PointTree.open(new.id, of: vault),
                isCancelled: { true }
            )
            Issue.record("it was cancelled")
        } catch {
            #expect(error.code == .cancelled)
        }
        await world.close()
    }

    @Test func `points of two sources are not compared`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        let one = try await service.backUp(fileSystem, source: "fs", to: vault).point
        let two = try await service.backUp(fileSystem, source: "other", to: vault).point
        do throws(BackupError) {
            _ = try PointDiff.run(
                from: try PointTree.open(one.id, of: vault),
                to: try PointTree.open(two.id, of: vault)
            )
            Issue.record("they were compared")
        } catch {
            #expect(error.code == .invalid)
        }
        await world.close()
    }
}
