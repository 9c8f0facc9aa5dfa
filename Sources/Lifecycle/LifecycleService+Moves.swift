package import FileSystemEngine
import MetadataStore
import Policies
import VarveModel

/// Moves, each journaled: planned, copied, then committed or abandoned.
extension LifecycleService {
    /// Moves in flight: while one waits for the disk, others compress.
    private static let width = 4

    /// Carries out moves, several at a time; a full disk ends them all.
    func carryOut(
        _ moves: [LifecycleMove],
        _ session: LifecycleSession
    ) async throws(LifecycleError) -> LifecycleOutcome {
        guard !moves.isEmpty else { return LifecycleOutcome() }
        let (id, now, name) = (session.fileSystem.id.text, clock.now(), session.policy.name)
        let ids = try await using { () async throws(MetadataError) in
            try await journal.planTransitions(
                id,
                moves.map {
                    PlannedTransition(
                        inode: $0.inode,
                        from: $0.from,
                        to: $0.to,
                        bytes: $0.bytes,
                        policy: name,
                        reason: $0.reason
                    )
                },
                at: now
            )
        }
        let result = await withTaskGroup(
            of: Result<LifecycleOutcome, LifecycleError>.self
        ) { group in
            var outcome = LifecycleOutcome()
            var failure: LifecycleError?
            var begun = 0
            func take(_ result: Result<LifecycleOutcome, LifecycleError>) {
                switch result {
                case .success(let one): outcome.add(one)
                case .failure(let error): failure = failure ?? error
                }
            }
            for (transition, move) in zip(ids, moves) {
                if begun >= LifecycleService.width, let result = await group.next() {
                    take(result)
                }
                if failure != nil || Task.isCancelled { break }
                begun += 1
                group.addTask {
                    do throws(LifecycleError) {
                        return .success(try await carryOut(move, transition, session))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for await result in group { take(result) }
            return (failure.map { .failure($0) } ?? Result.success(outcome), begun)
        }
        for transition in ids.dropFirst(result.1) {
            await abandon(transition, "the run was broken off before it began")
        }
        return try result.0.get()
    }

    private func carryOut(
        _ move: LifecycleMove,
        _ id: Int64,
        _ session: LifecycleSession
    ) async throws(LifecycleError) -> LifecycleOutcome {
        var outcome = LifecycleOutcome()
        var isAsJudged = true
        let result: MoveResult
        do throws(FileSystemError) {
            result = try await session.fileSystem.move(move.inode, to: move.to) {
                copied throws(FileSystemError) in
                try await noteCopied(id, copied)
                isAsJudged = try await self.isAsJudged(move, session)
                guard isAsJudged else {
                    throw FileSystemError(.busy, "it was used, or changed, while it was copied")
                }
            }
        } catch {
            await abandon(id, error.message)
            // No space for one is no space for any.
            if error.code == .noSpace { throw LifecycleError(error) }
            guard isAsJudged else { return outcome }
            await putOff(move, session)
            outcome.failures = [LifecycleFailure(inode: move.inode, reason: error.message)]
            return outcome
        }
        try await commit(move, id, result, session.fileSystem)
        let missed = result.missed > 0 ? [move.inode] : []
        try await lookTomorrow(at: missed + result.sharers.sorted(), session.fileSystem)
        guard move.from != move.to || result.bytes > 0 else { return outcome }
        outcome.moves = [move]
        outcome.files = 1
        outcome.bytes = result.bytes
        outcome.storedBefore = result.storedBefore
        outcome.storedAfter = result.storedAfter
        outcome.promoted = move.to == .standard && move.from != .standard ? 1 : 0
        return outcome
    }

    /// The copies are durable, and no row points at them yet: a crash now leaves the file as it was.
    private func noteCopied(_ id: Int64, _ copied: MoveResult) async throws(FileSystemError) {
        do throws(MetadataError) {
            try await journal.advanceTransition(
                id,
                .copied,
                at: clock.now(),
                storedBefore: copied.storedBefore,
                storedAfter: copied.storedAfter
            )
        } catch {
            throw LifecycleService.refused(error)
        }
    }

    /// Whether nothing has come since a file was judged that speaks against its going: a large one's copy takes hours.
    private func isAsJudged(
        _ move: LifecycleMove,
        _ session: LifecycleSession
    ) async throws(FileSystemError) -> Bool {
        guard move.to.rawValue > move.from.rawValue else { return true }
        if let day = session.recorder?.unwritten(move.inode), day > move.row.lastUse {
            return false
        }
        do throws(MetadataError) {
            return try await journal.isUnchanged(session.fileSystem.id.text, move.row)
        } catch {
            throw LifecycleService.refused(error)
        }
    }

    private static func refused(_ error: MetadataError) -> FileSystemError {
        FileSystemError(
            error.code == .noSpace ? .noSpace : .failed,
            error.message,
            remedy: error.remedy
        )
    }

    private func commit(
        _ move: LifecycleMove,
        _ id: Int64,
        _ result: MoveResult,
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) {
        let now = clock.now()
        try await using { () async throws(MetadataError) in
            try await journal.commitTransition(
                fileSystem.id.text,
                CommittedTransition(
                    id: id,
                    row: move.row,
                    to: move.to,
                    at: now,
                    bytes: result.bytes,
                    storedBefore: result.storedBefore,
                    storedAfter: result.storedAfter,
                    keepsUses: move.keepsUses,
                    access: move.access
                )
            )
        }
    }

    /// What failed today is tried again tomorrow, and not with every look for used files.
    private func putOff(_ move: LifecycleMove, _ session: LifecycleSession) async {
        let look = AccessLook(row: move.row, again: clock.now().day + 1, keepsUses: true)
        // Without the note it is tried again sooner; the failure to tell is the move's.
        try? await journal.noteLooks(
            session.fileSystem.id.text,
            [look],
            asOf: session.generation
        )
    }

    /// Data that was rewritten under every attempt to move it lies where it was, and what files share came along for
    /// the colder ones: the next look has it follow, or finds who holds it.
    private func lookTomorrow(
        at inodes: [InodeNumber],
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) {
        guard !inodes.isEmpty else { return }
        let (id, tomorrow) = (fileSystem.id.text, clock.now().day + 1)
        try await using { () async throws(MetadataError) in
            try await journal.lookAgain(id, at: inodes, by: tomorrow)
        }
    }

    /// Ends transitions that a crash left open, or that could not be ended: done where the file system says so, else
    /// given up.
    ///
    /// No move of the file system is under way meanwhile (``Turns``).
    ///
    /// Copies that no row points at are gone by then (the start of a file system sweeps them), so one that had copied
    /// begins anew with the next run.
    ///
    /// - Returns: How many there were.
    @discardableResult
    package func resume(_ fileSystem: FileSystem) async throws(LifecycleError) -> Int {
        let id = fileSystem.id.text
        let open = try await using { () async throws(MetadataError) in
            try await journal.unfinishedTransitions(id)
        }
        for transition in open {
            let place: TierPlace?
            do throws(FileSystemError) {
                place = try await fileSystem.tierPlaces(of: [transition.inode])[0]
            } catch {
                throw LifecycleError(error)
            }
            if let tier = place?.tier, tier == transition.to, transition.from != tier {
                try await commitResumed(transition, fileSystem)
            } else {
                if let tier = place?.tier { try await note(fileSystem, transition.inode, tier) }
                try await using { () async throws(MetadataError) in
                    try await journal.advanceTransition(
                        transition.id,
                        .abandoned,
                        at: clock.now(),
                        reason: "interrupted; it is tried again"
                    )
                }
            }
        }
        return open.count
    }

    /// Ends one whose commit the file system has and the journal has not.
    private func commitResumed(
        _ transition: TransitionRecord,
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) {
        let (id, now) = (fileSystem.id.text, clock.now())
        try await using { () async throws(MetadataError) in
            let row = try await journal.accessDay(id, transition.inode)
            try await journal.commitTransition(
                id,
                CommittedTransition(
                    id: transition.id,
                    row: row
                        ?? AccessDay(inode: transition.inode, day: now.day, tier: transition.from),
                    to: transition.to,
                    at: now,
                    bytes: transition.bytes,
                    storedBefore: transition.storedBefore,
                    storedAfter: transition.storedAfter,
                    keepsUses: false
                )
            )
        }
    }

    // MARK: The journal

    /// Ends a move that was not done.
    private func abandon(_ id: Int64, _ reason: String) async {
        // Why it was not done is the error to tell; what stays open is ended by the next run.
        try? await journal.advanceTransition(id, .abandoned, at: clock.now(), reason: reason)
    }

    /// Corrects the journal's idea of where a file is.
    func note(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber,
        _ tier: Tier
    ) async throws(LifecycleError) {
        try await using { () async throws(MetadataError) in
            try await journal.setTier(fileSystem.id.text, inode, tier, day: clock.now().day)
        }
    }

    @discardableResult
    func using<Value>(
        _ body: () async throws(MetadataError) -> Value
    ) async throws(LifecycleError) -> Value {
        do throws(MetadataError) {
            return try await body()
        } catch {
            throw LifecycleError(error)
        }
    }
}
