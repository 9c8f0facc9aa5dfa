import Testing
import VarveModel

@testable import Policies

/// What each rule and limit says of a file, and when it asks again.
@Suite struct LifecycleRuleTests {
    typealias Decision = LifecycleVerdict.Decision

    private static let now = Timestamp(seconds: 1_000 * 86_400 + 3_600)

    private static func transitions(
        _ infrequent: LifecycleTransitions.Age? = .days30,
        archive: LifecycleTransitions.Age? = .days90,
        back: Bool = true
    ) throws -> LifecycleTransitions {
        try LifecycleTransitions(
            toInfrequentAccess: infrequent,
            toArchive: archive,
            isPromotedOnAccess: back
        )
    }

    private static func file(
        _ path: String = "/a",
        tier: Tier = .standard,
        day: Int64 = 900,
        used: Int64? = nil,
        uses: Int = 1
    ) -> LifecycleFile {
        var file = LifecycleFile(
            path: path.split(separator: "/").map { Array($0.utf8) },
            size: 1 << 20,
            tier: tier,
            accessDay: day,
            lastWrite: Timestamp(seconds: 0)
        )
        file.usedDay = used
        file.uses = used == nil ? 0 : uses
        return file
    }

    private static func policy(
        _ transitions: LifecycleTransitions? = nil,
        pins: [PathGlob] = [],
        rules: [LifecycleRule] = [],
        limits: LifecycleLimits = LifecycleLimits()
    ) throws -> LifecyclePolicy {
        LifecyclePolicy(
            name: "p",
            transitions: try transitions ?? Self.transitions(),
            pins: pins,
            rules: rules,
            limits: limits
        )
    }

    @Test func `the first rule that fits decides, by path, owner, size and age`() throws {
        let policy = try Self.policy(
            rules: [
                LifecycleRule(
                    name: "scratch",
                    transitions: try Self.transitions(.days1, archive: nil),
                    include: [try PathGlob("/scratch/")],
                    exclude: [try PathGlob("*.keep")]
                ),
                LifecycleRule(
                    name: "robots",
                    transitions: try Self.transitions(.days7, archive: nil),
                    owners: [1_000],
                    groups: [50],
                    minimumSize: 1_000,
                    maximumSize: 2_000
                ),
                LifecycleRule(
                    name: "old",
                    transitions: try Self.transitions(nil, archive: nil, back: false),
                    minimumAge: 100 * 86_400
                ),
            ]
        )
        var file = Self.file("/scratch/a", day: 998)
        file.created = Timestamp(seconds: 950 * 86_400)
        #expect(policy.verdict(on: file, now: Self.now).rule == "scratch")
        #expect(policy.verdict(on: file, now: Self.now).target == .infrequentAccess)
        file.path = [Array("scratch".utf8), Array("a.keep".utf8)]
        var verdict = policy.verdict(on: file, now: Self.now)
        #expect(verdict.rule == nil)
        #expect(verdict.decision == .stayUntil(daysWithoutAccess: 2, days: 30, since: 998))
        // Due by the policy's own on day 1,028, and old enough for the third rule on day 1,050.
        #expect(verdict.again == 1_028)
        file.path = [Array("a".utf8)]
        file.size = 2_000
        file.owner = 1_000
        file.group = 50
        #expect(policy.verdict(on: file, now: Self.now).rule == "robots")
        for (size, owner, group) in [
            (2_001, 1_000, 50), (999, 1_000, 50), (2_000, 1, 50), (2_000, 1_000, 1),
        ] {
            file.size = UInt64(size)
            file.owner = UInt32(owner)
            file.group = UInt32(group)
            #expect(policy.verdict(on: file, now: Self.now).rule == nil)
        }
        file.created = Timestamp(seconds: 900 * 86_400)
        verdict = policy.verdict(on: file, now: Self.now)
        #expect(verdict.rule == "old" && verdict.again == nil && verdict.target == nil)
        #expect(verdict.description.hasPrefix("rule 'old': stays"))
        // A rule's minimum size stands in place of the policy's.
        #expect(policy.daysMin == 2 && policy.asksForPaths && policy.promotesOnAccess)
    }

    @Test func `a pin keeps in Standard, and brings back`() throws {
        let policy = try Self.policy(pins: [try PathGlob("/db/")])
        let pattern = try PathGlob("/db/")
        #expect(
            policy.verdict(on: Self.file("/db/a"), now: Self.now)
                == LifecycleVerdict(decision: .stayPinned(by: pattern))
        )
        #expect(
            policy.verdict(on: Self.file("/db/a", tier: .archive), now: Self.now).decision
                == .promotePinned(by: pattern)
        )
        var file = Self.file()
        file.isPinned = true
        #expect(policy.verdict(on: file, now: Self.now).decision == .stayPinned(by: nil))
        file.tier = .infrequentAccess
        #expect(policy.verdict(on: file, now: Self.now).target == .standard)
    }

    @Test func `a use brings back, unless it would leave again at once`() throws {
        let policy = try Self.policy()
        func verdict(_ file: LifecycleFile) -> LifecycleVerdict {
            policy.verdict(on: file, now: Self.now)
        }
        #expect(
            verdict(Self.file(tier: .infrequentAccess, used: 999)).decision
                == .promote(usedOn: 999)
        )
        #expect(
            verdict(Self.file(tier: .infrequentAccess, used: 971)).decision == .promote(usedOn: 971)
        )
        let late = verdict(Self.file(tier: .infrequentAccess, used: 970))
        #expect(late.decision == .stayUntil(daysWithoutAccess: 30, days: 90, since: 970))
        #expect(late.again == 1_060 && !late.keepsUses)
    }

    @Test func `without promotion ages count from the last access in Standard`() throws {
        let policy = try Self.policy(try Self.transitions(back: false))
        let used = Self.file(tier: .infrequentAccess, day: 911, used: 999)
        let verdict = policy.verdict(on: used, now: Self.now)
        #expect(verdict.decision == .stayUntil(daysWithoutAccess: 89, days: 90, since: 911))
        #expect(verdict.again == 1_001 && !verdict.keepsUses)
        // Further uses of today are not told: what they write is looked at tomorrow.
        let today = policy.verdict(
            on: Self.file(tier: .infrequentAccess, day: 950, used: 1_000),
            now: Self.now
        )
        #expect(today.again == 1_001 && today.keepsUses)
        var written = Self.file(tier: .infrequentAccess, day: 950, used: 999)
        written.elsewhere = 1_000
        written.writtenElsewhere = Self.now.adding(seconds: -86_399)
        #expect(
            policy.verdict(on: written, now: Self.now).decision
                == .stayWrittenLately(until: Self.now.adding(seconds: 1))
        )
        written.writtenElsewhere = Self.now.adding(seconds: -86_400)
        #expect(policy.verdict(on: written, now: Self.now).target == .infrequentAccess)
    }

    @Test func `the second day of use brings back where the policy says so`() throws {
        let policy = try Self.policy(limits: LifecycleLimits(usesToPromote: 2))
        let once = policy.verdict(
            on: Self.file(tier: .infrequentAccess, day: 960, used: 999, uses: 1),
            now: Self.now
        )
        #expect(once.decision == .stayUsedTooSeldom(days: 1, of: 2))
        // Age goes on meanwhile.
        #expect(once.keepsUses && once.again == 1_050)
        let twice = Self.file(tier: .infrequentAccess, day: 960, used: 999, uses: 2)
        #expect(policy.verdict(on: twice, now: Self.now).target == .standard)
        let old = Self.file(tier: .infrequentAccess, day: 900, used: 999, uses: 1)
        #expect(policy.verdict(on: old, now: Self.now).target == .archive)
    }

    @Test func `a reader of whole trees promotes nothing`() throws {
        let policy = try Self.policy(limits: LifecycleLimits(wholeTreeFiles: 100))
        var file = Self.file(tier: .infrequentAccess, day: 950, used: 1_000)
        let today = policy.verdict(on: file, now: Self.now)
        #expect(today.decision == .stayUsedToday(wholeTreeFiles: 100))
        #expect(today.again == 1_001 && today.keepsUses)
        file.usedDay = 999
        file.coldFilesUsed = 100
        #expect(policy.verdict(on: file, now: Self.now).target == .standard)
        file.coldFilesUsed = 101
        let swept = policy.verdict(on: file, now: Self.now)
        #expect(swept.decision == .stayUsedByWholeTree(files: 101, on: 999))
        #expect(swept.again == 1_040 && !swept.keepsUses)
    }

    @Test func `a reader of whole trees takes no day away that was used by others`() throws {
        let policy = try Self.policy(
            limits: LifecycleLimits(usesToPromote: 2, wholeTreeFiles: 100)
        )
        var file = Self.file(tier: .infrequentAccess, day: 960, used: 999, uses: 2)
        file.coldFilesUsed = 101
        let swept = policy.verdict(on: file, now: Self.now)
        #expect(swept.decision == .stayUsedByWholeTree(files: 101, on: 999))
        #expect(swept.keepsUses && swept.dropsLastUse, "the day before counts on")
        // What is left of it, with no day to judge: kept, and nothing by itself.
        file.usedDay = nil
        file.uses = 1
        let left = policy.verdict(on: file, now: Self.now)
        #expect(left.keepsUses && !left.dropsLastUse && left.target == nil)
        file.usedDay = 999
        file.uses = 2
        file.coldFilesUsed = 100
        #expect(policy.verdict(on: file, now: Self.now).target == .standard)
        // Alone it counts for nothing, and nothing is left.
        file.uses = 1
        file.coldFilesUsed = 101
        let alone = policy.verdict(on: file, now: Self.now)
        #expect(!alone.keepsUses && alone.target == nil)
        // The day must be over before it counts.
        file.usedDay = 1_000
        file.coldFilesUsed = 0
        let today = policy.verdict(on: file, now: Self.now)
        #expect(today.decision == .stayUsedToday(wholeTreeFiles: 100) && today.again == 1_001)
    }

    @Test func `AFTER_1_DAY is a whole day, whenever the access was`() throws {
        let policy = try Self.policy(try Self.transitions(.days1, archive: .days7, back: false))
        func verdict(day: Int64, _ tier: Tier = .standard) -> LifecycleVerdict {
            policy.verdict(on: Self.file(tier: tier, day: day), now: Self.now)
        }
        #expect(verdict(day: 1_000).again == 1_002)
        #expect(verdict(day: 999).target == nil && verdict(day: 999).again == 1_001)
        #expect(verdict(day: 998).target == .infrequentAccess)
        #expect(verdict(day: 994, .infrequentAccess).again == 1_001)
        #expect(verdict(day: 993, .infrequentAccess).target == .archive)
        #expect(try Self.transitions(.days1).daysMin == 2)
    }

    @Test func `what lies elsewhere follows the file, pinned ones at once and cold ones quietly`()
        throws
    {
        let policy = try Self.policy()
        var file = Self.file(day: 999)
        file.elsewhere = 5
        file.writtenElsewhere = Self.now
        let settles = LifecycleVerdict.Decision.settle(in: .standard, written: Self.now)
        #expect(policy.verdict(on: file, now: Self.now).decision == settles)
        file.isPinned = true
        #expect(policy.verdict(on: file, now: Self.now).decision == .promotePinned(by: nil))
        // An empty list moves nothing, and a pin all the same.
        let none = try Self.policy(try Self.transitions(nil, archive: nil, back: false))
        #expect(none.verdict(on: file, now: Self.now).decision == .promotePinned(by: nil))
        file.isPinned = false
        #expect(none.verdict(on: file, now: Self.now).target == nil)
    }

    @Test func `a cold file of which another holds bytes back is looked at each month`() throws {
        let policy = try Self.policy()
        var file = Self.file(tier: .archive, day: 800)
        #expect(policy.verdict(on: file, now: Self.now).again == nil)
        file.held = 1
        #expect(policy.verdict(on: file, now: Self.now).again == 1_030)
        file = Self.file(tier: .infrequentAccess, day: 915)
        file.held = 1
        #expect(policy.verdict(on: file, now: Self.now).again == 1_005)
        file = Self.file(day: 999)
        file.held = 1
        #expect(policy.verdict(on: file, now: Self.now).again == 1_029)
    }

    @Test func `a file resides in its tier for a while, either way`() throws {
        let policy = try Self.policy(limits: LifecycleLimits(minimumResidency: 10 * 86_400))
        for tier in [Tier.standard, .infrequentAccess] {
            var file = Self.file(tier: tier, day: 890, used: tier == .standard ? nil : 999)
            file.movedAt = Self.now.adding(seconds: -10 * 86_400 + 1)
            let verdict = policy.verdict(on: file, now: Self.now)
            #expect(verdict.decision == .stayMovedLately(until: Self.now.adding(seconds: 1)))
            #expect(verdict.again == 1_000)
            file.movedAt = Self.now.adding(seconds: -10 * 86_400)
            #expect(policy.verdict(on: file, now: Self.now).target != nil)
        }
    }

    @Test func `what came back too often rests until the oldest of those returns is over`() throws {
        let policy = try Self.policy(
            limits: LifecycleLimits(
                thrashGuard: LifecycleLimits.ThrashGuard(returns: 2, within: 90 * 86_400)
            )
        )
        var file = Self.file()
        file.returns = [901, 920, 940].map { Timestamp(seconds: $0 * 86_400) }
        // 901 is 99 days ago; of 920 and 940 the first is over on day 1,010.
        let verdict = policy.verdict(on: file, now: Self.now)
        #expect(
            verdict.decision
                == .stayCameBackOften(times: 2, until: Timestamp(seconds: 1_010 * 86_400))
        )
        #expect(verdict.again == 1_010)
        file.returns.removeLast()
        #expect(policy.verdict(on: file, now: Self.now).target == .archive)
    }

    @Test func `fingerprints tell what decides, and nothing else`() throws {
        let plain = try Self.policy()
        #expect(try plain.fingerprint == Self.policy().fingerprint)
        #expect(
            try plain.fingerprint
                == Self.policy(
                    limits: LifecycleLimits(promotion: ByteRate(bytes: 1, hours: 24))
                ).fingerprint
        )
        var seen: Set<String> = [plain.fingerprint]
        let others = [
            try Self.policy(try Self.transitions(.days14)),
            try Self.policy(try Self.transitions(archive: nil)),
            try Self.policy(try Self.transitions(back: false)),
            try Self.policy(pins: [try PathGlob("/a")]),
            try Self.policy(
                rules: [
                    LifecycleRule(
                        name: "r",
                        transitions: try Self.transitions(),
                        owners: [1]
                    )
                ]
            ),
            try Self.policy(limits: LifecycleLimits(writeQuarantine: 1)),
            try Self.policy(limits: LifecycleLimits(minimumResidency: 1)),
            try Self.policy(limits: LifecycleLimits(usesToPromote: 2)),
            try Self.policy(limits: LifecycleLimits(wholeTreeFiles: 2)),
            try Self.policy(limits: LifecycleLimits(thrashGuard: .init(returns: 1, within: 1))),
        ]
        for other in others { #expect(seen.insert(other.fingerprint).inserted) }
    }

    @Test func `rates and prices are read as people write them`() throws {
        #expect(try ByteRate("100GiB/d") == ByteRate(bytes: 100 << 30, hours: 24))
        #expect(try ByteRate("1MiB/h") == ByteRate(bytes: 1 << 20, hours: 1))
        for bad in ["100GiB", "100GiB/s", "/d", "0/d", "1/d/d", "-1/h"] {
            #expect(throws: PolicyError.self) { try ByteRate(bad) }
        }
        #expect(try TierPrices.millionths("0.016") == 16_000)
        #expect(try TierPrices.millionths("12") == 12_000_000)
        #expect(try TierPrices.millionths("1.234567") == 1_234_567)
        for bad in ["", ".", "1.", ".5", "1.2345678", "1,5", "-1", "1e3", "1.2.3"] {
            #expect(throws: PolicyError.self) { try TierPrices.millionths(bad) }
        }
        let prices = TierPrices(
            currency: "EUR",
            month: [.standard: 300_000, .infrequentAccess: 16_000],
            read: [.infrequentAccess: 10_000]
        )
        #expect(prices.perMonth(2 << 30, in: .standard) == 0.6)
        #expect(prices.reading(1 << 30, from: .infrequentAccess) == 0.01)
        #expect(prices.reading(1 << 30, from: .standard) == 0)
    }
}
