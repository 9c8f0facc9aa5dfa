package import BackupVault
package import Policies
package import VarveModel

/// Deletes the recovery points that a retention rule lets go, and gives their space back.
package enum RetentionService {
    /// What one application of a rule did.
    package struct Outcome: Sendable {
        package let deleted: [RecoveryPoint]
        package let kept: [(point: RecoveryPoint, why: String)]
        /// Of those that are kept, the warm ones that are old enough for cold storage.
        package let due: [RecoveryPoint]
        package internal(set) var pruned: PruneReport?
        /// What moved to cold storage; ``run(_:of:source:clock:isMeant:)`` moves.
        package internal(set) var cold = ColdStorage.Outcome()
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
    /// not age away. It goes with the next one, or by hand. What is held or locked stays as long as it is.
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
        do throws(VaultError) {
            let all = try vault.recoveryPoints().filter { $0.source == source }
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
                    point.id != newest && !point.isCold
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
        do throws(VaultError) {
            var kept: [(point: RecoveryPoint, why: String)] = []
            var deleted: [RecoveryPoint] = []
            let due = judgements.filter(\.movesToCold).map(\.point)
            for judgement in judgements {
                if let why = judgement.keptBecause {
                    kept.append((judgement.point, why))
                } else if let why = try deleteUnlessHeld(judgement.point, of: vault, now: now) {
                    kept.append((judgement.point, why))
                } else {
                    deleted.append(judgement.point)
                }
            }
            let pruned = prunes && !deleted.isEmpty ? try vault.prune() : nil
            return Outcome(deleted: deleted, kept: kept, due: due, pruned: pruned)
        } catch {
            throw BackupError(error)
        }
    }

    /// Applies a rule to one source's points, moves those that are old enough to cold storage, and gives back what both free.
    ///
    /// - Parameters:
    ///   - policy: What to keep, and when it moves.
    ///   - vault: Whose points.
    ///   - source: The id of a file system.
    ///   - clock: Ages count from what it shows.
    ///   - isMeant: Which points the rule is about.
    /// - Returns: What went, what moved, and why the rest stays.
    /// - Throws: `.corrupt`, `.failed` of the vault; `.cancelled`.
    package static func run(
        _ policy: RetentionPolicy,
        of vault: Vault,
        source: String,
        clock: any VarveClock,
        isMeant: @escaping @Sendable (RecoveryPoint) -> Bool = { _ in true }
    ) async throws(BackupError) -> Outcome {
        let now = clock.now()
        // The vault's calls block.
        var outcome = try await withTaskExecutorPreference(HostThreads.shared) {
            () async throws(BackupError) -> Outcome in
            try apply(policy, to: vault, source: source, now: now, isMeant: isMeant, prunes: false)
        }
        // What was deleted is given back though nothing moves.
        var failure: BackupError?
        do throws(BackupError) {
            outcome.cold = try await ColdStorage.move(outcome.due, of: vault, clock: clock)
        } catch {
            failure = error
        }
        if let failure, failure.code == .cancelled || outcome.deleted.isEmpty { throw failure }
        guard !outcome.deleted.isEmpty || !outcome.cold.moved.isEmpty else { return outcome }
        outcome.pruned = try await withTaskExecutorPreference(HostThreads.shared) {
            () async throws(BackupError) -> PruneReport? in try prune(vault)
        }
        if let failure { throw failure }
        return outcome
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
