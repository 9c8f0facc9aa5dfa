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
    let disk: SimulatedDisk
    let clock: SimulatedClock
    let recorder = AccessRecorder()
    let journal: JournalStore
    let fileSystem: FileSystem
    let service: LifecycleService
    private let configuration: FileSystemConfiguration
    private let journalKey: DataKey
    private let journalID: UniqueID

    /// A new one, on day 20,000.
    init(recording: Bool = false) async throws {
        disk = SimulatedDisk(recording: recording)
        clock = SimulatedClock(Timestamp(seconds: 20_000 * 86_400))
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
        // Each row in a transaction of its own: cuts come between them.
        limits.swapRowsMax = 1
        limits.swapTurnMicroseconds = 0
        configuration = FileSystemConfiguration(
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
        fileSystem = try await FileSystem.create(configuration)
        service = LifecycleService(journal: journal, clock: clock)
    }

    /// What a start finds on a disk that a power cut left.
    init(_ other: LifecycleWorld, on disk: SimulatedDisk) async throws {
        self.disk = disk
        clock = SimulatedClock(other.clock.now())
        (journalKey, journalID) = (other.journalKey, other.journalID)
        journal = try JournalStore(
            disk: disk,
            path: "/var/journal.sqlite",
            key: journalKey,
            id: journalID,
            create: false
        )
        var configuration = other.configuration
        configuration.disk = disk
        configuration.clock = clock
        configuration.accessObserver = recorder
        self.configuration = configuration
        fileSystem = try await FileSystem.open(configuration)
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

    func makeDirectory(_ name: String) async throws -> InodeNumber {
        try await fileSystem.create(
            try #require(FileName(name)),
            in: .root,
            NewInode(.directory, permissions: 0o755),
            as: .root
        ).inode
    }

    func makeFile(
        _ name: String,
        _ bytes: [UInt8],
        in directory: InodeNumber = .root
    ) async throws -> InodeNumber {
        let inode = try await fileSystem.create(
            try #require(FileName(name)),
            in: directory,
            NewInode(.regular, permissions: 0o644),
            as: .root
        ).inode
        _ = try await fileSystem.write(inode, bytes, at: 0, stability: .stable, as: .root)
        return inode
    }

    /// A new file that shows the records of another.
    func clone(_ source: InodeNumber, as name: String) async throws -> InodeNumber {
        let target = try await fileSystem.create(
            try #require(FileName(name)),
            in: .root,
            NewInode(.regular, permissions: 0o644),
            as: .root
        ).inode
        let request = CloneRequest(
            source: source,
            offset: 0,
            count: nil,
            target: target,
            targetOffset: 0,
            as: .root
        )
        _ = try await fileSystem.clone(request)
        return target
    }

    /// Lets days pass as the daemon does: what was used is written down, then the clock moves.
    func pass(days: Int) async throws {
        try await recorder.flush(to: journal, as: fileSystem.id)
        clock.advance(seconds: Int64(days) * 86_400)
    }

    func write(_ inode: InodeNumber, _ bytes: [UInt8], at offset: UInt64) async throws {
        _ = try await fileSystem.write(inode, bytes, at: offset, stability: .stable, as: .root)
    }

    func tier(_ inode: InodeNumber) async throws -> Tier { try await fileSystem.tier(of: inode) }

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
