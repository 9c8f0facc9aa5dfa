import BackupVault
import Disk
import TestKit
import Testing
import VarveModel

/// Goal: whatever the order of backups, deletions, holds, prunes and restarts, every point that is there
/// restores byte for byte, what is held is there, and nothing dead stays for ever (I4, I6).
///
/// Method: several writers of several openings of one vault, interleaved at random, against a plain
/// dictionary of points. It prints its mix and fails if a kind of operation never occurred.
@Suite struct VaultModelTests {
    enum Kind: String, CaseIterable {
        case begin, publish, abandon, delete, expire, prune, reopen, verify, hold, release
    }

    /// A backup that is under way.
    struct Running {
        let writer: VaultWriter
        let map: MapRoot
        let contents: VaultWorld.Contents
    }

    private static func refusal(_ body: () throws(VaultError) -> Void) -> VaultError.Code? {
        do throws(VaultError) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `the vault agrees with a dictionary of recovery points`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 41))
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        var vaults = [world.vault, try world.reopened()]
        var contents = VaultWorld.contents(25, bytesMax: 3000, using: &generator)
        var model: [RecoveryPointID: (point: RecoveryPoint, contents: VaultWorld.Contents)] = [:]
        var running: [Running] = []
        var held: [RecoveryPointID: Set<String>] = [:]
        var mix: [Kind: Int] = [:]
        var day: Int64 = 0
        for step in 0..<min(2000, TestSizes.current.fuzzInputs / 10) {
            let vault = vaults[Int.random(in: 0..<vaults.count, using: &generator)]
            let kind = Kind.allCases.randomElement(using: &generator) ?? .begin
            let points = model.values.sorted { $0.point.id < $1.point.id }
            switch kind {
            case .begin where running.count < 3:
                contents = VaultWorld.change(contents, using: &generator)
                let base =
                    Bool.random(using: &generator) ? points.randomElement(using: &generator) : nil
                let writer = try vault.beginWrite()
                let map = try VaultWorld.store(
                    contents,
                    by: writer,
                    after: base.map { ($0.point, $0.contents) }
                )
                running.append(Running(writer: writer, map: map, contents: contents))
            case .publish where !running.isEmpty:
                let one = running.remove(at: Int.random(in: 0..<running.count, using: &generator))
                day += 1
                let expires = VaultWorld.start.adding(
                    seconds: (day + Int64.random(in: 1...20, using: &generator)) * 86_400
                )
                let point = try one.writer.publish(
                    VaultWorld.draft(one.map, day: day, expires: expires)
                )
                model[point.id] = (point, one.contents)
            case .abandon where running.count > 1: running.removeFirst().writer.abandon()
            case .delete where points.count > 3:
                let id = points[Int.random(in: 0..<points.count, using: &generator)].point.id
                let refusal = Self.refusal { () throws(VaultError) in try vault.delete(id) }
                #expect(refusal == (held[id] == nil ? nil : .held), "step \(step)")
                if refusal == nil { model[id] = nil }
            case .hold where !points.isEmpty:
                let id = points[Int.random(in: 0..<points.count, using: &generator)].point.id
                let name = "hold \(step)"
                try vault.addHold(
                    PointHold(name: name, reason: "r", placedBy: "p", placed: VaultWorld.start),
                    to: id
                )
                held[id, default: []].insert(name)
            case .release where !held.isEmpty:
                let id = try #require(held.keys.min())
                let name = try #require(held[id]?.min())
                try vault.removeHold(named: name, from: id)
                held[id]?.remove(name)
                if held[id]?.isEmpty == true { held[id] = nil }
            case .expire:
                let now = VaultWorld.start.adding(seconds: day * 86_400)
                let gone = try vault.expire(now: now)
                // The newest of a source never expires by itself, also once a newer one was deleted.
                let newest = points.map(\.point).max { ($0.created, $0.id) < ($1.created, $1.id) }
                let due = points.filter { point in
                    point.point.id != newest?.id && held[point.point.id] == nil
                        && point.point.expires.map { $0 <= now } ?? false
                }
                #expect(Set(gone.map(\.id)) == Set(due.map(\.point.id)), "step \(step)")
                for point in gone { model[point.id] = nil }
            case .prune: _ = try vault.prune()
            case .reopen: vaults[Int.random(in: 0..<2, using: &generator)] = try world.reopened()
            case .verify:
                let report = try vault.verify(readData: Bool.random(using: &generator))
                #expect(report.isClean, "step \(step): \(report.findings.first?.message ?? "")")
                for point in points {
                    #expect(try VaultWorld.restore(point.point, from: vault) == point.contents)
                }
            default: continue
            }
            mix[kind, default: 0] += 1
        }
        print("vault model:", Kind.allCases.map { "\($0) \(mix[$0] ?? 0)" }.joined(separator: ", "))
        #expect(Kind.allCases.allSatisfy { (mix[$0] ?? 0) > 0 }, "\(mix)")
        for one in running { one.writer.abandon() }
        #expect(Set(try world.vault.recoveryPoints().map(\.id)) == Set(model.keys))
        #expect(Set(try world.vault.heldPoints()) == Set(held.keys))
        for (id, names) in held {
            for name in names { try world.vault.removeHold(named: name, from: id) }
        }
        for id in model.keys { try world.vault.delete(id) }
        _ = try world.vault.prune()
        let left = try world.vault.statistics()
        #expect(left.packs == 0 && left.chunks == 0, "nothing dead stays for ever: \(left)")
    }
}
