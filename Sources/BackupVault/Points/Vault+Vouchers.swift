import Synchronization
import VarveModel

/// Telling lost recovery points from deleted ones.
extension Vault {
    // MARK: Making vouchers

    /// Gives a point that was just published its voucher.
    ///
    /// - Parameters:
    ///   - point: Nobody can withdraw it any more.
    ///   - lease: Its writer's, which lives.
    func vouch(for point: RecoveryPoint, _ lease: Lease) {
        do throws(VaultError) {
            guard files.storage.arrivesLate else {
                return try exclusively { () throws(VaultError) -> Void in
                    try beginVouching()
                    guard try files.exists(.manifests, Manifest.fileName(point.id)) else { return }
                    try vouchers.write(point)
                }
            }
            if !knowsVouchers {
                try exclusively { () throws(VaultError) in try beginVouching() }
            }
            // No claim is needed here: the mark of a deletion outlives whatever was sent while this lease stood.
            try lease.check(isSure: true)
            try vouchers.write(point)
        } catch {
            // The point is there, whatever comes of its voucher: the next prune makes it.
        }
    }

    /// Whether the description was seen to say that there are vouchers, which it never stops to.
    private var knowsVouchers: Bool {
        standing.withLock { known in
            known.description.features.readOnlyCompatible & VaultFeature.vouchers != 0
        }
    }

    /// Has the vault say that there are vouchers, before there is one; within ``exclusively(_:)``.
    ///
    /// A Varve that does not know of them would delete a point and leave its voucher, which would call it lost.
    private func beginVouching() throws(VaultError) {
        try require(feature: VaultFeature.vouchers)
        try files.requireFolders([.vouchers])
    }

    /// Gives a voucher to every point that reads and has none, as one from before vouchers, or after a crash; the
    /// caller holds the prune's lock.
    ///
    /// - Returns: How many were made; a full disk, or another process that changes holds, ends it early.
    /// - Throws: `.newerFormat`, `.denied`, `.failed`, `.unavailable`.
    func completeVouchers() throws(VaultError) -> Int {
        let vouched = Set(try vouchers.ids())
        let missing = try manifests.ids().filter { !vouched.contains($0) }.sorted()
        var made = 0
        do throws(VaultError) {
            // A batch at a time, so that nobody is kept for long from holding or deleting points.
            for first in stride(from: 0, to: missing.count, by: Vault.vouchersAtOnce) {
                let batch = missing[first..<min(missing.count, first + Vault.vouchersAtOnce)]
                made += try exclusively { () throws(VaultError) in try vouch(forAll: batch) }
            }
        } catch {
            guard error.code == .noSpace || error.code == .locked else { throw error }
        }
        return made
    }

    /// 64: a bucket takes some ten seconds for them.
    private static let vouchersAtOnce = 64

    private func vouch(forAll ids: ArraySlice<RecoveryPointID>) throws(VaultError) -> Int {
        try beginVouching()
        // Somebody may just have renamed one of these manifests, or died before its name was durable.
        try files.sync(.manifests)
        var made = 0
        for id in ids {
            guard let point = try readablePoint(id) else { continue }
            try vouchers.write(point)
            made += 1
        }
        return made
    }

    /// A point whose manifest reads; verify names one that does not, and one that is gone needs no voucher.
    private func readablePoint(_ id: RecoveryPointID) throws(VaultError) -> RecoveryPoint? {
        do throws(VaultError) {
            return try manifests.read(id)
        } catch {
            guard [.notFound, .corrupt, .newerFormat, .failed].contains(error.code) else {
                throw error
            }
            return nil
        }
    }

    /// Makes the voucher of a point again, where its manifest reads.
    ///
    /// - Returns: Whether it was made.
    /// - Throws: `.locked`, `.noSpace`, `.denied`, `.failed`.
    func renewVoucher(of id: RecoveryPointID) throws(VaultError) -> Bool {
        try exclusively { () throws(VaultError) in
            guard let point = try readablePoint(id) else { return false }
            try vouchers.write(point)
            return true
        }
    }

    // MARK: What they tell

    /// The points whose manifests are lost, and only vouchers say so.
    ///
    /// - Parameters:
    ///   - vouched: Points with vouchers, listed before the manifests were.
    ///   - known: Points that have manifests, or of which it is known that they are lost.
    /// - Returns: Each with what to tell of it.
    /// - Throws: `.denied`, `.failed`, `.unavailable`.
    func lostPoints(
        of vouched: [RecoveryPointID],
        besides known: Set<RecoveryPointID>
    ) throws(VaultError) -> [RecoveryPointListing.DamagedManifest] {
        var lost: [RecoveryPointListing.DamagedManifest] = []
        for id in vouched.sorted() where !known.contains(id) {
            guard try isVouchedAndGone(id) else { continue }
            lost.append(.init(id: id, error: try lostError(id)))
        }
        return lost
    }

    /// Whether a point's manifest is lost, as its parity or its voucher says.
    func isLost(_ id: RecoveryPointID) throws(VaultError) -> Bool {
        if try parityFiles.isLost(.manifest(id)) { return true }
        guard try vouchers.exists(id) else { return false }
        return try isVouchedAndGone(id)
    }

    /// Whether a point that had a voucher a moment ago has it still, and no manifest.
    ///
    /// The voucher is only there while the manifest is: it stood before the manifest was missed, and stands afterwards,
    /// so that nobody deleted the point between. In cold storage its record stands for it; one that is voided does not
    /// count.
    private func isVouchedAndGone(_ id: RecoveryPointID) throws(VaultError) -> Bool {
        if try files.exists(.manifests, Manifest.fileName(id)) { return false }
        guard try vouchers.exists(id), try !isInColdStorage(id) else { return false }
        return try !manifests.voided.ids().contains(id)
    }

    /// Vouchers that do not read, and how many points have none.
    ///
    /// - Parameter points: All whose manifests read.
    /// - Returns: A damaged one with its file and what to do.
    /// - Throws: `.denied`, `.unavailable`, `.failed` when the folder is not listed.
    func checkVouchers(
        of points: [RecoveryPoint]
    ) throws(VaultError) -> (
        damaged: [(file: String, error: VaultError, remedy: String)], without: Int
    ) {
        let vouched = Set(try vouchers.ids())
        let whole = Set(points.map(\.id))
        var damaged: [(file: String, error: VaultError, remedy: String)] = []
        for id in vouched.sorted() {
            do throws(VaultError) {
                _ = try vouchers.read(id)
            } catch {
                guard !error.saysNothing(of: files.storage) else { throw error }
                guard error.code != .notFound else { continue }
                let remedy =
                    whole.contains(id) && error.code != .newerFormat
                    ? "Nothing is lost: 'varve vault verify --repair' makes it again."
                    : error.remedy
                damaged.append(("vouchers/\(Voucher.fileName(id))", error, remedy))
            }
        }
        return (damaged, whole.subtracting(vouched).count)
    }

    /// What there is to tell of a lost point.
    func lostError(_ id: RecoveryPointID) throws(VaultError) -> VaultError {
        if try parityFiles.isLost(.manifest(id)) { return .lost(.manifest(id)) }
        // Harmless: verify names a voucher that does not read; its name alone says that there was a point.
        let said = try? vouchers.read(id)
        return VaultError.lost(id, said, vault: name)
    }
}

extension VaultError {
    /// A manifest that is gone, though the point's voucher is there.
    fileprivate static func lost(
        _ id: RecoveryPointID,
        _ said: RecoveryPointDraft?,
        vault: String
    ) -> VaultError {
        var text = "'manifests/\(Manifest.fileName(id))' is lost: its voucher is there"
        if let said {
            let name = said.labels["name"].map { " ('\($0)')" } ?? ""
            text +=
                ", and says that it was published: \(said.source)\(name) as of "
                + "\(said.instantTime.utcText)"
        }
        return VaultError(
            .corrupt,
            text,
            remedy:
                "Put it back from a copy; if nobody has one, delete the point "
                + "('varve backup delete \(id) --vault \(vault)'). Until then nothing is pruned."
        )
    }
}
