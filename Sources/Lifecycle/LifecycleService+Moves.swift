package import FileSystemEngine
import MetadataStore
import Policies
import VarveModel

/// Moves, each journaled: planned, copied, then committed or abandoned.
extension LifecycleService {
    /// Batches in flight: while one waits for the disk, others compress.
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
        let batches = MoveBatch.batches(of: zip(ids, moves).map { JournaledMove(id: $0, move: $1) })
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
            for batch in batches {
                if begun >= LifecycleService.width, let result = await group.next() {
                    take(result)
                }
                if failure != nil || Task.isCancelled { break }
                begun += 1
                group.addTask {
                    do throws(LifecycleError) {
                        return .success(try await carryOut(batch, session))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for await result in group { take(result) }
            return (failure.map { .failure($0) } ?? Result.success(outcome), begun)
        }
        for left in batches.dropFirst(result.1).flatMap(\.moves) {
            await abandon(left.id, "the run was broken off before it began")
        }
        return try result.0.get()
    }

    /// Carries out moves into one tier as one.
    private func carryOut(
        _ batch: MoveBatch,
        _ session: LifecycleSession
    ) async throws(LifecycleError) -> LifecycleOutcome {
        var used: Set<InodeNumber> = []
        let results = await session.fileSystem.moveTogether(
            batch.moves.map(\.move.inode),
            to: batch.to
        ) { copied in
            do throws(FileSystemError) {
                let asJudged = try await judgeAgain(copied, batch, session)
                return zip(copied, asJudged).map { file, isAsJudged in
                    if isAsJudged { return nil }
                    used.insert(file.inode)
                    return FileSystemError(
                        .busy,
                        "it was used, or changed, while it was copied"
                    )
                }
            } catch {
                return copied.map { _ in error }
            }
        }
        var outcome = LifecycleOutcome()
        var done: [(JournaledMove, MoveResult)] = []
        var failed: [LifecycleMove] = []
        var sharers: Set<InodeNumber> = []
        var full: FileSystemError?
        for (journaled, result) in zip(batch.moves, results) {
            sharers.formUnion(result.result.sharers)
            guard let error = result.failure else {
                done.append((journaled, result.result))
                continue
            }
            await abandon(journaled.id, error.message)
            outcome.add(part: result.result)
            // No space for one is no space for any.
            if error.code == .noSpace { full = full ?? error }
            let inode = journaled.move.inode
            guard error.code != .noSpace, !used.contains(inode) else { continue }
            failed.append(journaled.move)
            outcome.failures.append(LifecycleFailure(inode: inode, reason: error.message))
        }
        await putOff(failed, session)
        try await commit(done, session.fileSystem)
        let missed = done.filter { $1.missed > 0 }.map { $0.0.move.inode }
        try await lookTomorrow(at: missed + sharers.sorted(), session.fileSystem)
        for (journaled, result) in done { outcome.add(journaled.move, result) }
        if let full { throw LifecycleError(full) }
        return outcome
    }

    /// Notes that the copies are durable, and no row points at them yet: a crash now leaves the files as they were.
    ///
    /// - Returns: For each, whether nothing has come since it was judged that speaks against its going: a large one's
    ///   copy takes hours.
    private func judgeAgain(
        _ copied: [FileSystem.CopiedFile],
        _ batch: MoveBatch,
        _ session: LifecycleSession
    ) async throws(FileSystemError) -> [Bool] {
        let moves = Dictionary(batch.moves.map { ($0.move.inode, $0) }) { first, _ in first }
        let (now, id) = (clock.now(), session.fileSystem.id.text)
        do throws(MetadataError) {
            try await journal.noteCopied(
                copied.compactMap { file in
                    moves[file.inode].map {
                        CopiedTransition(
                            id: $0.id,
                            storedBefore: file.result.storedBefore,
                            storedAfter: file.result.storedAfter
                        )
                    }
                },
                at: now
            )
            let judged = copied.compactMap { moves[$0.inode]?.move }
            let unchanged = try await journal.areUnchanged(id, judged.map(\.row))
            return zip(judged, unchanged).map { move, isUnchanged in
                guard move.to.rawValue > move.from.rawValue else { return true }
                if let day = session.recorder?.unwritten(move.inode), day > move.row.lastUse {
                    return false
                }
                return isUnchanged
            }
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
        _ done: [(JournaledMove, MoveResult)],
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) {
        let now = clock.now()
        try await using { () async throws(MetadataError) in
            try await journal.commitTransitions(
                fileSystem.id.text,
                done.map { journaled, result in
                    CommittedTransition(
                        id: journaled.id,
                        row: journaled.move.row,
                        to: journaled.move.to,
                        at: now,
                        bytes: result.bytes,
                        storedBefore: result.storedBefore,
                        storedAfter: result.storedAfter,
                        keepsUses: journaled.move.keepsUses,
                        access: journaled.move.access
                    )
                }
            )
        }
    }

    /// What failed today is tried again tomorrow, and not with every look for used files.
    private func putOff(_ moves: [LifecycleMove], _ session: LifecycleSession) async {
        guard !moves.isEmpty else { return }
        let tomorrow = clock.now().day + 1
        let looks = moves.map { AccessLook(row: $0.row, again: tomorrow, keepsUses: true) }
        // Harmless: without the note they are tried again sooner; the failure to tell is the moves'.
        try? await journal.noteLooks(
            session.fileSystem.id.text,
            looks,
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
        // Harmless: why it was not done is the error to tell, and what stays open is ended by the next run.
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
