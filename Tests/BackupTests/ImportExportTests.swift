import Backup
import BackupVault
import Disk
import FileSystemEngine
import Foundation
import Synchronization
import TestKit
import Testing
import VarveModel

/// Host trees through a file system and a vault, judged by programs that are not ours.
@Suite(.enabled(if: Witness.isPresent), .serialized)
struct ImportExportTests {
    @Test func `an odd tree comes out as it went in`() async throws {
        let directory = try TemporaryDirectory()
        let (from, to) = (directory.path + "/from", directory.path + "/to")
        try Witness.plantOddTree(at: from)
        let world = try BackupWorld(disk: HostDisk(), root: directory.path + "/var")
        let fileSystem = try await world.makeFileSystem()
        let imported = try await TreeCopy.run(
            from: .host(from),
            to: .fileSystem(fileSystem, path: Array(path: "tree"), .root)
        )
        #expect(imported.omissions == [])
        let exported = try await TreeCopy.run(
            from: .fileSystem(fileSystem, path: Array(path: "tree"), .live, .root),
            to: .host(to)
        )
        #expect(exported.omissions == [])
        let differences = try Witness.differences(from, to)
        #expect(differences == "", "\(differences)")
        #expect(imported.entries == exported.entries)
        await world.close()
    }

    @Test func `an odd tree comes back from a vault, to a host directory and to a file system`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let (from, to) = (directory.path + "/from", directory.path + "/to")
        try Witness.plantOddTree(at: from)
        let world = try BackupWorld(disk: HostDisk(), root: directory.path + "/var")
        let fileSystem = try await world.makeFileSystem()
        _ = try await TreeCopy.run(from: .host(from), to: .fileSystem(fileSystem, path: [], .root))
        let vault = try world.makeVault()
        let result = try await BackupService(clock: world.clock)
            .backUp(fileSystem, source: fileSystem.id.text, to: vault)
        #expect(result.isFull)
        let restored = try await TreeCopy.run(
            from: .recoveryPoint(vault, result.point, path: []),
            to: .host(to)
        )
        #expect(restored.omissions == [])
        let differences = try Witness.differences(from, to)
        #expect(differences == "", "\(differences)")
        let other = try await world.makeFileSystem()
        let copied = try await TreeCopy.run(
            from: .recoveryPoint(vault, result.point, path: []),
            to: .fileSystem(other, path: [], .root)
        )
        #expect(copied.omissions == [])
        let again = try await TreeDump.of(other)
        #expect(again.differences(from: try await TreeDump.of(fileSystem)) == [])
        await world.close()
    }

    @Test func `an odd tree goes in and out of a file system as an archive`() async throws {
        let directory = try TemporaryDirectory()
        let (from, to) = (directory.path + "/from", directory.path + "/to")
        try Witness.plantOddTree(at: from)
        let world = try BackupWorld(disk: HostDisk(), root: directory.path + "/var")
        let fileSystem = try await world.makeFileSystem()
        try await pipe(.host(from), to: .fileSystem(fileSystem, path: Array(path: "in"), .root))
        try await pipe(
            .fileSystem(fileSystem, path: Array(path: "in"), .live, .root),
            to: .host(to)
        )
        let differences = try Witness.differences(from, to)
        #expect(differences == "", "\(differences)")
        await world.close()
    }

    private func pipe(_ place: TreePlace, to target: TreeTarget) async throws {
        let input = ArchiveInput()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let report = try await ArchiveStream.write(place) { await input.send($0) }
                #expect(report.omissions == [])
                input.finish()
            }
            group.addTask {
                let report = try await ArchiveStream.read(input, to: target)
                #expect(report.omissions == [])
            }
            try await group.waitForAll()
        }
    }

    @Test func `who is not root imports what is allowed and hears of the rest`() async throws {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        try Witness.plantOddTree(at: from)
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let home = try await fileSystem.create(
            try #require(FileName("home")),
            in: .root,
            NewInode(.directory, permissions: 0o755, uid: 1_001, gid: 1_001),
            as: .root
        )
        let report = try await TreeCopy.run(
            from: .host(from),
            to: .fileSystem(
                fileSystem,
                path: Array(path: "home/tree"),
                Credentials(uid: 1_001, gid: 1_001)
            )
        )
        #expect(report.omissionsCount > 0)
        #expect(report.omissions.contains { $0.call == "chown" && $0.errno == EPERM })
        #expect(report.files > 20)
        let tree = try await fileSystem.resolve(Array(path: "home/tree"), as: .root)
        #expect(tree.uid == 1_001)
        #expect(tree.parent == home.inode)
        await world.close()
    }

    @Test func `a full disk ends an import with a clear error, and room lets it be repeated`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        try Witness.plantOddTree(at: from)
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem { $0.segmentBytes = 8 << 20 }
        disk.failAfter(bytes: 12 << 20)
        let target = TreeTarget.fileSystem(fileSystem, path: Array(path: "tree"), .root)
        do throws(BackupError) {
            _ = try await TreeCopy.run(from: .host(from), to: target)
            Issue.record("the disk is full")
        } catch {
            #expect(error.code == .noSpace, "\(error)")
        }
        disk.setCapacity(1 << 40)
        let report = try await TreeCopy.run(from: .host(from), to: target, existing: .replace)
        #expect(report.omissions == [])
        let to = directory.path + "/to"
        _ = try await TreeCopy.run(
            from: .fileSystem(fileSystem, path: Array(path: "tree"), .live, .root),
            to: .host(to)
        )
        let differences = try Witness.differences(from, to)
        #expect(differences == "", "\(differences)")
        await world.close()
    }
}
