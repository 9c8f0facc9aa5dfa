package import FileSystemEngine
package import MetadataStore
package import Policies
package import VarveModel

/// Moves files between tiers as policies say.
///
/// What is worth a look is a range of the journal's index of days due: files that stay are not looked at. The
/// engine's transaction is the commit point of a move; the journal is corrected from it after a crash.
///
/// Of one file system it plans, runs, promotes and resumes one at a time (``Turns``): a move that is not ended when one
/// of them begins is then a crash's. Pins come at any time.
package struct LifecycleService: Sendable {
    let journal: JournalStore
    let clock: any VarveClock

    package init(journal: JournalStore, clock: any VarveClock) {
        self.journal = journal
        self.clock = clock
    }

    // MARK: Plan

    /// What a run would do now; nothing moves.
    ///
    /// - Parameters:
    ///   - fileSystem: Its access days must have been flushed.
    ///   - policy: What is due, and where to.
    ///   - others: All policies in force for the file system, so that what one of them waits for is not put off.
    /// - Returns: What would move, and what that comes to.
    /// - Throws: What journal and file system refuse as a whole.
    package func plan(
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy,
        among others: [LifecyclePolicy] = []
    ) async throws(LifecycleError) -> LifecyclePlan {
        var session = try await session(fileSystem, policy, others)
        var plan = LifecyclePlan()
        let ratios = try await StoredRatios(fileSystem, journal)
        var walk = LifecycleWalk(onlyUsed: false)
        while !walk.isOver {
            let page = try await nextPage(&walk, session)
            for found in try await look(at: page, &session, onlyBack: false) {
                plan.candidates += 1
                guard case .moves(let move) = found else { continue }
                plan.add(move, ratios, policy.prices)
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
    ///   - others: As of ``plan(_:_:among:)``.
    ///   - recorder: Asked, before a file goes, whether it was used since the flush.
    ///   - progress: Told after every batch.
    /// - Returns: What moved.
    /// - Throws: `.noSpace`, and what journal and file system refuse as a whole.
    package func run(
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy,
        among others: [LifecyclePolicy] = [],
        uses recorder: AccessRecorder? = nil,
        progress: (@Sendable (LifecycleProgress) -> Void)? = nil
    ) async throws(LifecycleError) -> LifecycleOutcome {
        try await resume(fileSystem)
        return try await pass(
            try await session(fileSystem, policy, others, uses: recorder),
            onlyBack: false,
            progress
        )
    }

    /// Brings files back to Standard that were used since they left it (`AFTER_1_ACCESS`).
    ///
    /// It looks at those files alone, at each once after a day of use, and costs one look into the index while there
    /// are none. Rules that have changed are taken in first: new ones that bring files back do not look back.
    package func promoteAccessed(
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy,
        among others: [LifecyclePolicy] = []
    ) async throws(LifecycleError) -> LifecycleOutcome {
        guard policy.promotesOnAccess else { return LifecycleOutcome() }
        let (id, today) = (fileSystem.id.text, clock.now().day)
        let first = try await using { () async throws(MetadataError) in
            try await journal.due(id, through: today, onlyUsed: true, limit: 1)
        }
        guard !first.isEmpty else { return LifecycleOutcome() }
        let known = try await using { () async throws(MetadataError) in
            try await journal.dueRules(id)
        }
        let session =
            if known == DueRules(together(policy, others)) {
                try await openSession(fileSystem, policy, others)
            } else {
                try await session(fileSystem, policy, others)
            }
        return try await pass(session, onlyBack: true, nil)
    }

    /// One way through what is due.
    func pass(
        _ opened: LifecycleSession,
        onlyBack: Bool,
        _ progress: (@Sendable (LifecycleProgress) -> Void)?
    ) async throws(LifecycleError) -> LifecycleOutcome {
        var session = opened
        var outcome = LifecycleOutcome()
        outcome.clockWasAhead = session.clockWasAhead
        var walk = LifecycleWalk(onlyUsed: onlyBack)
        while !walk.isOver, !Task.isCancelled {
            let page = try await nextPage(&walk, session)
            let found = try await look(at: page, &session, onlyBack: onlyBack)
            outcome.candidates += page.count
            let moves = try await settle(found, session)
            outcome.add(try await carryOut(moves, session))
            progress?(LifecycleProgress(files: outcome.files, bytes: outcome.bytes))
        }
        return outcome
    }

    /// Notes what became of looks; answers the moves among them.
    private func settle(
        _ looks: [LifecycleLook],
        _ session: LifecycleSession
    ) async throws(LifecycleError) -> [LifecycleMove] {
        var moves: [LifecycleMove] = []
        var stays: [AccessLook] = []
        var waits: [AccessDay] = []
        var gone: [InodeNumber] = []
        for look in looks {
            switch look {
            case .moves(let move): moves.append(move)
            case .stays(let look): stays.append(look)
            case .waits: break
            case .waitsForRun(let row):
                if row.used != nil || row.due == JournalStore.foremostDay { waits.append(row) }
            case .isGone(let inode): gone.append(inode)
            case .isElsewhere(let inode, let tier):
                try await note(session.fileSystem, inode, tier)
            }
        }
        let (id, today) = (session.fileSystem.id.text, clock.now().day)
        let (forgotten, noted, waiting) = (gone, stays, waits)
        try await using { () async throws(MetadataError) in
            try await journal.forgetAccess(id, forgotten)
            try await journal.noteLooks(id, noted, asOf: session.generation)
            try await journal.noteWaits(id, waiting, day: today, asOf: session.generation)
        }
        return moves
    }
}
