import Policies
import TestKit
import Testing

@testable import ControlPlane

/// Days of jobs of every kind, by daemons that end, are killed and lose their power in the middle of what they do.
@Suite struct JobDaysTests {
    /// Goal: every due instant comes to its end once, or is accounted for; after each run and each move of the clock
    /// there is just what the policies' words say, warm and cold; and all that is there restores.
    ///
    /// Method: 64 hours under the injected clock. The power goes within runs, at seeded writes; the next daemon finds
    /// a disk on which what was not synced is kept, lost or torn. Plain models (``JobDaysTimeline``, ``JobDaysVault``,
    /// ``JobDaysFiles``) say what is due, what must be on record, in three vaults, among the snapshots and in the
    /// files.
    @Test(arguments: 0..<TestSizes.current.jobSeeds)
    func `64 hours of jobs leave what their policies say, whatever cuts them short`(
        number: UInt64
    ) async throws {
        let days = try await JobDays.live(
            try .hours(TestSizes.current.jobHours),
            seed: testSeed(default: 6_400 + number)
        )
        let (mix, cuts) = (await days.mix, await days.cuts)
        for kind in Job.ActionName.allCases {
            #expect(mix[kind.rawValue, default: 0] > 0, "no run of \(kind) came to its end")
        }
        let fates = [
            "in time", "caught up", "covered", "skipped", "interrupted", "again", "power cuts",
            "kills between runs", "ends in order", "files moved", "main: points gone",
            "main: points moved to cold storage", "second: points gone",
            "second: points moved to cold storage", "third: points gone",
        ]
        for fate in fates { #expect(mix[fate, default: 0] > 0, "\(fate): never") }
        // Of seven kinds of jobs the power goes in most.
        #expect(cuts.count >= 4, "\(cuts)")
    }

    /// Goal: the same where weeks, months and years count.
    @Test(arguments: 0..<TestSizes.current.jobSeeds)
    func `weeks of jobs leave what their policies say, whatever cuts them short`(
        number: UInt64
    ) async throws {
        let days = try await JobDays.live(
            try .weeks(TestSizes.current.jobWeeks),
            seed: testSeed(default: 6_500 + number)
        )
        let mix = await days.mix
        for fate in ["interrupted", "again", "main: points gone", "third: points made"] {
            #expect(mix[fate, default: 0] > 0, "\(fate): never")
        }
    }
}
