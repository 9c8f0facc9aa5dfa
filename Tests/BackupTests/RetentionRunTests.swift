import Backup
import BackupVault
import Disk
import Foundation
import Policies
import TestKit
import Testing
import VarveModel

/// Goal: over years of backups, holds and expiry the points of a vault are those that the documentation's words keep.
///
/// Method: a seeded run against a plain model: after each new point the rule is applied, and the points that are left
/// are those of a set that is judged point by point, by Foundation's calendar; a dry run before tells the same.
@Suite struct RetentionRunTests {
    private static let start = Timestamp(seconds: 1_790_000_000)

    @Test(arguments: [UInt64(81), 82, 83])
    func `years of expiry keep what the words of the documentation keep`(seed: UInt64) throws {
        var random = SeededGenerator(seed: testSeed(default: seed))
        let (world, _) = try BackupWorld.inMemory()
        let vault = try world.makeVault()
        let policy = RetentionPolicy(
            name: "rule",
            why: "",
            file: "",
            rule: Self.rule(using: &random),
            timeZone: .utc
        )
        var model: [Model] = []
        var (expired, kept, refused) = (0, 0, 0)
        var now = Self.start
        for _ in 0..<250 {
            now = now.adding(seconds: Int64.random(in: 600...900_000, using: &random))
            model.append(Model(id: try Self.publish(now, to: vault), created: now))
            if Int.random(in: 0..<4, using: &random) == 0 {
                try Self.toggleHold(&model, vault, using: &random)
            }
            let left = Self.left(of: model, policy.rule, now)
            let judged = try RetentionService.judge(policy, of: vault, source: "fs", now: now)
            #expect(Set(judged.filter { $0.keptBecause != nil }.map(\.point.id)) == left)
            let outcome = try RetentionService.apply(
                policy,
                to: vault,
                source: "fs",
                now: now,
                prunes: false
            )
            #expect(Set(outcome.kept.map(\.point.id)) == left)
            expired += outcome.deleted.count
            kept += left.count
            refused += outcome.kept.count { $0.why.contains("held by") }
            model.removeAll { !left.contains($0.id) }
            #expect(Set(try vault.recoveryPoints().map(\.id)) == left)
        }
        print(
            "retention run \(policy.rule): \(expired) expired, \(kept) kept, \(refused) for a hold"
        )
        #expect(expired > 50 && refused > 0)
        #expect(try vault.verify(readData: true).isClean)
    }

    private struct Model {
        let id: RecoveryPointID
        let created: Timestamp
        /// Two points of one period have it in common.
        let periods: [RetentionRule.Keep: [Int?]]
        var isHeld = false

        init(id: RecoveryPointID, created: Timestamp) {
            self.id = id
            self.created = created
            var calendar = Calendar(identifier: .iso8601)
            calendar.timeZone = .gmt
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .weekOfYear, .yearForWeekOfYear],
                from: Date(timeIntervalSince1970: Double(created.seconds))
            )
            periods = [
                .hourly: [parts.year, parts.month, parts.day, parts.hour],
                .daily: [parts.year, parts.month, parts.day],
                .weekly: [parts.yearForWeekOfYear, parts.weekOfYear],
                .monthly: [parts.year, parts.month], .yearly: [parts.year],
            ]
        }
    }

    /// At least one kind of each, so that every rule both keeps and lets go.
    private static func rule(using random: inout SeededGenerator) -> RetentionRule {
        var keep: [RetentionRule.Keep: Int] = [:]
        for kind in RetentionRule.Keep.allCases where Bool.random(using: &random) {
            keep[kind] = Int.random(in: 1...5, using: &random)
        }
        let days =
            keep.isEmpty || Bool.random(using: &random)
            ? Int.random(in: 1...40, using: &random) : nil
        return RetentionRule(deleteAfterDays: days, keep: keep)
    }

    private static func publish(_ now: Timestamp, to vault: Vault) throws -> RecoveryPointID {
        let writer = try vault.beginWrite()
        defer { writer.abandon() }
        let map = try writer.update(nil, edits: [MapEdit([1], MapValue([2]))])
        let draft = RecoveryPointDraft(
            source: "fs",
            instant: UInt64(now.seconds) << 20,
            instantTime: now,
            created: now,
            maps: ["names": map]
        )
        return try writer.publish(draft).id
    }

    private static func toggleHold(
        _ model: inout [Model],
        _ vault: Vault,
        using random: inout SeededGenerator
    ) throws {
        let index = Int.random(in: 0..<model.count, using: &random)
        let id = model[index].id
        if model[index].isHeld {
            try vault.removeHold(named: "case", from: id)
        } else {
            try vault.addHold(
                PointHold(name: "case", reason: "r", placedBy: "p", placed: Self.start),
                to: id
            )
        }
        model[index].isHeld.toggle()
    }

    /// Who is kept, point by point.
    private static func left(
        of points: [Model],
        _ rule: RetentionRule,
        _ now: Timestamp
    ) -> Set<RecoveryPointID> {
        Set(
            points.enumerated().filter { index, point in
                let newer = points[(index + 1)...]
                if point.isHeld || newer.isEmpty { return true }
                if let days = rule.deleteAfterDays,
                    now.seconds < point.created.seconds + Int64(days) * 86_400
                {
                    return true
                }
                return rule.keep.contains { keep, count in
                    switch keep {
                    case .first: return index < count
                    case .last: return newer.count < count
                    default:
                        let later = Set(newer.map { $0.periods[keep] })
                        return !later.contains(point.periods[keep]) && later.count < count
                    }
                }
            }.map(\.element.id)
        )
    }
}
