import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: vouchers are understood for ever.
///
/// `Fixtures/vault-1-vouchers` is `vault-1` with vouchers and their bit, and without the manifest of its second point;
/// made by a program that is not ours, from docs/formats/vault.md and keys.md alone.
@Suite struct GoldenVoucherTests {
    private static let golden = GoldenTests.fixtures + "/vault-1-vouchers"

    @Test func `the golden vouchers tell which point is lost`() throws {
        let disk = SimulatedDisk(recording: false)
        try GoldenTests.copy(Self.golden, to: VaultWorld.directory, on: disk)
        let root = try RootKey(encoded: HostDisk().contents(of: Self.golden + ".root.key"))
        let vault = try VaultWorld.open(disk, root: root)
        #expect(try vault.has(feature: VaultFeature.vouchers))
        let listing = try vault.listing()
        let point = try #require(listing.points.first)
        #expect(listing.points.count == 1 && point.labels == ["day": "1"])
        #expect(try VaultWorld.restore(point, from: vault) == GoldenTests.contents(day: 1))
        let lost = try #require(listing.damaged.first)
        #expect(listing.damaged.count == 1)
        let said = try vault.vouchers.read(lost.id)
        #expect(said.labels == ["day": "2"] && said.source == point.source && said.maps.isEmpty)
        #expect(said.expires == VaultWorld.start.adding(seconds: 1 << 40))
        #expect(lost.error.message.contains(said.instantTime.utcText))
        #expect(VaultTests.code { _ = try vault.prune() } == .corrupt)
        try vault.delete(lost.id)
        #expect(try vault.prune().recoveryPoints == 1)
        #expect(try vault.verify(readData: true).isClean)
    }
}
