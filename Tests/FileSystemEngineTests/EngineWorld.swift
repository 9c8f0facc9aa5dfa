import Disk
import Keyring
import MetadataStore
import TestKit
import VarveModel

@testable import FileSystemEngine

/// A file system on a simulated disk, under a clock that the test moves.
struct EngineWorld {
    let disk: SimulatedDisk
    let clock: SimulatedClock
    let configuration: FileSystemConfiguration
    var fileSystem: FileSystem

    /// 2027-01-15: a plain day.
    static let start = Timestamp(seconds: 1_800_000_000)

    /// Seconds for a minute, tens of seconds for ten minutes, minutes for an hour.
    static let ladder = RetentionLadder(rungs: [
        RetentionLadder.Rung(step: 1, seconds: 60),
        RetentionLadder.Rung(step: 10, seconds: 600),
        RetentionLadder.Rung(step: 60, seconds: 3_600),
    ])

    /// Small tiles and segments, colliding names, low bounds: everything happens soon.
    static var smallLimits: FileSystemLimits {
        var limits = FileSystemLimits()
        limits.tileBytes = 16 << 10
        limits.segmentBytes = 1 << 20
        limits.nameHashBits = 4
        limits.linksMax = 6
        limits.fileBytesMax = 1 << 20
        limits.symlinkBytesMax = 100
        limits.attributeBytesMax = 3_000
        limits.readers = 2
        limits.readAheadBytesMin = 0
        limits.flushSeconds = nil
        limits.wastePercentMin = 10
        limits.wasteBytesMin = 4 << 10
        limits.swapRowsMax = 2
        limits.swapTurnMicroseconds = 0
        return limits
    }

    static func configuration(
        disk: any Disk,
        clock: any VarveClock,
        limits: FileSystemLimits = smallLimits,
        key: DataKey = .random(),
        unique: UniqueID = .random(),
        history: HistoryBudget = .standard
    ) throws -> FileSystemConfiguration {
        FileSystemConfiguration(
            id: .random(),
            unique: unique,
            family: unique,
            dataKey: key,
            disk: disk,
            directory: "/state/filesystems/fs",
            zones: ["/state/zones/local-1a/fs"],
            clock: clock,
            limits: limits,
            retention: ladder,
            history: history
        )
    }

    static func make(
        limits: FileSystemLimits = smallLimits,
        disk: SimulatedDisk = SimulatedDisk(recording: false),
        history: HistoryBudget = .standard,
        observer: (any AccessObserver)? = nil
    ) async throws -> EngineWorld {
        let clock = SimulatedClock(start)
        var configuration = try configuration(
            disk: disk,
            clock: clock,
            limits: limits,
            history: history
        )
        configuration.accessObserver = observer
        return EngineWorld(
            disk: disk,
            clock: clock,
            configuration: configuration,
            fileSystem: try await FileSystem.create(configuration)
        )
    }

    /// Closes and opens again: what a restart of the daemon does.
    mutating func reopen() async throws {
        await fileSystem.close()
        fileSystem = try await FileSystem.open(configuration)
    }
}

extension UseLog: AccessObserver {}

func name(_ text: String) throws -> FileName {
    guard let name = FileName(text) else {
        throw FileSystemError(.invalid, "the test's name '\(text)'")
    }
    return name
}

extension FileSystem {
    /// A regular file below the root.
    @inline(never)  // Inlined into a loop, Swift 6.3.1 in release crashes on it.
    func makeFile(_ text: String, _ bytes: [UInt8] = []) async throws -> InodeNumber {
        let made = try await create(
            try name(text),
            in: .root,
            NewInode(.regular, permissions: 0o644),
            as: .root
        )
        if !bytes.isEmpty {
            _ = try await write(made.inode, bytes, at: 0, stability: .stable, as: .root)
        }
        return made.inode
    }

    /// Compacts until nothing is left to do; answers what it did.
    func compactAll() async throws -> MaintenanceReport {
        var total = MaintenanceReport()
        while true {
            let report = try await compact()
            total.recordsCompacted += report.recordsCompacted
            total.keysScanned += report.keysScanned
            total.segmentsFreed += report.segmentsFreed
            guard report.isMoreDue else { return total }
        }
    }

    /// Collects, reaps and compacts until nothing is left to do.
    func maintainAll() async throws {
        for _ in 0..<2 {
            while try await collectGarbage().isMoreDue {}
            while try await reap().isMoreDue {}
        }
        _ = try await compactAll()
    }

    /// A regular file below the root, made at once with its bytes.
    func makeWhole(_ name: FileName, _ bytes: [UInt8]) async throws {
        let file = WholeFile(
            permissions: 0o600,
            accessed: EngineWorld.start,
            modified: EngineWorld.start,
            size: UInt64(bytes.count),
            runs: [WholeFile.Run(offset: 0, bytes: bytes)]
        )
        _ = try await createWhole(name, in: .root, file, as: .root)
    }

    func contents(_ inode: InodeNumber, at view: View = .live) async throws -> [UInt8] {
        try await read(inode, 0..<(1 << 40), at: view, as: .root).bytes
    }
}
