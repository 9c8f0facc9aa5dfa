import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: a lock, feature bits and a key that was wrapped anew are understood for ever.
///
/// `Fixtures/vault-1-locks` is `vault-1-holds` without its holds, locked and wrapped anew by a program that is not ours, from
/// docs/formats/vault.md and keys.md alone.
@Suite struct GoldenLockTests {
    private static let golden = GoldenTests.fixtures + "/vault-1-locks"
    private static let contents: VaultWorld.Contents = ["held": Array("for ever".utf8)]
    private static let request = VaultLock.Request(
        minDays: 30,
        maxDays: 3_650,
        changeableDays: 3,
        placedBy: "uid 1000"
    )

    @Test func `the golden lock is read, and keeps`() throws {
        let disk = SimulatedDisk(recording: false)
        try GoldenTests.copy(Self.golden, to: VaultWorld.directory, on: disk)
        let root = try RootKey(encoded: HostDisk().contents(of: Self.golden + ".root.key"))
        let vault = try VaultWorld.open(disk, root: root)
        #expect(vault.rootKey == root.id)
        #expect(try vault.has(feature: VaultFeature.holds | VaultFeature.lock))
        let point = try #require(try vault.recoveryPoints().first)
        #expect(try VaultWorld.restore(point, from: vault) == Self.contents)
        let found = try #require(try vault.lockInForce())
        let placed = VaultWorld.start.adding(seconds: 60)
        #expect(found.lock == (try VaultLock(Self.request, now: placed)))
        #expect(found.time == VaultWorld.start.adding(seconds: 3_600))
        #expect(
            try vault.lockRecord()?.clock.leap?.first
                == VaultWorld.start.adding(seconds: 9 * 86_400)
        )
        #expect(try vault.verify(readData: true).isClean)
        let late = VaultWorld.start.adding(seconds: 1 << 33)
        #expect(LockTests.error { try vault.delete(point.id, now: late) }?.code == .held)
        #expect(LockTests.error { try vault.removeLock(now: late) }?.code == .held)
        let other = #expect(throws: VaultError.self) { try VaultWorld.open(disk, root: .random()) }
        #expect(other?.message.contains("wrapped by root key \(root.id)") == true)
    }
}
