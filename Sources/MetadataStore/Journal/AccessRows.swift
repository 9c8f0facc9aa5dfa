package import VarveModel

/// When a client last read or wrote an inode's data, the tier it is in, and when it is worth a look.
package struct AccessDay: Sendable, Hashable {
    package let inode: InodeNumber
    /// Of the last use in Standard: days since 1970, UTC.
    package let day: Int64
    package let tier: Tier
    /// From that day on something may come of a look.
    package let due: Int64
    /// The last day on which it was used since it left Standard; `nil` too when that day was judged not to count.
    package let used: Int64?
    /// On how many days it was used since it left Standard.
    package let uses: Int
    /// Of the last change that may alter what a look leads to: of the file, its names, the pins or the rules.
    package let generation: Int64

    package init(
        inode: InodeNumber,
        day: Int64,
        tier: Tier,
        due: Int64 = 0,
        used: Int64? = nil,
        uses: Int = 0,
        generation: Int64 = 0
    ) {
        self.inode = inode
        self.day = day
        self.tier = tier
        self.due = due
        self.used = used
        self.uses = uses
        self.generation = generation
    }

    /// The last use that is known.
    package var lastUse: Int64 { max(day, used ?? day) }
}

/// What came of a look at a file that stays where it is.
package struct AccessLook: Sendable, Hashable {
    /// As it was when the look began.
    package let row: AccessDay
    /// When to look again; `nil` for never.
    package let again: Int64?
    /// Whether its uses since it left Standard count on.
    package let keepsUses: Bool
    /// Whether, of those, the last day counts no more: a reader of whole trees was there.
    package let dropsLastUse: Bool
    /// A later access day, when a use counts as an access in Standard.
    package let access: Int64?

    package init(
        row: AccessDay,
        again: Int64?,
        keepsUses: Bool,
        dropsLastUse: Bool = false,
        access: Int64? = nil
    ) {
        self.row = row
        self.again = again
        self.keepsUses = keepsUses
        self.dropsLastUse = dropsLastUse
        self.access = access
    }
}

/// The lifecycle rules of a file system, as far as the journal needs them.
package struct DueRules: Sendable, Hashable {
    /// The fewest days without access after which a file can move; `nil` when none ever does.
    package let days: Int?
    /// Differs when anything is due on other days.
    package let fingerprint: String
    /// Whether any of them brings files back that were used.
    package let promotes: Bool

    package init(days: Int?, fingerprint: String, promotes: Bool = false) {
        self.days = days
        self.fingerprint = fingerprint
        self.promotes = promotes
    }
}

/// A file or directory that belongs in Standard.
package struct PinRow: Sendable, Hashable {
    package let inode: InodeNumber
    package let since: Timestamp
    package let placedBy: String

    package init(inode: InodeNumber, since: Timestamp, placedBy: String) {
        self.inode = inode
        self.since = since
        self.placedBy = placedBy
    }
}
