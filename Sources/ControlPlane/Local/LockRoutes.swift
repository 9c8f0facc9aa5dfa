import BackupVault
import Keyring
import LocalAPI
import VarveModel

/// Locks of vaults, and what a vault is.
struct LockRoutes: Sendable {
    let vaults: Vaults
    let clock: any VarveClock

    func add(to table: RouteTable) {
        table.on(Route.describeVault) { request, _ in try await describe(request) }
        table.on(Route.lockVault) { try await lock($0, $1) }
        table.on(Route.unlockVault) { try await unlock($0, $1) }
    }

    private func describe(_ request: VaultName) async throws -> VaultDescription {
        let vault = try await vaults.find(request.vault)
        return try await vaults.describe(vault, named: request.vault, now: clock.now())
    }

    private func lock(_ request: LockVault, _ peer: Peer) async throws -> LockReport {
        try peer.requireAdministrator("locking a vault")
        let vault = try await vaults.find(request.vault)
        let asked = VaultLock.Request(
            minDays: request.minRetentionDays,
            maxDays: request.maxRetentionDays,
            changeableDays: request.changeableForDays,
            placedBy: "uid \(peer.uid)",
            strengthensFinal: request.strengthensFinal
        )
        let now = clock.now()
        return try await BlockingCalls.run {
            let outcome = try vault.setLock(asked, now: now, isPlan: request.isPlan)
            return LockReport(
                lock: LockDescription(outcome.lock, isFinal: outcome.lock.isFinal(at: now)),
                kept: UInt64(outcome.kept),
                keptForEver: UInt64(outcome.keptForEver),
                isPlan: request.isPlan
            )
        }
    }

    private func unlock(_ request: VaultName, _ peer: Peer) async throws -> Nothing {
        try peer.requireAdministrator("unlocking a vault")
        let vault = try await vaults.find(request.vault)
        let now = clock.now()
        try await BlockingCalls.run { try vault.removeLock(now: now) }
        return Nothing()
    }
}

extension VaultDescription {
    /// A vault as it is; a lock that does not read is told, and hides nothing else.
    init(of vault: Vault, now: Timestamp) throws {
        let statistics = try vault.statistics()
        self.init(
            name: vault.name,
            created: TimeText(vault.created),
            state: "available",
            recoveryPoints: UInt64(statistics.recoveryPoints),
            storedBytes: statistics.storedBytes,
            packs: UInt64(statistics.packs),
            chunks: UInt64(statistics.chunks),
            parity: vault.parityShare
        )
        coldPoints = UInt64(statistics.coldPoints)
        coldBytes = statistics.coldBytes
        place = vault.place
        id = Hex.encode(vault.id.bytes)
        rootKey = vault.rootKey.description
        do throws(VaultError) {
            if let (lock, time) = try vault.lockInForce() {
                self.lock = LockDescription(lock, isFinal: lock.isFinal(at: max(now, time)))
            }
            locked = lock != nil
        } catch {
            reason = error.description
        }
    }
}

extension LockDescription {
    init(_ lock: VaultLock, isFinal: Bool) {
        self.init(
            mode: lock.mode.rawValue,
            minRetentionDays: lock.minDays,
            maxRetentionDays: lock.maxDays,
            lockDate: lock.lockDate.map { TimeText($0) },
            isFinal: isFinal,
            placed: TimeText(lock.placed),
            placedBy: lock.placedBy
        )
    }
}
