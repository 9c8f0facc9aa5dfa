package import BackupVault
import Synchronization
import VarveModel

/// Keeps objects of a vault by Object Lock.
struct BucketKeeper: FileKeeper {
    let storage: BucketStorage

    func keep(
        _ name: String,
        atLeast: Timestamp,
        until: Timestamp,
        isFinal: Bool,
        isNew: Bool
    ) throws(VaultError) {
        let mode: S3Retention.Mode = isFinal ? .compliance : .governance
        let least = S3Retention(mode: mode, until: atLeast)
        // The store takes no time that is over by its own clock, and what is over needs none.
        guard atLeast > storage.client.wallClock.now() else { return }
        if storage.retained(name)?.covers(least) == true { return }
        let known = isNew ? nil : try found(name)
        if let known, known.covers(least) { return storage.noteRetained(name, known) }
        try retain(name, S3Retention(mode: mode, until: until), known, least)
    }

    private func found(_ name: String) throws(VaultError) -> S3Retention? {
        try atStore { () throws(S3Error) in
            try storage.client.retention(of: storage.key(name))
        }
    }

    private func retain(
        _ name: String,
        _ wanted: S3Retention,
        _ known: S3Retention?,
        _ least: S3Retention
    ) throws(VaultError) {
        var asked = wanted.over(known)
        do throws(VaultError) {
            try put(name, asked, bypasses: false)
        } catch {
            guard error.code == .denied else { throw error }
            // Somebody else kept it for longer, or in the other mode, as a rule of the bucket may.
            var found = known
            if found == nil { found = try self.found(name) }
            guard let there = found else { throw error }
            if there.covers(least) { return storage.noteRetained(name, there) }
            let bypasses = there.mode == .governance && wanted.mode == .compliance
            guard bypasses || wanted.over(there) != asked else { throw error }
            asked = wanted.over(there)
            try put(name, asked, bypasses: bypasses)
        }
        storage.noteRetained(name, asked)
    }

    private func put(
        _ name: String,
        _ wanted: S3Retention,
        bypasses: Bool
    ) throws(VaultError) {
        try atStore { () throws(S3Error) in
            try storage.client.retain(storage.key(name), wanted, bypassesGovernance: bypasses)
        }
    }
}

extension BucketStorage {
    /// 1 h: a bucket that has no Object Lock is asked again then.
    private static let askAgainNanoseconds: Int64 = 3_600_000_000_000

    /// Who may not ask goes without: `doctor` says so.
    package func keeper() throws(VaultError) -> (any FileKeeper)? {
        try keeper(attempts: nil)
    }

    package func keepsFiles() -> Bool? {
        // Harmless: it is only shown; work asks by itself, with patience.
        do throws(VaultError) {
            return try keeper(attempts: BucketStorage.looksMax) != nil
        } catch {
            return nil
        }
    }

    private func keeper(attempts: Int?) throws(VaultError) -> BucketKeeper? {
        let now = client.clock.now()
        if let known = objectLock.withLock({ $0 }),
            known.isEnabled || now - known.asked < BucketStorage.askAgainNanoseconds
        {
            return known.isEnabled ? BucketKeeper(storage: self) : nil
        }
        let isEnabled: Bool
        do throws(S3Error) {
            isEnabled = try client.objectLock(attempts: attempts) != .absent
        } catch {
            guard error.code == .denied else { throw VaultError(error) }
            isEnabled = false
        }
        objectLock.withLock { $0 = ObjectLockState(isEnabled: isEnabled, asked: now) }
        return isEnabled ? BucketKeeper(storage: self) : nil
    }

    func retained(_ name: String) -> S3Retention? { retentions.withLock { $0[name] } }

    func noteRetained(_ name: String, _ retention: S3Retention) {
        retentions.withLock { known in
            if known.count >= BucketStorage.retentionsMax { known = [:] }
            known[name] = retention
        }
    }

    /// 1,000,000 objects that are known to be kept; more are forgotten together, and asked about anew.
    private static let retentionsMax = 1_000_000
}

/// What a bucket answered.
struct ObjectLockState: Sendable {
    let isEnabled: Bool
    let asked: Int64
}
