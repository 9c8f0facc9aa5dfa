import VarveModel
import Disk
import MetadataStore
import BackupVault
import FileSystemEngine
import LocalAPI

/// What doctor and verify look at.
enum Checks {
    /// Those that serve nobody.
    static func mountTargets(_ targets: [MountTargets.Entry]) -> CheckReport {
        let found = targets.compactMap { target -> CheckReport.Found? in
            guard case .error(let error) = target.condition else { return nil }
            return CheckReport.Found(
                kind: "warning",
                subject: "mount target \(target.record.id) of \(target.record.fileSystem)",
                message: error.message,
                remedy: error.remedy
            )
        }
        return CheckReport(checked: targets.isEmpty ? [] : ["mount targets"], found: found)
    }

    static func fileSystem(
        _ fileSystem: OpenFileSystem,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws -> CheckReport {
        let name = "\(fileSystem.record.id) ('\(fileSystem.record.name)')"
        report(Progress(phase: "\(name): metadata"))
        var found = try await metadata(of: fileSystem.record)
        let findings: [Finding]
        do throws(FileSystemError) {
            findings = try await fileSystem.engine.verify {
                report(Progress(phase: "\(name): \($0)"))
            }
        } catch {
            // What the walk met is named, beside the pages that it was met in.
            found.append(broken("file system \(name)", "the check stopped", APIError(error)))
            findings = []
        }
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

    /// Every page of a file system's database, also those that no walk of its rows reaches.
    private static func metadata(
        of record: FileSystemRecord
    ) async throws -> [CheckReport.Found] {
        let unique = record.unique
        let findings = try await BlockingCalls.run { try SealedDatabase.findings(of: unique) }
        return (findings ?? []).map { message in
            CheckReport.Found(
                kind: "damage",
                subject: "file system \(record.id) ('\(record.name)') metadata",
                message: message,
                remedy: metadataRemedy
            )
        }
    }

    private static let metadataRemedy =
        "Stop the daemon and put the newest copies of meta.sqlite and meta.sqlite-wal back, taken at one moment; or "
        + "restore a recovery point into a new file system. 'varve export' copies what still reads."

    /// File systems that open and those that do not, vaults likewise; each whatever the others are.
    static func everything(
        _ fileSystems: FileSystems?,
        _ vaults: Vaults,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws -> CheckReport {
        var whole = CheckReport(checked: [], found: [])
        for entry in await fileSystems?.listed() ?? [] {
            let subject = "file system \(entry.record.id) ('\(entry.record.name)')"
            let engine: FileSystem
            switch entry.engine {
            case .success(let opened): engine = opened
            case .failure(let error):
                var found = broken(subject, "does not open", error)
                // Zones that are away, of which nothing is known to be damaged.
                if error.code == .unavailable { found.kind = "unavailable" }
                if entry.record.state == .deleting { found.kind = "warning" }
                whole.found.append(found)
                continue
            }
            whole.found += zones(of: entry, subject)
            do {
                let open = OpenFileSystem(record: entry.record, engine: engine)
                whole.add(try await fileSystem(open, report))
            } catch {
                whole.found.append(broken(subject, "the check stopped", APIError(error)))
            }
        }
        for entry in try await vaults.all() {
            report(Progress(phase: "vault \(entry.name)"))
            let bucket = await vaults.place(of: entry.name)
            do {
                if let bucket { whole.add(try await BucketChecks.check(bucket, of: entry.name)) }
                // Of a bucket reading all may take days, and is paid for: 'vault verify --read-data' does it when
                // asked.
                let scope: VerifyScope = bucket == nil ? .everything : .structure
                let report = try await VaultChecks.verify(try entry.vault.get(), scope)
                whole.add(VaultChecks.checkReport(report))
                if let found = try await vaults.keyFinding(of: try entry.vault.get()) {
                    whole.found.append(found)
                }
            } catch {
                var found = broken("vault \(entry.name)", nil, APIError(error))
                if bucket != nil, !APIError(error).isDamage { found.kind = "unavailable" }
                if entry.isUnfinished { found.kind = "warning" }
                whole.found.append(found)
            }
        }
        return whole
    }

    /// Whether the machine's clock is followed.
    static func clock(_ clock: DaemonClock) -> CheckReport {
        var report = CheckReport(checked: ["clock"], found: [])
        guard let seconds = clock.refusedSeconds else { return report }
        report.found.append(
            CheckReport.Found(
                kind: "warning",
                subject: "clock",
                message: "the machine's clock differs by \(seconds) seconds and is not followed",
                remedy: "Set it right; or, if it is, say so with 'varve clock accept'."
            )
        )
        return report
    }

    /// Reads all of the daemon's own databases.
    static func stores(control: ControlStore?, journal: JournalStore?) async throws -> CheckReport {
        var report = CheckReport(checked: [], found: [])
        if let control {
            report.add("control.sqlite", try await control.findings())
        }
        if let journal {
            report.add("journal.sqlite", try await journal.findings())
        }
        return report
    }

    /// What the state directory itself shows: where it is, and where its key is.
    static func state(_ paths: StatePaths, _ settings: Settings) -> CheckReport {
        var report = CheckReport(checked: ["state directory \(paths.root)"], found: [])
        if settings[.keyFile].hasPrefix(paths.root + "/") {
            report.found.append(
                CheckReport.Found(
                    kind: "warning",
                    subject: settings[.keyFile],
                    message:
                        "the root key lies in the state directory: whoever takes the disk has both",
                    remedy: "Move it elsewhere and name it with keyFile in varve.yaml."
                )
            )
        }
        return report
    }

    /// The zones of a Regional file system that are out.
    private static func zones(
        of entry: FileSystems.Entry,
        _ subject: String
    ) -> [CheckReport.Found] {
        guard let standing = entry.zones?.standing else { return [] }
        return standing.zones.compactMap { zone in
            let told = ZoneStanding(zone, nil)
            guard told.state != .inSync else { return nil }
            return CheckReport.Found(
                kind: "unavailable",
                subject: "\(subject) zone '\(zone.name)'",
                message:
                    "its copy in '\(zone.directory)' is not in sync: \(told.reason ?? "it is being made equal")",
                remedy: ZoneRepairs.remedy(told, entry, zone: zone.name) ?? ""
            )
        }
    }

    /// Zones that are lost together, where anything is kept in them.
    static func zones(
        _ settings: Settings,
        _ fileSystems: FileSystems?,
        on disk: any Disk
    ) async throws -> CheckReport {
        let isUsed = await fileSystems?.listed().contains { $0.record.availabilityZone == nil }
        guard isUsed == true || settings.values[.zones]?.origin != "default" else {
            return CheckReport(checked: [], found: [])
        }
        let directories = ZoneDirectories(zones: settings.zones, disk: disk)
        let shared = try await BlockingCalls.run { directories.shared }
        return CheckReport(
            checked: ["zones"],
            found: shared.map { device, zones in
                CheckReport.Found(
                    kind: "warning",
                    subject: "zones \(zones.map(\.name).joined(separator: ", "))",
                    message: "they lie on one device, \(device.description): one disk, one loss",
                    remedy:
                        "Give each zone a disk of its own (zones in varve.yaml): see 'Zones' in docs/operating.md."
                )
            }
        )
    }

    /// The root keys of single vaults.
    static func keys(_ ring: RootKeyRing) -> CheckReport {
        var report = CheckReport(checked: [], found: [])
        do throws(APIError) {
            for (path, error) in try ring.damage() {
                report.found.append(broken("root key \(path)", nil, error))
            }
        } catch {
            report.found.append(broken("root keys in \(ring.directory)", nil, error))
        }
        return report
    }

    /// Something that could not be looked at.
    static func broken(_ subject: String, _ what: String?, _ error: APIError) -> CheckReport.Found {
        CheckReport.Found(
            kind: "damage",
            subject: subject,
            message: (what.map { $0 + ": " } ?? "") + error.message,
            remedy: error.remedy
        )
    }
}

extension CheckReport {
    mutating func add(_ other: CheckReport) {
        checked += other.checked
        found += other.found
    }

    fileprivate mutating func add(_ database: String, _ findings: [String]) {
        checked.append(database)
        found += findings.map {
            Found(
                kind: "damage",
                subject: database,
                message: $0,
                remedy: "Put it back from a copy of the state directory."
            )
        }
    }
}
