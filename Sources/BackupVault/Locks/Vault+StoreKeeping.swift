import Synchronization
import VarveModel

/// What a vault's lock keeps, kept by the store too, where that can: S3's Object Lock (docs/decisions/0053).
///
/// A lock binds Varve; this binds whoever has the keys of the bucket. Files are only ever kept for longer.
struct StoreKeeping: Sendable {
    let keeper: any FileKeeper
    let lock: VaultLock
    /// The lock's time.
    let time: Timestamp

    /// 10 days: what points share is kept so much longer than the latest of them, so that it need not be asked for anew
    /// with each backup, and a prune a week comes in time.
    static let aheadSeconds: Int64 = 10 * VaultLock.day

    /// Until when a point stays; one without an expiry, which stays as long as the lock, for its minimum from now on.
    func end(of draft: RecoveryPointDraft) -> Timestamp {
        lock.keeps(draft) ?? time.adding(seconds: lock.minDays * VaultLock.day)
    }

    /// Keeps a point's manifest; that of one without an expiry ahead, since its end moves on.
    func keepManifest(of point: RecoveryPoint, isNew: Bool = false) throws(VaultError) {
        let name = "manifests/" + Manifest.fileName(point.id)
        let end = end(of: point.draft)
        guard lock.keeps(point.draft) != nil else {
            return try keepShared(name, until: end, isNew: isNew)
        }
        try keep(name, atLeast: end, until: end, isNew)
    }

    /// Keeps a file that later points may share.
    func keepShared(_ name: String, until end: Timestamp, isNew: Bool = false) throws(VaultError) {
        let ahead = end.adding(seconds: StoreKeeping.aheadSeconds)
        try keep(name, atLeast: end, until: ahead, isNew)
    }

    private func keep(
        _ name: String,
        atLeast end: Timestamp,
        until: Timestamp,
        _ isNew: Bool
    ) throws(VaultError) {
        // Until nobody can lift the lock any more, whoever may bypass governance can lift this.
        let isFinal = lock.isFinal(at: time)
        try keeper.keep(name, atLeast: end, until: until, isFinal: isFinal, isNew: isNew)
    }
}

/// What the store refuses to keep: one file hinders no other, until it refuses all.
struct RefusedFiles {
    /// Why the first one was refused.
    private(set) var first: VaultError?
    private var inARow = 0

    /// 8: keys that may keep nothing are not asked for each of a million packs.
    private static let inARowMax = 8

    /// Has one file kept, or notes that it is refused.
    ///
    /// - Throws: What `body` throws but `.denied`; that too once so many were refused in a row.
    mutating func pass(_ body: () throws(VaultError) -> Void) throws(VaultError) {
        do throws(VaultError) {
            try body()
            inARow = 0
        } catch {
            guard error.code == .denied else { throw error }
            let refusal = first ?? error
            first = refusal
            inARow += 1
            guard inARow < RefusedFiles.inARowMax else { throw refusal }
        }
    }
}

extension Vault {
    /// Whether the place itself can keep what a lock keeps; `nil` where it does not say at once.
    package func isKeptByStore() -> Bool? { files.storage.keepsFiles() }

    /// How the store keeps what the lock keeps; `nil` where no lock is in force, or the store keeps nothing.
    ///
    /// - Throws: `.unavailable`; `.corrupt` when the lock does not read.
    func storeKeeping() throws(VaultError) -> StoreKeeping? {
        guard files.storage.arrivesLate, let record = try lockRecord(), let lock = record.lock,
            let keeper = try files.storage.keeper()
        else { return nil }
        return StoreKeeping(keeper: keeper, lock: lock, time: record.clock.latest)
    }

    /// Has the store keep what every locked point needs, for as long as the lock does.
    ///
    /// It walks the maps as a prune does, each node once, the points that stay longest first: so each chunk's pack is kept for the
    /// longest of its points.
    ///
    /// - Throws: `.corrupt` when a point does not read whole, `.denied` when a file is refused, both once all others
    ///   are kept; `.unavailable`.
    func keepInStore() throws(VaultError) {
        guard let keeping = try storeKeeping() else { return }
        try refresh()
        let points = try warmListing(readsAll: false).points
            .map { ($0, keeping.end(of: $0.draft)) }
            .filter { $0.1 > keeping.time }
            .sorted { ($1.1, $0.0.id) < ($0.1, $1.0.id) }
        guard let last = points.first?.1 else { return }
        var live = LiveChunks(source: self, remembersNew: true)
        var kept: Set<UniqueID> = []
        var failure: VaultError?
        var refused = RefusedFiles()
        for (point, end) in points {
            do throws(VaultError) {
                try refused.pass { () throws(VaultError) in try keeping.keepManifest(of: point) }
            } catch {
                // Another process may just have deleted it.
                guard error.code == .notFound else { throw error }
                continue
            }
            for map in point.maps.values {
                if let error = try live.addReadable(map) { failure = failure ?? error }
            }
            for pack in packs(of: live.takeNew()).subtracting(kept) {
                let name = "packs/" + PackFormat.fileName(pack)
                try keepIfThere(name, until: end, keeping, &refused)
                kept.insert(pack)
            }
        }
        for name in try files.list(.index) {
            try keepIfThere("index/" + name, until: last, keeping, &refused)
        }
        try keepEntrance(until: last, keeping, &refused)
        if let error = failure ?? refused.first { throw error }
    }

    /// Has the store keep what a lock keeps that was just placed.
    func keepUnderNewLock() throws(VaultError) {
        do throws(VaultError) {
            try keepInStore()
        } catch {
            throw VaultError(
                error.code,
                "the lock is in force, and the store does not keep all of what it keeps yet: "
                    + error.message,
                remedy: "Run 'varve vault prune' when that is mended, which asks for it again. "
                    + error.remedy
            )
        }
    }

    private func packs(of chunks: [ChunkID]) -> Set<UniqueID> {
        knowledge.withLock { known in
            Set(
                chunks.compactMap { id in
                    known.index.chunks[id].map { known.index.pack(of: $0).id }
                }
            )
        }
    }

    /// Another process may just have pruned it, or brought a newer one, which is kept with the next point or prune.
    private func keepIfThere(
        _ name: String,
        until end: Timestamp,
        _ keeping: StoreKeeping,
        _ refused: inout RefusedFiles
    ) throws(VaultError) {
        do throws(VaultError) {
            try refused.pass { () throws(VaultError) in try keeping.keepShared(name, until: end) }
        } catch {
            guard error.code == .notFound else { throw error }
        }
    }

    /// What the vault is opened by, and its lock; what never changed since changes have names lies under its plain one.
    func keepEntrance(
        until end: Timestamp,
        _ keeping: StoreKeeping,
        _ refused: inout RefusedFiles
    ) throws(VaultError) {
        try keepIfThere(VaultDescription.fileName, until: end, keeping, &refused)
        for name in ChangingFiles.topNames {
            let path = try files.changes.newestPath(name) ?? name
            try keepIfThere(path, until: end, keeping, &refused)
        }
    }
}
