import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: changes with names of their own are understood for ever.
///
/// `Fixtures/vault-1-changes` is `vault-1-locks` as a copy of a bucket: wrapped anew, with the holds of `vault-1-holds` placed,
/// taken away and placed again, a stronger lock, the plain files from before, and a greater `key` that is not authentic; made by
/// a program that is not ours, from docs/formats/vault.md and keys.md alone.
@Suite struct GoldenChangesTests {
    private static let golden = GoldenTests.fixtures + "/vault-1-changes"

    private static func root(_ sample: String) throws -> RootKey {
        try RootKey(encoded: HostDisk().contents(of: GoldenTests.fixtures + "/\(sample).root.key"))
    }

    @Test func `the golden changes are read, and the greatest count`() throws {
        let disk = SimulatedDisk(recording: false)
        try GoldenTests.copy(Self.golden, to: VaultWorld.directory, on: disk)
        let root = try Self.root("vault-1-changes")
        let vault = try VaultWorld.open(disk, root: root)
        #expect(vault.rootKey == root.id)
        let point = try #require(try vault.recoveryPoints().first)
        #expect(try vault.holds(of: point.id).map(\.name) == ["Fall 17 – Müller", "audit"])
        #expect(try vault.lockInForce()?.lock.minDays == 60)
        #expect(try VaultWorld.restore(point, from: vault) == ["held": Array("for ever".utf8)])
        #expect(try vault.verify(readData: true).isClean)
        let other = #expect(throws: VaultError.self) {
            try VaultWorld.open(disk, root: Self.root("vault-1-locks"))
        }
        #expect(other?.code == .wrongKey)
        // What is changed from now on has a greater name yet.
        try vault.removeHold(named: "audit", from: point.id)
        let opened = try VaultWorld.open(disk, root: root)
        #expect(try opened.holds(of: point.id).map(\.name) == ["Fall 17 – Müller"])
        let names = try disk.list(VaultWorld.directory + "/changes")
        #expect(names.contains { $0.hasPrefix("epoch.0000000400000000-") }, "\(names)")
    }
}
