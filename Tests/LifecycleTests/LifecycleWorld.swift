import Disk
import FileSystemEngine
import Keyring
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

/// A file system whose accesses are recorded, and a journal, on one simulated disk.
final class LifecycleWorld {
    let disk = SimulatedDisk(recording: false)
    let clock = SimulatedClock(Timestamp(seconds: 20_000 * 86_400))
    let recorder = AccessRecorder()
    let journal: JournalStore
    let fileSystem: FileSystem
    let service: LifecycleService
    private let journalKey: DataKey
    private let journalID: UniqueID

    init() async throws {
        try disk.makeDirectories("/var/fs")
        try disk.makeDirectories("/var/zone")
        journalKey = .random()
        journalID = .random()
        journal = try JournalStore(
            disk: disk,
            path: "/var/journal.sqlite",
            key: journalKey,
            id: journalID,
            create: true
        )
        var limits = FileSystemLimits()
        limits.flushSeconds = nil
        fileSystem = try await FileSystem.create(
            FileSystemConfiguration(
                id: .random(),
                unique: .random(),
                family: .random(),
                dataKey: .random(),
                disk: disk,
                directory: "/var/fs",
                zones: ["/var/zone"],
                clock: clock,
                limits: limits,
                accessObserver: recorder
            )
        )
        service = LifecycleService(journal: journal, clock: clock)
    }

    /// 30 days to IA, 90 to Archive, back on access; 64 KiB at least.
    func policy(
        exclude: [PathGlob] = [],
        archive: LifecycleTransitions.Age? = .days90
    ) throws -> LifecyclePolicy {
        LifecyclePolicy(
            name: "cold",
            transitions: try LifecycleTransitions(
                toInfrequentAccess: .days30,
                toArchive: archive,
                isPromotedOnAccess: true
            ),
            minimumSize: 64 << 10,
            exclude: exclude
        )
    }

    func makeFile(_ name: String, _ bytes: [UInt8]) async throws -> InodeNumber {
        let inode = try await fileSystem.create(
            try #require(FileName(name)),
            in: .root,
            NewInode(.regular, permissions: 0o644),
            as: .root
        ).inode
        _ = try await fileSystem.write(inode, bytes, at: 0, stability: .stable, as: .root)
        return inode
    }

    /// Lets days pass as the daemon does: what was used is written down, then the clock moves.
    func pass(days: Int) async throws {
        try await recorder.flush(to: journal, as: fileSystem.id)
        clock.advance(seconds: Int64(days) * 86_400)
    }

    func read(_ inode: InodeNumber) async throws -> [UInt8] {
        let size = try await fileSystem.attributes(of: inode).size
        return try await fileSystem.read(inode, 0..<size, as: .root).bytes
    }
}

/// Compressible bytes, different for each seed.
func text(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    let words = (0..<32).map { _ in generator.bytes(8) }
    var bytes: [UInt8] = []
    while bytes.count < count { bytes += words[Int(generator.next() % 32)] }
    return Array(bytes.prefix(count))
}
