import Disk
import Keyring
import MetadataStore
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// A file system whose every file stands in three zones, each a simulated disk of its own.
struct ZoneWorld {
    static let names = ["local-a", "local-b", "local-c"]
    static let root = "/state"

    private(set) var disks: [SimulatedDisk]
    private(set) var zoned: ZonedDisk
    private let unique = UniqueID.random()
    let reports = ZoneReports()
    let clock = SimulatedClock(EngineWorld.start)

    init() throws {
        disks = Self.names.map { _ in SimulatedDisk(recording: false) }
        let reports = reports
        zoned = try ZonedDisk.create(
            root: Self.root,
            zones: Self.zones(disks),
            unique: unique.bytes,
            report: { reports.add($0) }
        )
    }

    /// Each zone's directory is called as the root is, so that one alone can be opened as a file system of one zone.
    private static func zones(_ disks: [SimulatedDisk]) -> [DiskZone] {
        zip(names, disks).map { DiskZone(name: $0, directory: root, disk: $1) }
    }

    func makeFileSystem(_ limits: FileSystemLimits = EngineWorld.smallLimits) async throws
        -> EngineWorld
    {
        let reports = reports
        var configuration = try EngineWorld.configuration(
            disk: zoned,
            clock: clock,
            limits: limits,
            unique: unique
        )
        configuration.log = { reports.add($0) }
        return EngineWorld(
            disk: disks[0],
            clock: clock,
            configuration: configuration,
            fileSystem: try await FileSystem.create(configuration)
        )
    }

    /// Opens the zones anew, as a restart does; what was open is closed, or died.
    mutating func restart() throws {
        disks = disks.map { $0.restarted() }
        let reports = reports
        zoned = try ZonedDisk.open(
            root: Self.root,
            zones: Self.zones(disks),
            unique: unique.bytes,
            report: { reports.add($0) }
        )
    }

    /// The same file system on these zones.
    func reopen(_ world: EngineWorld) async throws -> EngineWorld {
        var configuration = world.configuration
        configuration.disk = zoned
        return EngineWorld(
            disk: disks[0],
            clock: clock,
            configuration: configuration,
            fileSystem: try await FileSystem.open(configuration)
        )
    }

    /// One zone's copy, opened as a file system that has no other.
    func alone(_ zone: Int, _ world: EngineWorld) async throws -> FileSystem {
        var configuration = world.configuration
        configuration.disk = disks[zone].restarted()
        configuration.clock = SimulatedClock(clock.now())
        return try await FileSystem.open(configuration)
    }

    static let database = "/state/filesystems/fs/meta.sqlite"

    func segments(_ zone: Int) throws -> [String] {
        try Tier.allCases.flatMap { tier in
            let folder = "/state/zones/local-1a/fs/\(tier.folder)"
            guard try disks[zone].status(of: folder) != nil else { return [String]() }
            return try disks[zone].list(folder).filter { $0.hasSuffix(".seg") }
                .map { folder + "/" + $0 }
        }
    }

    /// Flips bits in the files of one zone, at seeded places.
    func flip(_ count: Int, in zone: Int, _ generator: inout SeededGenerator) throws {
        let files = try segments(zone) + [Self.database, Self.database + "-wal"]
        for _ in 0..<count {
            guard let path = files.randomElement(using: &generator),
                let size = try disks[zone].status(of: path)?.size, size > 0
            else { continue }
            let offset = UInt64.random(in: 0..<size, using: &generator)
            try disks[zone].corrupt(path, at: offset, mask: 1 << UInt8(offset % 8))
        }
    }
}

final class ZoneReports: Sendable {
    private let texts = Mutex<[String]>([])
    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
}

extension ScrubReport {
    /// What is lost, in words.
    var losses: [String] { lost.map(\.message) }
}

/// Goal: whatever one zone loses, the file system goes on, and what any zone has is read right (I2, I4, I5, I7).
///
/// Method: the engine's own model over a disk in three zones; between its steps one zone is flipped, fails, or all restart.
@Suite struct ZoneModelTests {
    private enum Event: CaseIterable {
        case flips
        case loss
        case restart
        case kill
        case scrub
    }

    @Test func `on three zones the engine agrees with the model, whatever one of them loses`()
        async throws
    {
        let seed = testSeed(default: 490)
        var zones = try ZoneWorld()
        var run = try await ModelRun(seed: seed, in: try await zones.makeFileSystem())
        var generator = SeededGenerator(seed: seed &+ 1)
        let count = TestSizes.current.engineModelOperations / 200
        let rounds = 15
        var healed = 0
        for round in 0..<rounds where !run.failures.isBroken {
            let zone = round % 3
            let goal = (round + 1) * count
            switch Event.allCases[round % Event.allCases.count] {
            case .flips:
                try zones.flip(40, in: zone, &generator)
                try await run.run(goal, closing: false)
            case .loss:
                zones.disks[zone].fail(after: 0, lasting: true)
                try await run.run(goal, closing: false)
                #expect(zones.zoned.standing.isDegraded && zones.zoned.standing.mayWrite)
                zones.disks[zone].clearFaults()
                try zones.zoned.look()
                #expect(!zones.zoned.standing.isDegraded, "\(zones.zoned.standing)")
            case .restart:
                await run.fileSystem.close()
                zones.zoned.close()
                try zones.flip(40, in: zone, &generator)
                try zones.restart()
                run.world = try await zones.reopen(run.world)
                try await run.reopened()
                try await run.run(goal, closing: false)
            case .kill:
                // No flips before it: such a start makes zones equal by the bytes of one, whatever they are (0049).
                run.fileSystem.flushAccessTimes()
                try await run.fileSystem.flush()
                let old = run.fileSystem
                try zones.restart()
                run.world = try await zones.reopen(run.world)
                await old.close()
                try await run.reopened()
                try await run.run(goal, closing: false)
            case .scrub:
                try zones.flip(40, in: zone, &generator)
                try await run.run(goal, closing: false)
            }
            // One zone at a time is damaged: all is put right before the next.
            let report = try await run.fileSystem.scrub()
            healed += report.healedCount
            #expect(report.isComplete && report.lostCount == 0, "round \(round): \(report.losses)")
            #expect(report.healed.allSatisfy { $0.zone == ZoneWorld.names[zone] }, "round \(round)")
            let again = try await run.fileSystem.scrub()
            #expect(again.healedCount == 0, "round \(round): \(again.healed.map(\.message))")
        }
        guard !run.failures.isBroken else { return }
        print("zones: seed \(seed), \(run.step) steps, \(healed) places healed by scrubs,")
        print("  mended on the way: \(zones.reports.all.count { $0.contains("put right from") })")
        #expect(healed > 0)
        try await run.checkAllRetained()
        await run.fileSystem.close()
        zones.zoned.close()
        // Every zone by itself is the whole file system.
        for zone in 0..<3 {
            let alone = try await zones.alone(zone, run.world)
            #expect(try await alone.verify().isEmpty, "zone \(zone)")
            await alone.close()
        }
    }
}
