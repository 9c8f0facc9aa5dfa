import BackupVault
import Disk
import Keyring
import TestKit
import Testing
import VarveModel

/// Holds keep points from expiry and deletion, and say so when they cannot be read.
@Suite struct HoldTests {
    private static func hold(_ name: String, reason: String = "counsel asked for it") -> PointHold {
        PointHold(name: name, reason: reason, placedBy: "uid 0", placed: VaultWorld.start)
    }

    private static func code(_ body: () throws -> Void) -> VaultError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? VaultError)?.code
        }
    }

    @Test func `a held point neither expires nor can be deleted, until the last hold goes`() throws
    {
        let world = try VaultWorld()
        let vault = world.vault
        let soon = VaultWorld.start.adding(seconds: 10)
        let late = VaultWorld.start.adding(seconds: 1_000_000)
        let first = try VaultWorld.backUp(["a": [1]], to: vault, day: 0, expires: soon)
        try VaultWorld.backUp(["a": [2]], to: vault, day: 1, expires: soon)
        let newest = try VaultWorld.backUp(["a": [3]], to: vault, day: 2, expires: soon)
        try vault.addHold(Self.hold("case 17"), to: first.id)
        try vault.addHold(Self.hold("audit"), to: first.id)
        #expect(try vault.holds(of: first.id).map(\.name) == ["audit", "case 17"])
        #expect(try world.reopened().holds(of: first.id) == vault.holds(of: first.id))
        #expect(try vault.heldPoints() == [first.id])
        let young = try vault.expiryVerdicts(now: VaultWorld.start).map(\.keptBecause)
        #expect(young[0] == "its time has not come, held by 'audit', 'case 17'")
        let verdicts = try vault.expiryVerdicts(now: late)
        #expect(
            verdicts.map(\.keptBecause) == [
                "held by 'audit', 'case 17'", nil, "the newest of its source",
            ]
        )
        #expect(try vault.expire(now: late).map(\.labels["day"]) == ["1"])
        #expect(Self.code { try vault.delete(first.id) } == .held)
        try vault.removeHold(named: "audit", from: first.id)
        #expect(Self.code { try vault.delete(first.id) } == .held)
        #expect(try vault.expire(now: late).isEmpty)
        try vault.removeHold(named: "case 17", from: first.id)
        #expect(try vault.heldPoints().isEmpty)
        #expect(try vault.expire(now: late).map(\.id) == [first.id])
        #expect(try vault.recoveryPoints().map(\.id) == [newest.id])
        #expect(try vault.verify(readData: true).isClean)
    }

    @Test func `what is no hold is refused, and changes nothing`() throws {
        let world = try VaultWorld()
        let vault = world.vault
        let point = try VaultWorld.backUp(["a": [1]], to: vault)
        try vault.addHold(Self.hold("one"), to: point.id)
        #expect(Self.code { try vault.addHold(Self.hold("one"), to: point.id) } == .exists)
        for name in ["", String(repeating: "n", count: 65), "two\nlines"] {
            #expect(Self.code { try vault.addHold(Self.hold(name), to: point.id) } == .invalid)
        }
        #expect(
            Self.code { try vault.addHold(Self.hold("x", reason: ""), to: point.id) } == .invalid
        )
        #expect(Self.code { try vault.removeHold(named: "two", from: point.id) } == .notFound)
        let other = try VaultWorld.backUp(["a": [2]], to: vault, day: 1)
        try vault.delete(other.id)
        #expect(Self.code { try vault.addHold(Self.hold("late"), to: other.id) } == .notFound)
        #expect(try vault.holds(of: point.id) == [Self.hold("one")])
    }

    /// Goal: whoever cannot say what holds a point must not let it go.
    @Test func `a point whose holds do not read is held, and verify names the file`() throws {
        let world = try VaultWorld()
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault, expires: VaultWorld.start)
        try VaultWorld.backUp(["a": [2]], to: world.vault, day: 1)
        try world.vault.addHold(Self.hold("case 17"), to: point.id)
        let path = VaultWorld.directory + "/holds/\(point.id).holds"
        let whole = try world.disk.contents(of: path)
        let late = VaultWorld.start.adding(seconds: 100)
        for offset in [0, 10, 30, 50, 70, 92, whole.count - 1] {
            var damaged = whole
            damaged[offset] ^= 1
            try world.disk.replace(path, with: damaged)
            let vault = try world.reopened()
            #expect(Self.code { try vault.delete(point.id) } != nil, "byte \(offset)")
            #expect(try vault.expire(now: late).isEmpty, "byte \(offset)")
            let findings = try vault.verify(readData: false).findings
            #expect(findings.map(\.subject) == [.hold], "byte \(offset): \(findings)")
            #expect(findings.first?.file == "holds/\(point.id).holds")
        }
        // The holds of another point do not pass for its own.
        let other = try VaultWorld.backUp(["a": [3]], to: world.vault, day: 2)
        try world.disk.replace(VaultWorld.directory + "/holds/\(other.id).holds", with: whole)
        #expect(Self.code { _ = try world.vault.holds(of: other.id) } == .corrupt)
    }

    /// Without a voucher, as a crash leaves a point until the next prune, its hold tells that it was there.
    @Test(arguments: [true, false])
    func `a held point whose manifest was taken away is missed by verify`(isVouched: Bool) throws {
        let world = try VaultWorld()
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault)
        try world.vault.addHold(Self.hold("case 17"), to: point.id)
        try world.disk.remove(VaultWorld.directory + "/manifests/\(point.id).manifest")
        if !isVouched { try VoucherTests.remove(point.id, on: world.disk) }
        let findings = try world.vault.verify(readData: false).findings
        #expect(findings.map(\.subject) == [isVouched ? .manifest : .hold])
        let word = isVouched ? "\(point.id)" : "case 17"
        #expect(findings.first?.message.contains(word) == true)
        try world.vault.removeHold(named: "case 17", from: point.id)
        #expect(try world.vault.verify(readData: false).isClean != isVouched)
        if isVouched { try world.vault.delete(point.id) }
        #expect(try world.vault.verify(readData: false).isClean)
    }

    /// Goal: what is held survives the loss of its manifest, as long as that can be put back.
    @Test(arguments: [true, false])
    func `a prune refuses to judge when a held point is not listed`(isVouched: Bool) throws {
        let world = try VaultWorld()
        let contents: VaultWorld.Contents = ["a": Array("held".utf8)]
        let point = try VaultWorld.backUp(contents, to: world.vault)
        try world.vault.addHold(Self.hold("case 17"), to: point.id)
        let path = VaultWorld.directory + "/manifests/\(point.id).manifest"
        let manifest = try world.disk.contents(of: path)
        try world.disk.remove(path)
        if !isVouched { try VoucherTests.remove(point.id, on: world.disk) }
        #expect(Self.code { _ = try world.vault.prune() } == .corrupt)
        #expect(Self.code { _ = try world.reopened().prune() } == .corrupt)
        try world.disk.replace(path, with: manifest)
        #expect(try world.vault.prune().packsDeleted == 0)
        let vault = try world.reopened()
        #expect(try VaultWorld.restore(try vault.recoveryPoint(point.id), from: vault) == contents)
        try world.disk.remove(path)
        try world.vault.removeHold(named: "case 17", from: point.id)
        // The prune before has given it its voucher in any case.
        #expect(Self.code { _ = try world.vault.prune() } == .corrupt)
        try world.vault.delete(point.id)
        #expect(try world.vault.prune().packsDeleted > 0)
    }

    /// Goal: a vault from before holds needs no room to let points go.
    @Test func `the folder of holds comes with the first hold`() throws {
        let world = try VaultWorld()
        let folder = VaultWorld.directory + "/holds"
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault)
        let other = try VaultWorld.backUp(["a": [2]], to: world.vault, day: 1)
        #expect(Self.code { try world.vault.removeHold(named: "x", from: point.id) } == .notFound)
        try world.vault.delete(other.id)
        _ = try world.vault.prune()
        #expect(try world.disk.status(of: folder) == nil)
        try world.vault.addHold(Self.hold("x"), to: point.id)
        #expect(try world.disk.status(of: folder) != nil)
        #expect(try world.reopened().heldPoints() == [point.id])
    }

    /// Goal: a hold is there or not, whenever power goes, and its point with it (I2, I3).
    @Test(arguments: [false, true])
    func `a hold that was placed survives a power cut after every write`(parity: Bool) throws {
        let disk = SimulatedDisk()
        try disk.makeDirectory("/vaults")
        try disk.syncDirectory("/")
        let world = try VaultWorld(disk: disk)
        if parity { try world.vault.setParity(ParityTests.policy) }
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault, expires: VaultWorld.start)
        try VaultWorld.backUp(["a": [2]], to: world.vault, day: 1)
        let before = disk.operations
        try world.vault.addHold(Self.hold("case 17"), to: point.id)
        let placed = disk.operations
        try world.vault.removeHold(named: "case 17", from: point.id)
        let removed = disk.operations
        #expect(before < placed && placed < removed)
        let names = try disk.list(VaultWorld.directory + "/" + (parity ? "parity" : "packs"))
        #expect(!names.contains { $0.contains(".holds") })
        var replay = disk.replay()
        for cut in before...removed {
            replay.advance(to: cut)
            let tear = CutFate.tear(seed: testSeed(default: 71) &+ UInt64(cut))
            for fate in [.keepUnsynced, .dropUnsynced, tear] as [CutFate] {
                let vault = try VaultWorld.open(replay.image(fate), root: world.root)
                let names = try vault.holds(of: point.id).map(\.name)
                #expect(names.isEmpty || names == ["case 17"], "cut \(cut)")
                if cut == placed { #expect(names == ["case 17"]) }
                if cut == removed { #expect(names.isEmpty) }
                #expect(try vault.verify(readData: true).isClean, "cut \(cut)")
            }
        }
    }

    // MARK: Parity

    /// Goal: with parity, holds are not lost with their file.
    @Test func `holds whose file is lost or damaged still hold, and come back by parity`() throws {
        let world = try VaultWorld()
        try world.vault.setParity(ParityTests.policy)
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault, expires: VaultWorld.start)
        try VaultWorld.backUp(["a": [2]], to: world.vault, day: 1)
        try world.vault.addHold(Self.hold("case 17"), to: point.id)
        try world.vault.addHold(Self.hold("audit"), to: point.id)
        let path = VaultWorld.directory + "/holds/\(point.id).holds"
        let whole = try world.disk.contents(of: path)
        let late = VaultWorld.start.adding(seconds: 100)
        for isLost in [true, false] {
            if isLost {
                try world.disk.remove(path)
            } else {
                try world.disk.corrupt(path, at: 99, mask: 4)
            }
            let vault = try world.reopened()
            #expect(Self.code { try vault.delete(point.id) } == .corrupt)
            #expect(try vault.expire(now: late).isEmpty)
            #expect(try vault.heldPoints() == [point.id])
            _ = try vault.prune()
            #expect(try vault.verify(readData: false).findings.map(\.subject) == [.hold])
            let report = try vault.repair(.structure)
            #expect(
                report.verified.isClean && report.healed.map(\.file) == ["holds/\(point.id).holds"]
            )
            #expect(try world.disk.contents(of: path) == whole)
            #expect(try vault.holds(of: point.id).map(\.name) == ["audit", "case 17"])
        }
        // What is taken away is not brought back.
        try world.vault.removeHold(named: "audit", from: point.id)
        try world.disk.remove(path)
        _ = try world.reopened().repair(.structure)
        #expect(try world.vault.holds(of: point.id).map(\.name) == ["case 17"])
        try world.vault.removeHold(named: "case 17", from: point.id)
        #expect(try world.reopened().heldPoints().isEmpty)
        #expect(try world.reopened().repair(.everything).verified.isClean)
        try world.vault.delete(point.id)
    }

    @Test func `holds from before parity are given it`() throws {
        let world = try VaultWorld()
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault)
        try world.vault.addHold(Self.hold("case 17"), to: point.id)
        #expect(try world.vault.setParity(ParityTests.policy) == 4)
        let name = "\(point.id).holds.parity"
        let folder = VaultWorld.directory + "/parity"
        #expect(try world.disk.list(folder).contains(name))
        try world.disk.remove(folder + "/" + name)
        #expect(try world.reopened().verify(readData: false).withoutParity == 1)
        #expect(try world.reopened().prune().parityMade == 1)
        #expect(try world.disk.list(folder).contains(name))
        // A held point whose manifest is gone, and its parity: nothing heals that, and the holds are whole.
        try world.disk.remove(folder + "/\(point.id).manifest.parity")
        let manifest = "manifests/\(point.id).manifest"
        try world.disk.remove(VaultWorld.directory + "/" + manifest)
        let report = try world.reopened().repair(.structure)
        #expect(report.verified.findings.map(\.subject) == [.manifest] && report.healed.isEmpty)
        #expect(report.unhealed.map(\.file) == [manifest])
        try VoucherTests.remove(point.id, on: world.disk)
        let last = try world.reopened().repair(.structure)
        #expect(last.verified.findings.map(\.subject) == [.hold] && last.healed.isEmpty)
    }

    // MARK: The golden sample

    private static let golden = GoldenTests.fixtures + "/vault-1-holds"
    private static let goldenHolds = [
        PointHold(
            name: "audit",
            reason: "The year is being audited.",
            placedBy: "uid 0",
            placed: VaultWorld.start.adding(seconds: 60)
        ),
        PointHold(
            name: "Fall 17 – Müller",
            reason: "Counsel asked for it.",
            placedBy: "uid 1000",
            placed: VaultWorld.start.adding(seconds: 120)
        ),
    ]

    @Test func `the golden holds are read, and hold`() throws {
        let disk = SimulatedDisk(recording: false)
        try GoldenTests.copy(Self.golden, to: VaultWorld.directory, on: disk)
        let root = try RootKey(encoded: HostDisk().contents(of: Self.golden + ".root.key"))
        let vault = try VaultWorld.open(disk, root: root)
        let point = try #require(try vault.recoveryPoints().first)
        #expect(try vault.holds(of: point.id) == Self.goldenHolds.reversed())
        #expect(Self.code { try vault.delete(point.id) } == .held)
        #expect(try vault.verify(readData: true).isClean)
    }

    @Test(.enabled(if: GoldenTests.target != nil, "only to make a new fixture"))
    func `a fixture of holds is made`() throws {
        let directory = try #require(GoldenTests.target) + "-holds"
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
        let point = try VaultWorld.backUp(["held": Array("for ever".utf8)], to: vault, day: 1)
        for hold in Self.goldenHolds { try vault.addHold(hold, to: point.id) }
    }
}
