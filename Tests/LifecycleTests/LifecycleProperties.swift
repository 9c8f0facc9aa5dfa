import FileSystemEngine
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

/// Months of random use against a model that knows nothing but days.
@Suite struct LifecycleProperties {
    /// A file as the model sees it.
    private struct Expected {
        let inode: InodeNumber
        var day: Int64
        var tier: Tier
        var bytes: [UInt8]
    }

    /// Goal: after each daily run every file is in the tier that its last access says, and reads the same.
    @Test(arguments: [UInt64(1), 2])
    func `tiers follow access days through 200 days`(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: testSeed(default: seed))
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        var files: [Expected] = []
        var moves: [Tier: Int] = [:]
        for round in 0..<100 {
            let today = world.clock.now().day
            if files.count < 25 {
                let bytes = text(70_000 + Int(generator.next() % 100_000), seed: UInt64(round))
                let inode = try await world.makeFile("f\(round)", bytes)
                files.append(Expected(inode: inode, day: today, tier: .standard, bytes: bytes))
            }
            // Few files are used often, most hardly ever.
            for index in files.indices where generator.next() % UInt64(4 + index * 3) == 0 {
                if generator.next() % 2 == 0 {
                    #expect(try await world.read(files[index].inode) == files[index].bytes)
                } else {
                    let more = generator.bytes(100)
                    _ = try await world.fileSystem.write(
                        files[index].inode,
                        more,
                        at: 1_000,
                        stability: .stable,
                        as: .root
                    )
                    files[index].bytes.replaceSubrange(1_000..<1_100, with: more)
                }
                files[index].day = today
            }
            try await world.pass(days: 2)
            let outcome = try await world.service.run(world.fileSystem, policy)
            #expect(outcome.failures == [])
            for move in outcome.moves { moves[move.to, default: 0] += 1 }
            let now = world.clock.now().day
            for index in files.indices {
                let days = Int(now - files[index].day)
                if files[index].tier != .standard, days < 30 { files[index].tier = .standard }
                if let colder = policy.transitions.colderTier(
                    than: files[index].tier,
                    daysWithoutAccess: days
                ) {
                    files[index].tier = colder
                }
                let tier = try await world.fileSystem.tier(of: files[index].inode)
                #expect(tier == files[index].tier, "round \(round), file \(index), \(days) days")
            }
        }
        for tier in Tier.allCases { #expect(moves[tier, default: 0] > 0, "\(moves)") }
        for file in files {
            let size = UInt64(file.bytes.count)
            let read = try await world.fileSystem.bulkRead(file.inode, 0..<size, at: .live)
            #expect(read.bytes == file.bytes)
        }
        await world.fileSystem.close()
    }
}
