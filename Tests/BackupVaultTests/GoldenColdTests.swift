import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: a point in cold storage is understood for ever.
///
/// `Fixtures/vault-1-cold` is `vault-1-holds` without its holds, whose point was moved by a program that is not ours, from
/// docs/formats/vault.md and keys.md alone; its archive was written by stock tar, zstd and age.
@Suite struct GoldenColdTests {
    private static let golden = GoldenTests.fixtures + "/vault-1-cold"

    @Test func `the golden cold point is listed, opened by the vault's own key, and let go`() throws
    {
        let disk = SimulatedDisk(recording: false)
        try GoldenTests.copy(Self.golden, to: VaultWorld.directory, on: disk)
        let root = try RootKey(encoded: HostDisk().contents(of: Self.golden + ".root.key"))
        let vault = try VaultWorld.open(disk, root: root)
        #expect(try vault.has(feature: VaultFeature.cold))
        #expect(try vault.coldSettings() == .standard)
        let point = try #require(try vault.recoveryPoints().first)
        #expect(point.isCold && "\(point.id)" == "rp-ac7aff39f580f2afcb99e1359a36afba")
        let record = try #require(point.cold)
        #expect(record.moved == VaultWorld.start.adding(seconds: 90 * 86_400))
        #expect(record.entries == 2 && record.archiveBytes == 323 && record.directory == "")
        #expect(record.recipients == [vault.coldIdentity.recipient.description])
        let file = try vault.openArchive(of: point)
        let header = try AgeHeader(try file.read(0..<file.byteCount))
        let key = try header.fileKey([vault.coldIdentity])
        #expect(key.digest == record.fileKeyDigest)
        #expect(try vault.verify(readData: true).isClean)
        #expect(try vault.prune().recoveryPoints == 0, "a cold point needs no chunks")
        #expect(try vault.statistics().packs == 0)
        #expect(try vault.recoveryPoints() == [point])
        try vault.delete(point.id)
        #expect(try disk.list(VaultWorld.directory + "/cold") == ["settings"])
    }
}
