package import VarveModel

/// One run of a job, or the record of one that did not take place.
package struct JobRunRow: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, CaseIterable {
        case running, succeeded, partial, failed, damaged, skipped, expired, cancelled, interrupted
    }

    package enum Trigger: String, Sendable, Hashable, CaseIterable {
        case schedule, catchUp, manual
    }

    /// Given by the journal; ascending.
    package let id: Int64
    package let job: String
    package let action: String
    /// Times are kept to whole seconds.
    package let due: Timestamp
    package let trigger: Trigger
    package let started: Timestamp?
    package let ended: Timestamp?
    package let state: State
    package let message: String
    /// What its hooks printed, as much as is kept.
    package let output: String

    package init(
        id: Int64 = 0,
        job: String,
        action: String,
        due: Timestamp,
        trigger: Trigger,
        started: Timestamp?,
        ended: Timestamp?,
        state: State,
        message: String,
        output: String = ""
    ) {
        self.id = id
        self.job = job
        self.action = action
        self.due = due
        self.trigger = trigger
        self.started = started
        self.ended = ended
        self.state = state
        self.message = message
        self.output = output
    }
}

/// Since when a job's schedule is being watched.
package struct JobSightingRow: Sendable, Hashable {
    package let job: String
    package let schedule: String
    package let since: Timestamp

    package init(job: String, schedule: String, since: Timestamp) {
        self.job = job
        self.schedule = schedule
        self.since = since
    }
}

/// One move of an inode's data between tiers.
package struct TransitionRecord: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, CaseIterable {
        case planned, copied, committed, abandoned

        /// Whether nothing more will happen.
        package var isFinal: Bool { self == .committed || self == .abandoned }
    }

    /// Given by the journal; ascending.
    package let id: Int64
    /// The file system's id, as its text.
    package let fileSystem: String
    package let inode: InodeNumber
    package let from: Tier
    package let to: Tier
    package let state: State
    package let planned: Timestamp
    package let ended: Timestamp?
    /// Bytes of the file's data.
    package let bytes: UInt64
    /// Bytes that its records took before and after.
    package let storedBefore: UInt64
    package let storedAfter: UInt64
    package let policy: String
    /// For people: why it moved, or why it did not.
    package let reason: String
}

/// A move that is about to begin.
package struct PlannedTransition: Sendable, Hashable {
    package let inode: InodeNumber
    package let from: Tier
    package let to: Tier
    /// Bytes of the file's data.
    package let bytes: UInt64
    package let policy: String
    /// For people: why it moves.
    package let reason: String

    package init(
        inode: InodeNumber,
        from: Tier,
        to: Tier,
        bytes: UInt64,
        policy: String,
        reason: String
    ) {
        self.inode = inode
        self.from = from
        self.to = to
        self.bytes = bytes
        self.policy = policy
        self.reason = reason
    }
}

/// A move whose copies are durable.
package struct CopiedTransition: Sendable, Hashable {
    package let id: Int64
    /// Bytes that its records take where they are, and where they go.
    package let storedBefore: UInt64
    package let storedAfter: UInt64

    package init(id: Int64, storedBefore: UInt64, storedAfter: UInt64) {
        self.id = id
        self.storedBefore = storedBefore
        self.storedAfter = storedAfter
    }
}

/// A move that was done.
package struct CommittedTransition: Sendable, Hashable {
    package let id: Int64
    /// The file's row when the move was decided on.
    package let row: AccessDay
    package let to: Tier
    package let at: Timestamp
    /// Bytes that were moved, which count against the rates.
    package let bytes: UInt64
    package let storedBefore: UInt64
    package let storedAfter: UInt64
    /// Whether its uses since it left Standard count on.
    package let keepsUses: Bool
    /// As of ``AccessLook/access``.
    package let access: Int64?

    package init(
        id: Int64,
        row: AccessDay,
        to: Tier,
        at: Timestamp,
        bytes: UInt64,
        storedBefore: UInt64,
        storedAfter: UInt64,
        keepsUses: Bool,
        access: Int64? = nil
    ) {
        self.access = access
        self.id = id
        self.row = row
        self.to = to
        self.at = at
        self.bytes = bytes
        self.storedBefore = storedBefore
        self.storedAfter = storedAfter
        self.keepsUses = keepsUses
    }
}
