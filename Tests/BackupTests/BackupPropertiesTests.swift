import Backup
import BackupVault
import Disk
import FileSystemEngine
import TestKit
import Testing
import VarveModel

/// Seeded changes between backups; every recovery point restores to what was dumped at its instant.
@Suite struct BackupProperties {
    /// Changes a file system at random and counts what it did.
    struct Mutator {
        let fileSystem: FileSystem
        var generator: SeededGenerator
        var files: [(path: String, inode: InodeNumber)] = []
        var directories: [(path: String, inode: InodeNumber)] = [("", .root)]
        var made = 0
        var mix: [String: Int] = [:]

        mutating func step() async throws {
            let kinds = [
                "create", "create", "create", "overwrite", "overwrite", "overwrite", "append",
                "truncate", "extend", "punch", "rename", "unlink", "attributes", "xattr", "link",
                "directory", "symlink", "scatter", "rewrite",
            ]
            let kind = kinds[Int(generator.next() % UInt64(kinds.count))]
            mix[kind, default: 0] += 1
            switch kind {
            case "create": try await create()
            case "directory": try await makeDirectory()
            case "symlink": try await makeSymlink()
            case "rename": try await rename()
            case "unlink": try await unlink()
            case "link": try await link()
            default: try await change(kind)
            }
        }

        private mutating func name() throws -> FileName {
            made += 1
            return try #require(FileName("n\(made)"))
        }

        private mutating func pick<T>(_ list: [T]) -> T? {
            list.isEmpty ? nil : list[Int(generator.next() % UInt64(list.count))]
        }

        /// Compressible and not, short and over several tiles.
        private mutating func content(_ count: Int) -> [UInt8] {
            if generator.next() % 2 == 0 { return generator.bytes(count) }
            let seed = generator.bytes(64)
            return (0..<count).map { seed[$0 % 64] }
        }

        private mutating func create() async throws {
            guard let parent = pick(directories) else { return }
            let name = try name()
            let made = try await fileSystem.create(
                name,
                in: parent.inode,
                NewInode(.regular, permissions: 0o644),
                as: .root
            )
            files.append((parent.path + "/" + name.description, made.inode))
            let sizes = [0, 100, 2_000, 5_000, 70_000, 300_000]
            let size = sizes[Int(generator.next() % 6)]
            if size > 0 { try await write(made.inode, content(size), at: 0) }
        }

        private func write(_ inode: InodeNumber, _ bytes: [UInt8], at offset: UInt64) async throws {
            _ = try await fileSystem.write(
                inode,
                bytes,
                at: offset,
                stability: .unstable,
                as: .root
            )
        }

        private mutating func makeDirectory() async throws {
            guard let parent = pick(directories) else { return }
            let name = try name()
            let made = try await fileSystem.create(
                name,
                in: parent.inode,
                NewInode(.directory, permissions: 0o755),
                as: .root
            )
            directories.append((parent.path + "/" + name.description, made.inode))
        }

        private mutating func makeSymlink() async throws {
            guard let parent = pick(directories) else { return }
            let target = generator.bytes(20).map { $0 | 1 }
            let name = try name()
            _ = try await fileSystem.create(
                name,
                in: parent.inode,
                NewInode(.symlink(target: target), permissions: 0o777),
                as: .root
            )
        }

        private mutating func rename() async throws {
            guard !files.isEmpty, let target = pick(directories) else { return }
            let index = Int(generator.next() % UInt64(files.count))
            let (directory, old) = try await place(files[index].path)
            let name = try name()
            try await fileSystem.rename(old, in: directory, to: name, in: target.inode, as: .root)
            files[index].path = target.path + "/" + name.description
        }

        private mutating func unlink() async throws {
            guard files.count > 5 else { return }
            let index = Int(generator.next() % UInt64(files.count))
            let (directory, name) = try await place(files[index].path)
            try await fileSystem.unlink(name, in: directory, as: .root)
            files.remove(at: index)
        }

        private mutating func link() async throws {
            guard let file = pick(files), let target = pick(directories) else { return }
            let name = try name()
            _ = try await fileSystem.link(file.inode, as: name, in: target.inode, as: .root)
            files.append((target.path + "/" + name.description, file.inode))
        }

        private func place(_ path: String) async throws -> (InodeNumber, FileName) {
            let names = [FileName](path: path)
            let parent = try await fileSystem.resolve(names.dropLast(), as: .root)
            return (parent.inode, try #require(names.last))
        }

        private mutating func change(_ kind: String) async throws {
            guard let inode = pick(files)?.inode else { return }
            let size = try await fileSystem.attributes(of: inode).size
            let at = generator.next() % max(1, size)
            switch kind {
            case "overwrite": try await write(inode, content(4_096), at: at)
            case "append": try await write(inode, content(50_000), at: size)
            case "rewrite": try await write(inode, content(Int(min(size, 200_000)) + 1), at: 0)
            case "scatter":
                for _ in 0..<20 {
                    try await write(inode, content(100), at: generator.next() % (size + 1_000_000))
                }
            case "truncate":
                _ = try await fileSystem.setAttributes(inode, .init(size: at), as: .root)
            case "extend":
                let more = size + generator.next() % 9_000_000
                _ = try await fileSystem.setAttributes(inode, .init(size: more), as: .root)
            case "punch":
                try await fileSystem.punch(
                    inode,
                    at..<at + 1 + generator.next() % 3_000_000,
                    as: .root
                )
            case "attributes":
                let permissions = UInt16(generator.next() % 0o7777)
                let uid = UInt32(generator.next() % 3)
                _ = try await fileSystem.setAttributes(
                    inode,
                    .init(permissions: permissions, uid: uid),
                    as: .root
                )
            default:
                let name = Array("user.x\(generator.next() % 3)".utf8)
                let counts = [0, 10, 600, 3_000]
                let value = generator.bytes(counts[Int(generator.next() % 4)])
                try await fileSystem.setExtendedAttribute(name, value, of: inode, as: .root)
            }
        }
    }

    /// Goal: full and incremental points restore exactly, whatever changed between them.
    ///
    /// Method: rounds of random changes, a dump, a backup; then every point is restored to a new file
    /// system and dumped again, and neighbours are compared as their dumps are. Points are deleted and the vault
    /// pruned on the way.
    @Test(arguments: [UInt64(1), 2, 3])
    func `every recovery point restores to its instant`(seed: UInt64) async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem {
            // Small tiles, so that files span many; ours stay at 4 MiB.
            if seed != 1 { $0.tileBytes = 256 << 10 }
        }
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        var mutator = Mutator(
            fileSystem: fileSystem,
            generator: SeededGenerator(seed: testSeed(default: seed))
        )
        var expected: [(point: RecoveryPoint, dump: TreeDump)] = []
        for round in 0..<8 {
            for _ in 0..<(round == 0 ? 120 : 40) { try await mutator.step() }
            world.clock.advance(seconds: 3_600)
            let dump = try await TreeDump.of(fileSystem)
            let result = try await service.backUp(
                fileSystem,
                source: fileSystem.id.text,
                to: vault
            )
            #expect(result.isFull == (round == 0), "\(result.fullBecause ?? "")")
            expected.append((result.point, dump))
            if round == 4 {
                try vault.delete(expected.remove(at: 1).point.id)
                _ = try vault.prune()
            }
            while try await fileSystem.collectGarbage().isMoreDue {}
        }
        #expect(mutator.mix.count == 15, "\(mutator.mix)")
        let reopened = try Vault.open(
            disk: world.disk,
            directory: "/var/vaults/main",
            root: world.rootKey
        )
        for (number, (point, dump)) in expected.enumerated() {
            let other = try await world.makeFileSystem()
            let report = try await TreeCopy.run(
                from: .recoveryPoint(reopened, point, path: []),
                to: .fileSystem(other, path: [], .root)
            )
            #expect(report.omissions == [])
            let restored = try await TreeDump.of(other)
            #expect(restored.differences(from: dump) == [], "point \(number)")
            await other.close()
        }
        for (old, new) in zip(expected, expected.dropFirst()) {
            try PointDiffModel.expect(
                try PointDiff.run(
                    from: try PointTree.open(old.point.id, of: reopened),
                    to: try PointTree.open(new.point.id, of: reopened)
                ),
                from: old.dump,
                to: new.dump
            )
        }
        #expect(try reopened.verify(readData: true).findings.isEmpty)
        await world.close()
    }
}
