import Disk
import FileSystemEngine
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

/// What runs cost, and what plan and status answer.
@Suite struct LifecycleAnswerTests {
    /// Goal: a run costs what is due, however many files are idle and stay where they are.
    ///
    /// Method: rows and steps of the journal are counted, beside few put-off files and beside many.
    @Test func `a run of 100 due files costs the same among many as among few`() async throws {
        let few = try await Self.cost(among: 1_000)
        let many = try await Self.cost(among: TestSizes.current.costTreeFiles)
        print("rows and steps of a run with 100 due: \(few) and \(many)")
        #expect(many < few + few / 10 + 200)
    }

    private static func cost(among others: Int) async throws -> UInt64 {
        let world = try await LifecycleWorld()
        let policy = LifecyclePolicy(
            name: "cold",
            transitions: try LifecycleTransitions(
                toInfrequentAccess: .days30,
                toArchive: nil,
                isPromotedOnAccess: true
            ),
            minimumSize: 4_000
        )
        let id = world.fileSystem.id.text
        for number in 0..<100 { _ = try await world.makeFile("f\(number)", text(5_000, seed: 1)) }
        try await world.pass(days: 1)
        _ = try await world.service.run(world.fileSystem, policy)
        // Files that a look has put off for ever; no inode bears such numbers.
        for start in stride(from: 0, to: others, by: 4_096) {
            let inodes = (start..<min(others, start + 4_096)).map {
                InodeNumber(rawValue: 1 << 40 + UInt64($0))
            }
            try await world.journal.recordAccesses(id, inodes.map { ($0, 20_000) })
            try await world.journal.noteLooks(
                id,
                inodes.map {
                    AccessLook(
                        row: AccessDay(inode: $0, day: 20_000, tier: .standard),
                        again: nil,
                        keepsUses: false
                    )
                }
            )
        }
        try await world.pass(days: 30)
        let before = await world.journal.cost()
        let outcome = try await world.service.run(world.fileSystem, policy)
        #expect(outcome.files == 100 && outcome.candidates == 100)
        let cost = await world.journal.cost() - before
        await world.fileSystem.close()
        return cost
    }

    @Test func `a plan tells what it saves, and what first reads cost`() async throws {
        let world = try await LifecycleWorld()
        let policy = LifecyclePolicy(
            name: "cold",
            transitions: try LifecycleTransitions(
                toInfrequentAccess: .days30,
                toArchive: nil,
                isPromotedOnAccess: true
            ),
            prices: TierPrices(
                currency: "EUR",
                month: [.standard: 1_024_000_000, .infrequentAccess: 256_000_000],
                read: [.infrequentAccess: 512_000_000]
            )
        )
        _ = try await world.makeFile("a", text(1 << 20, seed: 1))
        try await world.pass(days: 30)
        let plan = try await world.service.plan(world.fileSystem, policy)
        // A MiB at 1 a month, against half a MiB at a quarter of that; read for 0.5.
        #expect(plan.files == 1 && plan.storedBefore == 1 << 20)
        #expect(plan.storedAfterEstimate == 1 << 19)
        #expect(abs(plan.savedPerMonth - 0.875) < 1e-9)
        #expect(abs(plan.firstReads - 0.5) < 1e-9)
        await world.fileSystem.close()
    }

    @Test func `status counts by tier and by days unused, and meters as EFS does`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        _ = try await world.makeFile("cold", text(70_000, seed: 1))
        _ = try await world.makeDirectory("directory")
        try await world.pass(days: 30)
        #expect(try await world.service.run(world.fileSystem, policy).files == 1)
        try await world.pass(days: 10)
        _ = try await world.makeFile("warm", text(10_000, seed: 2))
        try await world.pass(days: 0)
        let status = try await world.service.status(world.fileSystem)
        #expect(status.tiers[.standard]?.files == 1 && status.tiers[.standard]?.bytes == 10_000)
        #expect(status.tiers[.infrequentAccess]?.bytes == 70_000)
        #expect(status.steps.map(\.days) == [0, 1, 7, 14, 30, 60, 90, 180, 270, 365])
        #expect(status.steps[0].tiers[.standard]?.files == 1)
        #expect(status.steps[4].tiers[.infrequentAccess]?.files == 1)
        #expect(status.steps.filter { !$0.tiers.isEmpty }.count == 2)
        // The root and the directory are the others. 10,000 bytes are three steps of 4 KiB; 70,000 count as 128 KiB.
        #expect(status.otherInodes == 2)
        #expect(status.meteredSizes[.standard] == 12_288 + 2 * 2_048 + 2 * 6_144)
        #expect(status.meteredSizes[.infrequentAccess] == 131_072)
        #expect(LifecycleService.metered(0, in: .archive) == 131_072)
        #expect(LifecycleService.metered(131_073, in: .archive) == 135_168)
        await world.fileSystem.close()
    }
}
