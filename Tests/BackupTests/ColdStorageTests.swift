import Backup
import BackupVault
import Disk
import FileSystemEngine
import Foundation
import Keyring
import Policies
import TestKit
import Testing
import VarveModel

/// Recovery points in cold storage restore as they did when they were warm.
@Suite struct ColdStorageTests {
    /// What looking into a point shows of one name.
    private struct Seen: Equatable {
        let kind: FileKind
        let permissions: UInt16
        let owner: [UInt32]
        let size: UInt64
        let modified: Timestamp
        let target: [UInt8]
        let bytes: [UInt8]
    }

    /// Everything that looking into a point shows, by path.
    private static func look(
        _ id: RecoveryPointID,
        _ vault: Vault,
        key: AgeFileKey? = nil
    ) throws -> [String: Seen] {
        let tree = try PointTree.open(id, of: vault, key: key)
        let top = try tree.resolve([])
        let walk = PointWalk(tree, from: [], top.attributes.inode) { _ in true }
        var seen: [String: Seen] = [:]
        while let page = walk.next() {
            for found in page {
                let attributes = found.entry.attributes
                let isFile = attributes.kind == .regular
                seen[found.path.map { Hex.encode($0.bytes) }.joined(separator: "/")] = Seen(
                    kind: attributes.kind,
                    permissions: attributes.permissions,
                    owner: [attributes.uid, attributes.gid],
                    size: attributes.kind == .directory ? 0 : attributes.size,
                    modified: attributes.modified,
                    target: found.entry.target,
                    bytes: isFile
                        ? try tree.read(found.entry, 0..<min(attributes.size, 200_000)) : []
                )
            }
        }
        #expect(walk.damage.count == 0)
        return seen
    }

    static func move(
        _ points: [RecoveryPoint],
        _ vault: Vault,
        _ world: BackupWorld
    ) async throws -> [RecoveryPoint] {
        let outcome = try await ColdStorage.move(points, of: vault, clock: world.clock)
        #expect(outcome.stayed.isEmpty, "\(outcome.stayed)")
        return outcome.moved
    }

    private static func code(_ body: () async throws -> Void) async -> BackupError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? BackupError)?.code
        }
    }

    /// Goal: a cold point restores byte for byte and attribute for attribute as the warm one did, whole and in parts, and shows the same
    /// to whoever looks into it.
    ///
    /// Method: random trees with holes, attributes and further names; what each point shows and restores is compared with what
    /// was dumped when it was made; the vault is pruned in between.
    @Test(arguments: [UInt64(451), 452])
    func `random trees come back from cold storage as they were`(seed: UInt64) async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        var mutator = BackupProperties.Mutator(
            fileSystem: fileSystem,
            generator: SeededGenerator(seed: testSeed(default: seed))
        )
        var expected: [(point: RecoveryPoint, dump: TreeDump, seen: [String: Seen])] = []
        for round in 0..<3 {
            for _ in 0..<(round == 0 ? 150 : 50) { try await mutator.step() }
            world.clock.advance(seconds: 86_400)
            let dump = try await TreeDump.of(fileSystem)
            let point = try await service.backUp(fileSystem, source: "fs", to: vault).point
            expected.append((point, dump, try Self.look(point.id, vault)))
        }
        let moved = try await Self.move(expected.dropLast().map(\.point), vault, world)
        #expect(moved.count == 2 && moved.allSatisfy { $0.isCold })
        _ = try vault.prune()
        #expect(try vault.verify(readData: true).isClean)
        let reopened = try Vault.open(
            disk: world.disk,
            directory: "/var/vaults/main",
            root: world.rootKey
        )
        for (number, (point, dump, seen)) in expected.enumerated() {
            let found = try reopened.recoveryPoint(point.id)
            #expect(found.isCold == (number < 2))
            #expect(try Self.look(point.id, reopened) == seen, "point \(number)")
            let place: TreePlace =
                found.isCold
                ? .coldPoint(try ColdTree.open(found, of: reopened), path: [])
                : .recoveryPoint(reopened, found, path: [])
            let other = try await world.makeFileSystem()
            let report = try await TreeCopy.run(
                from: place,
                to: .fileSystem(other, path: [], .root)
            )
            #expect(report.omissions == [])
            let restored = try await TreeDump.of(other)
            #expect(restored.differences(from: dump) == [], "point \(number)")
            let plan = try await TreeCopy.plan(
                from: place,
                to: .fileSystem(other, path: [], .root),
                existing: .mirror
            )
            #expect(plan.entries.allSatisfy { $0.sign == .overwritten }, "nothing comes or goes")
            await other.close()
        }
        // The next backup builds on the newest, which stays warm.
        try await mutator.step()
        let next = try await service.backUp(fileSystem, source: "fs", to: reopened)
        #expect(!next.isFull, "\(next.fullBecause ?? "")")
        await world.close()
    }

    /// Goal: in place, by pattern and by path a cold point does what a warm one does.
    @Test func `parts of a cold point replace what stands there, and mirror it`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        for path in ["home/ann/plan", "home/ann/old/1", "home/bob/plan", "etc/hosts"] {
            try await Self.write(path, path, in: fileSystem)
        }
        let before = try await TreeDump.of(fileSystem, "home")
        let point = try await service.backUp(fileSystem, source: "fs", to: vault).point
        world.clock.advance(seconds: 10)
        try await Self.write("home/ann/new", "stranger", in: fileSystem)
        try await Self.write("etc/new", "stays", in: fileSystem)
        _ = try await service.backUp(fileSystem, source: "fs", to: vault)
        let cold = try #require(try await Self.move([point], vault, world).first)
        let tree = try ColdTree.open(cold, of: vault)
        _ = try await TreeCopy.run(
            from: .coldPoint(tree, path: Array(path: "home")),
            to: .name(fileSystem, path: Array(path: "home"), .root),
            existing: .mirror
        )
        let after = try await TreeDump.of(fileSystem, "home")
        #expect(after.differences(from: before) == [])
        let other = try await world.makeFileSystem()
        let report = try await TreeCopy.run(
            from: .coldPoint(tree, path: []),
            selecting: TreeSelection(patterns: [try PathGlob("/home/**/plan")], items: []),
            to: .fileSystem(other, path: [], .root)
        )
        #expect(report.files == 2 && report.omissions == [])
        let alone = try await TreeCopy.run(
            from: .coldPoint(tree, path: Array(path: "etc/hosts")),
            to: .fileSystem(other, path: Array(path: "hosts"), .root)
        )
        #expect(alone.files == 1)
        #expect(
            await Self.code {
                _ = try await TreeCopy.run(
                    from: .coldPoint(tree, path: Array(path: "etc/none")),
                    to: .fileSystem(other, path: Array(path: "none"), .root)
                )
            } == .notFound
        )
        #expect(
            await Self.code {
                _ = try PointDiff.run(
                    from: PointTree.open(point.id, of: vault),
                    to: PointTree.open(point.id, of: vault)
                )
            } == .unsupported
        )
        await world.close()
    }

    static func write(_ path: String, _ text: String, in fileSystem: FileSystem) async throws {
        try await write(path, Array(text.utf8), in: fileSystem)
    }

    static func write(_ path: String, _ bytes: [UInt8], in fileSystem: FileSystem) async throws {
        let names = [FileName](path: path)
        var directory = InodeNumber.root
        for name in names.dropLast() {
            do throws(FileSystemError) {
                directory = try await fileSystem.lookup(name, in: directory, as: .root).inode
            } catch {
                let new = NewInode(.directory, permissions: 0o750)
                directory = try await fileSystem.create(name, in: directory, new, as: .root).inode
            }
        }
        let name = try #require(names.last)
        let new = NewInode(.regular, permissions: 0o640)
        let inode = try await fileSystem.create(name, in: directory, new, as: .root).inode
        _ = try await fileSystem.write(inode, bytes, at: 0, stability: .stable, as: .root)
    }

    // MARK: Who may read

    /// Goal: with recipients alone this machine cannot read what it moved: it verifies it, deletes it, and asks for the identity.
    @Test func `a vault of recipients alone reads nothing back, and says what it needs`()
        async throws
    {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        try await Self.write("plan", "secret", in: fileSystem)
        let dump = try await TreeDump.of(fileSystem)
        let point = try await service.backUp(fileSystem, source: "fs", to: vault).point
        world.clock.advance(seconds: 10)
        _ = try await service.backUp(fileSystem, source: "fs", to: vault)
        let identity = AgeIdentity.random()
        _ = try vault.setCold(.init(usesVaultKey: false, recipients: [identity.recipient]))
        let cold = try #require(try await Self.move([point], vault, world).first)
        #expect(cold.cold?.recipients == [identity.recipient.description])
        _ = try vault.prune()
        #expect(try vault.verify(readData: true).isClean)
        do {
            _ = try PointTree.open(point.id, of: vault)
            Issue.record("it opened")
        } catch {
            #expect(error.code == .wrongKey && error.remedy.contains("--identity"))
            #expect(error.message.contains(identity.recipient.description))
        }
        // What 'varve' does with an identity: it finds the file key in the header.
        let file = try vault.openArchive(of: cold)
        let header = try AgeHeader(file.read(0..<min(file.byteCount, UInt64(AgeHeader.bytesMax))))
        #expect(throws: KeyringError.self) { try header.fileKey([vault.coldIdentity]) }
        let key = try header.fileKey([identity])
        #expect(
            await Self.code { _ = try PointTree.open(point.id, of: vault, key: .random()) }
                == .wrongKey
        )
        let other = try await world.makeFileSystem()
        _ = try await TreeCopy.run(
            from: .coldPoint(try ColdTree.open(cold, of: vault, key: key), path: []),
            to: .fileSystem(other, path: [], .root)
        )
        #expect(try await TreeDump.of(other).differences(from: dump) == [])
        try vault.delete(point.id)
        #expect(try vault.verify(readData: true).isClean)
        await world.close()
    }

    /// Goal: whoever has a recipient can make an archive; it does not pass for the one that was moved.
    @Test func `another archive of the same length is not believed`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        try await Self.write("plan", "one", in: fileSystem)
        var points: [RecoveryPoint] = []
        for _ in 0..<3 {
            world.clock.advance(seconds: 10)
            points.append(
                try await BackupService(clock: world.clock)
                    .backUp(fileSystem, source: "fs", to: vault).point
            )
        }
        let moved = try await Self.move(Array(points[..<2]), vault, world)
        let paths = try moved.map { try vault.openArchive(of: $0).name }
        let bytes = try paths.map { try world.disk.contents(of: $0) }
        try #require(bytes[0].count == bytes[1].count)
        try world.disk.replace(paths[0], with: bytes[1])
        #expect(try vault.verify(readData: false).isClean)
        #expect(await Self.code { _ = try PointTree.open(points[0].id, of: vault) } == .corrupt)
        #expect(try vault.verify(readData: true).findings.map(\.subject) == [.archive])
        _ = try PointTree.open(points[1].id, of: vault)
        await world.close()
    }

    // MARK: Damage

    /// Goal: a damaged archive costs what stands in the damage; all else comes.
    @Test func `damage to an archive costs the files that it hits`() async throws {
        let (world, _) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        var generator = SeededGenerator(seed: testSeed(default: 453))
        for number in 0..<8 {
            try await Self.write("f\(number)", generator.bytes(700_000), in: fileSystem)
        }
        let dump = try await TreeDump.of(fileSystem)
        let service = BackupService(clock: world.clock)
        let point = try await service.backUp(fileSystem, source: "fs", to: vault).point
        world.clock.advance(seconds: 10)
        _ = try await service.backUp(fileSystem, source: "fs", to: vault)
        let cold = try #require(try await Self.move([point], vault, world).first)
        _ = try vault.prune()
        let path = try vault.openArchive(of: cold).name
        var bytes = try world.disk.contents(of: path)
        bytes[bytes.count / 2] ^= 1
        try world.disk.replace(path, with: bytes)
        let other = try await world.makeFileSystem()
        let report = try await TreeCopy.run(
            from: .coldPoint(try ColdTree.open(cold, of: vault), path: []),
            to: .fileSystem(other, path: [], .root)
        )
        #expect((1...4).contains(report.damageCount) && report.damageCount == report.omissionsCount)
        let lost = Set(report.omissions.map { "/" + Hex.encode($0.path) })
        let restored = try await TreeDump.of(other)
        for (path, file) in dump.files where path != "" {
            #expect(
                lost.contains(path) ? restored.files[path] == nil : restored.files[path] == file
            )
        }
        await world.close()
    }

    /// Goal: what cannot be read whole is not given up for what was read of it.
    @Test func `a damaged point stays warm`() async throws {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        var generator = SeededGenerator(seed: testSeed(default: 454))
        try await Self.write("large", generator.bytes(300_000), in: fileSystem)
        let point = try await service.backUp(fileSystem, source: "fs", to: vault).point
        world.clock.advance(seconds: 10)
        _ = try await service.backUp(fileSystem, source: "fs", to: vault)
        let packs = "/var/vaults/main/packs"
        let sizes = try disk.list(packs).map {
            ($0, try disk.status(of: packs + "/" + $0)?.size ?? 0)
        }
        let largest = try #require(sizes.max { $0.1 < $1.1 })
        try disk.corrupt(packs + "/" + largest.0, at: largest.1 / 2, mask: 1)
        let outcome = try await ColdStorage.move([point], of: vault, clock: world.clock)
        #expect(outcome.moved.isEmpty && outcome.stayed.map(\.error.code) == [.corrupt])
        #expect(try vault.recoveryPoint(point.id).isCold == false)
        #expect(try disk.list("/var/vaults/main/cold") == ["settings"])
        await world.close()
    }

    // MARK: Witnesses

    @Test(.enabled(if: StockTools.isPresent))
    func `stock age, zstd and tar open an archive that was moved`() async throws {
        let directory = try TemporaryDirectory()
        let (from, to) = (directory.path + "/from", directory.path + "/to")
        try Witness.plantOddTree(at: from)
        let world = try BackupWorld(disk: HostDisk(), root: directory.path + "/var")
        let fileSystem = try await world.makeFileSystem()
        _ = try await TreeCopy.run(from: .host(from), to: .fileSystem(fileSystem, path: [], .root))
        let vault = try world.makeVault()
        let service = BackupService(clock: world.clock)
        let point = try await service.backUp(fileSystem, source: "fs", to: vault).point
        world.clock.advance(seconds: 10)
        _ = try await service.backUp(fileSystem, source: "fs", to: vault)
        let cold = try #require(try await Self.move([point], vault, world).first)
        _ = try vault.prune()
        let restored = try await TreeCopy.run(
            from: .coldPoint(try ColdTree.open(cold, of: vault), path: []),
            to: .host(to)
        )
        #expect(restored.omissions == [])
        let differences = try Witness.differences(from, to)
        #expect(differences == "", "\(differences)")
        try Data((vault.coldIdentity.text + "\n").utf8)
            .write(to: URL(fileURLWithPath: directory.path + "/key"))
        let path = try vault.openArchive(of: cold).name
        let names = try StockTools.run(
            "age -d -i key '\(path)' | zstd -dc | tar -t --quoting-style=escape --warning=no-unknown-keyword",
            in: directory.path
        )
        let counted = try StockTools.run("find from -type s | wc -l", in: directory.path)
        let sockets = Int(counted.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
        #expect(names.split(separator: "\n").count == Int(cold.cold?.entries ?? 0) - sockets)
        await world.close()
    }
}
