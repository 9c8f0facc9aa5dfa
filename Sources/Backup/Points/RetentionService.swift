package import BackupVault
package import Policies
package import VarveModel

/// Deletes the recovery points that a retention rule lets go, and gives their space back.
package enum RetentionService {
    /// What one application of a rule did.
    package struct Outcome: Sendable {
        package fileprivate(set) var deleted: [RecoveryPoint] = []
        package fileprivate(set) var kept: [(point: RecoveryPoint, why: String)] = []
        /// Of those that are kept, the warm ones that are old enough for cold storage.
        package fileprivate(set) var due: [RecoveryPoint] = []
        package fileprivate(set) var pruned: PruneReport?
    }

    /// What one application of a rule to several sources did; what fails of one does not keep the others from their turn.
    package struct Report: Sendable {
        package fileprivate(set) var deleted: [RecoveryPoint] = []
        package fileprivate(set) var kept: [(point: RecoveryPoint, why: String)] = []
        /// What moved to cold storage, and what stays warm though it is due.
        package fileprivate(set) var cold = ColdStorage.Outcome()
        /// What went wrong, each with the source that it is about; without one it is the vault's.
        package fileprivate(set) var failures: [(source: String?, error: BackupError)] = []
        /// Points that do not read, whose ever they are: they stay, and the rules count the others alone.
        package fileprivate(set) var unread: [RecoveryPointListing.DamagedManifest] = []
    }

    /// What a rule says of one point.
    package struct Judgement: Sendable {
        package let point: RecoveryPoint
        /// For people; `nil` when it goes.
        package let keptBecause: String?
        /// Whether it is kept and moves to cold storage.
        package let movesToCold: Bool
    }

    /// What ``apply(_:to:source:now:isMeant:prunes:)`` would do; changes nothing.
    ///
    /// The newest of the source never goes by a rule: should its backups have stopped, the last one must
    /// not age away. It goes with the next one, or by hand. What is held or locked stays as long as it is. In a vault
    /// in a bucket nothing moves to cold storage. What does not read is passed by.
    ///
    /// - Parameters:
    ///   - policy: What to keep.
    ///   - vault: Whose points.
    ///   - source: The id of a file system.
    ///   - now: Ages count from here.
    ///   - isMeant: Which points the rule is about; others are neither kept nor deleted by it.
    /// - Returns: One judgement a point, the oldest first.
    /// - Throws: `.corrupt`, `.failed` of the vault.
    package static func judge(
        _ policy: RetentionPolicy,
        of vault: Vault,
        source: String,
        now: Timestamp,
        isMeant: (RecoveryPoint) -> Bool = { _ in true }
    ) throws(BackupError) -> [Judgement] {
        let listing = try list(vault)
        return try judge(policy, of: vault, listing.points, source, now: now, isMeant)
    }

    /// Every point that reads: where one does not, rules that count keep more of the others, and none fewer.
    private static func list(_ vault: Vault) throws(BackupError) -> RecoveryPointListing {
        do throws(VaultError) {
            return try vault.listing()
        } catch {
            throw BackupError(error)
        }
    }

    private static func judge(
        _ policy: RetentionPolicy,
        of vault: Vault,
        _ listed: [RecoveryPoint],
        _ source: String,
        now: Timestamp,
        _ isMeant: (RecoveryPoint) -> Bool
    ) throws(BackupError) -> [Judgement] {
        do throws(VaultError) {
            let all = listed.filter { $0.source == source }
            let newest = all.last?.id
            let points = all.filter(isMeant)
            var held: [RecoveryPointID: String] = [:]
            let keeper = try vault.keeper(now: now)
            for point in points { held[point.id] = try keeper.text(of: point) }
            let verdicts = policy.rule.verdicts(
                points.map {
                    RetentionPoint(id: $0.id, created: $0.created, isPinned: held[$0.id] != nil)
                },
                now: now,
                timeZone: policy.timeZone
            )
            return pair(points, verdicts).map { point, verdict in
                let reasons = verdict.reasons.map { reason in
                    reason == .pinned ? held[point.id] ?? reason.description : reason.description
                }
                // What the next backup builds on, and what is left should backups have stopped, stays warm.
                let moves =
                    point.id != newest && !point.isCold && vault.mayHaveColdStorage
                    && policy.rule.isDueForCold(created: point.created, now: now)
                if !reasons.isEmpty {
                    return Judgement(
                        point: point,
                        keptBecause: reasons.joined(separator: ", "),
                        movesToCold: moves
                    )
                }
                return Judgement(
                    point: point,
                    keptBecause: point.id == newest ? "the newest of its source" : nil,
                    movesToCold: false
                )
            }
        } catch {
            throw BackupError(error)
        }
    }

    /// Applies a rule to one source's points, those that `isMeant` picks, as ``judge(_:of:source:now:isMeant:)`` says.
    ///
    /// - Parameters:
    ///   - policy: What to keep.
    ///   - vault: Whose points.
    ///   - source: The id of a file system.
    ///   - now: Ages count from here.
    ///   - isMeant: Which points the rule is about; others are neither kept nor deleted by it.
    ///   - prunes: Whether to give space back at once.
    /// - Returns: What went, and why the rest stays.
    /// - Throws: `.corrupt`, `.busy`, `.failed` of the vault.
    package static func apply(
        _ policy: RetentionPolicy,
        to vault: Vault,
        source: String,
        now: Timestamp,
        isMeant: (RecoveryPoint) -> Bool = { _ in true },
        prunes: Bool = true
    ) throws(BackupError) -> Outcome {
        let judgements = try judge(policy, of: vault, source: source, now: now, isMeant: isMeant)
        var outcome = Outcome()
        do throws(VaultError) {
            try apply(judgements, to: vault, now: now, &outcome)
            if prunes, !outcome.deleted.isEmpty { outcome.pruned = try vault.prune() }
            return outcome
        } catch {
            throw BackupError(error)
        }
    }

    /// Deletes what is judged to go; when it throws, the outcome has what went before.
    private static func apply(
        _ judgements: [Judgement],
        to vault: Vault,
        now: Timestamp,
        _ outcome: inout Outcome
    ) throws(VaultError) {
        outcome.due = judgements.filter(\.movesToCold).map(\.point)
        for judgement in judgements {
            if let why = judgement.keptBecause {
                outcome.kept.append((judgement.point, why))
            } else if let why = try deleteUnlessHeld(judgement.point, of: vault, now: now) {
                outcome.kept.append((judgement.point, why))
            } else {
                outcome.deleted.append(judgement.point)
            }
        }
    }

    /// Applies a rule source by source, moves what is old enough to cold storage, and gives back once what all of it frees.
    ///
    /// - Parameters:
    ///   - policy: What to keep, and when it moves.
    ///   - vault: Whose points.
    ///   - source: The one that is meant; `nil` for each that has a point which `isMeant` picks.
    ///   - clock: Ages count from what it shows.
    ///   - isMeant: Which points the rule is about.
    /// - Returns: What went, what moved and what failed, a cancellation included.
    package static func run(
        _ policy: RetentionPolicy,
        of vault: Vault,
        source: String? = nil,
        clock: any VarveClock,
        isMeant: @escaping @Sendable (RecoveryPoint) -> Bool = { _ in true }
    ) async -> Report {
        let now = clock.now()
        // The vault's calls block.
        var (report, due) = await withTaskExecutorPreference(HostThreads.shared) {
            () async -> (Report, [RecoveryPoint]) in
            delete(policy, from: vault, source, now: now, isMeant)
        }
        do throws(BackupError) {
            try await ColdStorage.move(due, of: vault, clock: clock, into: &report.cold)
        } catch {
            // What moved before stays in the report, and its warm bytes are given back.
            report.failures.append((nil, error))
        }
        guard !Task.isCancelled, !report.deleted.isEmpty || !report.cold.moved.isEmpty else {
            return report
        }
        let failure = await withTaskExecutorPreference(HostThreads.shared) {
            () async -> BackupError? in
            do throws(BackupError) {
                _ = try prune(vault)
                return nil
            } catch {
                return error
            }
        }
        if let failure { report.failures.append((nil, failure)) }
        return report
    }

    /// Deletes what goes of each source; answers also what is due for cold storage.
    private static func delete(
        _ policy: RetentionPolicy,
        from vault: Vault,
        _ source: String?,
        now: Timestamp,
        _ isMeant: (RecoveryPoint) -> Bool
    ) -> (Report, due: [RecoveryPoint]) {
        var report = Report()
        var due: [RecoveryPoint] = []
        do throws(BackupError) {
            let listing = try list(vault)
            report.unread = listing.damaged
            let sources =
                source.map { [$0] } ?? Set(listing.points.filter(isMeant).map(\.source)).sorted()
            for source in sources {
                if Task.isCancelled { throw BackupError(.cancelled, "the caller gave up") }
                var outcome = Outcome()
                do throws(BackupError) {
                    var judged = try judge(
                        policy,
                        of: vault,
                        listing.points,
                        source,
                        now: now,
                        isMeant
                    )
                    // Hours may lie between the listing and this source's turn, and its newest may be another by now.
                    if judged.contains(where: { $0.keptBecause == nil }) {
                        judged = try judge(
                            policy,
                            of: vault,
                            source: source,
                            now: now,
                            isMeant: isMeant
                        )
                    }
                    do throws(VaultError) {
                        try apply(judged, to: vault, now: now, &outcome)
                    } catch {
                        throw BackupError(error)
                    }
                } catch {
                    report.failures.append((source, error))
                }
                report.deleted += outcome.deleted
                report.kept += outcome.kept
                due += outcome.due
            }
        } catch {
            report.failures.append((nil, error))
        }
        return (report, due)
    }

    /// While another prune runs, the next one gives the space back.
    private static func prune(_ vault: Vault) throws(BackupError) -> PruneReport? {
        do throws(VaultError) {
            return try vault.prune()
        } catch {
            guard error.code == .locked else { throw BackupError(error) }
            return nil
        }
    }

    /// Deletes a point; answers why it stays when somebody has held it, or locked the vault, since it was judged.
    private static func deleteUnlessHeld(
        _ point: RecoveryPoint,
        of vault: Vault,
        now: Timestamp
    ) throws(VaultError) -> String? {
        do throws(VaultError) {
            try vault.delete(point.id, now: now)
            return nil
        } catch {
            // Somebody else deleted it: it is gone, as it was to be.
            if error.code == .notFound { return nil }
            guard error.code == .held else { throw error }
            return error.message
        }
    }

    private static func pair(
        _ points: [RecoveryPoint],
        _ verdicts: [RetentionVerdict<RecoveryPointID>]
    ) -> [(RecoveryPoint, RetentionVerdict<RecoveryPointID>)] {
        let byID = Dictionary(points.map { ($0.id, $0) }) { first, _ in first }
        return verdicts.compactMap { verdict in byID[verdict.point.id].map { ($0, verdict) } }
    }
}
