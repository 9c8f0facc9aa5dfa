import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: neither form of a point is given up while the other is not proved, and what is kept stays readable.
@Suite struct ColdKeepingTests {
    private typealias Sample = ColdVaultTests.Sample

    private static let hold = PointHold(
        name: "case",
        reason: "x",
        placedBy: "uid 0",
        placed: ColdVaultTests.now
    )

    private static func manifestPath(_ id: RecoveryPointID) -> String {
        VaultWorld.directory + "/manifests/\(id).manifest"
    }

    private static func recordPath(_ id: RecoveryPointID) -> String {
        VaultWorld.directory + "/cold/\(id).cold"
    }

    private static func folder(of vault: Vault, in directory: String) -> String {
        directory + "/" + Hex.encode(vault.id.bytes)
    }

    // MARK: The last form

    @Test func `a manifest that comes back alone costs no archive without its record`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let id = sample.points[0].point.id
        let manifest = try disk.contents(of: Self.manifestPath(id))
        try ColdVaultTests.move(id, of: vault, as: [1, 2, 3])
        try vault.addHold(Self.hold, to: id)
        _ = try vault.prune()
        let record = try disk.contents(of: Self.recordPath(id))
        try disk.remove(Self.recordPath(id))
        // The remedy is the record: the manifest's chunks are gone.
        do {
            _ = try vault.prune()
            Issue.record("a held point is gone, and the prune went on")
        } catch {
            #expect(error.code == .corrupt && error.remedy.contains("cold/\(id).cold"))
        }
        try disk.replace(Self.manifestPath(id), with: manifest)
        // Who has not read its maps before finds that they are gone.
        let fresh = try sample.world.reopened()
        #expect(ColdVaultTests.code { _ = try fresh.prune() } == .corrupt)
        #expect(
            try disk.contents(of: VaultWorld.directory + "/cold/\(id).tar.zst.age") == [1, 2, 3]
        )
        try disk.replace(Self.recordPath(id), with: record)
        _ = try vault.prune()
        let point = try vault.recoveryPoint(id)
        #expect(try point.isCold && ColdVaultTests.archive(of: point, in: vault) == [1, 2, 3])
    }

    private enum Harm: CaseIterable { case away, unreadable, damaged }

    @Test(arguments: [0, 1, 2])
    func `an archive stays while the manifest beside it has no chunks`(number: Int) throws {
        let harm = Harm.allCases[number]
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let id = sample.points[0].point.id
        let manifest = try disk.contents(of: Self.manifestPath(id))
        _ = try vault.setCold(.init(directory: ColdVaultTests.other))
        try ColdVaultTests.move(id, of: vault, as: [1, 2, 3])
        _ = try vault.prune()
        try disk.replace(Self.manifestPath(id), with: manifest)
        let folder = Self.folder(of: vault, in: ColdVaultTests.other)
        let archive = folder + "/\(id).tar.zst.age"
        switch harm {
        case .away: try disk.rename(folder, to: "/away")
        case .unreadable: disk.failReads(of: archive)
        case .damaged: try disk.corrupt(archive, at: 1, mask: 1)
        }
        // Who has not read its maps before finds that they are gone.
        let fresh = try sample.world.reopened()
        #expect(ColdVaultTests.code { _ = try fresh.prune() } == .corrupt)
        switch harm {
        case .away: try disk.rename("/away", to: folder)
        case .unreadable: disk.clearFaults()
        case .damaged: try disk.corrupt(archive, at: 1, mask: 1)
        }
        _ = try vault.prune()
        let point = try vault.recoveryPoint(id)
        #expect(try point.isCold && ColdVaultTests.archive(of: point, in: vault) == [1, 2, 3])
    }

    @Test func `a copy of the vault from before a move takes no archive away`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let id = sample.points[0].point.id
        _ = try vault.setCold(.init(directory: ColdVaultTests.other))
        let manifest = try disk.contents(of: Self.manifestPath(id))
        try ColdVaultTests.move(id, of: vault, as: [1, 2, 3])
        // The vault as it was: the archive that lies in the shared directory is that of the other one.
        try disk.replace(Self.manifestPath(id), with: manifest)
        try disk.remove(Self.recordPath(id))
        _ = try sample.world.reopened().prune()
        let archive = Self.folder(of: vault, in: ColdVaultTests.other) + "/\(id).tar.zst.age"
        #expect(try disk.contents(of: archive) == [1, 2, 3])
    }

    /// Moves a point to the one directory, has `/b` take its place, and carries the archive there by hand.
    private static func carryArchive(
        of id: RecoveryPointID,
        in sample: Sample
    ) throws -> (folder: String, name: String) {
        let (vault, disk) = (sample.vault, sample.world.disk)
        try disk.makeDirectories("/b")
        _ = try vault.setCold(.init(directory: ColdVaultTests.other))
        try ColdVaultTests.move(id, of: vault, as: [1, 2, 3])
        _ = try vault.setCold(.init(directory: "/b"))
        let name = "/\(id).tar.zst.age"
        let target = folder(of: vault, in: "/b")
        try disk.rename(folder(of: vault, in: ColdVaultTests.other) + name, to: target + name)
        return (target, name)
    }

    @Test func `an archive that may lie in a directory that does not answer is not called missing`()
        throws
    {
        let sample = try Sample()
        let disk = sample.world.disk
        let id = sample.points[0].point.id
        let (second, name) = try Self.carryArchive(of: id, in: sample)
        let probed = ProbedDisk(disk)
        let looking = try Vault.open(
            disk: probed,
            directory: VaultWorld.directory,
            root: sample.world.root
        )
        let point = try looking.recoveryPoint(id)
        probed.failLooks(beneath: "/b")
        #expect(ColdVaultTests.code { _ = try looking.openArchive(of: point) } == .failed)
        probed.failLooks(beneath: nil)
        #expect(try ColdVaultTests.archive(of: point, in: looking) == [1, 2, 3])
        // Where every directory answers and none has it, it is missing.
        try disk.remove(second + name)
        #expect(ColdVaultTests.code { _ = try looking.openArchive(of: point) } == .corrupt)
    }

    // MARK: Locks and holds

    @Test func `in a locked vault points move only to archives that its own key opens`() throws {
        let sample = try Sample()
        let vault = sample.vault
        let ids = sample.points.map(\.point.id)
        let other = AgeIdentity.random().recipient
        let asked = Vault.ColdRequest(usesVaultKey: false, recipients: [other])
        _ = try vault.setCold(asked)
        let mover = try vault.beginColdMoves()
        let begun = try mover.begin(ids[0])
        try begun.append([1])
        _ = try begun.seal()
        _ = try vault.setLock(
            VaultLock.Request(minDays: 30, placedBy: "uid 0"),
            now: VaultWorld.start
        )
        #expect(
            ColdVaultTests.code {
                _ = try begun.finish(
                    entries: 1,
                    fileKey: .random(),
                    now: ColdVaultTests.now
                )
            } == .held
        )
        begun.abandon()
        #expect(ColdVaultTests.code { _ = try mover.begin(ids[0]) } == .held)
        mover.end()
        #expect(ColdVaultTests.code { _ = try vault.setCold(asked) } == .held)
        let both = Vault.ColdRequest(
            usesVaultKey: true,
            recipients: [other],
            directory: ColdVaultTests.other
        )
        _ = try vault.setCold(both)
        #expect(
            ColdVaultTests.code { try ColdVaultTests.move(ids[0], of: vault, as: [1]) } == .held
        )
        _ = try vault.setCold(.init(directory: ""))
        let moved = try ColdVaultTests.move(ids[0], of: vault, as: [1])
        #expect(moved.isCold && moved.cold?.recipients.count == 2)
    }

    @Test func `a held point moves only to an archive that the vault is sure of`() throws {
        let sample = try Sample()
        let vault = sample.vault
        let ids = sample.points.map(\.point.id)
        try vault.addHold(Self.hold, to: ids[0])
        _ = try vault.setCold(.init(directory: ColdVaultTests.other))
        #expect(
            ColdVaultTests.code { try ColdVaultTests.move(ids[0], of: vault, as: [1]) } == .held
        )
        try ColdVaultTests.move(ids[1], of: vault, as: [1])
        _ = try vault.setCold(.init(directory: ""))
        #expect(try ColdVaultTests.move(ids[0], of: vault, as: [1]).isCold)
    }

    @Test func `an archive that is to go lets no prune pass a held point by`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let (point, contents) = sample.points[0]
        _ = try vault.setCold(.init(directory: ColdVaultTests.other))
        let folder = Self.folder(of: vault, in: ColdVaultTests.other)
        try disk.rename(folder, to: "/away")
        try vault.addHold(Self.hold, to: point.id)
        try vault.coldFiles.write(.going(directory: ColdVaultTests.other), of: point.id)
        let manifest = try disk.contents(of: Self.manifestPath(point.id))
        try disk.remove(Self.manifestPath(point.id))
        #expect(ColdVaultTests.code { _ = try vault.prune() } == .corrupt)
        try disk.replace(Self.manifestPath(point.id), with: manifest)
        _ = try vault.prune()
        #expect(try VaultWorld.restore(vault.recoveryPoint(point.id), from: vault) == contents)
    }

    // MARK: Deleting

    @Test func `a deleted point's archive goes when the directory where it is comes back`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let id = sample.points[0].point.id
        let (second, _) = try Self.carryArchive(of: id, in: sample)
        try disk.rename(second, to: "/away")
        try vault.delete(id)
        _ = try vault.prune()
        #expect(try vault.recoveryPoints().count == 2)
        try disk.rename("/away", to: second)
        _ = try vault.prune()
        #expect(try disk.list(second).isEmpty)
        #expect(try disk.list(VaultWorld.directory + "/cold") == ["settings"])
    }

    @Test func `a record that says that an archive is to go is given no parity`() throws {
        let sample = try Sample()
        let vault = sample.vault
        let id = sample.points[0].point.id
        try vault.setParity(ParityTests.policy)
        try ColdVaultTests.move(id, of: vault, as: [1, 2, 3])
        try vault.parityFiles.remove([.cold(id)])
        try vault.coldFiles.write(.going(directory: ""), of: id)
        let policy = try #require(ParityTests.policy)
        #expect(try !vault.write(.cold(id), policy))
        _ = try vault.prune()
        #expect(try vault.listing().damaged.isEmpty)
    }

    @Test func `what expires goes behind a point that cannot be deleted now`() throws {
        let sample = try Sample(count: 4, expires: VaultWorld.start.adding(seconds: 10))
        let (vault, disk) = (sample.vault, sample.world.disk)
        let ids = sample.points.map(\.point.id)
        try ColdVaultTests.move(ids[0], of: vault, as: [1, 2, 3])
        let record = "\(ids[0]).cold"
        disk.fail(after: 0, lasting: true) { _, path in path.contains(record) }
        #expect(ColdVaultTests.code { _ = try vault.expire(now: ColdVaultTests.now) } == .failed)
        disk.clearFaults()
        #expect(try vault.recoveryPoints().map(\.id) == [ids[0], ids[3]])
        #expect(try vault.expire(now: ColdVaultTests.now).map(\.id) == [ids[0]])
    }

    // MARK: What is read again

    @Test func `an archive that storage gives back otherwise does not become the point`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let (point, contents) = sample.points[0]
        let mover = try vault.beginColdMoves()
        let move = try mover.begin(point.id)
        try move.append([1, 2, 3])
        let path = VaultWorld.directory + "/cold/\(point.id).tar.zst.age.new"
        try disk.corrupt(path, at: 1, mask: 1)
        #expect(ColdVaultTests.code { _ = try move.seal() } == .corrupt)
        move.abandon()
        mover.end()
        #expect(try VaultWorld.restore(vault.recoveryPoint(point.id), from: vault) == contents)
    }

    @Test func `an archive that was cut short in one directory is read from another`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let id = sample.points[0].point.id
        _ = try vault.setCold(.init(directory: ColdVaultTests.other))
        try ColdVaultTests.move(id, of: vault, as: [1, 2, 3])
        let name = "/\(id).tar.zst.age"
        try disk.replace(Self.folder(of: vault, in: ColdVaultTests.other) + name, with: [1])
        #expect(try !vault.verify(readData: true).isClean)
        try disk.replace(VaultWorld.directory + "/cold" + name, with: [1, 2, 3])
        #expect(try ColdVaultTests.archive(of: vault.recoveryPoint(id), in: vault) == [1, 2, 3])
        #expect(try vault.verify(readData: true).isClean)
    }

    @Test func `a point without content is not published, and verify names one`() throws {
        let sample = try Sample()
        let vault = sample.vault
        var draft = sample.points[0].point.draft
        draft.maps = [:]
        let writer = try vault.beginWrite()
        #expect(ColdVaultTests.code { _ = try writer.publish(draft) } == .invalid)
        writer.abandon()
        let id = RecoveryPointID(.random())
        try vault.manifests.write(RecoveryPoint(id: id, draft: draft))
        let found = try vault.verify(readData: false).findings
        #expect(found.map(\.subject) == [.manifest])
        #expect(found.first?.file.contains("\(id)") == true)
    }
}
