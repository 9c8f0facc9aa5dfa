import Disk
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: metadata that is older than what the segments remember is refused by name, never shown as a
/// shorter history; and no ordinary crash is taken for that.
@Suite struct LostHistoryTests {
    private static let base = "/state/filesystems/fs/meta.sqlite"
    private static let log = base + "-wal"

    /// A file system's two files of metadata at one moment.
    private struct Copy {
        let base: [UInt8]
        let log: [UInt8]

        init(of disk: SimulatedDisk) throws {
            base = try disk.contents(of: LostHistoryTests.base)
            log = try disk.contents(of: LostHistoryTests.log)
        }
    }

    /// A run of many stable writes; copies of its metadata were taken on the way.
    private struct Run {
        var world: EngineWorld
        var copies: [Copy] = []
    }

    private static func run(checkpoints: Bool) async throws -> Run {
        let world = try await EngineWorld.make()
        var run = Run(world: world)
        for number in 0..<12 {
            let bytes = [UInt8](repeating: UInt8(number), count: 5_000)
            _ = try await world.fileSystem.makeFile("f\(number)", bytes)
            if checkpoints, number.isMultiple(of: 4) {
                try await world.fileSystem.checkpoint()
                // The checkpoint follows its answer, and the next batch follows it.
                try await world.fileSystem.flush()
            }
            run.copies.append(try Copy(of: world.disk))
        }
        return run
    }

    /// The refusal of opening what is on `disk`; nothing may have been written.
    private static func refusal(
        _ world: EngineWorld,
        _ disk: SimulatedDisk
    ) async throws -> FileSystemError? {
        let before = (disk.operations, try? Copy(of: disk))
        var configuration = world.configuration
        configuration.disk = disk
        do {
            let fileSystem = try await FileSystem.open(configuration)
            await fileSystem.close()
            return nil
        } catch {
            #expect(disk.operations == before.0, "a refusal writes nothing")
            return error
        }
    }

    /// Goal: whichever earlier moment both files are set back to, the segments tell.
    @Test(arguments: [false, true], [false, true])
    func `an older copy of the database put back is refused by name`(
        checkpoints: Bool,
        isClosed: Bool
    ) async throws {
        let run = try await Self.run(checkpoints: checkpoints)
        if isClosed { await run.world.fileSystem.close() }
        let disk = run.world.disk.restarted()
        let newest = try Copy(of: disk)
        // After a crash the last marker tells of the commit before its own; a clean end tells of all.
        let told = isClosed ? run.copies.count : run.copies.count - 1
        for copy in run.copies.prefix(told) {
            let image = disk.restarted()
            try image.replace(Self.base, with: copy.base)
            try image.replace(Self.log, with: copy.log)
            let error = try await Self.refusal(run.world, image)
            #expect(error?.code == .corrupt)
            #expect(
                error?.message.contains("history is shorter") == true,
                "\(String(describing: error))"
            )
            #expect(error?.message.contains("older copy") == true)
            #expect(error?.message.contains("segments") == true)
            #expect(error?.remedy.contains("recovery point") == true)
            // The way out: both newest files.
            try image.replace(Self.base, with: newest.base)
            try image.replace(Self.log, with: newest.log)
            #expect(try await Self.refusal(run.world, image) == nil)
        }
    }

    @Test func `a log that is gone, cut, emptied or older is refused`() async throws {
        let run = try await Self.run(checkpoints: false)
        let disk = run.world.disk.restarted()
        let log = try disk.contents(of: Self.log)
        let header = Array(log.prefix(4_096))
        let oldest = run.copies[0]
        let damages: [(String, [UInt8]?)] = [
            ("gone", nil), ("empty", []), ("cut in the middle", Array(log.prefix(40_000))),
            ("cut behind its header", header),
            ("zeros", header + [UInt8](repeating: 0, count: log.count - 4_096)),
            ("an older log", oldest.log),
        ]
        for (what, bytes) in damages {
            let image = disk.restarted()
            if let bytes {
                try image.replace(Self.log, with: bytes)
            } else {
                try image.remove(Self.log)
            }
            let error = try await Self.refusal(run.world, image)
            #expect(error?.code == .corrupt, "\(what): \(String(describing: error))")
            #expect(error?.message.contains("meta.sqlite") == true, "\(what)")
        }
        #expect(try await Self.refusal(run.world, disk) == nil, "as it was it opens")
    }

    /// Goal: markers written by readers' threads and by the committer never ask for more than is there.
    ///
    /// Method: many writers and tier moves at once, on a recording disk with small logs' worth of
    /// checkpoints; every image that a power cut leaves must open.
    @Test func `no power cut in a busy run is taken for lost history`() async throws {
        var limits = EngineWorld.smallLimits
        limits.segmentBytes = 256 << 10
        limits.flushSeconds = 1
        let world = try await EngineWorld.make(limits: limits, disk: SimulatedDisk())
        let ready = world.disk.operations
        let fileSystem = world.fileSystem
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<6 {
                group.addTask { try await Self.busy(fileSystem, lane) }
            }
            try await group.waitForAll()
        }
        await fileSystem.close()
        var replay = world.disk.replay()
        let stride = TestSizes.current.powerCutStride
        var cuts = 0
        for cut in Swift.stride(from: ready, through: world.disk.operations, by: stride) {
            replay.advance(to: cut)
            for fate in [.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut))] as [CutFate] {
                cuts += 1
                let error = try await Self.opening(world, replay.image(fate))
                #expect(error == nil, "cut after \(cut), \(fate)")
            }
        }
        print("busy run: \(world.disk.operations) writes, \(cuts) worlds opened")
    }

    private static func opening(
        _ world: EngineWorld,
        _ disk: SimulatedDisk
    ) async throws -> FileSystemError? {
        var configuration = world.configuration
        configuration.disk = disk
        do {
            await (try await FileSystem.open(configuration)).close()
            return nil
        } catch {
            return error
        }
    }

    @inline(never)  // Inlined into the task's closure, Swift 6.3.1 in release crashes on it.
    private static func busy(_ fileSystem: FileSystem, _ lane: Int) async throws {
        for round in 0..<12 {
            let bytes = [UInt8](repeating: UInt8(lane), count: 3_000 + round * 500)
            let inode = try await fileSystem.makeFile("f\(lane)-\(round)", bytes)
            if round.isMultiple(of: 3) {
                _ = try await fileSystem.move(inode, to: .infrequentAccess)
            }
            if round.isMultiple(of: 4) { try await fileSystem.checkpoint() }
        }
    }
}
