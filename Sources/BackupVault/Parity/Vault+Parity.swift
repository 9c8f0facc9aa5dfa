import Disk
import Synchronization
import VarveModel

/// Keeping parity of packs and manifests.
///
/// Parity stands beside what it is for: it comes after it, when its name is durable, and goes before it. So parity without
/// its file says that the file was lost, and no crash does. A file without parity is given it by the next prune.
extension Vault {
    /// How much parity the vault keeps; `nil` for none.
    ///
    /// - Throws: `.corrupt`, `.newerFormat`, `.failed`.
    package func parity() throws(VaultError) -> ParityPolicy? {
        try parityFiles.policy()
    }

    /// Has the vault keep parity from now on, and makes that of what is there; `nil` removes all.
    ///
    /// What is damaged gets none: its parity would keep the damage.
    ///
    /// - Parameters:
    ///   - policy: Parity of another share is made anew.
    ///   - progress: Is told after each file, with what there is.
    /// - Returns: How many files were given parity.
    /// - Throws: `.locked` while a prune runs, `.noSpace`, `.failed`. What was made stays.
    @discardableResult
    package func setParity(
        _ policy: ParityPolicy?,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(VaultError) -> Int {
        try files.requireFolders()
        let lock = try Lease.lockPrune(files: files)
        defer { lock.release() }
        try parityFiles.setPolicy(policy)
        guard let policy else {
            try parityFiles.remove(try parityFiles.subjects())
            return 0
        }
        let subjects = try parityFiles.subjects()
        let others = subjects.filter { !hasShape($0, of: policy) }
        return try makeParity(policy, beside: subjects.subtracting(others), progress: progress)
    }

    /// The share in force, for people; `nil` for none, also where the policy does not read.
    package var parityShare: Double? { parityForWriting?.share }

    /// What writers give their packs; none where the policy does not read, which verify names: backups go on.
    var parityForWriting: ParityPolicy? {
        try? parityFiles.policy()
    }

    /// Whether a file's parity is of the policy's share; what does not read is not.
    private func hasShape(_ subject: ParityFiles.Subject, of policy: ParityPolicy) -> Bool {
        guard let found = try? parityFiles.read(subject).table else { return false }
        return found.shape == ParityShape(fileBytes: found.fileBytes, share: policy.share)
    }

    // MARK: Of new files

    /// Gives a pack that was just ended its parity.
    func protect(_ pack: UniqueID, _ policy: ParityPolicy) throws(VaultError) {
        // Its name first: parity alone would say that the pack was lost.
        try files.sync(.packs)
        try parityFiles.write(.pack(pack), policy)
    }

    /// Gives a point that was just published its parity.
    func protect(_ point: RecoveryPointID, _ policy: ParityPolicy) {
        // The point is there, whatever comes of its parity: the next prune makes it.
        try? parityFiles.write(.manifest(point), policy)
    }

    // MARK: Of what has none

    /// Makes the parity that is missing where the vault keeps it; the caller holds the prune's lock.
    ///
    /// - Returns: How many files were given it; a full disk ends it early.
    func completeParity() throws(VaultError) -> Int {
        guard let policy = parityForWriting else { return 0 }
        do throws(VaultError) {
            return try makeParity(policy, beside: try parityFiles.subjects())
        } catch {
            guard error.code == .noSpace else { throw error }
            return 0
        }
    }

    /// Makes the parity of every whole pack and manifest but of those given; of packs that will go, and of those whose writers
    /// live, none.
    private func makeParity(
        _ policy: ParityPolicy,
        beside present: Set<ParityFiles.Subject>,
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws(VaultError) -> Int {
        try refresh()
        let living = Set(try Lease.living(files: files).map(\.writer))
        let packs = knowledge.withLock { known in
            known.index.packs.filter {
                !known.index.condemnedIDs.contains($0.id) && !living.contains($0.writer)
            }
        }
        let points = try manifests.listing().points
        var missing = packs.map { ParityFiles.Subject.pack($0.id) }
        missing += points.map { ParityFiles.Subject.manifest($0.id) }
        missing.removeAll { present.contains($0) }
        let check = PackCheck(self)
        var made = 0
        for (number, subject) in missing.enumerated() {
            do throws(VaultError) {
                if try isWhole(subject, check) {
                    try parityFiles.write(subject, policy)
                    made += 1
                }
            } catch {
                guard error.code == .notFound else { throw error }
            }
            progress(number + 1, missing.count)
        }
        return made
    }

    /// Whether a file is as it was written; one that does not read is not.
    private func isWhole(
        _ subject: ParityFiles.Subject,
        _ check: PackCheck
    ) throws(VaultError) -> Bool {
        if let point = subject.point {
            _ = try manifests.read(point)
            return true
        }
        guard let pack = subject.pack else { return false }
        let outcome = check.check(pack, readsChunks: true)
        return outcome.error == nil && outcome.bad.isEmpty
    }

    // MARK: Verifying

    /// One damaged or lost thing.
    typealias ParityFinding = (
        subject: VaultFinding.Subject, file: String, error: VaultError, remedy: String
    )

    /// Lost packs, damaged parity, and how many files have none where the vault keeps it.
    ///
    /// Lost manifests are in the listing.
    ///
    /// - Parameter readsAll: Reads all parity; otherwise only that it is there and opens.
    /// - Returns: What is damaged or lost, and the number of files without parity.
    /// - Throws: `.failed`, `.denied`.
    func checkParity(
        readsAll: Bool
    ) throws(VaultError) -> (damaged: [ParityFinding], without: Int) {
        var damaged: [ParityFinding] = []
        var isKept = false
        do throws(VaultError) {
            isKept = try parityFiles.policy() != nil
        } catch {
            let remedy =
                "Nothing is lost: say again how much parity the vault keeps ('varve vault parity')."
            damaged.append((.parity, "parity/" + ParityFiles.policyName, error, remedy))
        }
        for subject in try parityFiles.lost(.packs) {
            let error = VaultError.lost(subject)
            damaged.append((.pack, subject.path, error, error.remedy))
        }
        let subjects = try parityFiles.subjects()
        for subject in subjects.sorted(by: { $0.path < $1.path }) {
            do throws(VaultError) {
                let (table, parity, isWhole) = try parityFiles.read(subject)
                if isWhole, !readsAll || ParityFile.isWhole(parity, by: table) { continue }
                throw VaultError.damaged(subject.parityPath, "is damaged")
            } catch {
                guard error.code != .notFound else { continue }
                let remedy = "Nothing is lost: 'varve vault verify --repair' makes it again."
                damaged.append((.parity, subject.parityPath, error, remedy))
            }
        }
        guard isKept else { return (damaged, 0) }
        let packs = try files.list(.packs).filter { $0.hasSuffix(PackFormat.fileEnding) }
        let manifests = try files.list(.manifests).filter { $0.hasSuffix(Manifest.ending) }
        let all =
            packs.map { ParityFiles.Subject(folder: .packs, name: $0) }
            + manifests.map { ParityFiles.Subject(folder: .manifests, name: $0) }
        return (damaged, all.count(where: { !subjects.contains($0) }))
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
        )
    }
}
