package import FileSystemEngine
package import MetadataStore
package import Policies
package import VarveModel

/// Moves files between tiers as a policy says.
///
/// What is due is a range of the journal's index of access days: files that stay are not looked at. The
/// engine's transaction is the commit point of a move; the journal is corrected from it after a crash.
package struct LifecycleService: Sendable {
    let journal: JournalStore
    let clock: any VarveClock

    package init(journal: JournalStore, clock: any VarveClock) {
        self.journal = journal
        self.clock = clock
    }

    // MARK: Plan

    /// What a run would do now; nothing moves.
    package func plan(
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy
    ) async throws(LifecycleError) -> LifecyclePlan {
        var plan = LifecyclePlan()
        let ratios = try await StoredRatios(fileSystem, journal)
        for (tier, days) in demotions(policy) {
            var position: (day: Int64, inode: InodeNumber)?
            while true {
                let page = try await due(fileSystem, tier, days, after: position)
                for row in page {
                    plan.candidates += 1
                    let found = try await candidate(row, fileSystem, policy)
                    guard case .moves(let move) = found else { continue }
                    plan.files += 1
                    plan.bytes += move.bytes
                    plan.storedBefore += ratios.stored(move.bytes, in: move.from)
                    plan.storedAfterEstimate += ratios.stored(move.bytes, in: move.to)
                    if plan.moves.count < LifecyclePlan.movesMax { plan.moves.append(move) }
                }
                guard let last = page.last, page.count == LifecycleService.page else { break }
                position = (last.day, last.inode)
            }
        }
        return plan
    }

    // MARK: Run

    /// Ends what a crash left, brings back what was used, moves what is due.
    ///
    /// A file that cannot be moved is named in the outcome and stays where it is.
    ///
    /// - Parameters:
    ///   - fileSystem: Its access days must have been flushed.
    ///   - policy: What is due, and where to.
    ///   - progress: Told after every batch.
    /// - Returns: What moved.
    /// - Throws: `.noSpace`, and what journal and file system refuse as a whole.
    package func run(
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy,
        progress: (@Sendable (LifecycleProgress) -> Void)? = nil
    ) async throws(LifecycleError) -> LifecycleOutcome {
        try await resume(fileSystem)
        var outcome = LifecycleOutcome()
        outcome.add(try await promoteAccessed(fileSystem, policy))
        for (tier, days) in demotions(policy) {
            var position: (day: Int64, inode: InodeNumber)?
            while !Task.isCancelled {
                let page = try await due(fileSystem, tier, days, after: position)
                var moves: [LifecycleMove] = []
                var gone: [InodeNumber] = []
                for row in page {
                    outcome.candidates += 1
                    switch try await candidate(row, fileSystem, policy) {
                    case .moves(let move): moves.append(move)
                    case .isGone: gone.append(row.inode)
                    case .isElsewhere(let actual):
                        try await note(fileSystem, row.inode, actual, day: row.day)
                    case .stays: break
                    }
                }
                try await forget(fileSystem, gone)
                outcome.add(try await carryOut(moves, fileSystem, policy))
                progress?(LifecycleProgress(files: outcome.files, bytes: outcome.bytes))
                guard let last = page.last, page.count == LifecycleService.page else { break }
                position = (last.day, last.inode)
            }
        }
        return outcome
    }

    /// Brings files back to Standard that were used since they left it (`AFTER_1_ACCESS`).
    ///
    /// A file leaves Standard only when it was idle for the policy's days, so one in a colder tier with a
    /// later access day may have been used since: a range of the index again. The day of its move decides,
    /// so that a policy of more days brings back nothing by itself.
    package func promoteAccessed(
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy
    ) async throws(LifecycleError) -> LifecycleOutcome {
        var outcome = LifecycleOutcome()
        guard policy.transitions.isPromotedOnAccess, let days = policy.transitions.daysMin else {
            return outcome
        }
        let today = clock.now().day
        for tier in [Tier.infrequentAccess, .archive] {
            var position = (
                day: today - Int64(days), inode: InodeNumber(rawValue: UInt64(Int64.max))
            )
            while true {
                let from = position
                let page = try await using { () async throws(MetadataError) in
                    try await journal.accessDays(
                        fileSystem.id.text,
                        tier: tier,
                        throughDay: .max,
                        after: from,
                        limit: LifecycleService.page
                    )
                }
                var moves: [LifecycleMove] = []
                for row in page {
                    outcome.candidates += 1
                    if let move = try await promotion(row, fileSystem) { moves.append(move) }
                }
                outcome.add(try await carryOut(moves, fileSystem, policy))
                guard let last = page.last, page.count == LifecycleService.page else { break }
                position = (last.day, last.inode)
            }
        }
        return outcome
    }

    private func promotion(
        _ row: AccessDay,
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> LifecycleMove? {
        let last = try await using { () async throws(MetadataError) in
            try await journal.lastTransition(fileSystem.id.text, row.inode)
        }
        // Whatever moves was idle on the day before at least: a use of the same day came after it.
        if let last, last.to == row.tier, last.state == .committed, row.day < last.planned.day {
            return nil
        }
        do throws(FileSystemError) {
            let attributes = try await fileSystem.attributes(of: row.inode)
            return LifecycleMove(
                inode: row.inode,
                path: try await fileSystem.path(of: row.inode),
                from: row.tier,
                to: .standard,
                bytes: attributes.allocated,
                reason: "moves to \(Tier.standard.folder): used again"
            )
        } catch  where error.code == .stale || error.code == .notFound {
            try await forget(fileSystem, [row.inode])
            return nil
        } catch {
            throw LifecycleError(error)
        }
    }

    // MARK: What is due

    /// Rows of the index that are read at once.
    static let page = 256

    /// The tiers that files leave by age, and the days after which they do.
    private func demotions(_ policy: LifecyclePolicy) -> [(Tier, Int)] {
        var tiers: [(Tier, Int)] = []
        // The colder first: a file moves once in a run.
        if let days = policy.transitions.toArchive?.rawValue {
            tiers.append((.infrequentAccess, days))
        }
        if let days = policy.transitions.daysMin { tiers.append((.standard, days)) }
        return tiers
    }

    private func due(
        _ fileSystem: FileSystem,
        _ tier: Tier,
        _ days: Int,
        after position: (day: Int64, inode: InodeNumber)?
    ) async throws(LifecycleError) -> [AccessDay] {
        let day = clock.now().day - Int64(days)
        return try await using { () async throws(MetadataError) in
            try await journal.accessDays(
                fileSystem.id.text,
                tier: tier,
                throughDay: day,
                after: position,
                limit: LifecycleService.page
            )
        }
    }

    private enum Candidate {
        case moves(LifecycleMove)
        case stays
        case isGone
        /// The journal thinks it is in another tier than it is.
        case isElsewhere(Tier)
    }

    private func candidate(
        _ row: AccessDay,
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy
    ) async throws(LifecycleError) -> Candidate {
        do throws(FileSystemError) {
            let attributes = try await fileSystem.attributes(of: row.inode)
            guard attributes.kind == .regular, attributes.links > 0 else { return .isGone }
            let tier = try await fileSystem.tier(of: row.inode)
            guard tier == row.tier else { return .isElsewhere(tier) }
            let needsPath = !policy.include.isEmpty || !policy.exclude.isEmpty
            var path = needsPath ? try await fileSystem.path(of: row.inode) : []
            let file = LifecycleFile(
                path: path.map(\.bytes),
                size: attributes.size,
                tier: tier,
                accessDay: row.day,
                lastWrite: lastWrite(attributes)
            )
            let verdict = policy.verdict(on: file, now: clock.now())
            guard case .move(let target, _) = verdict else { return .stays }
            if !needsPath { path = try await fileSystem.path(of: row.inode) }
            return .moves(
                LifecycleMove(
                    inode: row.inode,
                    path: path,
                    from: tier,
                    to: target,
                    bytes: attributes.allocated,
                    reason: verdict.description
                )
            )
        } catch  where error.code == .stale || error.code == .notFound {
            return .isGone
        } catch {
            throw LifecycleError(error)
        }
    }

    /// When the file was last written: mtime may be set to the future, which is no write.
    func lastWrite(_ attributes: Attributes) -> Timestamp {
        min(attributes.modified, attributes.changed)
    }
}
