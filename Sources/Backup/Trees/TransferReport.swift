import VarveModel

/// What a copy of a tree did, and what it could not do.
package struct TransferReport: Sendable, Hashable, Codable {
    /// Names, the root of the tree included.
    package var entries = 0
    package var files = 0
    package var directories = 0
    package var symlinks = 0
    /// FIFOs, sockets and devices.
    package var specials = 0
    /// Further names of files that were counted once.
    package var hardLinks = 0
    /// Data bytes, without holes.
    package var bytes: UInt64 = 0
    /// What was left out: the first 1,000 that are damaged, and the first 1,000 others.
    package var omissions: [TransferOmission] = []
    package var omissionsCount = 0
    /// Of them, those that do not verify or do not fit together.
    package var damageCount = 0

    /// More of either kind are counted, not listed.
    package static let omissionsMax = 1_000

    package init() {}

    /// Whether nothing was left out.
    package var isComplete: Bool { omissionsCount == 0 }

    mutating func add(_ omission: TransferOmission) {
        omissionsCount += 1
        if omission.isDamage { damageCount += 1 }
        let alike = omission.isDamage ? damageCount : omissionsCount - damageCount
        if alike <= TransferReport.omissionsMax { omissions.append(omission) }
    }

    /// Counts what is damaged and was too much to be listed.
    mutating func addUnlistedDamage(_ count: Int) {
        omissionsCount += count
        damageCount += count
    }
}

/// One thing that a copy could not do; the rest went on.
package struct TransferOmission: Sendable, Hashable, Codable {
    /// Path below the root of the tree, in bytes; empty for the root itself.
    package let path: [UInt8]
    /// What was tried: `open`, `chown`, `set attribute user.x`.
    package let call: String
    /// The system's number for why not.
    package let errno: Int32
    package let reason: String
    /// Whether the source is damaged there, and not only refused.
    package let isDamage: Bool
}

extension TransferOmission {
    init(_ failure: TreeFailure, at path: [FileName]) {
        self.init(
            path: Array(path.map(\.bytes).joined(separator: [UInt8(ascii: "/")])),
            call: failure.call,
            errno: failure.errno,
            reason: failure.reason,
            isDamage: failure.isDamage
        )
    }
}

/// How far a copy is.
package struct TransferProgress: Sendable, Hashable {
    package let entries: Int
    package let bytes: UInt64
}

/// Hears of progress now and then, on any thread.
package typealias ProgressHandler = @Sendable (TransferProgress) -> Void

/// What to do with names that the target has already.
package enum ExistingNames: Sendable, Hashable {
    /// Leave them and say so; directories merge.
    case refuse
    /// Replace files; directories merge.
    case replace
    /// Replace, and remove what the source lacks.
    case mirror
}
