import TestKit
import Testing
import VarveModel

@testable import Policies

/// AWS's LifecyclePolicies JSON against its rules, as plain as they can be said.
@Suite struct AWSLifecycleTests {
    private static let ages = [
        "AFTER_1_DAY", "AFTER_7_DAYS", "AFTER_14_DAYS", "AFTER_30_DAYS", "AFTER_60_DAYS",
        "AFTER_90_DAYS", "AFTER_180_DAYS", "AFTER_270_DAYS", "AFTER_365_DAYS",
    ]
    private static let infrequent = "TransitionToIA"
    private static let archive = "TransitionToArchive"
    private static let primary = "TransitionToPrimaryStorageClass"

    /// AWS EFS PutLifecycleConfiguration: at most three objects, each with one transition, none twice; ages of a list
    /// of nine, one access; Archive unset or later than IA.
    private static func isValid(_ objects: [[(key: String, value: String)]]) -> Bool {
        guard objects.count <= 3, objects.allSatisfy({ $0.count == 1 }) else { return false }
        var found: [String: String] = [:]
        for object in objects {
            guard let (key, value) = object.first, found[key] == nil else { return false }
            found[key] = value
            switch key {
            case infrequent, archive: if !ages.contains(value) { return false }
            case primary: if value != "AFTER_1_ACCESS" { return false }
            default: return false
            }
        }
        guard let first = found[infrequent], let second = found[archive] else { return true }
        return (ages.firstIndex(of: second) ?? 0) > (ages.firstIndex(of: first) ?? 0)
    }

    private static func json(_ objects: [[(key: String, value: String)]]) -> String {
        let bodies = objects.map { object in
            "{" + object.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ", ") + "}"
        }
        return "[" + bodies.joined(separator: ", ") + "]"
    }

    @Test func `a configuration is taken exactly when AWS takes it`() throws {
        var random = SeededGenerator(seed: testSeed(default: 8))
        let keys = [Self.infrequent, Self.archive, Self.primary, "TransitionToGlacier"]
        let values =
            Self.ages + ["AFTER_1_ACCESS", "AFTER_1_ACCESS", "AFTER_45_DAYS", "after_7_days"]
        var taken = 0
        for _ in 0..<TestSizes.current.fuzzInputs {
            let objects = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                // Mostly one transition, rarely none or two; of two keys one is the other's duplicate in JSON.
                let count = [1, 1, 1, 1, 1, 1, 1, 1, 0, 2][Int.random(in: 0..<10, using: &random)]
                return keys.shuffled(using: &random).prefix(count).map { key in
                    // Mostly what the key takes, so that whole configurations are valid often.
                    let fits = key == Self.primary ? ["AFTER_1_ACCESS"] : Self.ages
                    let isWild = Int.random(in: 0..<8, using: &random) == 0
                    let value = (isWild ? values : fits).randomElement(using: &random) ?? ""
                    return (key: key, value: value)
                }
            }
            let isValid = Self.isValid(objects)
            let text = Self.json(objects)
            for text in [text, "{\"LifecyclePolicies\": \(text)}"] {
                let reading = PolicyFile.read(Array(text.utf8), file: "a.json", timeZones: .system)
                #expect((reading.policy != nil) == isValid, "\(text): \(reading.problems)")
            }
            if isValid { taken += 1 }
        }
        #expect(taken > TestSizes.current.fuzzInputs / 20, "the mix is too wild: \(taken)")
    }

    @Test func `an empty configuration is one, under which nothing moves`() throws {
        for text in ["[]", "{\"LifecyclePolicies\": []}"] {
            let reading = PolicyFile.read(Array(text.utf8), file: "a.json", timeZones: .system)
            guard case .lifecycle(let policy) = reading.policy else {
                Issue.record("\(text): \(reading.problems)")
                continue
            }
            #expect(policy.daysMin == nil && !policy.promotesOnAccess)
        }
    }

    @Test func `YAML has every key where it belongs`() throws {
        let text = """
            # Why.
            format: 1
            kind: lifecycle
            name: cold
            LifecyclePolicies:
              - TransitionToIA: AFTER_30_DAYS
              - TransitionToPrimaryStorageClass: AFTER_1_ACCESS
            minimum-size: 64KiB
            write-quarantine: 2d
            minimum-residency: 7d
            uses-to-promote: 2
            promote-at-most: 100GiB/d
            demote-at-most: 4GiB/h
            thrash-guard: {returns: 2, within: 90d}
            whole-tree-files: 1000
            include: ["/home/**"]
            exclude: ["*.tmp"]
            pin: ["/home/db/"]
            prices: {currency: EUR, standard: 0.3, ia: 0.016, ia-read: 0.01}
            rules:
              - name: videos
                include: ["*.mp4"]
                exclude: ["/home/new/"]
                owner: [1000, 1001]
                group: [50]
                minimum-size: 1MiB
                maximum-size: 1GiB
                minimum-age: 90d
                LifecyclePolicies:
                  - TransitionToArchive: AFTER_7_DAYS
              - {name: stays, owner: [0], LifecyclePolicies: []}
            """
        let reading = PolicyFile.read(Array(text.utf8), file: "cold.yaml", timeZones: .system)
        guard case .lifecycle(let policy) = reading.policy else {
            Issue.record("\(reading.problems)")
            return
        }
        #expect(policy.minimumSize == 64 << 10)
        #expect(
            policy.limits
                == LifecycleLimits(
                    writeQuarantine: 2 * 86_400,
                    minimumResidency: 7 * 86_400,
                    usesToPromote: 2,
                    promotion: ByteRate(bytes: 100 << 30, hours: 24),
                    demotion: ByteRate(bytes: 4 << 30, hours: 1),
                    thrashGuard: .init(returns: 2, within: 90 * 86_400),
                    wholeTreeFiles: 1_000
                )
        )
        #expect(policy.pins == [try PathGlob("/home/db/")])
        #expect(policy.prices?.currency == "EUR")
        #expect(policy.prices?.month[.archive] == 16_000)
        let rule = try #require(policy.rules.first)
        #expect(rule.name == "videos" && rule.owners == [1_000, 1_001] && rule.groups == [50])
        #expect(rule.minimumSize == 1 << 20 && rule.maximumSize == 1 << 30)
        #expect(rule.minimumAge == 90 * 86_400)
        #expect(rule.transitions.toArchive == .days7 && !rule.transitions.isPromotedOnAccess)
        #expect(policy.rules.last?.transitions.daysMin == nil)
        #expect(policy.daysMin == 7)
    }
}
