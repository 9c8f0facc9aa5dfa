import Backup
import BackupVault
import Disk
import FileSystemEngine
import Keyring
import TestKit
import Testing
import VarveModel

/// Goal: a backup that its daemon's death ended is not begun anew: what had come into ended packs serves the next one.
///
/// Method: one backup is recorded; the daemon dies just after the first, a middle and the last of its packs has
/// its name; on each of these disks the next backup counts what it stores.
@Suite struct BackupResumeTests {
    private static let vault = "/var/vaults/main"

    @Test func `after a crash only what no ended pack holds is stored`() async throws {
        let disk = SimulatedDisk()
        let clock = SimulatedClock(Timestamp(seconds: 1_800_000_000))
        let root = RootKey.random()
        var configuration = try Self.configuration(disk, clock)
        let fileSystem = try await FileSystem.create(configuration)
        try await Self.fill(fileSystem)
        let vault = try Vault.create(
            disk: disk,
            directory: Self.vault,
            name: "main",
            root: root,
            clock: clock,
            settings: VaultSettings(packBytes: 1 << 20)
        )
        let service = BackupService(clock: clock)
        let begin = disk.operations
        let whole = try await service.backUp(fileSystem, source: "fs", to: vault)
        await fileSystem.close()
        let ended = disk.history.filter {
            $0.number > begin && $0.kind == .rename
                && DiskPath.parent(of: $0.path) == Self.vault + "/packs"
        }
        #expect(ended.count >= 6)

        for pack in [0, ended.count / 2, ended.count - 1] {
            var replay = disk.replay()
            replay.advance(to: ended[pack].number)
            configuration.disk = replay.image(.keepUnsynced)
            let again = try await FileSystem.open(configuration)
            let opened = try Vault.open(
                disk: configuration.disk,
                directory: Self.vault,
                root: root,
                settings: VaultSettings(packBytes: 1 << 20)
            )
            let held = try opened.statistics()
            #expect(held.packs == pack + 1 && held.recoveryPoints == 0)
            let next = try await service.backUp(again, source: "fs", to: opened)
            #expect(next.isFull)
            // Neither more nor less: every chunk is stored once, before the crash or after it.
            #expect(
                UInt64(held.chunks) + next.statistics.chunksStored == whole.statistics.chunksStored
            )
            #expect(held.plainBytes + next.statistics.bytesNew == whole.statistics.bytesNew)
            #expect(try opened.verify(readData: true).isClean)
            await again.close()
        }
    }

    private static func configuration(
        _ disk: SimulatedDisk,
        _ clock: SimulatedClock
    ) throws -> FileSystemConfiguration {
        for directory in ["/var/fs", "/var/zone", "/var/vaults"] {
            try disk.makeDirectories(directory)
        }
        var limits = FileSystemLimits()
        limits.flushSeconds = nil
        limits.readers = 2
        return FileSystemConfiguration(
            id: .random(),
            unique: .random(),
            family: .random(),
            dataKey: .random(),
            disk: disk,
            directory: "/var/fs",
            zones: ["/var/zone"],
            clock: clock,
            limits: limits
        )
    }

    /// Six files of 1 MiB and forty of 1,000 bytes, all different.
    private static func fill(_ fileSystem: FileSystem) async throws {
        var generator = SeededGenerator(seed: testSeed(default: 91))
        for number in 0..<46 {
            let inode = try await fileSystem.create(
                try #require(FileName("f\(number)")),
                in: .root,
                NewInode(.regular, permissions: 0o644),
                as: .root
            ).inode
            _ = try await fileSystem.write(
                inode,
                generator.bytes(number < 6 ? 1 << 20 : 1_000),
                at: 0,
                stability: .unstable,
                as: .root
            )
        }
        try await fileSystem.flush()
    }
}
