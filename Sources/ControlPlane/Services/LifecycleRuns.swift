import FileSystemEngine
import Lifecycle
import LocalAPI
import Logging
import MetadataStore
import Policies
import Synchronization
import VarveModel

/// Access days and tier moves of the open file systems.
///
/// Jobs, runs by hand, plans and what brings used files back have one turn a file system: they wait for each other, but
/// for the last, which comes again ten seconds later.
final class LifecycleRuns: Sendable {
    private let journal: JournalStore
    private let service: LifecycleService
    private let logger: Logger
    private let known = Mutex<[FileSystemID: Known]>([:])
    /// All policies in force for a file system, once somebody knows them.
    private let policies = Mutex<Policies?>(nil)

    /// Of one file system, for as long as the daemon runs.
    private struct Known {
        let recorder = AccessRecorder()
        let sweep = AccessSweep()
        let turns = Turns()
    }

    typealias Policies = @Sendable (FileSystemRecord) async -> [LifecyclePolicy]

    init(journal: JournalStore, clock: any VarveClock, logger: Logger) {
        self.journal = journal
        self.logger = logger
        service = LifecycleService(journal: journal, clock: clock)
    }

    /// Says who knows the policies in force: a run under one of them puts nothing off that another waits for.
    func follow(_ policies: @escaping Policies) {
        self.policies.withLock { $0 = policies }
    }

    /// A policy as it is now, since who waited for the turn may have an older one, and all in force.
    private func inForce(
        _ record: FileSystemRecord,
        _ policy: LifecyclePolicy
    ) async -> (LifecyclePolicy, [LifecyclePolicy]) {
        guard let known = policies.withLock({ $0 }) else { return (policy, []) }
        let all = await known(record)
        return (all.first { $0.name == policy.name } ?? policy, all)
    }

    /// The hearer of a file system's data reads and writes; one for as long as the daemon runs.
    func observer(of id: FileSystemID) -> any AccessObserver { known(id).recorder }

    private func known(_ id: FileSystemID) -> Known {
        known.withLock { known in
            if let found = known[id] { return found }
            let made = Known()
            known[id] = made
            return made
        }
    }

    /// How many wait for their turn with a file system.
    func waiting(for id: FileSystemID) -> Int { known(id).turns.waiting }

    /// Waits for the file system's turn, and has it for as long as `body` runs.
    ///
    /// - Throws: `CancellationError` of a task that was cancelled before its turn; what `body` does.
    private func inTurn<Value>(
        _ id: FileSystemID,
        _ body: () async throws -> Value
    ) async throws -> Value {
        let turns = known(id).turns
        guard await turns.takeUnlessCancelled() else { throw CancellationError() }
        defer { turns.leave() }
        return try await body()
    }

    /// Writes the gathered access days down.
    func flush() async throws {
        for (id, known) in known.withLock({ $0 }) { try await flush(id, known) }
    }

    private func flush(_ id: FileSystemID) async throws {
        try await flush(id, known(id))
    }

    private func flush(_ id: FileSystemID, _ known: Known) async throws {
        known.sweep.owe(forUses: try await known.recorder.flush(to: journal, as: id))
    }

    /// Forgets access days of files that are gone, as far as uses have paid for it.
    ///
    /// It waits for nobody: what is owed is so in the next round, too.
    func forgetGone(_ source: OpenFileSystem) async throws {
        let known = known(source.record.id)
        guard known.turns.takeIfFree() else { return }
        defer { known.turns.leave() }
        try await service.forgetGone(source.engine, known.sweep)
    }

    /// Ends the moves that a crash left half-done, when a file system is opened.
    ///
    /// Notes of tiers keep no file system from being served: where they cannot be written, or read, the log says so,
    /// and the next run tries again.
    func resume(_ fileSystem: OpenFileSystem) async {
        let id = fileSystem.record.id
        let turns = known(id).turns
        await turns.take()
        defer { turns.leave() }
        do {
            let ended = try await service.resume(fileSystem.engine)
            guard ended > 0 else { return }
            logger.notice(
                "tier moves of a crash were ended",
                metadata: ["fileSystem": "\(id)", "moves": "\(ended)"]
            )
        } catch {
            logger.error(
                "tier moves of a crash are not ended; the next lifecycle run tries again",
                metadata: ["fileSystem": "\(id)", "error": "\(APIError(error))"]
            )
        }
    }

    /// Drops what is known of a deleted file system, once a run or flush of it that is under way has ended.
    func forget(_ id: FileSystemID) async throws {
        let known = known.withLock { $0.removeValue(forKey: id) }
        await known?.turns.take()
        defer { known?.turns.leave() }
        await known?.recorder.retire()
        try await journal.forgetFileSystem(id.text)
    }

    /// What a run would do.
    func plan(_ source: OpenFileSystem, _ policy: LifecyclePolicy) async throws -> LifecycleReport {
        let plan = try await inTurn(source.record.id) {
            try await flush(source.record.id)
            let (policy, others) = await inForce(source.record, policy)
            return try await service.plan(source.engine, policy, among: others)
        }
        var report = LifecycleReport(
            isPlan: true,
            moves: plan.moves.map { Movement($0, in: source.record.name) },
            files: plan.files,
            bytes: plan.bytes,
            storedBefore: plan.storedBefore,
            storedAfter: plan.storedAfterEstimate
        )
        if let prices = policy.prices {
            report.savings[prices.currency] = LifecycleReport.Savings(
                perMonth: plan.savedPerMonth,
                firstReads: plan.firstReads
            )
        }
        return report
    }

    /// Moves what is due.
    func run(
        _ source: OpenFileSystem,
        _ policy: LifecyclePolicy,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws -> LifecycleReport {
        let id = source.record.id
        let outcome = try await inTurn(id) {
            try await flush(id)
            let (policy, others) = await inForce(source.record, policy)
            let recorder = known(id).recorder
            return try await service.run(source.engine, policy, among: others, uses: recorder) {
                report(Progress(phase: "moving", done: $0.files, bytes: $0.bytes))
            }
        }
        if outcome.clockWasAhead {
            logger.warning(
                "the clock was ahead at an earlier run or use; days to come count as today",
                metadata: ["fileSystem": "\(id)"]
            )
        }
        for failure in outcome.failures {
            logger.warning(
                "a file stays in its tier",
                metadata: [
                    "fileSystem": "\(id)", "inode": "\(failure.inode.rawValue)",
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
    ///
    /// It waits for nobody: while a run has the turn, that brings them back as well.
    func promote(_ source: OpenFileSystem, _ policy: LifecyclePolicy) async throws {
        let turns = known(source.record.id).turns
        guard turns.takeIfFree() else { return }
        defer { turns.leave() }
        let (policy, others) = await inForce(source.record, policy)
        _ = try await service.promoteAccessed(source.engine, policy, among: others)
    }

    /// Why a file is where it is.
    func why(
        _ source: OpenFileSystem,
        _ inode: InodeNumber,
        _ policies: [LifecyclePolicy]
    ) async throws -> LifecycleReasoning {
        try await flush(source.record.id)
        return try await service.why(source.engine, inode, policies)
    }
}

/// Pins, history and what lies where.
extension LifecycleRuns {
    func pin(
        _ source: OpenFileSystem,
        _ inode: InodeNumber,
        by who: String
    ) async throws -> PinDescription {
        try await service.pin(source.engine, inode, by: who)
        let pins = try await pins(source)
        guard let found = pins.first(where: { $0.inode == inode }) else {
            throw APIError(.notFound, "the file was removed while it was pinned")
        }
        return found.description
    }

    func unpin(_ source: OpenFileSystem, _ inode: InodeNumber) async throws {
        try await service.unpin(source.engine, inode)
    }

    func pins(
        _ source: OpenFileSystem
    ) async throws -> [(inode: InodeNumber, description: PinDescription)] {
        try await service.pins(source.engine).map { pin, path in
            let description = PinDescription(
                fileSystem: source.record.name,
                path: EscapedBytes(path),
                since: TimeText(pin.since),
                placedBy: pin.placedBy
            )
            return (pin.inode, description)
        }
    }

    /// The newest moves first, of one file or of all.
    func history(
        _ source: OpenFileSystem,
        of inode: InodeNumber?,
        limit: Int
    ) async throws -> [TransitionDescription] {
        let id = source.record.id.text
        let records =
            if let inode {
                try await journal.transitions(id, of: inode, limit: limit)
            } else {
                try await journal.transitions(id, limit: limit)
            }
        var paths: [InodeNumber: EscapedBytes] = [:]
        for inode in Set(records.map(\.inode)) {
            paths[inode] = try await service.path(of: inode, source.engine).map { EscapedBytes($0) }
        }
        return records.map {
            TransitionDescription($0, path: paths[$0.inode], in: source.record.name)
        }
    }

    func status(
        _ source: OpenFileSystem,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws -> TierStatus {
        try await flush(source.record.id)
        let status = try await service.status(source.engine) { progress in
            report(Progress(phase: "counting", done: progress.files, bytes: progress.bytes))
        }
        return TierStatus(status, of: source.record.name)
    }
}

extension TransitionDescription {
    init(_ record: TransitionRecord, path: EscapedBytes?, in fileSystem: String) {
        self.init(
            fileSystem: fileSystem,
            inode: record.inode.rawValue,
            path: path,
            from: record.from.folder,
            to: record.to.folder,
            state: record.state.rawValue,
            planned: TimeText(record.planned),
            ended: record.ended.map { TimeText($0) },
            bytes: record.bytes,
            storedBefore: record.storedBefore,
            storedAfter: record.storedAfter,
            policy: record.policy,
            reason: record.reason
        )
    }
}

extension TierStatus {
    init(_ status: LifecycleStatus, of fileSystem: String) {
        func byName<Value>(_ values: [Tier: Value]) -> [String: Value] {
            Dictionary(uniqueKeysWithValues: values.map { ($0.key.folder, $0.value) })
        }
        func tallies(_ tiers: [Tier: LifecycleStatus.Tally]) -> [String: Tally] {
            byName(tiers.mapValues { Tally(files: $0.files, bytes: $0.bytes) })
        }
        let sizes = status.meteredSizes
        self.init(
            fileSystem: fileSystem,
            tiers: tallies(status.tiers),
            storedBytes: byName(status.storedBytes),
            sizeInBytes: [
                "Value": sizes.values.reduce(0, +),
                "ValueInStandard": sizes[.standard] ?? 0,
                "ValueInIA": sizes[.infrequentAccess] ?? 0,
                "ValueInArchive": sizes[.archive] ?? 0,
            ],
            steps: status.steps.map { Step(days: $0.days, tiers: tallies($0.tiers)) }
        )
    }
}

extension EscapedBytes {
    /// A path from the root.
    init(_ path: [FileName]) {
        self.init(
            path.isEmpty ? [UInt8(ascii: "/")] : path.flatMap { [UInt8(ascii: "/")] + $0.bytes }
        )
    }
}

extension Movement {
    init(_ move: LifecycleMove, in fileSystem: String) {
        self.init(
            fileSystem: fileSystem,
            path: EscapedBytes(move.path),
            from: move.from.folder,
            to: move.to.folder,
            bytes: move.bytes,
            reason: move.reason
        )
    }
}
