import FileSystemEngine
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

/// Several policies of one file system, and how much a run looks at.
@Suite struct LifecycleTogetherTests {
    private static func policy(
        _ name: String,
        back: Bool = true,
        minimumSize: UInt64 = 4_000,
        exclude: [PathGlob] = [],
        pins: [PathGlob] = [],
        limits: LifecycleLimits = LifecycleLimits()
    ) throws -> LifecyclePolicy {
        LifecyclePolicy(
            name: name,
            transitions: try LifecycleTransitions(
                toInfrequentAccess: .days30,
                toArchive: nil,
                isPromotedOnAccess: back
            ),
            minimumSize: minimumSize,
            exclude: exclude,
            pins: pins,
            limits: limits
        )
    }

    /// Goal: what one policy pins or excludes no other one moves away; nothing goes to and fro.
    ///
    /// Method: a file is cold before the pin comes into force; then both policies run on each of five days.
    @Test func `a pin or an exclude of one policy holds against the others`() async throws {
        let world = try await LifecycleWorld()
        let directory = try await world.makeDirectory("db")
        let pinned = try await world.makeFile("a", text(5_000, seed: 1), in: directory)
        let excluded = try await world.makeFile("b.iso", text(5_000, seed: 2))
        let other = try await world.makeFile("c", text(5_000, seed: 3))
        let all = try Self.policy("all", exclude: [try PathGlob("*.iso"), try PathGlob("/c")])
        try await world.pass(days: 45)
        let first = try await world.service.run(world.fileSystem, all)
        #expect(first.moves.map(\.inode) == [pinned])
        let keeps = try Self.policy(
            "keeps",
            exclude: [try PathGlob("*.iso")],
            pins: [try PathGlob("/db/")]
        )
        let rest = try Self.policy("rest")
        let both = [keeps, rest]
        var moves: [LifecycleMove] = []
        for day in 0..<5 {
            for policy in day % 2 == 0 ? both : both.reversed() {
                moves += try await world.service.run(world.fileSystem, policy, among: both).moves
            }
            try await world.pass(days: 1)
        }
        #expect(moves.map(\.inode).sorted() == [pinned, other].sorted())
        #expect(moves.first { $0.inode == pinned }?.to == .standard)
        #expect(try await world.tier(pinned) == .standard)
        #expect(try await world.tier(excluded) == .standard)
        #expect(try await world.tier(other) == .infrequentAccess)
        let why = try await world.service.why(world.fileSystem, pinned, both)
        #expect(why.reasons.contains { $0.contains("since keeps keeps it") }, "\(why)")
        await world.fileSystem.close()
    }

    /// Goal: a backlog that the rate leaves is not looked at again by each run.
    @Test func `a run ends when nothing may move any more`() async throws {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(
            "cold",
            limits: LifecycleLimits(
                promotion: ByteRate(bytes: 20_000, hours: 24),
                demotion: ByteRate(bytes: 1, hours: 24)
            )
        )
        let count = 600
        var files: [InodeNumber] = []
        for number in 0..<count {
            files.append(try await world.makeFile("f\(number)", text(5_000, seed: 1)))
        }
        try await world.pass(days: 30)
        let plan = try await world.service.plan(world.fileSystem, policy)
        #expect(plan.files == 1 && plan.candidates == 256)
        let first = try await world.service.run(world.fileSystem, policy)
        #expect(first.files == 1 && first.candidates == 256)
        let next = try await world.service.run(world.fileSystem, policy)
        #expect(next.files == 0 && next.candidates == 0)
        // What may come back is looked at all the same: what was used, and what is pinned.
        world.clock.advance(seconds: 86_400)
        let second = try await world.service.run(world.fileSystem, policy)
        let (used, pinned) = (
            try #require(first.moves.first?.inode), try #require(second.moves.first?.inode)
        )
        _ = try await world.read(used)
        try await world.pass(days: 0)
        try await world.service.pin(world.fileSystem, pinned, by: "uid 0")
        let back = try await world.service.run(world.fileSystem, policy)
        #expect(Set(back.moves.map(\.inode)) == [used, pinned])
        #expect(back.candidates == 2)
        await world.fileSystem.close()
    }

    /// Goal: who asks every ten seconds for used files looks at each once after a day of use.
    ///
    /// Method: files in IA are used that the policy moves on to Archive, for lack of a second day of use.
    @Test func `used files that do not come back are looked at once`() async throws {
        let world = try await LifecycleWorld()
        let policy = LifecyclePolicy(
            name: "cold",
            transitions: try LifecycleTransitions(
                toInfrequentAccess: .days30,
                toArchive: .days60,
                isPromotedOnAccess: true
            ),
            minimumSize: 4_000,
            limits: LifecycleLimits(usesToPromote: 2)
        )
        var files: [InodeNumber] = []
        for number in 0..<10 {
            files.append(try await world.makeFile("f\(number)", text(5_000, seed: 1)))
        }
        try await world.pass(days: 30)
        #expect(try await world.service.run(world.fileSystem, policy).files == 10)
        try await world.pass(days: 30)
        for inode in files { _ = try await world.read(inode) }
        try await world.pass(days: 0)
        let first = try await world.service.promoteAccessed(world.fileSystem, policy)
        #expect(first.files == 0 && first.candidates == 10)
        let second = try await world.service.promoteAccessed(world.fileSystem, policy)
        #expect(second.candidates == 0)
        // A second day of use brings them back, before a run has been there.
        try await world.pass(days: 1)
        for inode in files { _ = try await world.read(inode) }
        try await world.pass(days: 0)
        #expect(try await world.service.promoteAccessed(world.fileSystem, policy).files == 10)
        await world.fileSystem.close()
    }
}
