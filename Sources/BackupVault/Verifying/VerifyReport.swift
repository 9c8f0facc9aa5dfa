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
    /// Of the packs that were read whole.
    package internal(set) var bytesRead: UInt64 = 0
    /// Packs and manifests without parity in a vault that keeps it: the next prune makes it.
    package internal(set) var withoutParity = 0
    package internal(set) var findings: [VaultFinding] = []

    package var isClean: Bool { findings.isEmpty }
}

/// One damaged or missing thing, and which recovery points lose what by it.
package struct VaultFinding: Sendable {
    /// What is damaged.
    package enum Subject: String, Sendable, Hashable, CaseIterable {
        case description, key, secret, manifest, pack, chunk, node, index, generation, hold
        /// What stands for other files; nothing that restores is lost with it.
        case parity
    }

    package let subject: Subject
    /// The file within the vault; empty for a chunk that is in no file.
    package let file: String
    package let chunk: ChunkID?
    package let message: String
    package let remedy: String
    /// At most `affectedMax` parts; `affectedCount` tells how many there are.
    package internal(set) var affected: [AffectedPart] = []
    package internal(set) var affectedCount = 0

    /// 10,000 parts are some 2 MB.
    package static let affectedMax = 10_000
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
