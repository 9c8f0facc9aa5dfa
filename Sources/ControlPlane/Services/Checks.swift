import VarveModel
import MetadataStore
import BackupVault
import FileSystemEngine
import LocalAPI

/// What doctor and verify look at.
enum Checks {
    static func vault(_ vault: Vault, readsData: Bool) async throws -> CheckReport {
        let verified = try await BlockingCalls.run { try vault.verify(readData: readsData) }
        return CheckReport(
            checked: [
                "vault \(vault.name): \(verified.recoveryPoints) recovery points, \(verified.packs) packs, "
                    + "\(verified.nodes) nodes, \(verified.chunksRead) chunks read"
            ],
            found: verified.findings.map { finding in
                CheckReport.Found(
                    kind: "damage",
                    subject: "vault \(vault.name) \(finding.file)",
                    message: finding.message,
                    remedy: finding.remedy
                )
            }
        )
    }

    static func fileSystem(
        _ fileSystem: OpenFileSystem,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws -> CheckReport {
        let name = "\(fileSystem.record.id) ('\(fileSystem.record.name)')"
        let findings = try await fileSystem.engine.verify {
            report(Progress(phase: "\(name): \($0)"))
        }
        var found: [CheckReport.Found] = []
        for finding in findings {
            let kind =
                switch finding.kind {
                case .damage: "damage"
                case .inconsistency: "inconsistency"
                case .leak: "leak"
                }
            var subject = name
            if let inode = finding.inode { subject += " inode \(inode.rawValue)" }
            if let range = finding.range {
                subject += " bytes \(range.lowerBound) to \(range.upperBound)"
            }
            if let segment = finding.segment { subject += " segment \(segment.rawValue)" }
            found.append(
                CheckReport.Found(
                    kind: kind,
                    subject: subject,
                    message: finding.message,
                    remedy: finding.remedy
                )
            )
        }
        return CheckReport(checked: ["file system \(name)"], found: found)
    }

    /// Everything: file systems that open and those that do not, vaults likewise, the clock, and the key's place.
    static func everything(
        _ fileSystems: FileSystems,
        _ vaults: Vaults,
        state: StateDirectory,
        settings: Settings,
        clock: DaemonClock,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws -> CheckReport {
        var whole = CheckReport(checked: ["state directory \(state.paths.root)"], found: [])
        for entry in await fileSystems.all() {
            do {
                let engine = try entry.engine.get()
                whole.add(
                    try await fileSystem(
                        OpenFileSystem(record: entry.record, engine: engine),
                        report
                    )
                )
            } catch {
                whole.found.append(broken("file system \(entry.record.id)", APIError(error)))
            }
        }
        for entry in try await vaults.all() {
            report(Progress(phase: "vault \(entry.name)"))
            do {
                whole.add(try await vault(try entry.vault.get(), readsData: true))
            } catch {
                whole.found.append(broken("vault \(entry.name)", APIError(error)))
            }
        }
        if let seconds = clock.refusedSeconds {
            whole.found.append(
                CheckReport.Found(
                    kind: "warning",
                    subject: "clock",
                    message:
                        "the machine's clock differs by \(seconds) seconds and is not followed",
                    remedy: "Set it right; or, if it is, say so with 'varve clock accept'."
                )
            )
        }
        if settings[.keyFile].hasPrefix(state.paths.root + "/") {
            whole.found.append(
                CheckReport.Found(
                    kind: "warning",
                    subject: settings[.keyFile],
                    message:
                        "the root key lies in the state directory: whoever takes the disk has both",
                    remedy: "Move it elsewhere and name it with keyFile in varve.yaml."
                )
            )
        }
        return whole
    }

    private static func broken(_ subject: String, _ error: APIError) -> CheckReport.Found {
        CheckReport.Found(
            kind: "damage",
            subject: subject,
            message: "does not open: \(error.message)",
            remedy: error.remedy
        )
    }
}

extension CheckReport {
    mutating func add(_ other: CheckReport) {
        checked += other.checked
        found += other.found
    }
}
