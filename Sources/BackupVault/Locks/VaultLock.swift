package import VarveModel

/// How long a vault keeps recovery points whatever anybody asks (AWS Backup PutBackupVaultLockConfiguration).
package struct VaultLock: Hashable, Sendable {
    /// AWS's MinRetentionDays: no point goes earlier.
    package let minDays: Int64
    /// AWS's MaxRetentionDays: no backup may ask to be kept longer, or for ever; `nil` for no bound.
    package let maxDays: Int64?
    /// AWS's LockDate, from which on nobody weakens or lifts the lock; `nil` for one that may be lifted at any time.
    package let lockDate: Timestamp?
    package let placed: Timestamp
    /// Who placed it, in the caller's words.
    package let placedBy: String

    /// AWS Backup's own names.
    package enum Mode: String, Sendable, Hashable { case governance, compliance }

    package var mode: Mode { lockDate == nil ? .governance : .compliance }

    /// What a caller asks for.
    package struct Request: Hashable, Sendable {
        package let minDays: Int64
        package let maxDays: Int64?
        /// AWS's ChangeableForDays: makes it a compliance lock, which so long may still be changed.
        package let changeableDays: Int64?
        package let placedBy: String
        /// Whether a lock that is final is meant to be made stronger, for good and at once.
        package let strengthensFinal: Bool

        package init(
            minDays: Int64,
            maxDays: Int64? = nil,
            changeableDays: Int64? = nil,
            placedBy: String,
            strengthensFinal: Bool = false
        ) {
            self.strengthensFinal = strengthensFinal
            self.minDays = minDays
            self.maxDays = maxDays
            self.changeableDays = changeableDays
            self.placedBy = placedBy
        }
    }

    /// 100 years of 365 days, the most that AWS Backup takes.
    package static let daysMax: Int64 = 36_500
    /// What AWS Backup asks for at least, so that nobody locks for good by a slip.
    package static let changeableDaysMin: Int64 = 3

    init(_ request: Request, now: Timestamp) throws(VaultError) {
        try VaultLock.check(request)
        minDays = request.minDays
        maxDays = request.maxDays
        lockDate = request.changeableDays.map { now.adding(seconds: $0 * VaultLock.day) }
        placed = now
        placedBy = request.placedBy
    }

    init(
        minDays: Int64,
        maxDays: Int64?,
        lockDate: Timestamp?,
        placed: Timestamp,
        placedBy: String
    ) {
        self.minDays = minDays
        self.maxDays = maxDays
        self.lockDate = lockDate
        self.placed = placed
        self.placedBy = placedBy
    }

    static let day: Int64 = 86_400

    /// AWS Backup's bounds.
    private static func check(_ request: Request) throws(VaultError) {
        let days = 1...daysMax
        guard days.contains(request.minDays) else {
            throw VaultError(
                .invalid,
                "a lock cannot keep recovery points for \(request.minDays) days",
                remedy: "Give 1 to \(daysMax) days."
            )
        }
        if let most = request.maxDays, !(request.minDays...daysMax).contains(most) {
            throw VaultError(
                .invalid,
                "a lock that keeps recovery points for \(request.minDays) days cannot bound them by \(most)",
                remedy: "Give \(request.minDays) to \(daysMax) days, or no bound."
            )
        }
        if let grace = request.changeableDays, !(changeableDaysMin...daysMax).contains(grace) {
            throw VaultError(
                .invalid,
                "a lock cannot be changeable for \(grace) days",
                remedy: "Give \(changeableDaysMin) to \(daysMax) days."
            )
        }
        let isPlain = request.placedBy.unicodeScalars.allSatisfy {
            $0.properties.generalCategory != .control
        }
        guard request.placedBy.utf8.count <= PointHold.nameBytesMax, isPlain else {
            throw VaultError(.invalid, "who places a lock is told in at most 64 bytes of text")
        }
    }

    // MARK: What it says

    /// Whether nobody can weaken or lift it any more at a time.
    package func isFinal(at time: Timestamp) -> Bool { lockDate.map { time >= $0 } ?? false }

    /// Whether `other` frees or admits anything that this does not: a final lock takes nothing such in its place.
    func isWeakened(by other: VaultLock) -> Bool {
        if other.minDays < minDays { return true }
        guard let maxDays else { return false }
        return other.maxDays.map { $0 > maxDays } ?? true
    }

    /// The statistic of a point that tells from when its minimum counts, where that is after its creation: seconds since
    /// 1970 by the lock's time.
    static let countedFrom = "lockedFromSeconds"

    /// Until when a point stays; `nil` for one without an expiry, which stays as long as the lock.
    func keeps(_ point: RecoveryPointDraft) -> Timestamp? {
        guard let expires = point.expires else { return nil }
        let counted = Timestamp(
            seconds: Int64(clamping: point.statistics[VaultLock.countedFrom] ?? 0)
        )
        let from = max(point.created, counted)
        return max(expires, from.adding(seconds: minDays * VaultLock.day))
    }

    /// The same, final from a time on.
    func final(since time: Timestamp) -> VaultLock {
        VaultLock(
            minDays: minDays,
            maxDays: maxDays,
            lockDate: time,
            placed: placed,
            placedBy: placedBy
        )
    }

    /// What keeps a point at a time, for people; `nil` when the lock lets it go.
    func text(keeping point: RecoveryPointDraft, at time: Timestamp) -> String? {
        guard let end = keeps(point) else {
            return "kept by the vault's lock, since it has no expiry"
        }
        return time >= end ? nil : "kept by the vault's lock until \(end.utcText)"
    }

    /// Refuses a backup that asks to be kept too short or too long.
    ///
    /// Of the shortest time an hour may have gone between asking and beginning; the point stays for all of it anyway.
    func requireRetention(
        from created: Timestamp,
        to expires: Timestamp?
    ) throws(VaultError) {
        let bounds =
            maxDays.map { "at least \(minDays) and at most \($0)" } ?? "at least \(minDays)"
        guard let expires else {
            guard maxDays != nil else { return }
            throw VaultError(
                .invalid,
                "the vault's lock has backups kept for \(bounds) days, and this one asks to be kept for ever",
                remedy: "Give it a time (--delete-after-days, or a retention's delete-after-days)."
            )
        }
        let shortest = created.adding(seconds: minDays * VaultLock.day - 3_600)
        let longest = maxDays.map { created.adding(seconds: $0 * VaultLock.day) }
        guard expires < shortest || longest.map({ expires > $0 }) ?? false else { return }
        let (span, _) = expires.seconds.subtractingReportingOverflow(created.seconds)
        let days = span / VaultLock.day + (span % VaultLock.day >= VaultLock.day / 2 ? 1 : 0)
        throw VaultError(
            .invalid,
            "the vault's lock has backups kept for \(bounds) days, and this one asks for \(days)",
            remedy: "Ask for a time within these bounds."
        )
    }
}
