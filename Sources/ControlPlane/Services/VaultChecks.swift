import Backup
import BackupVault
import LocalAPI
import VarveModel

/// A verify of a vault, in the words of those who read it.
enum VaultChecks {
    static func verify(
        _ vault: Vault,
        _ scope: VerifyScope,
        _ report: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws -> VaultReport {
        let (verified, lost) = try await BlockingCalls.run {
            let verified = try vault.verify(scope) { report(Progress($0, of: vault)) }
            return (verified, try LostParts(vault).all(in: verified))
        }
        return summary(of: verified, losing: lost, in: vault, scope)
    }

    /// Heals what a verify finds, asks others for content that is still lost, and tells what was found afterwards.
    static func repair(
        _ vault: Vault,
        _ scope: VerifyScope,
        from givers: [LostContent.Giver],
        _ progress: @escaping @Sendable (Progress) -> Void
    ) async throws -> VaultReport {
        let repaired = try await BlockingCalls.run {
            try vault.repair(scope) { progress(Progress($0, of: vault)) }
        }
        let restored = try await LostContent(of: vault, from: givers).restore(repaired.verified) {
            progress(
                Progress(
                    phase: "looking for lost content of \(vault.name)",
                    done: UInt64($0),
                    total: UInt64($1)
                )
            )
        }
        let (verified, lost) = try await BlockingCalls.run {
            let verified =
                restored.chunks == 0
                ? repaired.verified : try vault.verify(scope) { progress(Progress($0, of: vault)) }
            return (verified, try LostParts(vault).all(in: verified))
        }
        var whole = summary(of: verified, losing: lost, in: vault, scope)
        whole.healed = repaired.healed.map { "\($0.file): \($0.how)" }
        if restored.chunks > 0 {
            whole.healed.append(
                "content: \(restored.chunks) chunks, \(restored.bytes) bytes, from who still had them"
            )
        }
        // What somebody else gave back is no longer missed, though the pack stays as it is.
        let missed = Set(verified.findings.filter { !$0.isSpare }.map(\.file))
        let unhealed = repaired.unhealed.filter {
            !$0.file.hasPrefix("packs/") || missed.contains($0.file)
        }
        whole.found += unhealed.map { file, error in
            CheckReport.Found(
                kind: "damage",
                subject: "vault \(vault.name) \(file)",
                message: "not healed: \(error.message)",
                remedy: error.remedy
            )
        }
        return whole
    }

    private static func summary(
        of verified: VerifyReport,
        losing lost: [LostPoint],
        in vault: Vault,
        _ scope: VerifyScope
    ) -> VaultReport {
        VaultReport(
            checked: [words(verified, of: vault, scope)],
            found: found(verified, in: vault) + incomplete(verified, in: vault),
            lost: lost.map { LostFiles($0) },
            seed: scope.seed
        )
    }

    /// What has no parity or voucher yet: nothing is damaged.
    private static func incomplete(
        _ verified: VerifyReport,
        in vault: Vault
    ) -> [CheckReport.Found] {
        let counts = [
            (verified.withoutParity, "files have no parity yet"),
            (
                verified.withoutVoucher,
                "recovery points have no voucher yet: were a manifest of these lost, that would not be noticed"
            ),
        ]
        return counts.filter { $0.0 > 0 }.map { count, what in
            CheckReport.Found(
                kind: "warning",
                subject: "vault \(vault.name)",
                message: "\(count) \(what)",
                remedy: "The next prune makes it, and so does 'varve vault verify --repair'."
            )
        }
    }

    /// What a verify found as one check among others.
    static func checkReport(_ report: VaultReport) -> CheckReport {
        CheckReport(checked: report.checked, found: report.found + lost(report.lost))
    }

    private static func words(
        _ verified: VerifyReport,
        of vault: Vault,
        _ scope: VerifyScope
    ) -> String {
        var text =
            "vault \(vault.name): \(verified.recoveryPoints) recovery points, \(verified.packs) packs, "
            + "\(verified.nodes) nodes, \(verified.chunksRead) chunks read"
        if let seed = scope.seed { text += " of \(verified.packsRead) packs (seed \(seed))" }
        return text
    }

    // MARK: Findings

    /// Chunks of one file are told together: a pack that is lost is hundreds of them.
    private static func found(_ verified: VerifyReport, in vault: Vault) -> [CheckReport.Found] {
        var found: [CheckReport.Found] = []
        var chunks: [String: [VaultFinding]] = [:]
        for finding in verified.findings {
            if finding.subject == .chunk || finding.subject == .node {
                chunks[finding.file, default: []].append(finding)
            } else {
                found.append(one(finding, in: vault))
            }
        }
        for (_, findings) in chunks.sorted(by: { $0.key < $1.key }) {
            found += findings.prefix(chunksTold).map { one($0, in: vault) }
            let rest = findings.dropFirst(chunksTold)
            guard let first = rest.first else { continue }
            let needed = rest.count(where: { $0.affectedCount > 0 })
            found.append(
                CheckReport.Found(
                    kind: rest.allSatisfy(\.isSpare) ? "warning" : "damage",
                    subject: subject(first, in: vault),
                    message: "\(rest.count) more chunks, of which recovery points need \(needed)",
                    remedy: first.remedy
                )
            )
        }
        return found
    }

    /// As many chunks of a file are told one by one.
    private static let chunksTold = 10

    private static func one(_ finding: VaultFinding, in vault: Vault) -> CheckReport.Found {
        CheckReport.Found(
            kind: finding.isSpare ? "warning" : "damage",
            subject: subject(finding, in: vault),
            message: finding.message + affected(finding),
            remedy: finding.remedy
        )
    }

    private static func subject(_ finding: VaultFinding, in vault: Vault) -> String {
        "vault \(vault.name)" + (finding.file.isEmpty ? "" : " \(finding.file)")
    }

    /// Which recovery points lose what by a finding, in words.
    private static func affected(_ finding: VaultFinding) -> String {
        guard finding.affectedCount > 0 else { return "" }
        let points = Set(finding.affected.map { "\($0.point)" }).sorted()
        let more = finding.affectedCount > finding.affected.count ? " and maybe others" : ""
        return
            "; \(finding.affectedCount) parts of \(points.joined(separator: ", "))\(more) need it"
    }

    /// What is lost as findings of their own: one a point, with its first paths.
    private static func lost(_ points: [LostFiles]) -> [CheckReport.Found] {
        points.map { point in
            let paths = point.parts.prefix(chunksTold).map(\.text).joined(separator: ", ")
            let more = point.partCount > UInt64(chunksTold) ? " and more" : ""
            return CheckReport.Found(
                kind: "damage",
                subject: "recovery point \(point.point) of \(point.fileSystem) "
                    + "('\(EscapedBytes(point.fileSystemName.utf8).text)')",
                message: "\(point.countText) parts do not restore: \(paths)\(more)",
                remedy:
                    "'varve vault verify' lists them all; restore them from another recovery point."
            )
        }
    }
}

extension VerifyScope {
    /// Of a sample.
    fileprivate var seed: UInt64? {
        guard case .sample(_, let seed) = self else { return nil }
        return seed
    }
}

extension Progress {
    fileprivate init(_ progress: VerifyProgress, of vault: Vault) {
        self.init(
            phase: "verifying \(vault.name): \(progress.phase.rawValue)",
            done: UInt64(progress.done),
            total: UInt64(progress.total),
            bytes: progress.bytes
        )
    }
}

extension LostFiles {
    fileprivate init(_ lost: LostPoint) {
        self.init(
            point: lost.point.id.description,
            fileSystem: lost.point.source,
            fileSystemName: lost.point.labels["name"] ?? lost.point.source,
            instant: TimeText(lost.point.instantTime),
            parts: lost.parts.map { Part($0) },
            partCount: UInt64(lost.partCount),
            isComplete: lost.isComplete
        )
    }
}

extension LostFiles.Part {
    fileprivate init(_ part: LostPart) {
        let path = EscapedBytes(part.path)
        switch part.what {
        case .content(let ranges):
            self.init(
                path: path,
                what: "content",
                ranges: ranges.map { [$0.lowerBound, UInt64($0.count)] }
            )
        case .extendedAttributes: self.init(path: path, what: "xattrs")
        case .inode: self.init(path: path, what: "inode")
        case .names: self.init(path: path, what: "names")
        }
    }
}
