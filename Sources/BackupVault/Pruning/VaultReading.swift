import Synchronization
import VarveModel

/// Keeps a vault's packs in place while somebody reads a recovery point, though the point is deleted and
/// the vault pruned meanwhile.
///
/// It is a writer's lease without a writer: packs that are condemned after it was taken stay until it ends.
package final class VaultReading: Sendable {
    private let lease: Lease
    private let isEnded = Mutex(false)

    fileprivate init(_ lease: Lease) {
        self.lease = lease
    }

    /// Lets go; a prune may then take what waits.
    package func end() {
        let isFirst = isEnded.withLock { isEnded in
            defer { isEnded = true }
            return !isEnded
        }
        if isFirst { lease.end() }
    }

    deinit {
        end()
    }
}

extension Vault {
    /// Begins to read a recovery point; look afterwards whether it is still there.
    ///
    /// - Returns: `nil` where no lease can be made, as on a read-only or full disk: reading works there too,
    ///   and ends with an error when a prune comes between.
    package func beginReading() -> VaultReading? {
        do throws(VaultError) {
            try files.requireFolders()
            let taken = try Lease.take(files: files, generations: generations)
            return VaultReading(taken.lease)
        } catch {
            // A vault that cannot be written to must still be readable: it may be the last copy.
            return nil
        }
    }
}
