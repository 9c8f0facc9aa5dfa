import Synchronization
package import VarveModel

/// The lock of a vault, which keeps recovery points from everybody for a time.
///
/// It lies in the vault, sealed, in two files. The description says that they are there, so that a vault whose lock was
/// taken away lets nothing go. A point goes when the lock's own time has come past its expiry and the minimum.
extension Vault {
    /// The lock in force, and the time that it goes by; `nil` where there is none.
    ///
    /// - Throws: `.corrupt` when nobody can say what it is; `.newerFormat`.
    package func lockInForce() throws(VaultError) -> (lock: VaultLock, time: Timestamp)? {
        guard let record = try lockRecord(), let lock = record.lock else { return nil }
        return (lock, record.clock.latest)
    }

    /// What placing a lock would do, or has done.
    package struct LockOutcome: Sendable {
        package let lock: VaultLock
        /// Points that it keeps now, of those that can be read.
        package let kept: Int
        /// Those among them without an expiry: they stay as long as the lock does.
        package let keptForEver: Int
    }

    /// Places a lock, or puts another one in its place; durable when it returns.
    ///
    /// - Parameters:
    ///   - request: What it is to say.
    ///   - now: A grace period counts from here, or from the lock's own time where that is later.
    ///   - isPlan: Only says what would come of it.
    /// - Returns: The lock, and what it keeps.
    /// - Throws: `.invalid` for numbers that cannot be; `.held` when the lock is final and this would weaken it;
    ///   `.corrupt` when the lock that is there does not read; `.newerFormat`, `.noSpace`, `.denied`, `.failed`.
    package func setLock(
        _ request: VaultLock.Request,
        now: Timestamp,
        isPlan: Bool = false
    ) throws(VaultError) -> LockOutcome {
        try files.requireFolders([.leases])
        let placed = try exclusively { () throws(VaultError) in
            let old = isPlan ? try lockRecord(at: now) : try lockRecord(seeing: now)
            // Where none is in force, whoever places one vouches for the clock; else its time goes on.
            var clock = LockClock(latest: now, look: pace.reading(now))
            if let old, old.lock != nil { clock = old.clock }
            var lock = try VaultLock(request, now: max(now, clock.latest))
            if let known = old?.lock, let date = known.lockDate, known.isFinal(at: clock.latest) {
                guard request.strengthensFinal, !known.isWeakened(by: lock) else {
                    throw Vault.finalLock(known)
                }
                // It stays final: what is stronger begins no grace period of its own.
                lock = lock.final(since: date)
            }
            if !isPlan { try write(lock, clock: clock, after: old) }
            return try outcome(of: lock, at: clock.latest)
        }
        if !isPlan { try keepUnderNewLock() }
        return placed
    }

    /// Lifts the lock, durably.
    ///
    /// - Throws: `.notFound` when there is none; `.held` when it is final; as ``setLock(_:now:isPlan:)``.
    package func removeLock(now: Timestamp) throws(VaultError) {
        try exclusively { () throws(VaultError) in
            guard var record = try lockRecord(seeing: now), let lock = record.lock else {
                throw VaultError(.notFound, "the vault '\(name)' is not locked")
            }
            guard !lock.isFinal(at: record.clock.latest) else { throw Vault.finalLock(lock) }
            record.lock = nil
            do throws(VaultError) {
                try write(record)
            } catch {
                guard error.code == .noSpace else { throw error }
                try lockFiles.makeRoom()
                try write(record)
            }
        }
    }

    /// Refuses a backup that the lock does not admit.
    ///
    /// - Throws: `.invalid`, with the numbers. A lock that does not read hinders no backup.
    package func requireRetention(
        from created: Timestamp,
        to expires: Timestamp?
    ) throws(VaultError) {
        guard let lock = try readableLock()?.lock else { return }
        try lock.requireRetention(from: created, to: expires)
    }

    private static func finalLock(_ lock: VaultLock) -> VaultError {
        VaultError(
            .held,
            "the vault's compliance lock of \(lock.minDays) days is final since "
                + "\(lock.lockDate?.utcText ?? "its lock date"): nobody can lift or weaken it",
            remedy:
                "Only a longer minimum, or a shorter maximum, can take its place, at once and for good "
                + "('varve vault lock --final')."
        )
    }

    private func outcome(of lock: VaultLock, at time: Timestamp) throws(VaultError) -> LockOutcome {
        let kept = try listing().points.filter {
            lock.text(keeping: $0.draft, at: time) != nil
        }
        return LockOutcome(
            lock: lock,
            kept: kept.count,
            keptForEver: kept.count { $0.expires == nil }
        )
    }

    // MARK: What it keeps

    /// A draft as the lock admits it: where its creation lies before the latest time that the vault has seen, the minimum
    /// counts from that, and never from before a copy was made.
    ///
    /// Otherwise a clock that is set back for a backup would make a point that is old from the start.
    func admitted(_ draft: RecoveryPointDraft) throws(VaultError) -> RecoveryPointDraft {
        guard let record = try readableLock(), let lock = record.lock else { return draft }
        try lock.requireRetention(from: draft.created, to: draft.expires)
        let latest = record.clock.latest
        guard latest > draft.created else { return draft }
        var admitted = draft
        let seconds = latest.nanoseconds > 0 ? latest.adding(seconds: 1).seconds : latest.seconds
        let copied = draft.statistics[VaultLock.countedFrom] ?? 0
        admitted.statistics[VaultLock.countedFrom] = max(copied, UInt64(clamping: seconds))
        return admitted
    }

    /// What a point says, be it voided or not: a mark takes nothing out of the lock.
    private func draft(ofAny id: RecoveryPointID) throws(VaultError) -> RecoveryPointDraft {
        do throws(VaultError) {
            return try manifests.read(id).draft
        } catch {
            guard error.code == .notFound else { throw error }
            // The record of one that moves is there before its manifest goes.
            if let cold = try coldFiles.point(id) { return cold.draft }
            // Of a lost one its voucher says as much.
            guard try isLost(id), try vouchers.exists(id) else { throw error }
            return try vouchers.read(id)
        }
    }

    /// Refuses to delete what the lock keeps; within ``exclusively(_:)``.
    ///
    /// Without `now`, which the caller's clock shows, the lock's time stands where it was.
    func requireUnlocked(_ id: RecoveryPointID, now: Timestamp?) throws(VaultError) {
        guard let record = try lockRecord(seeing: now), let lock = record.lock else { return }
        let why: String?
        do throws(VaultError) {
            why = lock.text(keeping: try draft(ofAny: id), at: record.clock.latest)
        } catch {
            let isCold = try isInColdStorage(id)
            if error.code == .notFound, !isCold, try !isLost(id) { return }
            let file =
                isCold
                ? "cold/\(ColdEntry.fileName(id))" : "manifests/\(Manifest.fileName(id))"
            throw VaultError(
                .held,
                "recovery point \(id) is kept by the vault's lock, since nobody can say when it expires: "
                    + error.message,
                remedy:
                    "Put '\(file)' back from a copy, or heal it by parity ('varve vault verify --repair'). "
                    + "If neither is to be had, remove it by hand."
            )
        }
        guard let why else { return }
        throw VaultError(
            .held,
            "recovery point \(id) is \(why)",
            remedy: lock.mode == .governance
                ? "Wait, or lift the lock first ('varve vault unlock'), if that is right."
                : "Wait until then."
        )
    }

    /// What keeps the points of the vault at a time; looks, and writes nothing.
    package func keeper(now: Timestamp) throws(VaultError) -> PointKeeper {
        // Where each file costs a request one list says which points have holds; a deletion looks again.
        let held = files.storage.arrivesLate ? Set(try heldPoints()) : nil
        do throws(VaultError) {
            return PointKeeper(vault: self, record: .success(try lockRecord(at: now)), held: held)
        } catch {
            guard error.code == .corrupt || error.code == .newerFormat else { throw error }
            return PointKeeper(vault: self, record: .failure(error), held: held)
        }
    }

    /// Has the lock take in what the clocks show, durably: time that nobody looked at does not count after a restart of the
    /// machine.
    ///
    /// - Throws: `.failed`, `.denied`; a lock that does not read is left alone.
    package func observeLock(now: Timestamp) throws(VaultError) {
        do throws(VaultError) {
            guard try lockRecord()?.lock != nil else { return }
            _ = try exclusively { () throws(VaultError) in try lockRecord(seeing: now) }
        } catch {
            guard error.code == .corrupt || error.code == .newerFormat else { throw error }
        }
    }

    /// Refuses to drop parity that may heal what the lock keeps.
    func requireNothingLostUnderLock() throws(VaultError) {
        guard let lock = try lockRecord(), lock.lock != nil else { return }
        let lost = try parityFiles.lost(.manifests).count + parityFiles.lost(.packs).count
        let damaged = try listing().damaged
        guard lost > 0 || !damaged.isEmpty else { return }
        throw VaultError(
            .held,
            "the vault is locked, and has lost or damaged files that its parity may heal",
            remedy: "Run 'varve vault verify \(name) --read-data --repair' first."
        )
    }

    // MARK: Reading and writing it

    /// Refuses to go on where nobody can say what the lock keeps.
    func requireLockReadable() throws(VaultError) {
        _ = try lockRecord()
    }

    /// What the lock's files hold, with the time that this vault object has seen; `nil` where there never was one.
    ///
    /// - Throws: `.corrupt` when no file reads though there must be one, or both are older than one that was read;
    ///   `.newerFormat`.
    func lockRecord() throws(VaultError) -> LockRecord? {
        // What was seen is read first: the files may become newer meanwhile, and not older.
        let seen = lockSeen.withLock { $0 }
        let found = try lockFiles.all()
        // A newer program may have written one of the two, and no more: what it says is not known.
        if found.contains(where: { $0.record.isNewer }) { throw Vault.lostLock(found) }
        guard let newest = LockRecord.newest(of: found) else {
            let isMissing = found.allSatisfy { $0.record.isMissing }
            if isMissing, seen == nil, try !has(feature: VaultFeature.lock) { return nil }
            throw Vault.lostLock(found)
        }
        guard newest.revision >= seen?.revision ?? 0 else {
            throw VaultError(
                .corrupt,
                "the vault's lock is an older one than was read before: nothing is deleted",
                remedy: "Run 'varve vault verify --repair' while the daemon runs."
            )
        }
        return lockSeen.withLock { seen in
            // Of one revision what was seen has the later time.
            let known = seen.flatMap { $0.revision >= newest.revision ? $0 : nil } ?? newest
            seen = known
            return known
        }
    }

    /// The same, after a look at the clocks; nothing is written.
    ///
    /// A lock that is final by any of them is so for ever: its date is then one that the lock's own time has come to.
    func lockRecord(at now: Timestamp?) throws(VaultError) -> LockRecord? {
        guard var record = try lockRecord() else { return nil }
        guard let now, let lock = record.lock else { return record }
        record.clock.see(now, pace.reading(now))
        if lock.isFinal(at: max(now, record.clock.latest)), !lock.isFinal(at: record.clock.latest) {
            record.lock = lock.final(since: record.clock.latest)
        }
        return record
    }

    /// The same, and what was seen is written down; within ``exclusively(_:)``.
    ///
    /// On a full disk it is not: time that is forgotten keeps points longer, and no shorter.
    func lockRecord(seeing now: Timestamp?) throws(VaultError) -> LockRecord? {
        let before = try lockRecord()
        guard let record = try lockRecord(at: now), record != before else { return before }
        lockSeen.withLock { $0 = record }
        do throws(VaultError) {
            return try write(record)
        } catch {
            guard error.code == .noSpace else { throw error }
            return record
        }
    }

    /// The record, where it reads; for backups alone.
    ///
    /// Whoever deletes or prunes calls ``lockRecord()``, and is refused with its error.
    ///
    /// - Throws: `.unavailable`: where the store does not answer, the backup fails as it would at its next request.
    private func readableLock() throws(VaultError) -> LockRecord? {
        // Harmless: all that is left out is to refuse a backup by its expiry, or to note from when its minimum counts. While
        // the lock does not read nothing goes, this point neither; once it reads it keeps this one too, for its minimum from its
        // creation. To lose the backup would be the greater harm; verify names the files.
        do throws(VaultError) {
            return try lockRecord()
        } catch {
            guard error.code != .unavailable else { throw error }
            return nil
        }
    }

    /// Writes the next revision of a record; answers it.
    @discardableResult
    private func write(_ record: LockRecord) throws(VaultError) -> LockRecord {
        var next = record
        next.revision += 1
        try lockFiles.write(next)
        lockSeen.withLock { $0 = next }
        return next
    }

    /// Writes a lock: first the files without it, then the feature bit that says that they are there, then the lock.
    ///
    /// So the bit is never there without the files, and older programs keep away before the lock needs them to.
    private func write(
        _ lock: VaultLock,
        clock: LockClock,
        after old: LockRecord?
    ) throws(VaultError) {
        var record = LockRecord(revision: 0, clock: clock, lock: nil)
        if let old { record = old } else { record = try write(record) }
        try require(feature: VaultFeature.lock)
        record.clock = clock
        record.lock = lock
        try write(record)
    }

    private static func lostLock(
        _ found: [(name: String, record: Result<LockRecord, VaultError>)]
    ) -> VaultError {
        let reasons = found.compactMap { file -> String? in
            guard case .failure(let error) = file.record else { return nil }
            return error.code == .notFound ? "'\(file.name)' is missing" : error.message
        }
        let isNewer = found.contains { $0.record.isNewer }
        return VaultError(
            isNewer ? .newerFormat : .corrupt,
            "the vault's lock does not read, so nothing is deleted: \(reasons.joined(separator: "; "))",
            remedy: isNewer
                ? "Use the Varve that wrote it, or a newer one."
                : "Put the files back from a copy; or, in the daemon that still knows it, run 'varve vault verify --repair'."
        )
    }
}

/// What keeps recovery points from going: holds, and the vault's lock.
package struct PointKeeper: Sendable {
    fileprivate let vault: Vault
    fileprivate let record: Result<LockRecord?, VaultError>
    /// The points that have holds; `nil` asks for each.
    fileprivate let held: Set<RecoveryPointID>?

    /// What keeps a point, for people; `nil` when nothing does.
    ///
    /// - Throws: `.failed`, `.denied`; a point whose holds do not read is held.
    package func text(of point: RecoveryPoint) throws(VaultError) -> String? {
        let mayBeHeld = held?.contains(point.id) ?? true
        let hold = mayBeHeld ? try vault.holdText(of: point.id) : nil
        let reasons = [hold, lockText(of: point)].compactMap { $0 }
        return reasons.isEmpty ? nil : reasons.joined(separator: ", ")
    }

    private func lockText(of point: RecoveryPoint) -> String? {
        switch record {
        case .success(let record):
            guard let record, let lock = record.lock else { return nil }
            return lock.text(keeping: point.draft, at: record.clock.latest)
        case .failure(let error): return "kept: \(error.message)"
        }
    }
}

extension LockRecord {
    /// The record of the greatest revision among those that read.
    static func newest(
        of found: [(name: String, record: Result<LockRecord, VaultError>)]
    ) -> LockRecord? {
        found.compactMap { file in
            guard case .success(let record) = file.record else { return nil }
            return record
        }
        .max { $0.revision < $1.revision }
    }
}

extension Result<LockRecord, VaultError> {
    fileprivate var code: VaultError.Code? {
        guard case .failure(let error) = self else { return nil }
        return error.code
    }

    var isMissing: Bool { code == .notFound }
    var isNewer: Bool { code == .newerFormat }
}
