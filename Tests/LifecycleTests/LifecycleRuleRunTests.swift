import Disk
import FileSystemEngine
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

/// Rules, pins, limits and names, from the policy to the tier.
@Suite struct LifecycleRuleRunTests {
    private static func policy(
        _ world: LifecycleWorld,
        name: String = "cold",
        back: Bool = true,
        exclude: [PathGlob] = [],
        rules: [LifecycleRule] = [],
        limits: LifecycleLimits = LifecycleLimits(),
        prices: TierPrices? = nil
    ) throws -> LifecyclePolicy {
        LifecyclePolicy(
            name: name,
            transitions: try LifecycleTransitions(
                toInfrequentAccess: .days30,
                toArchive: .days90,
                isPromotedOnAccess: back
            ),
            minimumSize: 64 << 10,
            exclude: exclude,
            rules: rules,
            limits: limits,
            prices: prices
        )
    }

    /// Moves all that is due, and answers the inodes that moved.
    @discardableResult
    private static func run(
        _ world: LifecycleWorld,
        _ policy: LifecyclePolicy,
        among others: [LifecyclePolicy] = []
    ) async throws -> Set<InodeNumber> {
        let outcome = try await world.service.run(world.fileSystem, policy, among: others)
        #expect(outcome.failures == [])
        return Set(outcome.moves.map(\.inode))
    }

    @Test func `a pinned file comes back and stays, and goes again when it is unpinned`()
        async throws
    {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(world, back: false)
        let directory = try await world.makeDirectory("db")
        let inside = try await world.makeFile("a", text(100_000, seed: 1), in: directory)
        let file = try await world.makeFile("b", text(100_000, seed: 2))
        let other = try await world.makeFile("c", text(100_000, seed: 3))
        try await world.pass(days: 30)
        #expect(try await Self.run(world, policy) == [inside, file, other])
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == [])
        for inode in [directory, file] {
            try await world.service.pin(world.fileSystem, inode, by: "uid 0")
        }
        #expect(try await world.service.pins(world.fileSystem).map(\.path.count) == [1, 1])
        let plan = try await world.service.plan(world.fileSystem, policy)
        #expect(Set(plan.moves.map(\.inode)) == [inside, file])
        #expect(try await Self.run(world, policy) == [inside, file])
        let why = try await world.service.why(world.fileSystem, inside, [policy])
        #expect(why.tier == .standard)
        #expect(why.reasons.contains { $0.contains("pinned to standard by hand") }, "\(why)")
        try await world.pass(days: 40)
        #expect(try await Self.run(world, policy) == [])
        for inode in [directory, file] {
            try await world.service.unpin(world.fileSystem, inode)
        }
        let missing = await #expect(throws: LifecycleError.self) {
            try await world.service.unpin(world.fileSystem, inside)
        }
        #expect(missing?.code == .notFound)
        #expect(try await Self.run(world, policy) == [inside, file])
        await world.fileSystem.close()
    }

    @Test func `another name, owner or size is noticed, and so is that of a directory above`()
        async throws
    {
        let world = try await LifecycleWorld()
        let never = try LifecycleTransitions(
            toInfrequentAccess: nil,
            toArchive: nil,
            isPromotedOnAccess: false
        )
        let policy = try Self.policy(
            world,
            exclude: [try PathGlob("/keep/")],
            rules: [LifecycleRule(name: "kept", transitions: never, owners: [1_000])]
        )
        let keep = try await world.makeDirectory("keep")
        let renamed = try await world.makeFile("a", text(100_000, seed: 1), in: keep)
        let beneath = try await world.makeFile("b", text(100_000, seed: 2), in: keep)
        let owned = try await world.makeFile("c", text(100_000, seed: 3))
        let small = try await world.makeFile("d", text(10_000, seed: 4))
        let fileSystem = world.fileSystem
        _ = try await fileSystem.setAttributes(owned, AttributeChanges(uid: 1_000), as: .root)
        try await world.pass(days: 40)
        #expect(try await Self.run(world, policy) == [])
        // What was looked at is put off, whatever day it is.
        try await world.pass(days: 1)
        let quiet = try await world.service.run(fileSystem, policy)
        #expect(quiet.candidates == 0)
        func name(_ text: String) throws -> FileName { try #require(FileName(text)) }
        _ = try await fileSystem.rename(name("a"), in: keep, to: name("a"), in: .root, as: .root)
        _ = try await fileSystem.setAttributes(owned, AttributeChanges(uid: 0), as: .root)
        _ = try await fileSystem.setAttributes(small, AttributeChanges(size: 70_000), as: .root)
        #expect(try await Self.run(world, policy) == [renamed, owned])
        // Truncation is a write as the quarantine sees it, and no access.
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == [small])
        _ = try await fileSystem.rename(
            name("keep"),
            in: .root,
            to: name("gone"),
            in: .root,
            as: .root
        )
        #expect(try await Self.run(world, policy) == [beneath])
        await fileSystem.close()
    }

    @Test func `rates let so much move in a day, and the rest on the next`() async throws {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(
            world,
            limits: LifecycleLimits(
                promotion: ByteRate(bytes: 1, hours: 1),
                demotion: ByteRate(bytes: 150_000, hours: 24)
            )
        )
        var files: Set<InodeNumber> = []
        for number in 0..<3 {
            files.insert(
                try await world.makeFile("f\(number)", text(100_000, seed: UInt64(number)))
            )
        }
        try await world.pass(days: 30)
        let plan = try await world.service.plan(world.fileSystem, policy)
        #expect(plan.files == 2)
        let first = try await Self.run(world, policy)
        #expect(first.count == 2)
        #expect(try await Self.run(world, policy) == [])
        world.clock.advance(seconds: 86_400)
        let second = try await Self.run(world, policy)
        #expect(second == files.subtracting(first))
        for inode in files { _ = try await world.read(inode) }
        try await world.pass(days: 0)
        var back: Set<InodeNumber> = []
        for hour in 0..<4 {
            let outcome = try await world.service.promoteAccessed(world.fileSystem, policy)
            #expect(outcome.moves.count == (hour < 3 ? 1 : 0))
            back.formUnion(outcome.moves.map(\.inode))
            let again = try await world.service.promoteAccessed(world.fileSystem, policy)
            #expect(again.files == 0)
            world.clock.advance(seconds: 3_600)
        }
        #expect(back == files)
        await world.fileSystem.close()
    }

    @Test func `a file that came back too often stays for a while`() async throws {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(
            world,
            limits: LifecycleLimits(thrashGuard: .init(returns: 1, within: 50 * 86_400))
        )
        let file = try await world.makeFile("a", text(100_000, seed: 1))
        try await world.pass(days: 30)
        #expect(try await Self.run(world, policy) == [file])
        _ = try await world.read(file)
        try await world.pass(days: 0)
        #expect(try await Self.run(world, policy) == [file])
        try await world.pass(days: 49)
        #expect(try await Self.run(world, policy) == [])
        let why = try await world.service.why(world.fileSystem, file, [policy])
        #expect(why.reasons.contains { $0.contains("came back 1 times") }, "\(why)")
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == [file])
        await world.fileSystem.close()
    }

    @Test func `a reader of whole trees brings nothing back, one of single files does`()
        async throws
    {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(world, limits: LifecycleLimits(wholeTreeFiles: 3))
        var files: [InodeNumber] = []
        for number in 0..<5 {
            files.append(
                try await world.makeFile("f\(number)", text(100_000, seed: UInt64(number)))
            )
        }
        try await world.pass(days: 30)
        #expect(try await Self.run(world, policy).count == 5)
        for inode in files { _ = try await world.read(inode) }
        try await world.pass(days: 0)
        #expect(try await Self.run(world, policy) == [])
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == [])
        let row = try await world.journal.accessDay(world.fileSystem.id.text, files[0])
        #expect(row?.used == nil && row?.uses == 0 && row?.day == 20_000)
        for inode in files.prefix(3) { _ = try await world.read(inode) }
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == Set(files.prefix(3)))
        await world.fileSystem.close()
    }

    @Test func `the second day of use brings a file back`() async throws {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(world, limits: LifecycleLimits(usesToPromote: 2))
        let file = try await world.makeFile("a", text(100_000, seed: 1))
        try await world.pass(days: 30)
        #expect(try await Self.run(world, policy) == [file])
        for _ in 0..<3 { _ = try await world.read(file) }
        try await world.pass(days: 0)
        #expect(try await Self.run(world, policy) == [])
        let why = try await world.service.why(world.fileSystem, file, [policy])
        #expect(why.reasons.contains { $0.contains("used on 1 of the 2 days") }, "\(why)")
        try await world.pass(days: 5)
        #expect(try await Self.run(world, policy) == [])
        _ = try await world.read(file)
        try await world.pass(days: 0)
        #expect(try await Self.run(world, policy) == [file])
        #expect(try await world.tier(file) == .standard)
        await world.fileSystem.close()
    }

    @Test func `what is written to a cold file follows it after a day`() async throws {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(world, back: false)
        let bytes = text(200_000, seed: 1)
        let file = try await world.makeFile("a", bytes)
        try await world.pass(days: 30)
        #expect(try await Self.run(world, policy) == [file])
        #expect(try await world.fileSystem.statistics().tierBytes[.standard] == 0)
        world.clock.advance(seconds: 43_200)
        try await world.write(file, [UInt8](repeating: 7, count: 50_000), at: 100_000)
        #expect(try await world.fileSystem.statistics().tierBytes[.standard] == 50_000)
        try await world.pass(days: 0)
        #expect(try await Self.run(world, policy) == [])
        world.clock.advance(seconds: 43_200)
        #expect(try await Self.run(world, policy) == [])
        world.clock.advance(seconds: 43_200)
        #expect(try await Self.run(world, policy) == [file])
        #expect(try await world.fileSystem.statistics().tierBytes[.standard] == 0)
        #expect(try await world.tier(file) == .infrequentAccess)
        // It counts for nothing else: Archive is 90 days after the last access in Standard.
        try await world.pass(days: 58)
        #expect(try await Self.run(world, policy) == [])
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == [file])
        #expect(try await world.tier(file) == .archive)
        var expected = bytes
        expected.replaceSubrange(100_000..<150_000, with: [UInt8](repeating: 7, count: 50_000))
        #expect(try await world.read(file) == expected)
        await world.fileSystem.close()
    }

    @Test func `two policies of one file system put off nothing of each other's`() async throws {
        let world = try await LifecycleWorld()
        let logs = LifecyclePolicy(
            name: "logs",
            transitions: try LifecycleTransitions(
                toInfrequentAccess: .days7,
                toArchive: nil,
                isPromotedOnAccess: false
            ),
            minimumSize: 1_000,
            include: [try PathGlob("*.log")]
        )
        // A rule leaves them to the other policy; with 'exclude' they would stay whatever that says.
        let never = try LifecycleTransitions(
            toInfrequentAccess: nil,
            toArchive: nil,
            isPromotedOnAccess: false
        )
        let others = LifecycleRule(
            name: "logs",
            transitions: never,
            include: [try PathGlob("*.log")]
        )
        let rest = try Self.policy(world, rules: [others])
        let all = [logs, rest]
        let log = try await world.makeFile("a.log", text(100_000, seed: 1))
        let other = try await world.makeFile("b", text(100_000, seed: 2))
        try await world.pass(days: 6)
        for policy in all { #expect(try await Self.run(world, policy, among: all) == []) }
        try await world.pass(days: 1)
        #expect(try await Self.run(world, rest, among: all) == [])
        #expect(try await Self.run(world, logs, among: all) == [log])
        try await world.pass(days: 23)
        #expect(try await Self.run(world, logs, among: all) == [])
        #expect(try await Self.run(world, rest, among: all) == [other])
        await world.fileSystem.close()
    }
}
