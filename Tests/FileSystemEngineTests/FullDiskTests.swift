import Disk
import Foundation
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// A disk is filled to its last byte: files and snapshots can still be deleted, and space comes back.
@Suite struct FullDiskTests {
    typealias Files = [(inode: InodeNumber, name: String, bytes: [UInt8])]

    static func limits() -> FileSystemLimits {
        var limits = EngineWorld.smallLimits
        limits.nameHashBits = 55
        limits.segmentBytes = 1 << 20
        return limits
    }

    /// Writes until the disk refuses, and then small things until it refuses those too.
    static func fill(
        _ fileSystem: FileSystem,
        _ generator: inout SeededGenerator,
        from first: Int = 0
    ) async throws -> Files {
        var files: Files = []
        for size in [60_000, 4_000, 100] {
            var isFull = false
            while !isFull {
                let text = "f\(first + files.count)"
                let bytes = generator.bytes(size)
                do {
                    let made = try await fileSystem.makeFile(text)
                    files.append((made, text, []))
                    _ = try await fileSystem.write(
                        made,
                        bytes,
                        at: 0,
                        stability: .stable,
                        as: .root
                    )
                    files[files.count - 1].bytes = bytes
                } catch {
                    #expect((error as? FileSystemError)?.code == .noSpace, "\(error)")
                    isFull = true
                }
            }
        }
        return files
    }

    static func check(_ fileSystem: FileSystem, _ files: Files) async throws {
        for file in files {
            let found = try await fileSystem.contents(file.inode)
            #expect(found == file.bytes, "\(file.name)")
        }
    }

    /// Fills, deletes half, collects, and fills again: the same on every disk.
    static func run(_ world: FileSystemConfiguration, _ clock: SimulatedClock) async throws {
        let reserve = try #require(world.reserve)
        var generator = SeededGenerator(seed: testSeed(default: 23))
        var fileSystem = try await FileSystem.create(world)
        _ = try await fileSystem.createSnapshot("s")
        var files = try await fill(fileSystem, &generator)
        #expect(files.count > 20)
        try await check(fileSystem, files)
        // Truncating, unlinking, deleting snapshots: all of it on the full disk.
        let changes = AttributeChanges(size: 10)
        _ = try await fileSystem.setAttributes(files[0].inode, changes, as: .root)
        files[0].bytes = Array(files[0].bytes.prefix(10))
        for file in files.enumerated() where file.offset.isMultiple(of: 2) && file.offset > 0 {
            try await fileSystem.unlink(try name(file.element.name), in: .root, as: .root)
        }
        files = files.enumerated().filter { !$0.offset.isMultiple(of: 2) || $0.offset == 0 }
            .map(\.element)
        try await fileSystem.deleteSnapshot("s")
        clock.advance(seconds: 8_000)
        try await fileSystem.maintainAll()
        clock.advance(seconds: 10)
        try await fileSystem.maintainAll()
        #expect(!reserve.isInUse, "the reserve is held back again")
        try await check(fileSystem, files)
        let more = try await fill(fileSystem, &generator, from: 100_000)
        let written = more.reduce(0) { $0 + $1.bytes.count }
        print("full disk: \(files.count) files kept, then \(more.count) more of \(written) bytes")
        #expect(written > 200_000)
        try await check(fileSystem, files + more)
        await fileSystem.close()
        fileSystem = try await FileSystem.open(world)
        try await check(fileSystem, files + more)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `on a full simulated disk space comes back and nothing answered is lost`()
        async throws
    {
        let disk = SimulatedDisk(capacity: 12 << 20, recording: false)
        let clock = SimulatedClock(EngineWorld.start)
        try disk.makeDirectories("/state")
        var configuration = try EngineWorld.configuration(
            disk: disk,
            clock: clock,
            limits: Self.limits()
        )
        configuration.reserve = try SpaceReserve(disk: disk, directory: "/state")
        try await Self.run(configuration, clock)
    }

    /// The same on a real file system of 64 MiB; only root may mount one.
    @Test(.enabled(if: SmallMount.isPossible, "mounting a small file system takes root"))
    func `on a full tmpfs space comes back and nothing answered is lost`() async throws {
        let mount = try SmallMount(mebibytes: 64)
        let clock = SimulatedClock(EngineWorld.start)
        var configuration = try EngineWorld.configuration(
            disk: HostDisk(),
            clock: clock,
            limits: Self.limits()
        )
        configuration.directory = mount.path + "/fs"
        configuration.zones = [mount.path + "/zone"]
        configuration.reserve = try SpaceReserve(disk: HostDisk(), directory: mount.path)
        try await Self.run(configuration, clock)
    }

    @Test func `the reserve is refused to writers while it is in use, and taken back with room`()
        async throws
    {
        let disk = SimulatedDisk(recording: false)
        try disk.makeDirectories("/state")
        let clock = SimulatedClock(EngineWorld.start)
        var configuration = try EngineWorld.configuration(disk: disk, clock: clock)
        let reserve = try SpaceReserve(disk: disk, directory: "/state")
        configuration.reserve = reserve
        let fileSystem = try await FileSystem.create(configuration)
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 1, count: 5_000))
        clock.advance(seconds: 5)
        #expect(reserve.bytes == SpaceReserve.bytesMax)
        #expect(reserve.release())
        #expect(!reserve.release())
        disk.failAfter(bytes: 1 << 20)
        let refused = await #expect(throws: FileSystemError.self) {
            _ = try await fileSystem.write(file, [1], at: 0, stability: .unstable, as: .root)
        }
        #expect(refused?.code == .noSpace)
        #expect(try await fileSystem.contents(file).count == 5_000)
        let instant = try await fileSystem.instant(atOrBefore: clock.now().adding(seconds: -1))
        #expect(try await fileSystem.contents(file, at: .past(instant)).count == 5_000)
        try await fileSystem.unlink(try name("f"), in: .root, as: .root)
        _ = try await fileSystem.collectGarbage()
        #expect(reserve.isInUse)
        disk.setCapacity(1 << 40)
        _ = try await fileSystem.collectGarbage()
        #expect(!reserve.isInUse)
        _ = try await fileSystem.makeFile("g", [1, 2, 3])
        // A writer takes it back as well, and none is refused for want of a round of maintenance.
        #expect(reserve.release())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<16 {
                group.addTask { _ = try await fileSystem.makeFile("h\(number)", [1]) }
            }
            try await group.waitForAll()
        }
        #expect(!reserve.isInUse)
        await fileSystem.close()
    }
}

/// A tmpfs of its own, gone with its last owner.
final class SmallMount: Sendable {
    let path: String
    private let directory: TemporaryDirectory

    static var isPossible: Bool {
        getuid() == 0 || ProcessInfo.processInfo.environment["VARVE_REQUIRE"] == "all"
    }

    init(mebibytes: Int) throws {
        directory = try TemporaryDirectory()
        path = directory.path
        try SmallMount.call("mount", ["-t", "tmpfs", "-o", "size=\(mebibytes)m", "varve", path])
    }

    deinit {
        // Lazily: a program that another test just starts has our files until its exec. What stays
        // mounted is memory of a test machine, gone at its next start.
        try? SmallMount.call("umount", ["--lazy", path])
    }

    private static func call(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(program) \(arguments)")
    }
}
