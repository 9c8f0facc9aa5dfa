import Synchronization
import VarveModel

/// Holding recovery points, which then neither expire nor can be deleted.
extension Vault {
    /// What holds a point, by name.
    ///
    /// - Throws: `.corrupt` when nobody can say what holds it; `.newerFormat`, `.failed`, `.denied`.
    package func holds(of point: RecoveryPointID) throws(VaultError) -> [PointHold] {
        try holdFiles.read(point)
    }

    /// Every point that has holds, also one whose manifest is gone.
    ///
    /// - Throws: `.failed`, `.denied`.
    package func heldPoints() throws(VaultError) -> [RecoveryPointID] {
        try holdFiles.ids().sorted()
    }

    /// Places a hold durably.
    ///
    /// - Throws: `.notFound` for no such point, `.exists` for a name that it has already, `.invalid` for a name or
    ///   reason that is empty, too long or holds control characters; `.noSpace`, `.denied`, `.failed`.
    package func addHold(_ hold: PointHold, to point: RecoveryPointID) throws(VaultError) {
        try Vault.check(hold)
        try files.requireFolders([.holds, .leases])
        try exclusively { () throws(VaultError) in
            if try !files.exists(.manifests, Manifest.fileName(point)) {
                // One in cold storage is held as any other.
                guard try coldFiles.point(point) != nil else {
                    throw VaultError(.notFound, "the vault has no recovery point \(point)")
                }
            }
            let known = try holdFiles.read(point)
            if known.isEmpty, try manifests.voided.marked().contains(point) {
                throw VaultError(
                    .notFound,
                    "the vault has no recovery point \(point): its deletion has begun"
                )
            }
            guard !known.contains(where: { $0.name == hold.name }) else {
                // A removal that was given up may be on its way: after this change it does nothing any more.
                if files.changes.isNamed { try holdFiles.write(known, of: point) }
                throw VaultError(
                    .exists,
                    "recovery point \(point) is held by '\(hold.name)' already"
                )
            }
            guard known.count < PointHold.countMax else {
                throw VaultError(
                    .invalid,
                    "recovery point \(point) has \(known.count) holds, and takes no more"
                )
            }
            // Who does not know of holds is kept away before there is one.
            try require(feature: VaultFeature.holds)
            try holdFiles.write(known + [hold], of: point)
        }
    }

    /// Takes a hold away durably; of a point that is gone, too.
    ///
    /// - Throws: `.notFound` when no hold of that name is there; `.corrupt`, `.denied`, `.failed`.
    package func removeHold(named name: String, from point: RecoveryPointID) throws(VaultError) {
        try exclusively { () throws(VaultError) in
            let known = try holdFiles.read(point)
            let left = known.filter { $0.name != name }
            guard left.count < known.count else {
                // Nor does a placing of it that was given up.
                if files.changes.isNamed { try holdFiles.write(known, of: point) }
                throw VaultError(
                    .notFound,
                    "recovery point \(point) is not held by '\(name)'",
                    remedy: known.isEmpty
                        ? "It is not held at all."
                        : "It is held by \(PointHold.names(known))."
                )
            }
            if left.isEmpty, try files.exists(.manifests, Manifest.fileName(point)) {
                try manifests.voided.forget(point)
            }
            try holdFiles.write(left, of: point)
        }
    }

    /// Refuses to go on while a held point is not listed: its manifest is lost, and may be put back.
    ///
    /// - Parameters:
    ///   - held: The held points, read before the list: what is held is not deleted meanwhile.
    ///   - points: The list.
    /// - Throws: `.corrupt`, `.failed`, `.denied`.
    func requireListed(
        _ held: [RecoveryPointID],
        among points: [RecoveryPoint]
    ) throws(VaultError) {
        let listed = Set(points.map(\.id))
        for point in held where !listed.contains(point) {
            // Its holds were taken away since, and it with them.
            guard try heldPoints().contains(point) else { continue }
            // In cold storage it needs no chunks, whether its record reads or not.
            if try isInColdStorage(point) { continue }
            let file = try fileToPutBack(point)
            throw VaultError(
                .corrupt,
                "recovery point \(point) is held, and its manifest is gone: "
                    + "nobody can say what it needs",
                remedy: "Put '\(file)' back from a copy, "
                    + "or take its holds away ('varve recovery-point hold remove')."
            )
        }
    }

    /// Refuses what is held; whose holds do not read is held.
    func requireUnheld(_ point: RecoveryPointID) throws(VaultError) {
        let holds = try holdFiles.read(point)
        guard !holds.isEmpty else { return }
        throw VaultError(
            .held,
            "recovery point \(point) is held by \(PointHold.names(holds))",
            remedy:
                "Take the holds away first ('varve recovery-point hold remove'), if that is right."
        )
    }

    /// Runs `body` while nobody else changes holds, lock or description, or deletes points.
    ///
    /// Threads wait for each other; of another process it does not wait.
    ///
    /// - Throws: `.newerFormat` where this program may not change the vault; `.locked`, and what `body` throws.
    func exclusively<Result: Sendable>(
        _ body: () throws(VaultError) -> Result
    ) throws(VaultError) -> Result {
        try holding.withLock { _ throws(VaultError) in
            try HeldClaims.holding(try lockHolds()) { () throws(VaultError) -> Result in
                try requireWritable()
                try nameChanges()
                return try body()
            }
        }
    }

    /// `nil` on a full disk, where deletion must go on: nobody can place a hold there either.
    private func lockHolds() throws(VaultError) -> (any Exclusion)? {
        do throws(VaultError) {
            try files.requireFolders([.leases])
            return try lockHoldsFile()
        } catch {
            guard error.code == .noSpace else { throw error }
            return nil
        }
    }

    private func lockHoldsFile() throws(VaultError) -> any Exclusion {
        if let lock = try files.storage.exclude("leases/holds.lock") { return lock }
        throw VaultError(
            .locked,
            "another process changes the holds or the points of '\(files.place)'",
            remedy: "Repeat it."
        )
    }

    private static func check(_ hold: PointHold) throws(VaultError) {
        let texts = [
            ("name", hold.name, PointHold.nameBytesMax),
            ("reason", hold.reason, PointHold.reasonBytesMax),
            ("placer", hold.placedBy, PointHold.nameBytesMax),
        ]
        for (what, text, bytesMax) in texts {
            let isPlain = text.unicodeScalars.allSatisfy {
                $0.properties.generalCategory != .control
            }
            guard !text.isEmpty, text.utf8.count <= bytesMax, isPlain else {
                throw VaultError(
                    .invalid,
                    "the \(what) of a hold has \(text.utf8.count) bytes, or control characters",
                    remedy: "Use 1 to \(bytesMax) bytes of text."
                )
            }
        }
    }
}

extension PointHold {
    /// For people: `'case 17', 'audit'`.
    static func names(_ holds: [PointHold]) -> String {
        holds.map { "'\($0.name)'" }.joined(separator: ", ")
    }
}
