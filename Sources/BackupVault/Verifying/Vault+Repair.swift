import Disk
import VarveModel

/// What a repair did.
package struct RepairReport: Sendable {
    /// Files that are whole again, and how.
    package internal(set) var healed: [(file: String, how: String)] = []
    /// Files that are not, and why.
    package internal(set) var unhealed: [(file: String, error: VaultError)] = []
    /// What was found afterwards.
    package internal(set) var verified: VerifyReport
}

extension Vault {
    /// Verifies, heals what was found by parity, and verifies again.
    ///
    /// A file is healed by being written anew beside and renamed over; it is then what it was, byte for byte. A crash leaves the
    /// damaged file or the healed one. Index, generation and parity are made again; description, key and secret are put
    /// back as they were when the vault was opened.
    ///
    /// - Parameters:
    ///   - scope: How much is read: only what was found is healed.
    ///   - progress: Is told as by `verify`.
    /// - Returns: What was healed, what not, and what was found afterwards.
    /// - Throws: `.locked` while a prune runs; `.noSpace`, `.failed`, `.denied`.
    package func repair(
        _ scope: VerifyScope,
        progress: @escaping @Sendable (VerifyProgress) -> Void = { _ in }
    ) throws(VaultError) -> RepairReport {
        try files.requireFolders()
        let lock = try Lease.lockPrune(files: files)
        defer { lock.release() }
        let before = try verify(scope, progress: progress)
        var repair = Repair(vault: self, report: RepairReport(verified: before))
        guard !before.isClean || before.withoutParity > 0 else { return repair.report }
        try repair.run(before)
        dropCaches()
        try refresh(forgetsDamage: true)
        repair.report.verified = try verify(scope, progress: progress)
        try repair.dropIdleParity()
        return repair.report
    }
}

/// One run of a repair.
private struct Repair {
    let vault: Vault
    var report: RepairReport

    mutating func run(_ found: VerifyReport) throws(VaultError) {
        for finding in found.findings {
            guard let file = vault.entrance.first(where: { $0.name == finding.file }) else {
                continue
            }
            try vault.files.replace(file.name, with: file.bytes)
            report.healed.append((file.name, "put back as it was when the vault was opened"))
        }
        try heal(found)
        try renew(found)
        dropDamagedParity(found)
        let made = try vault.completeParity()
        if made > 0 { report.healed.append(("parity", "made for \(made) files")) }
    }

    /// Packs and manifests, by their parity.
    private mutating func heal(_ found: VerifyReport) throws(VaultError) {
        var tried: Set<ParityFiles.Subject> = []
        for finding in found.findings {
            guard let subject = ParityFiles.Subject(path: finding.file),
                finding.subject != .parity, tried.insert(subject).inserted
            else { continue }
            do throws(VaultError) {
                guard let blocks = try vault.parityFiles.heal(subject) else {
                    throw VaultError(
                        .corrupt,
                        "'\(subject.path)' has more damage than its parity heals",
                        remedy: "Put it back from a copy."
                    )
                }
                report.healed.append((subject.path, "\(blocks) damaged blocks, by its parity"))
            } catch {
                switch error.code {
                case .notFound:
                    report.unhealed.append((subject.path, VaultError.withoutParity(subject)))
                case .corrupt, .newerFormat: report.unhealed.append((subject.path, error))
                default: throw error
                }
            }
        }
    }

    /// What can be made again from other files.
    private mutating func renew(_ found: VerifyReport) throws(VaultError) {
        try vault.refresh(forgetsDamage: true)
        if found.findings.contains(where: { $0.subject == .index }) {
            let packs = try vault.rebuildIndex()
            report.healed.append(("index", "made again of \(packs) packs"))
        }
        guard found.findings.contains(where: { $0.subject == .generation }) else { return }
        let number = try vault.nextGeneration(after: vault.generations.numbers().last ?? 0)
        try vault.generations.write(Generation(number: number, condemned: [:]))
        report.healed.append(("generations", "begun anew: nothing is condemned"))
    }

    /// Parity that is no good; that of whole files is then made again.
    private mutating func dropDamagedParity(_ found: VerifyReport) {
        for finding in found.findings where finding.subject == .parity {
            guard let name = finding.file.split(separator: "/").last,
                let subject = ParityFiles.Subject(parityName: String(name))
            else { continue }
            do throws(VaultError) {
                // Of a file that is lost or damaged it may still be of use to somebody.
                guard try vault.isReadable(subject) else { continue }
                try vault.parityFiles.remove([subject])
            } catch {
                report.unhealed.append((finding.file, error))
            }
        }
    }

    /// Parity of lost packs that cannot be healed, once no recovery point misses anything.
    mutating func dropIdleParity() throws(VaultError) {
        let isNeeded = report.verified.findings.contains {
            $0.affectedCount > 0 || $0.subject == .manifest
        }
        guard !isNeeded else { return }
        let lost = try vault.parityFiles.lost(.packs)
        guard !lost.isEmpty else { return }
        try vault.parityFiles.remove(lost)
        let paths = Set(lost.map(\.path))
        report.verified.findings.removeAll { paths.contains($0.file) }
        report.unhealed.removeAll { paths.contains($0.file) }
        for path in paths.sorted() {
            report.healed.append((path, "no recovery point needs it: its parity was removed"))
        }
    }
}

extension Vault {
    /// Whether a file gives back all that is in it.
    fileprivate func isReadable(_ subject: ParityFiles.Subject) throws(VaultError) -> Bool {
        if let pack = subject.pack {
            let outcome = PackCheck(self).check(pack, readsChunks: true)
            return outcome.error == nil && outcome.bad.isEmpty
        }
        guard let point = subject.point else { return false }
        // One that does not read is not readable, whatever the reason.
        return (try? manifests.read(point)) != nil
    }
}

extension VaultError {
    fileprivate static func withoutParity(_ subject: ParityFiles.Subject) -> VaultError {
        VaultError(
            .corrupt,
            "'\(subject.path)' is damaged or lost, and has no parity",
            remedy:
                "Put it back from a copy; 'varve vault parity' has the vault keep parity from then on."
        )
    }
}
