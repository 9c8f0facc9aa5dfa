import Backup
import BackupVault
import Disk
import FileSystemEngine
import TestKit
import Testing
import VarveModel

/// Goal: a move reads the tree once and its archive twice, a list reads no archive, and one file of a cold point costs what it needs.
@Suite struct ColdCostTests {
    private static let vaultPath = "/var/vaults/main"

    /// Bytes read of files whose paths hold a word.
    private static func bytes(_ reads: [RecordedRead], _ word: String) -> Int {
        reads.filter { $0.path.contains(word) }.reduce(0) { $0 + $1.count }
    }

    private static func size(_ disk: SimulatedDisk, _ folder: String) throws -> Int {
        try disk.list(folder).reduce(0) {
            $0 + Int(clamping: try disk.status(of: folder + "/" + $1)?.size ?? 0)
        }
    }

    @Test
    func `a move reads the tree once and its archive twice, and looking reads what is asked for`()
        async throws
    {
        let (world, disk) = try BackupWorld.inMemory()
        let fileSystem = try await world.makeFileSystem()
        let vault = try world.makeVault()
        var generator = SeededGenerator(seed: testSeed(default: 455))
        for number in 0..<40 {
            let path = "d\(number % 4)/f\(number)"
            try await ColdStorageTests.write(path, generator.bytes(250_000), in: fileSystem)
        }
        let service = BackupService(clock: world.clock)
        let point = try await service.backUp(fileSystem, source: "fs", to: vault).point
        world.clock.advance(seconds: 10)
        _ = try await service.backUp(fileSystem, source: "fs", to: vault)
        let packs = try Self.size(disk, Self.vaultPath + "/packs")

        let mover = try Vault.open(disk: disk, directory: Self.vaultPath, root: world.rootKey)
        disk.beginRecordingReads()
        _ = try await ColdStorageTests.move([point], mover, world)
        let moving = disk.endRecordingReads()
        let archive = try Self.size(disk, Self.vaultPath + "/cold")
        let (read, again) = (Self.bytes(moving, "/packs/"), Self.bytes(moving, "/cold/"))
        print(
            "cold move: \(read) of \(packs) bytes of packs read, \(again) of \(archive) of the archive"
        )
        #expect(Double(read) < 1.1 * Double(packs))
        // Once for its digest as storage gives it, and once for what is in it.
        #expect(again >= archive * 19 / 10 && Double(again) < 2.2 * Double(archive))

        let other = try Vault.open(disk: disk, directory: Self.vaultPath, root: world.rootKey)
        disk.beginRecordingReads()
        #expect(try other.recoveryPoints().count == 2)
        let listing = disk.endRecordingReads()
        #expect(Self.bytes(listing, ".tar.zst.age") == 0)
        #expect(Self.bytes(listing, "/cold/") < 4_096, "a record is small")

        disk.beginRecordingReads()
        let tree = try PointTree.open(point.id, of: other)
        let file = try tree.resolve(Array(path: "d1/f1"))
        #expect(try tree.read(file, 0..<1_000).count == 1_000)
        let looking = Self.bytes(disk.endRecordingReads(), ".tar.zst.age")
        print("cold look: \(looking) of \(archive) bytes of the archive read")
        // The header, the index, the last chunk, and at most two frames of 1 MiB.
        #expect(looking < 3 << 20 && archive > 9 << 20)
        await world.close()
    }
}
