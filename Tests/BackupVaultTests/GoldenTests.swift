import BackupVault
import Disk
import Foundation
import Keyring
import TestKit
import Testing
import VarveModel

/// Goal: a vault written by format 1 is readable for ever.
///
/// `Fixtures/vault-1` is such a vault, with its root key beside it. It is never written again; a new
/// format gets a fixture of its own. To make one: `VARVE_MAKE_FIXTURE=<directory>`.
@Suite struct GoldenTests {
    static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures").path

    static func contents(day: Int) -> VaultWorld.Contents {
        var generator = SeededGenerator(seed: 1_000)
        var contents: VaultWorld.Contents = [
            "summer": generator.bytes(3000),
            "winter": Array(String(repeating: "a dark band. ", count: 300).utf8),
            "empty": [],
        ]
        if day == 2 { contents["autumn"] = Array("between the two".utf8) }
        return contents
    }

    @Test func `the golden vault of format 1 restores, verifies and takes a backup`() throws {
        let disk = SimulatedDisk(recording: false)
        try Self.copy(Self.fixtures + "/vault-1", to: VaultWorld.directory, on: disk)
        let root = try RootKey(
            encoded: HostDisk().contents(of: Self.fixtures + "/vault-1.root.key")
        )
        let vault = try VaultWorld.open(disk, root: root)
        #expect(vault.name == "golden")
        #expect(vault.created == VaultWorld.start)
        let points = try vault.recoveryPoints()
        #expect(points.map(\.labels) == [["day": "1"], ["day": "2"]])
        #expect(points.map(\.expires) == [nil, VaultWorld.start.adding(seconds: 1 << 40)])
        for (index, point) in points.enumerated() {
            let shown = try VaultWorld.restore(point, from: vault)
            #expect(shown == Self.contents(day: index + 1))
        }
        #expect(try vault.verify(readData: true).isClean)
        let writer = try vault.beginWrite()
        let map = try VaultWorld.store(Self.contents(day: 2), by: writer)
        #expect(writer.counters.chunksStored == 0, "ids, cuts and nodes are what they were")
        _ = try writer.publish(VaultWorld.draft(map, day: 3))
        #expect(try vault.verify(readData: true).withoutVoucher == 2)
        let pruned = try vault.prune()
        #expect(pruned.recoveryPoints == 3 && pruned.vouchersMade == 2)
        // From then on it misses what it loses.
        try disk.remove(VoucherTests.manifest(points[0].id))
        let lost = try VaultWorld.open(disk, root: root).listing().damaged
        #expect(lost.map(\.id) == [points[0].id])
    }

    static func copy(_ source: String, to target: String, on disk: SimulatedDisk) throws {
        try disk.makeDirectories(target)
        for name in try HostDisk().list(source) {
            let from = source + "/" + name
            if try HostDisk().status(of: from)?.kind == .directory {
                try copy(from, to: target + "/" + name, on: disk)
            } else {
                try disk.replace(target + "/" + name, with: HostDisk().contents(of: from))
            }
        }
    }

    static let target = ProcessInfo.processInfo.environment["VARVE_MAKE_FIXTURE"]

    @Test(.enabled(if: target != nil, "only to make a new fixture"))
    func `a fixture is made`() throws {
        let directory = try #require(Self.target)
        let root = RootKey.random()
        let vault = try Vault.create(
            disk: HostDisk(),
            directory: directory,
            name: "golden",
            root: root,
            clock: SimulatedClock(VaultWorld.start),
            settings: VaultWorld.settings
        )
        try HostDisk().replace(directory + ".root.key", with: root.encoded())
        let gone = try VaultWorld.backUp(["gone": [1, 2, 3]], to: vault)
        let idle = try vault.beginWrite()
        let one = try VaultWorld.backUp(Self.contents(day: 1), to: vault, day: 1)
        try VaultWorld.backUp(
            Self.contents(day: 2),
            to: vault,
            after: (one, Self.contents(day: 1)),
            day: 2,
            expires: VaultWorld.start.adding(seconds: 1 << 40)
        )
        try vault.delete(gone.id)
        _ = try vault.prune()
        idle.abandon()
    }

    // MARK: With parity

    @Test func `the golden vault with parity restores, verifies, heals and prunes`() throws {
        let disk = SimulatedDisk(recording: false)
        let golden = Self.fixtures + "/vault-1-parity"
        try Self.copy(golden, to: VaultWorld.directory, on: disk)
        let root = try RootKey(encoded: HostDisk().contents(of: golden + ".root.key"))
        let vault = try VaultWorld.open(disk, root: root)
        #expect(try vault.parity() == ParityPolicy(share: 0.25))
        let points = try vault.recoveryPoints()
        #expect(points.map(\.labels) == [["day": "1"], ["day": "2"]])
        #expect(try vault.verify(readData: true).isClean)
        #expect(try vault.verify(readData: true).withoutParity == 0)
        #expect(try vault.holds(of: points[0].id).map(\.name) == ["case 17"])
        // What stands in parity files heals every file that has one, lost or damaged.
        var healed = 0
        for folder in ["packs", "manifests", "holds"] {
            for name in try disk.list(VaultWorld.directory + "/" + folder) {
                let path = "\(VaultWorld.directory)/\(folder)/\(name)"
                let bytes = try disk.contents(of: path)
                if bytes.count <= 64 << 10 {
                    try disk.remove(path)
                } else {
                    try disk.corrupt(path, at: 20_000, mask: 0x40)
                }
                let report = try VaultWorld.open(disk, root: root).repair(.everything)
                #expect(report.verified.isClean, "\(name): \(report.verified.findings)")
                #expect(try disk.contents(of: path) == bytes)
                healed += 1
            }
        }
        #expect(healed > 6)
        let reader = try VaultWorld.open(disk, root: root)
        for (index, point) in points.enumerated() {
            let shown = try VaultWorld.restore(point, from: reader)
            #expect(shown == Self.contentsWithParity(day: index + 1))
        }
        try reader.removeHold(named: "case 17", from: points[0].id)
        try reader.delete(points[0].id)
        #expect(try reader.prune().recoveryPoints == 1)
        #expect(try reader.verify(readData: true).isClean)
    }

    private static func contentsWithParity(day: Int) -> VaultWorld.Contents {
        var generator = SeededGenerator(seed: 2_000)
        var contents = Self.contents(day: day)
        // Packs of more than 64 KiB have parity of another shape.
        for number in 0..<10 { contents["spring \(number)"] = generator.bytes(8_000) }
        return contents
    }

    @Test(.enabled(if: target != nil, "only to make a new fixture"))
    func `a fixture with parity is made`() throws {
        let directory = try #require(Self.target) + "-parity"
        let root = RootKey.random()
        let vault = try Vault.create(
            disk: HostDisk(),
            directory: directory,
            name: "golden",
            root: root,
            clock: SimulatedClock(VaultWorld.start),
            settings: VaultWorld.settings
        )
        try HostDisk().replace(directory + ".root.key", with: root.encoded())
        try vault.setParity(ParityPolicy(share: 0.25))
        let first = Self.contentsWithParity(day: 1)
        let one = try VaultWorld.backUp(first, to: vault, day: 1)
        try VaultWorld.backUp(
            Self.contentsWithParity(day: 2),
            to: vault,
            after: (one, first),
            day: 2
        )
        let hold = PointHold(
            name: "case 17",
            reason: "Counsel asked for it.",
            placedBy: "uid 0",
            placed: VaultWorld.start.adding(seconds: 60)
        )
        try vault.addHold(hold, to: one.id)
    }
}
