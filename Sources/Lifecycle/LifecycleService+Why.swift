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
        let attributes: Attributes
        let path: [FileName]
        let tier: Tier
        do throws(FileSystemError) {
            attributes = try await fileSystem.attributes(of: inode)
            path = try await fileSystem.path(of: inode)
            tier = attributes.kind == .regular ? try await fileSystem.tier(of: inode) : .standard
        } catch {
            throw LifecycleError(error)
        }
        let access = try await using { () async throws(MetadataError) in
            try await journal.accessDay(fileSystem.id.text, inode)
        }
        var reasons: [String] = []
        if attributes.kind != .regular {
            reasons.append("only regular files have data that moves")
        } else if let access {
            let file = LifecycleFile(
                path: path.map(\.bytes),
                size: attributes.size,
                tier: tier,
                accessDay: access.day,
                lastWrite: lastWrite(attributes)
            )
            for policy in policies {
                let verdict = policy.verdict(on: file, now: clock.now())
                reasons.append("\(policy.name): \(verdict)")
                if tier != .standard, policy.transitions.isPromotedOnAccess {
                    reasons.append("\(policy.name): comes back when its data is next used")
                }
            }
            if policies.isEmpty { reasons.append("no lifecycle policy applies") }
        } else {
            reasons.append("stays: no data of it was read or written since records began")
        }
        if let last = try await lastMove(fileSystem, inode) { reasons.append(last) }
        return LifecycleReasoning(
            tier: tier,
            size: attributes.size,
            lastAccess: access.map { Timestamp(seconds: $0.day * 86_400) },
            reasons: reasons
        )
    }

    private func lastMove(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber
    ) async throws(LifecycleError) -> String? {
        let last = try await using { () async throws(MetadataError) in
            try await journal.lastTransition(fileSystem.id.text, inode)
        }
        guard let last else { return nil }
        let way = "\(last.from.folder) to \(last.to.folder)"
        return "last move, \(way), by \(last.policy): \(last.state.rawValue), \(last.reason)"
    }
}
