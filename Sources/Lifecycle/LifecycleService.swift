package import FileSystemEngine
package import MetadataStore
package import Policies
package import VarveModel

/// Moves files between tiers as policies say.
///
/// What is worth a look is a range of the journal's index of days due: files that stay are not looked at. The
/// engine's transaction is the commit point of a move; the journal is corrected from it after a crash.
package struct LifecycleService: Sendable {
    let journal: JournalStore
    let clock: any VarveClock

    package init(journal: JournalStore, clock: any VarveClock) {
        self.journal = journal
        self.clock = clock
    }

    /// Rows of the index that are read at once.
    static let page = 256

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
        var position: (due: Int64, inode: InodeNumber)?
        while true {
            let page = try await due(session, onlyUsed: false, after: position)
            for found in try await look(at: page, &session, onlyBack: false) {
                plan.candidates += 1
                guard case .moves(let move) = found else { continue }
                plan.add(move, ratios, policy.prices)
            }
            guard let last = page.last, page.count == LifecycleService.page else { break }
            position = (last.due, last.inode)
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
    ///   - progress: Told after every batch.
    /// - Returns: What moved.
    /// - Throws: `.noSpace`, and what journal and file system refuse as a whole.
    package func run(
        _ fileSystem: FileSystem,
        _ policy: LifecyclePolicy,
        among others: [LifecyclePolicy] = [],
        progress: (@Sendable (LifecycleProgress) -> Void)? = nil
    ) async throws(LifecycleError) -> LifecycleOutcome {
        try await resume(fileSystem)
        return try await pass(
            try await session(fileSystem, policy, others),
            onlyBack: false,
            progress
        )
    }

    /// Brings files back to Standard that were used since they left it (`AFTER_1_ACCESS`).
    ///
    /// It looks at those files alone, and costs one look into the index while there are none.
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
        return try await pass(
            try await openSession(fileSystem, policy, others),
            onlyBack: true,
            nil
        )
    }

    /// One way through what is due.
    private func pass(
        _ opened: LifecycleSession,
        onlyBack: Bool,
        _ progress: (@Sendable (LifecycleProgress) -> Void)?
    ) async throws(LifecycleError) -> LifecycleOutcome {
        var session = opened
        var outcome = LifecycleOutcome()
        var position: (due: Int64, inode: InodeNumber)?
        while !Task.isCancelled {
            let page = try await due(session, onlyUsed: onlyBack, after: position)
            let found = try await look(at: page, &session, onlyBack: onlyBack)
            outcome.candidates += page.count
            let moves = try await settle(found, session)
            outcome.add(try await carryOut(moves, session))
            progress?(LifecycleProgress(files: outcome.files, bytes: outcome.bytes))
            guard let last = page.last, page.count == LifecycleService.page,
                !(onlyBack && session.promotionLeft == 0)
            else { break }
            position = (last.due, last.inode)
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
        var gone: [InodeNumber] = []
        for look in looks {
            switch look {
            case .moves(let move): moves.append(move)
            case .stays(let look): stays.append(look)
            case .waits: break
            case .isGone(let inode): gone.append(inode)
            case .isElsewhere(let inode, let tier):
                try await note(session.fileSystem, inode, tier)
            }
        }
        let id = session.fileSystem.id.text
        let (forgotten, noted) = (gone, stays)
        try await using { () async throws(MetadataError) in
            try await journal.forgetAccess(id, forgotten)
            try await journal.noteLooks(id, noted)
        }
        return moves
    }

    private func due(
        _ session: LifecycleSession,
        onlyUsed: Bool,
        after position: (due: Int64, inode: InodeNumber)?
    ) async throws(LifecycleError) -> [AccessDay] {
        let (id, today) = (session.fileSystem.id.text, clock.now().day)
        return try await using { () async throws(MetadataError) in
            try await journal.due(
                id,
                through: today,
                onlyUsed: onlyUsed,
                after: position,
                limit: LifecycleService.page
            )
        }
    }
}
