import VarveModel

/// What a verify looked at and what it found.
package struct VerifyReport: Sendable {
    package internal(set) var recoveryPoints = 0
    package internal(set) var packs = 0
    /// Packs of which every chunk was read.
    package internal(set) var packsRead = 0
    package internal(set) var nodes = 0
    /// Chunks opened, decompressed and compared with their ids; 0 when only the structure was read.
    package internal(set) var chunksRead = 0
    /// Of the packs, and of archives in cold storage, that were read whole.
    package internal(set) var bytesRead: UInt64 = 0
    /// Packs and manifests without parity in a vault that keeps it: the next prune makes it.
    package internal(set) var withoutParity = 0
    /// Whether counts of an earlier prune were held against the maps.
    package internal(set) var hasComparedCounts = false
    /// Warm recovery points without a voucher: the next prune makes it.
    package internal(set) var withoutVoucher = 0
    package internal(set) var findings: [VaultFinding] = []
    /// Every point that loses something, in the order of points.
    package internal(set) var affectedPoints: [AffectedPoint] = []

    package var isClean: Bool { findings.isEmpty }
}

/// One damaged or missing thing, and which recovery points lose what by it.
package struct VaultFinding: Sendable {
    /// What is damaged.
    package enum Subject: String, Sendable, Hashable, CaseIterable {
        case description, key, secret, manifest, pack, chunk, node, index, generation, hold
        /// The vault's lock; while it does not read nothing is deleted.
        case lock
        /// What stands for other files; nothing that restores is lost with it.
        case parity
        /// What tells a lost manifest from a deleted one; nothing that restores is lost with it.
        case voucher
        /// A record of a point in cold storage, or what says who may read archives.
        case cold
        /// The archive of a point in cold storage: nothing but a copy heals it.
        case archive
        /// Counts of an earlier prune; nothing that restores is lost with them, and a prune makes them again.
        case counts
    }

    package let subject: Subject
    /// The file within the vault; empty for a chunk that is in no file.
    package let file: String
    package let chunk: ChunkID?
    package let code: VaultError.Code
    package let message: String
    package let remedy: String
    /// Whether it is a copy of a chunk that another pack has whole: nothing is lost with it.
    package internal(set) var isSpare = false
    /// Parts of every point that needs it, of each as many as fit (``AffectedPoint``); `affectedCount` tells how many there are.
    package internal(set) var affected: [AffectedPart] = []
    package internal(set) var affectedCount = 0
}

/// A recovery point that loses something.
package struct AffectedPoint: Sendable, Hashable {
    package let point: RecoveryPointID
    /// Its parts that findings name.
    package internal(set) var told = 0
    /// Its parts that are lost, each counted for every finding that costs it.
    package internal(set) var count = 0

    /// Whether findings name all of them.
    package var isComplete: Bool { told == count }

    /// Parts of all points that a verify holds: some 60 MB.
    ///
    /// Each point has an equal share.
    package static let partsMax = 500_000
}

/// A part of a recovery point that cannot be restored whole.
package struct AffectedPart: Sendable, Hashable {
    package let point: RecoveryPointID
    package let source: String
    package let labels: [String: String]
    package let map: String
    /// The entry's key; of a lost subtree, its last key; of a lost root, empty.
    package let key: [UInt8]
    /// A whole run of entries is lost: those behind `after`, up to `key`; all of the map when it is the root.
    package let isSubtree: Bool
    /// The last key before a lost subtree; `nil` when it begins with the map.
    package let after: [UInt8]?
}
