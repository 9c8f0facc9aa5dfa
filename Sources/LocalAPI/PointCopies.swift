/// Asks to copy recovery points from vault to vault.
package struct CopyPoints: Codable, Sendable, Hashable {
    /// Which of the points that ids do not name.
    package enum Which: String, Codable, Sendable, Hashable {
        /// Of each source the newest.
        case newest
        case all
    }

    package var from: String
    package var to: String
    /// These; none where `which` chooses.
    package var ids: [String]
    package var which: Which?
    /// Of this file system alone: its id or Name, also of one that is gone.
    package var source: String?
    /// Counted from when the original was made; `nil` keeps copies until they are deleted.
    package var deleteAfterDays: Int64?
    /// Only say what would be copied.
    package var isPlan: Bool

    package init(
        from: String,
        to: String,
        ids: [String] = [],
        which: Which? = nil,
        source: String? = nil,
        deleteAfterDays: Int64? = nil,
        isPlan: Bool = false
    ) {
        self.from = from
        self.to = to
        self.ids = ids
        self.which = which
        self.source = source
        self.deleteAfterDays = deleteAfterDays
        self.isPlan = isPlan
    }
}

/// What became of one point that was to be copied.
package struct PointCopy: Codable, Sendable, Hashable {
    /// What happened, or would.
    package enum Outcome: String, Codable, Sendable, Hashable {
        case copied
        /// The other vault has it already.
        case there
        /// It would be copied.
        case planned
        case refused
    }

    /// As it is in the vault that is copied from.
    package var point: RecoveryPointDescription
    package var outcome: Outcome
    /// The copy's id, in the other vault.
    package var copy: String?
    /// The point whose copy it is changes to; absent when everything was walked.
    package var base: String?
    /// Entries of maps that were copied, or would be.
    package var entries: UInt64
    /// Plain bytes that were read; of a plan, at most.
    package var readBytes: UInt64
    /// Bytes that the other vault grew by.
    package var storedBytes: UInt64
    /// Why it was refused.
    package var error: APIError?

    package init(
        point: RecoveryPointDescription,
        outcome: Outcome,
        copy: String? = nil,
        base: String? = nil,
        entries: UInt64 = 0,
        readBytes: UInt64 = 0,
        storedBytes: UInt64 = 0,
        error: APIError? = nil
    ) {
        self.point = point
        self.outcome = outcome
        self.copy = copy
        self.base = base
        self.entries = entries
        self.readBytes = readBytes
        self.storedBytes = storedBytes
        self.error = error
    }
}

/// What became of all of them.
package struct CopyReport: Codable, Sendable, Hashable {
    /// By source, then by instant.
    package var copies: [PointCopy]
    /// Points that do not read, and might have been meant.
    package var unreadable: [LeftOut]
    package var isPlan: Bool

    package init(copies: [PointCopy], unreadable: [LeftOut], isPlan: Bool) {
        self.copies = copies
        self.unreadable = unreadable
        self.isPlan = isPlan
    }
}

extension Route {
    package static let copyPoints = LongCall<CopyPoints, CopyReport>(path: "recovery-points/copy")
}
