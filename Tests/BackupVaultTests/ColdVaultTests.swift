import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Cold storage as the vault sees it: an archive is bytes here, whatever is in it.
@Suite struct ColdVaultTests {
    static let now = VaultWorld.start.adding(seconds: 100 * 86_400)
    static let other = "/elsewhere"

    /// Moves a point; its archive are these bytes.
    @discardableResult
    static func move(
        _ id: RecoveryPointID,
        of vault: Vault,
        as bytes: [UInt8]
    ) throws -> RecoveryPoint {
        let mover = try vault.beginColdMoves()
        defer { mover.end() }
        let move = try mover.begin(id)
        for start in stride(from: 0, to: bytes.count, by: 1_000) {
            try move.append(Array(bytes[start..<min(start + 1_000, bytes.count)]))
        }
        let sealed = try move.seal()
        #expect(sealed.byteCount == UInt64(bytes.count))
        return try move.finish(entries: 1, fileKey: .random(), now: now)
    }

    static func archive(of point: RecoveryPoint, in vault: Vault) throws -> [UInt8] {
        let file = try vault.openArchive(of: point)
        return try file.read(0..<file.byteCount)
    }

    static func code(_ body: () throws -> Void) -> VaultError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? VaultError)?.code
        }
    }

    /// A vault with three points, the contents of which differ.
    struct Sample {
        let world: VaultWorld
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []

        var vault: Vault { world.vault }

        init(
            disk: SimulatedDisk = SimulatedDisk(),
            seed: UInt64 = 441,
            count: Int64 = 3,
            expires: Timestamp? = nil
        ) throws {
            var generator = SeededGenerator(seed: testSeed(default: seed))
            world = try VaultWorld(disk: disk)
            try disk.makeDirectories(ColdVaultTests.other)
            for day in 0..<count {
                let contents = VaultWorld.contents(4, bytesMax: 2_000, using: &generator)
                let point = try VaultWorld.backUp(
                    contents,
                    to: world.vault,
                    day: day,
                    expires: expires
                )
                points.append((point, contents))
            }
        }
    }

    @Test func `a point that moved is listed as before, and a prune frees its chunks`() throws {
        let sample = try Sample()
        let (vault, first) = (sample.vault, sample.points[0].point)
        let before = try vault.statistics()
        let moved = try Self.move(first.id, of: vault, as: Array("archive".utf8))
        #expect(moved.isCold && moved.maps.isEmpty)
        let pruned = try vault.prune()
        #expect(pruned.bytesFreed > 0 && pruned.recoveryPoints == 2)
        for seen in [vault, try sample.world.reopened()] {
            let points = try seen.recoveryPoints()
            #expect(points.map(\.id) == sample.points.map(\.point.id))
            #expect(points.map(\.isCold) == [true, false, false])
            #expect(points[0] == moved && points[0].labels == first.labels)
            #expect(points[0].statistics == first.statistics && points[0].source == first.source)
            #expect(try seen.recoveryPoint(first.id) == moved)
            #expect(try Self.archive(of: moved, in: seen) == Array("archive".utf8))
            #expect(try seen.verify(readData: true).isClean)
            let after = try seen.statistics()
            #expect(after.recoveryPoints == 3 && after.coldPoints == 1 && after.coldBytes == 7)
            #expect(after.storedBytes < before.storedBytes)
        }
        #expect(Self.code { try Self.move(first.id, of: vault, as: [1]) } == .exists)
        #expect(Self.code { _ = try vault.openArchive(of: sample.points[1].point) } == .invalid)
        for (point, contents) in sample.points.dropFirst() {
            #expect(try VaultWorld.restore(vault.recoveryPoint(point.id), from: vault) == contents)
        }
    }

    @Test func `who deletes a cold point deletes its archive, and nothing of others`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        for (point, _) in sample.points.prefix(2) {
            try Self.move(point.id, of: vault, as: Array("\(point.id)".utf8))
        }
        let id = sample.points[0].point.id
        try vault.delete(id)
        #expect(Self.code { try vault.delete(id) } == .notFound)
        #expect(Self.code { _ = try vault.recoveryPoint(id) } == .notFound)
        let kept = sample.points[1].point.id
        let names = try disk.list(VaultWorld.directory + "/cold")
        #expect(names == ["\(kept).cold", "\(kept).tar.zst.age", "settings"])
        #expect(try vault.verify(readData: true).isClean)
    }

    @Test func `holds and expiry count for cold points as for warm ones`() throws {
        let sample = try Sample(expires: VaultWorld.start.adding(seconds: 10))
        let vault = sample.vault
        let ids = sample.points.map(\.point.id)
        for id in ids.prefix(2) { try Self.move(id, of: vault, as: [1, 2, 3]) }
        let hold = PointHold(name: "case", reason: "x", placedBy: "uid 0", placed: Self.now)
        try vault.addHold(hold, to: ids[0])
        #expect(Self.code { try vault.delete(ids[0]) } == .held)
        #expect(try vault.verify(readData: true).isClean)
        #expect(try vault.prune().recoveryPoints == 1)
        #expect(try vault.expire(now: Self.now).map(\.id) == [ids[1]])
        #expect(try vault.recoveryPoints().map(\.id) == [ids[0], ids[2]])
        try vault.removeHold(named: "case", from: ids[0])
        #expect(try vault.expire(now: Self.now).map(\.id) == [ids[0]])
    }

    /// Goal: a lock keeps an archive as it keeps a point; moving is allowed, since nothing is lost by it.
    @Test func `a lock keeps cold points for its minimum, and lets points move`() throws {
        let sample = try Sample(expires: VaultWorld.start.adding(seconds: 10))
        let (vault, id) = (sample.vault, sample.points[0].point.id)
        _ = try vault.setLock(
            VaultLock.Request(minDays: 30, placedBy: "uid 0"),
            now: VaultWorld.start
        )
        try Self.move(id, of: vault, as: [1, 2, 3])
        let early = VaultWorld.start.adding(seconds: 29 * 86_400)
        #expect(Self.code { try vault.delete(id, now: early) } == .held)
        #expect(try vault.expire(now: early).isEmpty)
        #expect(try Self.archive(of: vault.recoveryPoint(id), in: vault) == [1, 2, 3])
        #expect(
            try vault.keeper(now: early).text(of: vault.recoveryPoint(id))?.contains("lock") == true
        )
        // A record that does not read is kept, too.
        let path = VaultWorld.directory + "/cold/\(id).cold"
        let whole = try sample.world.disk.contents(of: path)
        try sample.world.disk.corrupt(path, at: 100, mask: 1)
        #expect(Self.code { try vault.delete(id, now: Self.now) } == .held)
        try sample.world.disk.replace(path, with: whole)
        #expect(try vault.recoveryPoint(id).isCold)
    }

    @Test func `the newest of a source is never due, and what is due is so by its own days`() throws
    {
        let world = try VaultWorld()
        var ids: [RecoveryPointID] = []
        for day in 0..<3 as Range<Int64> {
            let writer = try world.vault.beginWrite()
            let map = try VaultWorld.store(["a": [UInt8(day)]], by: writer)
            var draft = VaultWorld.draft(map, day: day)
            draft.statistics[RecoveryPoint.coldAfterDays] = 10
            ids.append(try writer.publish(draft).id)
        }
        let day: (Int64) -> Timestamp = { VaultWorld.start.adding(seconds: $0 * 86_400) }
        #expect(try world.vault.pointsDueForCold(now: day(9)).isEmpty)
        #expect(try world.vault.pointsDueForCold(now: day(10)).map(\.id) == [ids[0]])
        #expect(try world.vault.pointsDueForCold(now: day(99)).map(\.id) == Array(ids[..<2]))
        try Self.move(ids[0], of: world.vault, as: [1])
        #expect(try world.vault.pointsDueForCold(now: day(99)).map(\.id) == [ids[1]])
        #expect(try world.vault.recoveryPoint(ids[0]).movesToCold == nil)
    }

    // MARK: Settings

    @Test func `archives go where the operator says, and are found where they were put`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let ids = sample.points.map(\.point.id)
        #expect(Self.code { _ = try vault.setCold(.init(directory: "/missing")) } == .notFound)
        #expect(Self.code { _ = try vault.setCold(.init(directory: "relative")) } == .invalid)
        #expect(try vault.setCold(.init(directory: Self.other)).directories == [Self.other, ""])
        try Self.move(ids[0], of: vault, as: [1, 2, 3])
        let folder = Self.other + "/" + Hex.encode(vault.id.bytes)
        let name = "\(ids[0]).tar.zst.age"
        #expect(try disk.list(folder) == [name])
        _ = try vault.setCold(.init(directory: ""))
        try Self.move(ids[1], of: vault, as: [4, 5])
        #expect(try vault.verify(readData: true).isClean)
        // Moved by hand into the vault: found there.
        try disk.rename(folder + "/" + name, to: VaultWorld.directory + "/cold/" + name)
        #expect(try Self.archive(of: vault.recoveryPoint(ids[0]), in: vault) == [1, 2, 3])
        try vault.delete(ids[0])
        #expect(try !disk.list(VaultWorld.directory + "/cold").contains(name))
    }

    /// Goal: nothing is written beneath a mount point whose disk is away, and what was deleted meanwhile goes when it is back.
    @Test func `a disk that is away is seen, and leaves nothing behind when it is back`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let ids = sample.points.map(\.point.id)
        _ = try vault.setCold(.init(directory: Self.other))
        try Self.move(ids[0], of: vault, as: [1, 2, 3])
        let folder = Self.other + "/" + Hex.encode(vault.id.bytes)
        try disk.rename(folder, to: "/away")
        #expect(Self.code { try Self.move(ids[1], of: vault, as: [1]) } == .failed)
        #expect(try disk.status(of: folder) == nil)
        let found = try vault.verify(readData: false).findings
        #expect(found.map(\.subject) == [.archive])
        #expect(found.first?.message.contains("\(ids[0])") == true)
        try vault.delete(ids[0])
        #expect(try vault.recoveryPoints().map(\.id) == Array(ids[1...]))
        #expect(try vault.verify(readData: true).isClean)
        _ = try vault.prune()
        try disk.rename("/away", to: folder)
        _ = try vault.prune()
        #expect(try disk.list(folder).isEmpty)
        #expect(try disk.list(VaultWorld.directory + "/cold") == ["settings"])
    }

    /// Goal: an operator's choice of who may read is never undone by a lost file.
    @Test func `settings that are lost stop moves, until they are said again`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let recipient = AgeIdentity.random().recipient
        let asked = Vault.ColdRequest(usesVaultKey: false, recipients: [recipient])
        #expect(try vault.setCold(asked).recipients == [recipient])
        #expect(
            Self.code {
                _ = try vault.setCold(.init(usesVaultKey: false, recipients: []))
            } == .invalid
        )
        let mover = try vault.beginColdMoves()
        #expect(mover.recipients == [recipient])
        #expect(Self.code { _ = try vault.beginColdMoves() } == .locked)
        mover.end()
        let path = VaultWorld.directory + "/cold/settings"
        for harm in [true, false] {
            if harm { try disk.corrupt(path, at: 100, mask: 4) } else { try disk.remove(path) }
            let reopened = try sample.world.reopened()
            #expect(Self.code { _ = try reopened.beginColdMoves() } == .corrupt)
            #expect(try reopened.verify(readData: false).findings.map(\.subject) == [.cold])
        }
        #expect(Self.code { _ = try vault.setCold(.init(directory: "")) } == .corrupt)
        _ = try vault.setCold(asked)
        #expect(try sample.world.reopened().coldSettings().recipients == [recipient])
        #expect(try vault.verify(readData: true).isClean)
    }

    // MARK: Damage

    @Test func `verify names the point whose archive is damaged, and repair says what heals it`()
        throws
    {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let id = sample.points[0].point.id
        try Self.move(id, of: vault, as: [UInt8](repeating: 7, count: 5_000))
        let path = VaultWorld.directory + "/cold/\(id).tar.zst.age"
        let whole = try disk.contents(of: path)
        try disk.corrupt(path, at: 3_333, mask: 1)
        #expect(try vault.verify(readData: false).isClean, "its length is right")
        let found = try vault.verify(readData: true).findings
        #expect(found.map(\.subject) == [.archive] && found.first?.code == .corrupt)
        #expect(found.first?.message.contains("\(id)") == true)
        let repaired = try vault.repair(.everything)
        #expect(
            repaired.healed.isEmpty && repaired.unhealed.map(\.file) == ["cold/\(id).tar.zst.age"]
        )
        try disk.replace(path, with: Array(whole.dropLast()))
        #expect(try vault.verify(readData: false).findings.map(\.subject) == [.archive])
        try disk.remove(path)
        #expect(try vault.verify(readData: false).findings.map(\.subject) == [.archive])
        #expect(Self.code { _ = try vault.openArchive(of: vault.recoveryPoint(id)) } == .corrupt)
        // A lost archive keeps nobody from deleting its point.
        try vault.delete(id)
        #expect(try vault.verify(readData: true).isClean)
    }

    @Test func `a record that does not read is named, hinders no prune, and parity heals it`()
        throws
    {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        try vault.setParity(ParityTests.policy)
        let id = sample.points[0].point.id
        try Self.move(id, of: vault, as: [1, 2, 3])
        let path = VaultWorld.directory + "/cold/\(id).cold"
        let whole = try disk.contents(of: path)
        for harm in [0, 1] {
            if harm == 0 { try disk.corrupt(path, at: 110, mask: 1) } else { try disk.remove(path) }
            let found = try vault.verify(readData: true).findings
            #expect(found.map(\.subject) == [.cold], "\(found)")
            #expect(try vault.listing().damaged.map(\.id) == [id])
            _ = try vault.prune()
            #expect(try disk.list(VaultWorld.directory + "/cold").contains("\(id).tar.zst.age"))
            #expect(try vault.repair(.everything).verified.isClean)
            #expect(try disk.contents(of: path) == whole)
        }
        try vault.delete(id)
        #expect(
            try disk.list(VaultWorld.directory + "/parity").allSatisfy { !$0.contains(".cold") }
        )
        #expect(try vault.verify(readData: true).isClean)
    }

    /// Goal: what may be the last there is of a point is never taken for a leftover.
    @Test func `an archive whose record is lost stays, and is named`() throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let id = sample.points[0].point.id
        try Self.move(id, of: vault, as: [1, 2, 3])
        try disk.remove(VaultWorld.directory + "/cold/\(id).cold")
        _ = try vault.prune()
        let found = try vault.verify(readData: false).findings
        #expect(found.map(\.subject) == [.archive])
        #expect(found.first?.message.contains("its record is gone") == true)
        let path = VaultWorld.directory + "/cold/\(id).tar.zst.age"
        #expect(try disk.contents(of: path) == [1, 2, 3])
    }

    // MARK: What crashes leave

    /// Goal: a point that has both forms ends with one of them, the one that is whole.
    @Test(arguments: [true, false])
    func `a point with a manifest and a record becomes cold if its archive is whole`(
        isWhole: Bool
    ) throws {
        let sample = try Sample()
        let (vault, disk) = (sample.vault, sample.world.disk)
        let (point, contents) = sample.points[0]
        let path = VaultWorld.directory + "/manifests/\(point.id).manifest"
        let manifest = try disk.contents(of: path)
        try Self.move(point.id, of: vault, as: [1, 2, 3])
        try disk.replace(path, with: manifest)
        let archive = VaultWorld.directory + "/cold/\(point.id).tar.zst.age"
        if !isWhole { try disk.corrupt(archive, at: 1, mask: 1) }
        #expect(try vault.recoveryPoint(point.id).isCold == false, "while its manifest is there")
        #expect(try vault.recoveryPoints().count == 3)
        #expect(try VaultWorld.restore(vault.recoveryPoint(point.id), from: vault) == contents)
        _ = try vault.prune()
        let after = try vault.recoveryPoint(point.id)
        #expect(after.isCold == isWhole)
        #expect((try disk.status(of: archive) != nil) == isWhole)
        if isWhole {
            #expect(try Self.archive(of: after, in: vault) == [1, 2, 3])
        } else {
            #expect(try VaultWorld.restore(after, from: vault) == contents)
        }
        #expect(try vault.verify(readData: true).isClean)
        // Deleted while both are there: it does not come back.
        if !isWhole { try Self.move(point.id, of: vault, as: [4]) }
        try disk.replace(path, with: manifest)
        try vault.delete(point.id)
        #expect(try vault.recoveryPoints().count == 2)
        #expect(try disk.list(VaultWorld.directory + "/cold") == ["settings"])
    }

    @Test func `a move that is given up leaves nothing, and a full disk leaves the point warm`()
        throws
    {
        let disk = SimulatedDisk(capacity: 1 << 20)
        let sample = try Sample(disk: disk)
        let (vault, point) = (sample.vault, sample.points[0].point)
        let mover = try vault.beginColdMoves()
        let move = try mover.begin(point.id)
        try move.append([1, 2, 3])
        move.abandon()
        #expect(try disk.list(VaultWorld.directory + "/cold") == ["settings"])
        let full = try mover.begin(point.id)
        #expect(
            Self.code { try full.append([UInt8](repeating: 1, count: 2 << 20)) } == .noSpace
        )
        full.abandon()
        let gone = try mover.begin(point.id)
        try gone.append([1])
        _ = try gone.seal()
        try vault.delete(point.id)
        #expect(
            Self.code { _ = try gone.finish(entries: 1, fileKey: .random(), now: Self.now) }
                == .notFound
        )
        gone.abandon()
        mover.end()
        #expect(try disk.list(VaultWorld.directory + "/cold") == ["settings"])
        #expect(try vault.recoveryPoints().count == 2)
        #expect(try vault.verify(readData: true).isClean)
    }

    /// Goal: a Varve that does not know of cold storage reads what is warm, and changes nothing.
    @Test func `the vault says that it has cold storage before the first record is there`() throws {
        let disk = SimulatedDisk()
        let sample = try Sample(disk: disk)
        let id = sample.points[0].point.id
        let first = disk.operations
        try Self.move(id, of: sample.vault, as: [1, 2, 3])
        var replay = disk.replay()
        for cut in first...disk.operations {
            replay.advance(to: cut)
            let image = replay.image(.keepUnsynced)
            guard try image.status(of: VaultWorld.directory + "/cold/\(id).cold") != nil else {
                continue
            }
            let bytes = try image.contents(of: VaultWorld.directory + "/vault.json")
            let features = try VaultDescription(bytes).features.readOnlyCompatible
            #expect(features & VaultFeature.cold != 0, "cut \(cut)")
        }
    }

    @Test func `records and settings survive the way through their bytes, and nothing else does`()
        throws
    {
        let record = ColdRecord(
            directory: "/mnt/x",
            archiveBytes: 9,
            digest: [UInt8](repeating: 1, count: 32),
            fileKeyDigest: [UInt8](repeating: 2, count: 32),
            entries: 3,
            moved: Timestamp(seconds: 5, nanoseconds: 6),
            recipients: ["age1x", "age1y"]
        )
        let draft = RecoveryPointDraft(
            source: "fs",
            instant: 7,
            instantTime: Self.now,
            created: Self.now,
            expires: Self.now,
            maps: [:],
            statistics: ["a": 1],
            labels: ["b": "c"]
        )
        let settings = ColdSettings(
            usesVaultKey: false,
            recipients: [AgeIdentity.random().recipient],
            directories: ["/mnt/x", ""]
        )
        #expect(ColdSettings(settings.encoded()) == settings)
        for entry in [ColdEntry.cold(record, draft), .going(directory: "/mnt/x")] {
            let bytes = entry.encoded()
            #expect(ColdEntry(bytes) == entry)
            for count in 0..<bytes.count { #expect(ColdEntry(Array(bytes[..<count])) == nil) }
            #expect(ColdEntry(bytes + [0]) == nil)
        }
        var generator = SeededGenerator(seed: testSeed(default: 442))
        for _ in 0..<TestSizes.current.fuzzInputs {
            let count = Int.random(in: 0...200, using: &generator)
            let bytes = generator.bytes(count)
            _ = ColdEntry(bytes)
            _ = ColdSettings(bytes)
        }
    }
}
