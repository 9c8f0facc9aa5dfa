import VarveModel

/// Points that do not count, whenever their manifests come: marks beside the manifests, where changes may arrive late.
///
/// A manifest that was given up, or deleted, may still be on its way (docs/decisions/0042), and its voucher with it. A
/// mark says that it is none. Its name bears a number of its own, so that whoever takes a mark away takes only their own.
struct VoidedPoints: Sendable {
    let files: VaultFiles

    static let ending = ".void"
    /// 1 h: a server takes no request that was signed more than 15 minutes before or after its own time, so that what
    /// was sent before a mark stood cannot arrive half an hour later.
    static let secondsKept: Int64 = 3600

    /// Voids a point, durably.
    ///
    /// - Returns: The mark's name.
    @discardableResult
    func add(_ point: RecoveryPointID) throws(VaultError) -> String {
        let name = "\(point)-\(Hex.encode(UniqueID.random().bytes))\(VoidedPoints.ending)"
        try files.replace(.void, name, with: [])
        return name
    }

    func remove(_ mark: String) throws(VaultError) {
        try files.remove(.void, mark)
    }

    /// Which points do not count; none where nothing arrives late.
    ///
    /// A mark has no force on a point that has holds. They are placed where no mark is, so such a mark was given up by
    /// its maker, who told nobody that the point is gone, and came later.
    func ids() throws(VaultError) -> Set<RecoveryPointID> {
        let marked = try marked()
        return marked.isEmpty ? [] : marked.subtracting(try held())
    }

    /// Which points have marks, with force or without.
    func marked() throws(VaultError) -> Set<RecoveryPointID> {
        guard files.storage.arrivesLate else { return [] }
        return Set(try files.list(.void).compactMap(VoidedPoints.point))
    }

    private func held() throws(VaultError) -> Set<RecoveryPointID> {
        Set(try files.changes.list(.holds).compactMap(HoldList.point))
    }

    /// Takes away the marks that came after a point's holds, before the last of these goes.
    ///
    /// Only while nobody else can change holds.
    func forget(_ point: RecoveryPointID) throws(VaultError) {
        guard files.storage.arrivesLate else { return }
        for mark in try files.list(.void) where VoidedPoints.point(ofMark: mark) == point {
            try remove(mark)
        }
    }

    /// Drops what was voided, and marks that nothing can come for any more.
    ///
    /// - Returns: How many files there were.
    func clear() throws(VaultError) -> Int {
        guard files.storage.arrivesLate else { return 0 }
        var removed = 0
        let marks = try files.list(.void)
        // After the marks: what is held now was held before the mark came.
        let held = marks.isEmpty ? [] : try held()
        for mark in marks {
            guard let point = VoidedPoints.point(ofMark: mark) else { continue }
            if held.contains(point) {
                try remove(mark)
                removed += 1
                continue
            }
            // The voucher first: alone it would say that the point was lost, once the mark is gone.
            let left: [(VaultFiles.Folder, String)] = [
                (.vouchers, Voucher.fileName(point)),
                (.manifests, Manifest.fileName(point)),
            ]
            var isThere = false
            for (folder, name) in left where try files.exists(folder, name) {
                isThere = true
                if try drop(folder, name) { removed += 1 }
            }
            if !isThere, files.storage.hasStood("void/" + mark, seconds: VoidedPoints.secondsKept) {
                try remove(mark)
                removed += 1
            }
        }
        return removed
    }

    /// Removes what was voided.
    ///
    /// - Returns: Whether it went: where the store keeps it the mark stays as long, and it does not count.
    private func drop(_ folder: VaultFiles.Folder, _ name: String) throws(VaultError) -> Bool {
        do throws(VaultError) {
            try files.remove(folder, name)
            return true
        } catch {
            guard error.code == .held else { throw error }
            return false
        }
    }

    private static func point(ofMark name: String) -> RecoveryPointID? {
        guard name.hasSuffix(ending), let dash = name.lastIndex(of: "-") else { return nil }
        return RecoveryPointID(String(name[..<dash]))
    }
}

extension Vault {
    /// Takes back a point that nobody was told of and whose manifest may be there, or on its way.
    ///
    /// - Throws: What hindered voiding it; then nobody may take the writer's lease away.
    func withdraw(_ point: RecoveryPointID) throws(VaultError) {
        try manifests.voided.add(point)
        // Harmless: the mark stands durably, so that a manifest that stays counts for nothing, and the next prune removes it. Only
        // a point that somebody has held meanwhile stays listed (``ids()``); what it may lack a verify names.
        try? files.remove(.manifests, Manifest.fileName(point))
    }
}
