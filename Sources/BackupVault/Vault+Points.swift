import Synchronization
package import VarveModel

/// Listing and deleting recovery points.
extension Vault {
    /// Every recovery point, by creation, then by id.
    ///
    /// - Throws: `.corrupt` or `.newerFormat` when one cannot be read; `listing()` tells the others.
    package func recoveryPoints() throws(VaultError) -> [RecoveryPoint] {
        let listing = try self.listing()
        if let damaged = listing.damaged.first { throw damaged.error }
        return listing.points
    }

    /// Every recovery point that can be read, and every one that cannot, those included whose manifest is gone and
    /// whose voucher or parity is there.
    ///
    /// - Throws: `.failed`, `.denied`.
    package func listing() throws(VaultError) -> RecoveryPointListing {
        let warm = try warmListing(readsAll: false)
        let ids = Set(warm.points.map(\.id) + warm.damaged.map(\.id))
        let cold = try coldListing(beside: ids)
        guard !cold.points.isEmpty || !cold.damaged.isEmpty else { return warm }
        return RecoveryPointListing(
            points: (warm.points + cold.points).sorted {
                ($0.created, $0.id) < ($1.created, $1.id)
            },
            damaged: warm.damaged + cold.damaged
        )
    }

    /// The same of points that have manifests, or had them: all but those in cold storage.
    ///
    /// - Parameter readsAll: As of ``ManifestFiles/listing(readsAll:)``.
    /// - Returns: In order of creation.
    /// - Throws: `.failed`, `.denied`.
    func warmListing(readsAll: Bool = true) throws(VaultError) -> RecoveryPointListing {
        // Before the manifests: what has a voucher then has its manifest, until both are deleted.
        let vouched = try vouchers.ids()
        let listing = try manifests.listing(readsAll: readsAll)
        var damaged = listing.damaged
        for subject in try parityFiles.lost(.manifests) {
            guard let id = subject.point else { continue }
            damaged.append(.init(id: id, error: VaultError.lost(subject)))
        }
        let known = Set(listing.points.map(\.id) + damaged.map(\.id))
        damaged += try lostPoints(of: vouched, besides: known)
        return RecoveryPointListing(points: listing.points, damaged: damaged)
    }

    /// One recovery point, warm or cold.
    ///
    /// - Throws: `.notFound`; `.corrupt` also when its manifest is lost; `.newerFormat`, `.failed`.
    package func recoveryPoint(_ id: RecoveryPointID) throws(VaultError) -> RecoveryPoint {
        do throws(VaultError) {
            let point = try manifests.read(id)
            guard try !manifests.voided.ids().contains(id) else {
                throw VaultError(.notFound, "the vault has no recovery point \(id)")
            }
            return point
        } catch {
            guard error.code == .notFound else { throw error }
            // The record of one that moves is there before its manifest goes.
            if let cold = try coldFiles.point(id) { return cold }
            throw try isLost(id) ? lostError(id) : error
        }
    }

    /// Deletes a recovery point durably; its chunks stay until a prune finds them dead, and of a cold one the archive goes.
    ///
    /// - Parameters:
    ///   - id: Also a damaged or lost one, unless the vault is locked.
    ///   - now: What the clock shows; without it a lock's time stands where it was.
    /// - Throws: `.notFound`, `.held`, `.failed`; `.corrupt` when its holds, or the vault's lock, do not read.
    package func delete(_ id: RecoveryPointID, now: Timestamp? = nil) throws(VaultError) {
        try exclusively { () throws(VaultError) in
            try requireUnheld(id)
            try requireUnlocked(id, now: now)
            // What an interrupted move left of a warm point goes first: it must not come back as a cold one.
            if try deleteCold(id) { return }
            try removeManifest(id)
        }
    }

    /// Deletes every point whose expiry has come, but the newest of each source and what is held or locked.
    ///
    /// Should backups have stopped, the last one must not age away: it goes with the next one, or by hand.
    ///
    /// - Parameter now: A point expires at its instant of expiry, not after it.
    /// - Returns: The deleted points; one that cannot be read stays.
    /// - Throws: `.failed`, `.denied`, `.noSpace`, once every other point was looked at.
    package func expire(now: Timestamp) throws(VaultError) -> [RecoveryPoint] {
        try observeLock(now: now)
        var deleted: [RecoveryPoint] = []
        var failure: VaultError?
        for verdict in try expiryVerdicts(now: now) where verdict.keptBecause == nil {
            do throws(VaultError) {
                try delete(verdict.point.id, now: now)
                deleted.append(verdict.point)
            } catch {
                // Somebody else deleted or held it since it was listed.
                if error.code != .notFound, error.code != .held { failure = failure ?? error }
            }
        }
        if let failure { throw failure }
        return deleted
    }

    /// What ``expire(now:)`` would do: every point, and what keeps it.
    ///
    /// - Throws: `.failed`, `.denied`.
    package func expiryVerdicts(now: Timestamp) throws(VaultError) -> [ExpiryVerdict] {
        let points = try listing().points
        var newest: [String: RecoveryPointID] = [:]
        for point in points { newest[point.source] = point.id }
        let keeper = try keeper(now: now)
        var verdicts: [ExpiryVerdict] = []
        for point in points {
            let isNewest = newest[point.source] == point.id
            var reasons: [String] = []
            switch point.expires {
            case nil: reasons.append("it never expires")
            case let expires? where expires > now: reasons.append("its time has not come")
            default: if isNewest { reasons.append("the newest of its source") }
            }
            if let kept = try keeper.text(of: point) { reasons.append(kept) }
            let why = reasons.isEmpty ? nil : reasons.joined(separator: ", ")
            verdicts.append(ExpiryVerdict(point: point, keptBecause: why))
        }
        return verdicts
    }

    /// What holds a point, for people; `nil` when nothing does.
    ///
    /// - Throws: `.failed`, `.denied`; a point whose holds do not read is held.
    package func holdText(of point: RecoveryPointID) throws(VaultError) -> String? {
        do throws(VaultError) {
            let holds = try holds(of: point)
            return holds.isEmpty ? nil : "held by \(PointHold.names(holds))"
        } catch {
            guard error.code == .corrupt || error.code == .newerFormat else { throw error }
            return "held, by what does not read: \(error.message)"
        }
    }

    /// What the vault holds.
    ///
    /// - Throws: `.failed`, `.denied`.
    package func statistics() throws(VaultError) -> VaultStatistics {
        try refresh()
        let warm = Set(try manifests.ids())
        let cold = try coldListing(beside: warm).points
        let points = warm.count + cold.count
        return knowledge.withLock { known in
            VaultStatistics(
                recoveryPoints: points,
                packs: known.index.packs.count,
                chunks: known.index.chunks.count,
                plainBytes: known.index.chunks.values.reduce(0) { $0 + UInt64($1.length) },
                storedBytes: known.index.packs.reduce(0) { $0 + $1.fileBytes },
                condemnedPacks: known.index.condemned.count,
                generation: known.generation.number,
                coldPoints: cold.count,
                coldBytes: cold.reduce(0) { $0 + ($1.cold?.archiveBytes ?? 0) }
            )
        }
    }
}

/// What a point's own time of expiry does to it.
package struct ExpiryVerdict: Sendable {
    package let point: RecoveryPoint
    /// For people; `nil` when it goes.
    package let keptBecause: String?
}

/// Counts of one vault.
package struct VaultStatistics: Hashable, Sendable {
    package let recoveryPoints: Int
    package let packs: Int
    package let chunks: Int
    /// Of distinct chunks, before compression.
    package let plainBytes: UInt64
    /// Of pack files.
    package let storedBytes: UInt64
    /// Packs that wait for older writers to end before they are deleted.
    package let condemnedPacks: Int
    package let generation: UInt64
    /// Recovery points in cold storage, which count among the others too.
    package let coldPoints: Int
    /// Of their archives.
    package let coldBytes: UInt64
}
