import Testing
import VarveModel

@testable import Policies

@Suite struct LifecycleTests {
    typealias Age = LifecycleTransitions.Age

    @Test func `ages bear AWS's names`() {
        let days = [1, 7, 14, 30, 60, 90, 180, 270, 365]
        #expect(Age.allCases.map(\.rawValue) == days)
        #expect(Age.allCases.map(\.awsName).first == "AFTER_1_DAY")
        #expect(Age.allCases.map(\.awsName).last == "AFTER_365_DAYS")
        for age in Age.allCases { #expect(Age(awsName: age.awsName) == age) }
        for word in ["AFTER_1_DAYS", "AFTER_7_DAY", "AFTER_45_DAYS", "after_7_days", "", "7"] {
            #expect(Age(awsName: word) == nil)
        }
    }

    @Test func `Archive comes after IA, and every such pair is taken`() throws {
        for first in Age.allCases {
            for second in Age.allCases {
                if second > first {
                    _ = try LifecycleTransitions(
                        toInfrequentAccess: first,
                        toArchive: second,
                        isPromotedOnAccess: false
                    )
                } else {
                    #expect(throws: PolicyError.self) {
                        try LifecycleTransitions(
                            toInfrequentAccess: first,
                            toArchive: second,
                            isPromotedOnAccess: false
                        )
                    }
                }
            }
            // Archive alone is a valid configuration (AWS: "must either not be set or be later").
            _ = try LifecycleTransitions(
                toInfrequentAccess: nil,
                toArchive: first,
                isPromotedOnAccess: true
            )
        }
    }

    @Test func `age moves a file to colder tiers only`() throws {
        let both = try LifecycleTransitions(
            toInfrequentAccess: .days30,
            toArchive: .days90,
            isPromotedOnAccess: true
        )
        func move(_ tier: Tier, _ days: Int) -> Tier? {
            both.colderTier(than: tier, daysWithoutAccess: days)
        }
        #expect(move(.standard, 29) == nil)
        #expect(move(.standard, 30) == .infrequentAccess)
        #expect(move(.standard, 89) == .infrequentAccess)
        #expect(move(.standard, 90) == .archive)
        #expect(move(.infrequentAccess, 0) == nil)
        #expect(move(.infrequentAccess, 89) == nil)
        #expect(move(.infrequentAccess, 90) == .archive)
        #expect(move(.archive, 0) == nil && move(.archive, 1_000) == nil)
        #expect(both.daysMin == 30)
        let none = try LifecycleTransitions(
            toInfrequentAccess: nil,
            toArchive: nil,
            isPromotedOnAccess: true
        )
        #expect(none.colderTier(than: .standard, daysWithoutAccess: 9_999) == nil)
        #expect(none.daysMin == nil)
    }

    @Test func `a verdict says why a file stays`() throws {
        let transitions = try LifecycleTransitions(
            toInfrequentAccess: .days30,
            toArchive: nil,
            isPromotedOnAccess: true
        )
        let policy = LifecyclePolicy(
            name: "p",
            transitions: transitions,
            include: [try PathGlob("/home/**")],
            exclude: [try PathGlob("*.db"), try PathGlob("/home/hot/")]
        )
        let now = Timestamp(seconds: 100 * 86_400 + 50)
        func verdict(
            _ path: String,
            size: UInt64 = 1 << 20,
            tier: Tier = .standard,
            day: Int64 = 70,
            written: Int64 = 0
        ) -> LifecycleVerdict.Decision {
            policy.verdict(
                on: LifecycleFile(
                    path: path.split(separator: "/").map { Array($0.utf8) },
                    size: size,
                    tier: tier,
                    accessDay: day,
                    lastWrite: Timestamp(seconds: written)
                ),
                now: now
            ).decision
        }
        func leaves(_ day: Int64) -> LifecycleVerdict.Decision {
            .demote(to: .infrequentAccess, daysWithoutAccess: 30, since: day)
        }
        #expect(verdict("/home/a") == leaves(70))
        #expect(
            verdict("/home/a", day: 71) == .stayUntil(daysWithoutAccess: 29, days: 30, since: 71)
        )
        #expect(
            verdict("/home/a", day: 105) == .stayUntil(daysWithoutAccess: 0, days: 30, since: 105)
        )
        #expect(
            verdict("/home/a", tier: .infrequentAccess)
                == .stayUntil(daysWithoutAccess: 30, days: nil, since: 70)
        )
        #expect(verdict("/srv/a") == .stayNotIncluded)
        #expect(verdict("/home/x.db") == .stayExcluded(by: try PathGlob("*.db")))
        #expect(verdict("/home/hot/a/b") == .stayExcluded(by: try PathGlob("/home/hot/")))
        #expect(verdict("/home/a", size: 131_071) == .stayTooSmall(minimum: 131_072))
        #expect(verdict("/home/a", size: 131_072) == leaves(70))
        let late = now.seconds - 86_399
        #expect(
            verdict("/home/a", written: late)
                == .stayWrittenLately(until: Timestamp(seconds: late + 86_400))
        )
        #expect(verdict("/home/a", written: now.seconds - 86_400) == leaves(70))
    }
}
