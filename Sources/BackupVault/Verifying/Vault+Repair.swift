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
    /// damaged file or the healed one. Index, generation and parity are made again, counts by the next prune; description, key and secret are put
    /// back as they were when the vault was opened. What a newer Varve wrote is left alone.
    ///
    /// - Parameters:
    ///   - scope: How much is read: only what was found is healed.
    ///   - progress: Is told as by `verify`.
    /// - Returns: What was healed, what not and why, and what was found afterwards.
    /// - Throws: `.locked` while a prune runs; `.denied`; `.failed` when the folders are not listed.
    package func repair(
        _ scope: VerifyScope,
        progress: @escaping @Sendable (VerifyProgress) -> Void = { _ in }
    ) throws(VaultError) -> RepairReport {
        try requireWritable()
        try files.requireFolders()
        return try HeldClaims.holding(try Lease.lockPrune(files: files)) {
            () throws(VaultError) -> RepairReport in try repairUnderLock(scope, progress)
        }
    }

    private func repairUnderLock(
        _ scope: VerifyScope,
        _ progress: @escaping @Sendable (VerifyProgress) -> Void
    ) throws(VaultError) -> RepairReport {
        let before = try verify(scope, progress: progress)
        var repair = Repair(vault: self, report: RepairReport(verified: before))
        guard !before.isClean || before.withoutParity + before.withoutVoucher > 0 else {
            return repair.report
        }
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
        let known = found.findings.filter { $0.code != .newerFormat }
        try putBack(known)
        try healLock(known)
        try heal(found.findings)
        try vault.refresh(forgetsDamage: true)
        try renewIndex(known)
        try renewGenerations(found.findings)
        try forgetCounts(known)
        try renewParity(known)
        try renewVouchers(known)
        for finding in known where finding.subject == .archive {
            let error = VaultError(finding.code, finding.message, remedy: finding.remedy)
            report.unhealed.append((finding.file, error))
        }
    }

    /// Notes that a file was not healed; goes on where the next one may be.
    private mutating func leave(_ file: String, _ error: VaultError) throws(VaultError) {
        guard error.code != .denied, error.code != .unavailable else { throw error }
        report.unhealed.append((file, error))
    }

    /// The three files that a vault is opened with.
    private mutating func putBack(_ findings: [VaultFinding]) throws(VaultError) {
        for finding in findings {
            guard let file = vault.entrance.first(where: { $0.name == finding.file }) else {
                continue
            }
            // What opened the vault is the older one: it is all that is known, and no mend.
            if file.subject == .key, try vault.isKeyAnOlderOne() { continue }
            do throws(VaultError) {
                try vault.putBack(file.subject)
                report.healed.append((file.name, "put back as it was when the vault was opened"))
            } catch {
                try leave(file.name, error)
            }
        }
    }

    /// The files of the lock, by what is known of it or by each other.
    private mutating func healLock(_ findings: [VaultFinding]) throws(VaultError) {
        let wrong = findings.filter { $0.subject == .lock }
        guard let first = wrong.first else { return }
        do throws(VaultError) {
            try vault.repairLock()
            report.healed += wrong.map { ($0.file, "written again as the lock is known") }
        } catch {
            try leave(first.file, error)
        }
    }

    /// Packs, manifests, holds and records of cold storage, by their parity.
    ///
    /// Also what seems to be newer: a damaged header does. What is newer indeed is what its parity says.
    private mutating func heal(_ findings: [VaultFinding]) throws(VaultError) {
        var tried: Set<ParityFiles.Subject> = []
        for finding in findings {
            guard let subject = ParityFiles.Subject(path: finding.file),
                finding.subject != .parity, finding.subject != .archive,
                tried.insert(subject).inserted
            else { continue }
            // What it holds may be missed while it is itself whole; one that does not read is to be healed.
            if finding.subject == .hold, let point = subject.point,
                (try? vault.holdFiles.read(point)) != nil
            {
                continue
            }
            do throws(VaultError) {
                guard let healing = try vault.heal(subject) else {
                    throw VaultError(
                        .corrupt,
                        "'\(subject.path)' has more damage than its parity heals",
                        remedy: "Put it back from a copy."
                    )
                }
                guard let how = healing.words else { continue }
                report.healed.append((subject.path, how))
            } catch {
                guard error.code == .notFound else {
                    try leave(subject.path, error)
                    continue
                }
                if finding.subject == .manifest, let point = subject.point, try vault.isLost(point)
                {
                    let lost = VaultError(finding.code, finding.message, remedy: finding.remedy)
                    report.unhealed.append((subject.path, lost))
                    continue
                }
                // One that was deleted meanwhile has gone with its parity; what is newer is left alone.
                guard finding.code != .newerFormat,
                    try subject.folder == .holds
                        ? vault.files.changes.exists(subject.path)
                        : vault.files.exists(subject.folder, subject.name)
                else { continue }
                report.unhealed.append((subject.path, VaultError.withoutParity(subject)))
            }
        }
    }

    /// The index, from the packs' own lists.
    private mutating func renewIndex(_ findings: [VaultFinding]) throws(VaultError) {
        guard findings.contains(where: { $0.subject == .index }) else { return }
        do throws(VaultError) {
            let packs = try vault.rebuildIndex()
            report.healed.append(("index", "made again of \(packs) packs"))
        } catch {
            try leave("index", error)
        }
    }

    /// Generations: what was condemned is found dead again by the next prune.
    private mutating func renewGenerations(_ findings: [VaultFinding]) throws(VaultError) {
        let damaged = findings.filter { $0.subject == .generation }
        guard !damaged.isEmpty, !damaged.contains(where: { $0.code == .newerFormat }) else {
            return
        }
        do throws(VaultError) {
            let number = try vault.nextGeneration(after: vault.generations.numbers().last ?? 0)
            try vault.generations.write(Generation(number: number, condemned: [:]))
            report.healed.append(("generations", "begun anew: nothing is condemned"))
        } catch {
            try leave("generations", error)
        }
    }

    /// Counts: a prune makes them again of all maps.
    private mutating func forgetCounts(_ findings: [VaultFinding]) throws(VaultError) {
        guard findings.contains(where: { $0.subject == .counts }) else { return }
        do throws(VaultError) {
            try vault.countsFiles.forget()
            report.healed.append(("counts", "taken away: the next prune counts anew"))
        } catch {
            try leave("counts", error)
        }
    }

    /// Parity that is no good, of files that are whole: written over, so that what it may still heal stays until then; and what is
    /// missing.
    private mutating func renewParity(_ findings: [VaultFinding]) throws(VaultError) {
        // Without a policy that reads nobody can say how much, and what there is may still be of use.
        guard let policy = vault.parityForWriting else { return }
        for finding in findings where finding.subject == .parity {
            guard let name = finding.file.split(separator: "/").last,
                let subject = ParityFiles.Subject(parityName: String(name))
            else { continue }
            do throws(VaultError) {
                // Not of a file that is damaged or gone: of that it may still be of use.
                guard try vault.write(subject, policy) else { continue }
                report.healed.append((finding.file, "made again"))
            } catch {
                try leave(finding.file, error)
            }
        }
        do throws(VaultError) {
            let made = try vault.completeParity()
            if made > 0 { report.healed.append(("parity", "made for \(made) files")) }
        } catch {
            try leave("parity", error)
        }
    }

    /// Vouchers that do not read, of manifests that do, and what is missing.
    private mutating func renewVouchers(_ findings: [VaultFinding]) throws(VaultError) {
        for id in try vault.vouchers.ids() {
            let file = "\(VaultFiles.Folder.vouchers)/\(Voucher.fileName(id))"
            guard findings.contains(where: { $0.subject == .voucher && $0.file == file }) else {
                continue
            }
            do throws(VaultError) {
                guard try vault.renewVoucher(of: id) else { continue }
                report.healed.append((file, "made again"))
            } catch {
                try leave(file, error)
            }
        }
        do throws(VaultError) {
            let made = try vault.completeVouchers()
            if made > 0 { report.healed.append(("vouchers", "made for \(made) recovery points")) }
        } catch {
            try leave("vouchers", error)
        }
    }

    /// Parity of lost packs that cannot be healed, once no recovery point misses anything.
    mutating func dropIdleParity() throws(VaultError) {
        let isNeeded = report.verified.findings.contains {
            $0.affectedCount > 0 || $0.subject == .manifest || $0.subject == .hold
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

extension ParityHealing {
    /// For people; `nil` where nothing was done.
    fileprivate var words: String? {
        switch self {
        case .blocks(1): "1 damaged block, by its parity"
        case .blocks(let count): "\(count) damaged blocks, by its parity"
        case .made: "it was lost, or did not open: made again of its parity"
        case .cut: "bytes behind its end, by its parity"
        case .nothing: nil
        }
    }
}

extension VaultError {
    fileprivate static func withoutParity(_ subject: ParityFiles.Subject) -> VaultError {
        VaultError(
            .corrupt,
            "'\(subject.path)' is damaged, and has no parity",
            remedy:
                "Put it back from a copy; 'varve vault parity' has the vault keep parity from then on."
        )
    }
}
