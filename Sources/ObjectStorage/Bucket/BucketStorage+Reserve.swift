import BackupVault
import Synchronization

/// An object that takes room until a full bucket needs it: claims, marks and generations are small, and without them nothing
/// can be deleted there.
extension BucketStorage {
    static let reserveName = "leases/reserve"
    /// 1 MiB: some hundreds of claims and marks.
    static let reserveBytes = 1 << 20

    /// Puts the reserve where it is missing; asked about once.
    func keepReserve() {
        guard !hasReserve.withLock({ $0 }) else { return }
        do throws(VaultError) {
            if try size(of: BucketStorage.reserveName) == nil {
                let bytes = [UInt8](repeating: 0, count: BucketStorage.reserveBytes)
                try atStore { () throws(S3Error) in
                    try client.put(key(BucketStorage.reserveName), bytes, attempts: 2)
                }
            }
        } catch {
            return  // Without it the work goes on as long as it can, and the next one tries again.
        }
        hasReserve.withLock { $0 = true }
    }

    /// Gives the reserve's room out.
    ///
    /// - Returns: Whether there was any.
    func dropReserve() throws(VaultError) -> Bool {
        hasReserve.withLock { $0 = false }
        guard try size(of: BucketStorage.reserveName) != nil else { return false }
        try atStore { () throws(S3Error) in try client.delete(key(BucketStorage.reserveName)) }
        return true
    }
}
