import Synchronization
import VarveModel

/// Keeping parity of packs, manifests and holds.
///
/// Parity stands beside what it is for: it comes after it, when its name is durable, and goes before it. So parity without
/// its file says that the file was lost, and no crash does. A file without parity is given it by the next prune.
///
/// That order needs that nobody removes a file while its parity is made: of packs, writers' leases and the prune's lock see to it, of
/// manifests and holds ``exclusively(_:)``.
extension Vault {
    /// How much parity the vault keeps; `nil` for none.
    ///
    /// - Throws: `.corrupt`, `.newerFormat`, `.failed`.
    package func parity() throws(VaultError) -> ParityPolicy? {
        try parityFiles.policy()
    }

    /// Has the vault keep parity from now on, and makes that of what is there; `nil` removes all.
    ///
    /// What is damaged gets none: its parity would keep the damage. A Varve that does not know of parity opens the vault no
    /// more, since it would leave behind parity of what it removes, until parity has ended again.
    ///
    /// - Parameters:
    ///   - policy: Parity of another share is made anew.
    ///   - progress: Is told after each file, with what there is.
    /// - Returns: How many files were given parity.
    /// - Throws: `.locked` while a prune runs, or anybody writes or reads when it begins; `.corrupt` when it would end and something is
    ///   lost; `.newerFormat` where a newer Varve said how much, `.noSpace`, `.failed`. What was
    ///   made stays.
    @discardableResult
    package func setParity(
        _ policy: ParityPolicy?,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(VaultError) -> Int {
        try requireWritable()
        // Parity that arrives late would say that a deleted point was lost.
        guard !files.storage.arrivesLate else {
            throw VaultError(
                .invalid,
                "'\(files.place)' keeps no parity: its store keeps copies or parity of its own",
                remedy: "Ask the store for more of them, or keep a second vault."
            )
        }
        try files.requireFolders()
        let lock = try Lease.lockPrune(files: files)
        defer { lock.release() }
        try refuseNewerPolicy()
        if policy == nil { try requireNothingLostUnderLock() }
        guard let policy else {
            try endParity()
            return 0
        }
        try requireNoOlderWriters()
        try exclusively { () throws(VaultError) in
            try describe(keepingParity: true)
            try parityFiles.setPolicy(policy)
        }
        let subjects = try parityFiles.subjects()
        let others = subjects.filter { !hasShape($0, of: policy) }
        return try makeParity(policy, beside: subjects.subtracting(others), progress: progress)
    }

    /// Refuses to begin with parity while anybody writes or reads: it may be a Varve from before parity, which looked at the
    /// description when it opened the vault.
    private func requireNoOlderWriters() throws(VaultError) {
        guard try !presentDescription().keepsParity,
            try !Lease.living(files: files).isEmpty
        else { return }
        throw VaultError(
            .locked,
            "a backup or a restore is running, and may be that of a Varve from before parity",
            remedy: "Repeat it when they have ended."
        )
    }

    private func refuseNewerPolicy() throws(VaultError) {
        do throws(VaultError) {
            _ = try parityFiles.state()
        } catch {
            guard error.code == .newerFormat else { return }
            throw error
        }
    }

    /// Ends parity, and removes what there is; the caller holds the prune's lock.
    ///
    /// While a writer lives that may make more of it, the vault goes on to say that there may be some: the next prune ends it.
    private func endParity() throws(VaultError) {
        guard try parityFiles.isKeptOrEnding() else { return try forgetParity() }
        try requireNothingLost()
        try exclusively { () throws(VaultError) in try parityFiles.setPolicy(nil) }
        let isWritten = try !Lease.living(files: files).isEmpty
        try requireNothingLost()
        try parityFiles.remove(try parityFiles.subjects())
        if !isWritten { try forgetParity() }
    }

    /// Refuses to forget what only parity still tells: a lost point is not a deleted one, and lost holds hold.
    private func requireNothingLost() throws(VaultError) {
        for folder in [.manifests, .holds, .cold, .packs] as [VaultFiles.Folder] {
            guard let lost = try parityFiles.lost(folder).first else { continue }
            throw VaultError(
                .corrupt,
                "'\(lost.path)' is lost, and only its parity says so",
                remedy:
                    "Run 'varve vault verify --repair' first, or put the file back from a copy; a lost recovery point can be deleted too."
            )
        }
    }

    private func forgetParity() throws(VaultError) {
        try exclusively { () throws(VaultError) in
            try parityFiles.removePolicy()
            try describe(keepingParity: false)
        }
    }

    /// The share in force, for people; `nil` for none, also where the policy does not read.
    package var parityShare: Double? { parityForWriting?.share }

    /// What writers give their packs; none where the policy does not read, which verify names: backups go on.
    var parityForWriting: ParityPolicy? {
        // Harmless: files without parity are whole, and the next prune with a policy that reads makes it.
        try? parityFiles.policy()
    }

    /// Whether a file's parity is of the policy's share, or of a newer Varve's making; what does not read is not.
    private func hasShape(_ subject: ParityFiles.Subject, of policy: ParityPolicy) -> Bool {
        do throws(VaultError) {
            let found = try parityFiles.read(subject).table
            return found.shape == ParityShape(fileBytes: found.fileBytes, share: policy.share)
        } catch {
            return error.code == .newerFormat
        }
    }

    // MARK: Of new files

    /// Gives a pack that was just ended its parity; what hinders that, but a full disk, leaves it to the next prune.
    func protect(_ pack: UniqueID, _ policy: ParityPolicy) throws(VaultError) {
        do throws(VaultError) {
            // Its name first: parity alone would say that the pack was lost.
            try files.sync(.packs)
            try parityFiles.write(.pack(pack), policy)
        } catch {
            guard error.code != .noSpace else { throw error }
        }
    }

    /// Gives a point that was just published its parity.
    func protect(_ point: RecoveryPointID, _ policy: ParityPolicy) {
        // The point is there, whatever comes of its parity: the next prune makes it.
        _ = try? write(.manifest(point), policy)
    }

    /// Makes a file's parity while nobody removes or changes the file.
    ///
    /// - Returns: As ``ParityFiles/write(_:_:)``.
    /// - Throws: `.locked` when another process changes holds or points; `.noSpace`, `.failed`.
    @discardableResult
    func write(
        _ subject: ParityFiles.Subject,
        _ policy: ParityPolicy
    ) throws(VaultError) -> Bool {
        guard subject.pack == nil else { return try parityFiles.write(subject, policy) }
        return try exclusively { () throws(VaultError) in
            // Of a record that says that its archive is to go there is none: it would outlive the record.
            if subject.folder == .cold, let id = subject.point {
                guard case .cold = try coldFiles.entry(id) else { return false }
            }
            return try parityFiles.write(subject, policy)
        }
    }

    /// Heals a file while nobody removes or changes it.
    ///
    /// - Returns: What was done; `nil` when too much is damaged.
    /// - Throws: As ``ParityFiles/heal(_:)``; `.locked`.
    func heal(_ subject: ParityFiles.Subject) throws(VaultError) -> ParityHealing? {
        guard subject.pack == nil else { return try parityFiles.heal(subject) }
        return try exclusively { () throws(VaultError) in try parityFiles.heal(subject) }
    }

    // MARK: Of what has none

    /// Makes the parity that is missing where the vault keeps it, or ends it where that was begun; the caller holds the prune's lock.
    ///
    /// - Returns: How many files were given it; a full disk, another process that changes holds, or what is lost where parity ends,
    ///   ends it early.
    func completeParity() throws(VaultError) -> Int {
        do throws(VaultError) {
            switch try? parityFiles.state() {
            // Verify names a policy that does not read.
            case nil, .some(.none): return 0
            case .ending:
                try endParity()
                return 0
            case .kept(let policy):
                if try !presentDescription().keepsParity {
                    try exclusively { () throws(VaultError) in try describe(keepingParity: true) }
                }
                return try makeParity(policy, beside: try parityFiles.subjects())
            }
        } catch {
            guard [.noSpace, .locked, .corrupt].contains(error.code) else { throw error }
            return 0
        }
    }

    /// Makes the parity of every whole pack, manifest and file of holds but of those given; of packs that will go, and of those whose
    /// writers live, none.
    private func makeParity(
        _ policy: ParityPolicy,
        beside present: Set<ParityFiles.Subject>,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(VaultError) -> Int {
        let missing = try subjectsOfParity().filter { !present.contains($0) }
        var made = 0
        for (number, subject) in missing.enumerated() {
            if try gives(subject, policy) { made += 1 }
            progress(number + 1, missing.count)
        }
        return made
    }

    private func subjectsOfParity() throws(VaultError) -> [ParityFiles.Subject] {
        try refresh()
        let living = Set(try Lease.living(files: files).map(\.writer))
        let packs = knowledge.withLock { known in
            known.index.packs.filter {
                !known.index.condemnedIDs.contains($0.id) && !living.contains($0.writer)
            }
        }
        return packs.map { ParityFiles.Subject.pack($0.id) }
            + (try manifests.listing().points.map { ParityFiles.Subject.manifest($0.id) })
            + (try holdFiles.ids().map { ParityFiles.Subject.holds($0) })
            + (try coldRecords())
    }

    /// Records of points in cold storage; one that says that its archive is to go is no loss.
    private func coldRecords() throws(VaultError) -> [ParityFiles.Subject] {
        let warm = Set(try manifests.ids())
        return try coldListing(beside: warm).points.map { ParityFiles.Subject.cold($0.id) }
    }

    /// Makes a file's parity; not while another process changes holds or points.
    private func gives(
        _ subject: ParityFiles.Subject,
        _ policy: ParityPolicy
    ) throws(VaultError) -> Bool {
        do throws(VaultError) {
            return try write(subject, policy)
        } catch {
            guard error.code == .locked else { throw error }
            return false
        }
    }

    // MARK: Verifying

    /// One damaged or lost thing.
    struct ParityFinding {
        let subject: VaultFinding.Subject
        let file: String
        let error: VaultError
        let remedy: String
    }

    /// Lost packs, damaged parity, and how many files have none where the vault keeps it.
    ///
    /// Lost manifests are in the listing, lost holds among what holds.
    ///
    /// - Parameter readsAll: Reads all parity; otherwise tables and lengths, some 2% of it.
    /// - Returns: What is damaged or lost, and the number of files without parity.
    /// - Throws: `.failed`, `.denied`.
    func checkParity(
        readsAll: Bool
    ) throws(VaultError) -> (damaged: [ParityFinding], without: Int) {
        let subjects = try parityFiles.subjects()
        var (damaged, isKept) = checkPolicy(subjects)
        for subject in try parityFiles.lost(.packs) {
            let error = VaultError.lost(subject)
            damaged.append(
                ParityFinding(
                    subject: .pack,
                    file: subject.path,
                    error: error,
                    remedy: error.remedy
                )
            )
        }
        for subject in subjects.sorted(by: { $0.path < $1.path }) {
            guard let error = trouble(withParityOf: subject, readsAll: readsAll) else { continue }
            damaged.append(.parity(subject.parityPath, error))
        }
        guard isKept else { return (damaged, 0) }
        return (damaged, try filesWithParity().count(where: { !subjects.contains($0) }))
    }

    /// Whether parity is kept, and what is wrong with the file that says so.
    private func checkPolicy(
        _ subjects: Set<ParityFiles.Subject>
    ) -> (damaged: [ParityFinding], isKept: Bool) {
        let file = "parity/" + ParityFiles.policyName
        do throws(VaultError) {
            switch try parityFiles.state() {
            case .kept: return ([], true)
            case .ending: return ([], false)
            case .none:
                guard !subjects.isEmpty else { return ([], false) }
                throw VaultError.damaged(file, "is missing, and parity is there")
            }
        } catch {
            let remedy =
                "Nothing is lost: say again how much parity the vault keeps ('varve vault parity')."
            return (
                [
                    ParityFinding(
                        subject: .parity,
                        file: file,
                        error: error,
                        remedy: error.code == .newerFormat ? error.remedy : remedy
                    )
                ], false
            )
        }
    }

    /// Why a file's parity is of no use, or not as it was written; `nil` when it is, or is gone.
    private func trouble(
        withParityOf subject: ParityFiles.Subject,
        readsAll: Bool
    ) -> VaultError? {
        do throws(VaultError) {
            guard readsAll else {
                try parityFiles.checkTable(of: subject)
                return nil
            }
            let (table, parity, isWhole) = try parityFiles.read(subject)
            guard isWhole, ParityFile.isWhole(parity, by: table) else {
                return VaultError.damaged(subject.parityPath, "is damaged")
            }
            return nil
        } catch {
            return error.code == .notFound ? nil : error
        }
    }

    /// Every file that has parity where it is kept.
    private func filesWithParity() throws(VaultError) -> [ParityFiles.Subject] {
        let kinds: [(VaultFiles.Folder, String)] = [
            (.packs, PackFormat.fileEnding), (.manifests, Manifest.ending),
            (.holds, HoldList.ending),
        ]
        var found = try coldRecords()
        for (folder, ending) in kinds {
            for name in try files.list(folder) where name.hasSuffix(ending) {
                found.append(ParityFiles.Subject(folder: folder, name: name))
            }
        }
        return found
    }
}

extension Vault.ParityFinding {
    fileprivate static func parity(_ file: String, _ error: VaultError) -> Vault.ParityFinding {
        let remedy = "Nothing is lost: 'varve vault verify --repair' makes it again."
        return Vault.ParityFinding(
            subject: .parity,
            file: file,
            error: error,
            remedy: error.code == .newerFormat ? error.remedy : remedy
        )
    }
}

extension VaultError {
    /// A file that is gone, though its parity is there.
    static func lost(_ subject: ParityFiles.Subject) -> VaultError {
        VaultError(
            .corrupt,
            "'\(subject.path)' is lost: its parity is there",
            remedy:
                "'varve vault verify --repair' makes it again if it was small; else put it back from a copy."
                + (subject.folder == .holds
                    ? " If nobody has one, remove '\(subject.parityPath)': nothing holds the point then."
                    : "")
        )
    }
}
