package import FileSystemEngine
import MetadataStore
package import Policies
package import VarveModel

/// One file explained.
extension LifecycleService {
    /// Why a file is where it is, and what each policy has in mind for it.
    package func why(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber,
        _ policies: [LifecyclePolicy]
    ) async throws(LifecycleError) -> LifecycleReasoning {
        let place: TierPlace?
        let path: [FileName]
        do throws(FileSystemError) {
            place = try await fileSystem.tierPlaces(of: [inode])[0]
            path = try await fileSystem.path(of: inode)
        } catch {
            throw LifecycleError(error)
        }
        guard let place else {
            throw LifecycleError(.notFound, "inode \(inode.rawValue) is gone")
        }
        let row = try await using { () async throws(MetadataError) in
            try await journal.accessDay(fileSystem.id.text, inode)
        }
        var reasons: [String] = []
        if place.attributes.kind != .regular {
            reasons.append("only regular files have data that moves")
        } else if let row {
            reasons += try await verdicts(row, place, path, fileSystem, policies)
        } else {
            reasons.append("stays: no data of it was read or written since records began")
        }
        if let last = try await lastMove(fileSystem, inode) { reasons.append(last) }
        return LifecycleReasoning(
            tier: place.attributes.kind == .regular ? place.tier : .standard,
            size: place.attributes.size,
            lastAccess: row.map { Timestamp(seconds: $0.lastUse * 86_400) },
            reasons: reasons
        )
    }

    private func verdicts(
        _ row: AccessDay,
        _ place: TierPlace,
        _ path: [FileName],
        _ fileSystem: FileSystem,
        _ policies: [LifecyclePolicy]
    ) async throws(LifecycleError) -> [String] {
        guard let first = policies.first else { return ["no lifecycle policy applies"] }
        var session = try await openSession(fileSystem, first, policies)
        let file = try await seen(row, place, path, &session)
        let now = clock.now()
        var reasons: [String] = []
        for policy in policies {
            let judgement = LifecycleJudgement(file, policies, of: policy, now: now)
            let verdict = judgement.own
            reasons.append("\(policy.name): \(verdict)")
            if let keeper = judgement.keeper, verdict.target != judgement.target(verdict) {
                reasons.append("\(policy.name): does not move it, since \(keeper) keeps it")
            }
            let transitions = policy.rules.first { $0.name == verdict.rule }?.transitions
            if place.tier != .standard, verdict.target == nil,
                (transitions ?? policy.transitions).isPromotedOnAccess
            {
                let uses = policy.limits.usesToPromote
                let when = uses == 1 ? "is next used" : "was used on \(uses) days"
                reasons.append("\(policy.name): comes back when its data \(when)")
            }
        }
        if place.tier != .standard, file.held > 0 {
            reasons.append(
                "\(file.held) bytes of it stay in a warmer tier: another file shows them there"
            )
        }
        if place.tier != .standard, let used = row.used {
            let day = CivilDate(daysSince1970: Int(used))
            reasons.append("used on \(row.uses) days since it left standard, the last on \(day)")
        }
        if row.due > now.day {
            reasons.append(
                row.due > now.day + LifecycleService.farDays
                    ? "nothing but a use or a change of it, its names, the pins or the policies can move it"
                    : "looked at again on \(CivilDate(daysSince1970: Int(row.due)))"
            )
        }
        return reasons
    }

    /// 100 years: no rule waits so long.
    private static let farDays: Int64 = 36_525

    private func lastMove(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber
    ) async throws(LifecycleError) -> String? {
        let last = try await using { () async throws(MetadataError) in
            try await journal.lastTransition(fileSystem.id.text, inode)
        }
        guard let last else { return nil }
        let way = "\(last.from.folder) to \(last.to.folder)"
        let day = CivilDate(daysSince1970: Int((last.ended ?? last.planned).day))
        return
            "last move, \(way), by \(last.policy) on \(day): \(last.state.rawValue), \(last.reason)"
    }
}
