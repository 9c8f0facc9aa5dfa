import Backup
import BackupVault
import Keyring
import Synchronization
import VarveModel

/// The cold point that was looked into last: a listing asks for page after page, and opening reads the archive's whole index.
final class ColdTrees: Sendable {
    private struct Held {
        let vault: UniqueID
        let key: [UInt8]?
        let tree: ColdTree
        /// Since the last time that what is idle was dropped.
        var isUsed = true
    }

    private let held = Mutex<Held?>(nil)

    /// The point to look into; whoever has not the key that it was opened with opens it anew.
    func look(
        into point: RecoveryPoint,
        of vault: Vault,
        key: AgeFileKey?
    ) throws(BackupError) -> PointTree {
        guard point.isCold else { return try PointTree.open(point.id, of: vault, key: key) }
        let known = held.withLock { held -> ColdTree? in
            guard let known = held, known.vault == vault.id, known.key == key?.rawBytes,
                known.tree.point == point
            else { return nil }
            held?.isUsed = true
            return known.tree
        }
        if let known { return PointTree(known, of: vault) }
        let tree = try ColdTree.open(point, of: vault, key: key)
        held.withLock { $0 = Held(vault: vault.id, key: key?.rawBytes, tree: tree) }
        return PointTree(tree, of: vault)
    }

    /// Lets go of what nobody has looked into since the last call.
    func dropIdle() {
        held.withLock { held in
            if held?.isUsed == false { held = nil }
            held?.isUsed = false
        }
    }
}
