import FileSystemEngine
import Lifecycle
import LocalAPI
import Logging
import MetadataStore
import Policies
import Synchronization
import VarveModel

/// Access days and tier moves of the open file systems.
final class LifecycleRuns: Sendable {
    private let journal: JournalStore
    private let service: LifecycleService
    private let logger: Logger
    private let recorders = Mutex<[FileSystemID: AccessRecorder]>([:])

    init(journal: JournalStore, clock: any VarveClock, logger: Logger) {
        self.journal = journal
        self.logger = logger
        service = LifecycleService(journal: journal, clock: clock)
    }

    /// The hearer of a file system's data reads and writes; one for as long as the daemon runs.
    func observer(of id: FileSystemID) -> any AccessObserver {
        recorders.withLock { recorders in
            if let recorder = recorders[id] { return recorder }
            let recorder = AccessRecorder()
            recorders[id] = recorder
            return recorder
        }
    }

    /// Writes the gathered access days down.
    func flush() async throws {
        for (id, recorder) in recorders.withLock({ $0 }) {
            _ = try await recorder.flush(to: journal, as: id)
        }
    }

    /// Ends the moves that a crash left half-done.
    func resume(_ fileSystem: OpenFileSystem) async throws {
        let ended = try await service.resume(fileSystem.engine)
        guard ended > 0 else { return }
        logger.notice(
            "tier moves of a crash were ended",
            metadata: ["fileSystem": "\(fileSystem.record.id)", "moves": "\(ended)"]
        )
    }

    /// Drops what is known of a deleted file system.
    func forget(_ id: FileSystemID) async throws {
        recorders.withLock { $0[id] = nil }
        try await journal.forgetFileSystem(id.text)
    }

    /// What a run would do.
    func plan(_ source: OpenFileSystem, _ policy: LifecyclePolicy) async throws -> LifecycleReport {
        try await flush()
        let plan = try await service.plan(source.engine, policy)
        return LifecycleReport(
            isPlan: true,
            moves: plan.moves.map { Movement($0, in: source.record.name) },
            files: plan.files,
            bytes: plan.bytes,
            storedBefore: plan.storedBefore,
            storedAfter: plan.storedAfterEstimate
        )
    }

    /// Moves what is due.
    func run(
        _ source: OpenFileSystem,
        _ policy: LifecyclePolicy,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws -> LifecycleReport {
        try await flush()
        let outcome = try await service.run(source.engine, policy) { progress in
            report(Progress(phase: "moving", done: progress.files, bytes: progress.bytes))
        }
        for failure in outcome.failures {
            logger.warning(
                "a file stays in its tier",
                metadata: [
                    "fileSystem": "\(source.record.id)", "inode": "\(failure.inode.rawValue)",
                    "reason": "\(failure.reason)",
                ]
            )
        }
        return LifecycleReport(
            isPlan: false,
            moves: outcome.moves.map { Movement($0, in: source.record.name) },
            files: outcome.files,
            bytes: outcome.bytes,
            storedBefore: outcome.storedBefore,
            storedAfter: outcome.storedAfter
        )
    }

    /// Brings used files back to Standard where a job in force says so (`AFTER_1_ACCESS`).
    func promote(_ source: OpenFileSystem, _ policy: LifecyclePolicy) async throws {
        _ = try await service.promoteAccessed(source.engine, policy)
    }

    /// Why a file is where it is.
    func why(
        _ source: OpenFileSystem,
        _ inode: InodeNumber,
        _ policies: [LifecyclePolicy]
    ) async throws -> LifecycleReasoning {
        try await flush()
        return try await service.why(source.engine, inode, policies)
    }
}

extension Movement {
    init(_ move: LifecycleMove, in fileSystem: String) {
        self.init(
            fileSystem: fileSystem,
            path: EscapedBytes(move.path.flatMap { [UInt8(ascii: "/")] + $0.bytes }),
            from: move.from.folder,
            to: move.to.folder,
            bytes: move.bytes,
            reason: move.reason
        )
    }
}
