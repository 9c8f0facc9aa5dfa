import VarveModel

/// Decides which packs a prune condemns, and which of them it first copies live chunks out of.
///
/// A pure decision: nothing is read or written here.
struct PrunePlan: Sendable, Hashable {
    /// What is known of one pack.
    struct Candidate: Sendable, Hashable {
        let pack: UniqueID
        let kind: PackKind
        let fileBytes: UInt64
        /// Sealed bytes of all its chunks.
        let chunkBytes: UInt64
        /// Sealed bytes of chunks that a recovery point needs and that are found here.
        let liveBytes: UInt64
        let liveChunks: Int
        /// Condemned already, or its writer has not ended.
        let isLeftAlone: Bool
        /// Chunks of it were found damaged, and other packs have all of these that a point needs.
        var isDamaged = false
    }

    /// No live chunk in them.
    let dead: Set<UniqueID>
    /// Their live chunks move to new packs.
    let repacked: Set<UniqueID>

    /// Small packs gather until they are so many; then they become few.
    static let smallPacksMax = 16

    /// Decides for all packs of a vault.
    ///
    /// Repacked are packs of which less than half is live, those with damaged chunks that stand elsewhere too, and small packs (below a quarter of the
    /// full size) of one kind once there are more than 16 of them.
    init(_ candidates: [Candidate], packBytes: Int) {
        let free = candidates.filter { !$0.isLeftAlone }
        dead = Set(free.filter { $0.liveChunks == 0 }.map(\.pack))
        let alive = free.filter { $0.liveChunks > 0 }
        var repacked = Set(
            alive.filter { $0.isDamaged || $0.liveBytes * 2 < $0.chunkBytes }.map(\.pack)
        )
        for kind in PackKind.allCases {
            let small = alive.filter { $0.kind == kind && $0.fileBytes < UInt64(packBytes) / 4 }
            if small.count > PrunePlan.smallPacksMax { repacked.formUnion(small.map(\.pack)) }
        }
        self.repacked = repacked
    }
}

/// What a prune did.
package struct PruneReport: Sendable, Hashable {
    /// Recovery points whose chunks were kept.
    package var recoveryPoints = 0
    package var liveChunks = 0
    /// Packs condemned now: new backups no longer refer to them.
    package var packsCondemned = 0
    package var packsDeleted = 0
    /// Condemned packs that the store does not let go yet; the next prune asks for them again.
    package var packsKept = 0
    package var bytesFreed: UInt64 = 0
    /// Chunks copied out of mostly dead or small packs.
    package var chunksMoved = 0
    /// Condemned packs that wait for older backups to end.
    package var packsWaiting = 0
    /// Unfinished packs of writers that are gone.
    package var leftoversRemoved = 0
    /// Packs and manifests that had no parity though the vault keeps it.
    package var parityMade = 0
    /// Nodes of maps that were read to know what is live: those of points that came or went since the prune before.
    package var nodesRead = 0
    /// Why every node of every point was read; `nil` where counts of an earlier prune told most of it.
    package var recountedBecause: String?
    /// Recovery points that had no voucher.
    package var vouchersMade = 0
}
