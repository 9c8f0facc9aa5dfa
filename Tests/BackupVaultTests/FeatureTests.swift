import Disk
import Foundation
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: a program that does not know what a vault has reads it, and changes nothing in it.
@Suite struct FeatureTests {
    static func code(_ body: () throws -> Void) -> VaultError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? VaultError)?.code
        }
    }

    private static let hold = PointHold(
        name: "case 17",
        reason: "counsel asked",
        placedBy: "uid 0",
        placed: VaultWorld.start
    )

    /// The bits that `vault.json` bears.
    static func features(of world: VaultWorld) throws -> UInt32 {
        let bytes = try world.disk.contents(of: VaultWorld.directory + "/vault.json")
        return try VaultDescription(bytes).features.readOnlyCompatible
    }

    private static let new = VaultFeature.vouchers

    @Test func `the first hold and the first lock mark the vault, for good`() throws {
        let world = try VaultWorld()
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault)
        #expect(try Self.features(of: world) == Self.new)
        try world.vault.addHold(Self.hold, to: point.id)
        #expect(try Self.features(of: world) == Self.new | VaultFeature.holds)
        try world.vault.removeHold(named: "case 17", from: point.id)
        let vault = try world.reopened()
        _ = try vault.setLock(.init(minDays: 7, placedBy: "uid 0"), now: VaultWorld.start)
        let all = Self.new | VaultFeature.holds | VaultFeature.lock
        #expect(try Self.features(of: world) == all)
        try vault.removeLock(now: VaultWorld.start)
        #expect(try Self.features(of: world) == all)
        for each in [vault, world.vault, try world.reopened()] {
            #expect(try each.verify(readData: true).isClean)
        }
    }

    /// Method: a bit that nobody knows yet, sealed as a later Varve will seal it, appears in a vault that is open, and in
    /// one that is opened then.
    @Test func `a vault with a feature that is not known is read, and not changed`() throws {
        let world = try VaultWorld()
        let vault = world.vault
        let contents: VaultWorld.Contents = ["a": Array("kept".utf8)]
        let soon = VaultWorld.start.adding(seconds: 1)
        let point = try VaultWorld.backUp(contents, to: vault, expires: soon)
        let newest = try VaultWorld.backUp(["a": [2]], to: vault, day: 1)
        try vault.addHold(Self.hold, to: newest.id)
        let path = VaultWorld.directory + "/vault.json"
        let known = try VaultDescription(try world.disk.contents(of: path))
        try world.disk.replace(path, with: known.adding(feature: 1 << 20).encoded(keys: vault.keys))
        let before = try RollbackTests.files(of: world)
        let late = VaultWorld.start.adding(seconds: 1_000_000)
        for each in [vault, try world.reopened()] {
            #expect(
                try VaultWorld.restore(try each.recoveryPoint(point.id), from: each) == contents
            )
            #expect(try each.recoveryPoints().count == 2)
            #expect(try each.verify(readData: true).isClean)
            let changes: [(String, () throws -> Void)] = [
                ("delete", { try each.delete(point.id) }),
                ("expire", { _ = try each.expire(now: late) }),
                ("prune", { _ = try each.prune() }), ("write", { _ = try each.beginWrite() }),
                ("hold", { try each.addHold(Self.hold, to: point.id) }),
                ("unhold", { try each.removeHold(named: "case 17", from: newest.id) }),
                ("lock", { _ = try each.setLock(.init(minDays: 1, placedBy: "x"), now: late) }),
                ("parity", { try each.setParity(ParityTests.policy) }),
                ("index", { try each.rebuildIndex() }),
                ("repair", { _ = try each.repair(.structure) }),
                ("key", { try each.wrap(by: .random()) }),
                ("cold", { _ = try each.setCold(.init(usesVaultKey: true)) }),
                ("move", { _ = try each.beginColdMoves() }),
            ]
            for (what, change) in changes { #expect(Self.code(change) == .newerFormat, "\(what)") }
        }
        #expect(try RollbackTests.files(of: world) == before)
        try world.disk.replace(path, with: known.encoded(keys: vault.keys))
        try world.reopened().removeHold(named: "case 17", from: newest.id)
    }

    /// Goal: an older description that is put back does not free what it does not know of.
    @Test func `a description that lost a feature is named while the vault is open, and put back`()
        throws
    {
        let world = try VaultWorld()
        let path = VaultWorld.directory + "/vault.json"
        let old = try world.disk.contents(of: path)
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault)
        try world.vault.addHold(Self.hold, to: point.id)
        try world.disk.replace(path, with: old)
        #expect(try world.vault.verify(readData: false).findings.map(\.file) == ["vault.json"])
        #expect(try world.vault.repair(.structure).verified.isClean)
        #expect(try Self.features(of: world) == Self.new | VaultFeature.holds)
        // Another process gained the bit meanwhile: that is taken over, and not put back.
        let other = try world.reopened()
        _ = try other.setLock(.init(minDays: 1, placedBy: "uid 0"), now: VaultWorld.start)
        #expect(try world.vault.verify(readData: false).isClean)
        #expect(Self.code { try world.vault.delete(point.id) } == .held)
    }

    /// Goal: the bit stands before the first hold, whenever power goes.
    @Test func `no hold is ever there without its bit`() throws {
        let disk = SimulatedDisk()
        try disk.makeDirectory("/vaults")
        try disk.syncDirectory("/")
        let world = try VaultWorld(disk: disk)
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault)
        let before = disk.operations
        try world.vault.addHold(Self.hold, to: point.id)
        var replay = disk.replay()
        var held = 0
        for cut in before...disk.operations {
            replay.advance(to: cut)
            for fate in [.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut))] as [CutFate] {
                let image = replay.image(fate)
                let vault = try VaultWorld.open(image, root: world.root)
                #expect(try vault.verify(readData: true).isClean, "cut \(cut)")
                guard try !vault.heldPoints().isEmpty else { continue }
                held += 1
                #expect(try vault.has(feature: VaultFeature.holds), "cut \(cut) (\(fate))")
            }
        }
        #expect(held > 0)
    }
}
