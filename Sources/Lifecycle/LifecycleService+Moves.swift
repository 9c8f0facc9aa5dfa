package import FileSystemEngine
import MetadataStore
import Policies
import VarveModel

/// Moves, one journal record each.
extension LifecycleService {
    /// Moves in flight: while one waits for the disk, others compress.
    private static let width = 4

    /// Carries out moves, several at a time; a full disk ends them all.
    func carryOut(
        _ moves: [LifecycleMove],
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy
    ) async throws(LifecycleError) -> LifecycleOutcome {
        guard !moves.isEmpty else { return LifecycleOutcome() }
        let result = await withTaskGroup(
            of: Result<LifecycleOutcome, LifecycleError>.self
        ) { group in
            var outcome = LifecycleOutcome()
            var failure: LifecycleError?
            func take(_ result: Result<LifecycleOutcome, LifecycleError>) {
                switch result {
                case .success(let one): outcome.add(one)
                case .failure(let error): failure = failure ?? error
                }
            }
            for (index, move) in moves.enumerated() {
                if index >= LifecycleService.width, let result = await group.next() {
                    take(result)
                }
                if failure != nil || Task.isCancelled { break }
                group.addTask {
                    do throws(LifecycleError) {
                        return .success(try await carryOut(move, fileSystem, policy))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for await result in group { take(result) }
            return failure.map { .failure($0) } ?? Result.success(outcome)
        }
        return try result.get()
    }

    private func carryOut(
        _ move: LifecycleMove,
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy
    ) async throws(LifecycleError) -> LifecycleOutcome {
        let id = try await using { () async throws(MetadataError) in
            try await journal.planTransition(
                fileSystem.id.text,
                move.inode,
                from: move.from,
                to: move.to,
                at: clock.now(),
                bytes: move.bytes,
                policy: policy.name,
                reason: move.reason
            )
        }
        var outcome = LifecycleOutcome()
        let result: MoveResult
        do throws(FileSystemError) {
            result = try await fileSystem.move(move.inode, to: move.to)
        } catch {
            try await end(id, .abandoned, reason: error.message)
            // No space for one is no space for any.
            if error.code == .noSpace { throw LifecycleError(error) }
            outcome.failures = [LifecycleFailure(inode: move.inode, reason: error.message)]
            return outcome
        }
        try await using { () async throws(MetadataError) in
            try await journal.advanceTransition(
                id,
                .committed,
                at: clock.now(),
                storedBefore: result.storedBefore,
                storedAfter: result.storedAfter
            )
            try await journal.setTier(
                fileSystem.id.text,
                move.inode,
                move.to,
                day: clock.now().day
            )
        }
        outcome.moves = [move]
        outcome.files = 1
        outcome.bytes = result.bytes
        outcome.storedBefore = result.storedBefore
        outcome.storedAfter = result.storedAfter
        outcome.promoted = move.to == .standard ? 1 : 0
        return outcome
    }

    /// Ends transitions that a crash left open: done when the file system says so, else given up.
    ///
    /// - Returns: How many there were.
    @discardableResult
    package func resume(_ fileSystem: FileSystem) async throws(LifecycleError) -> Int {
        let open = try await using { () async throws(MetadataError) in
            try await journal.unfinishedTransitions(fileSystem.id.text)
        }
        for transition in open {
            let actual: Tier?
            do throws(FileSystemError) {
                actual = try await fileSystem.tier(of: transition.inode)
            } catch  where error.code == .stale || error.code == .notFound {
                actual = nil
            } catch {
                throw LifecycleError(error)
            }
            if let actual {
                try await note(fileSystem, transition.inode, actual, day: clock.now().day)
            }
            if actual == transition.to {
                try await end(transition.id, .committed, reason: transition.reason)
            } else {
                try await end(transition.id, .abandoned, reason: "interrupted; it is tried again")
            }
        }
        return open.count
    }

    // MARK: The journal

    private func end(
        _ id: Int64,
        _ state: TransitionRecord.State,
        reason: String
    ) async throws(LifecycleError) {
        try await using { () async throws(MetadataError) in
            try await journal.advanceTransition(id, state, at: clock.now(), reason: reason)
        }
    }

    /// Corrects the journal's idea of where a file is.
    func note(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber,
        _ tier: Tier,
        day: Int64
    ) async throws(LifecycleError) {
        try await using { () async throws(MetadataError) in
            try await journal.setTier(fileSystem.id.text, inode, tier, day: day)
        }
    }

    func forget(
        _ fileSystem: FileSystem,
        _ inodes: [InodeNumber]
    ) async throws(LifecycleError) {
        try await using { () async throws(MetadataError) in
            try await journal.forgetAccess(fileSystem.id.text, inodes)
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
