import Disk
import FileSystemEngine
import LocalAPI
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// File systems that nobody sees: those of restore tests.
@Suite struct ScratchFileSystemTests {
    @Test func `nobody sees a scratch file system, and a crash leaves nothing of it`() async throws
    {
        let disk = SimulatedDisk(capacity: 1 << 40, recording: false)
        try StateWorld.create(on: disk)
        let world = try await StateWorld(opening: disk)
        let scratch = try await world.fileSystems.makeScratch("restore test of home", for: 100_000)
        let new = NewInode(.regular, permissions: 0o600)
        let file = try await scratch.engine.create(
            try #require(FileName("secret")),
            in: .root,
            new,
            as: .root
        )
        let bytes = [UInt8](repeating: 7, count: 100_000)
        _ = try await scratch.engine.write(
            file.inode,
            bytes,
            at: 0,
            stability: .stable,
            as: .root
        )
        #expect(await world.fileSystems.all().isEmpty)
        let id = scratch.record.id.text
        let zone = try #require(scratch.record.availabilityZone)
        let places = [world.state.paths.fileSystem(id), world.state.paths.zone(zone, id)]
        for place in places { #expect(try disk.status(of: place) != nil) }
        // Killed in the middle: the next start removes it.
        let left = disk.restarted()
        await world.fileSystems.discard(scratch)
        await world.close()
        for place in places { #expect(try disk.status(of: place) == nil) }
        let next = try await StateWorld(opening: left)
        #expect(try await next.control.fileSystems().isEmpty)
        for place in places { #expect(try left.status(of: place) == nil) }
        await next.close()
    }

    @Test func `a task that was cancelled still removes its scratch file system`() async throws {
        let disk = SimulatedDisk(capacity: 1 << 40, recording: false)
        try StateWorld.create(on: disk)
        let world = try await StateWorld(opening: disk)
        let fileSystems = world.fileSystems
        let scratch = try await fileSystems.makeScratch("restore test of home", for: 100_000)
        // A child task, cancelled from the start: how a run that is broken off comes to its end.
        await withTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask { await fileSystems.discard(scratch) }
        }
        #expect(try await world.control.fileSystems().isEmpty)
        #expect(try disk.status(of: world.state.paths.fileSystem(scratch.record.id.text)) == nil)
        await world.close()
    }

    @Test func `a test that would fill the disk is not begun`() async throws {
        let disk = SimulatedDisk(capacity: 1 << 30, recording: false)
        try StateWorld.create(on: disk)
        let world = try await StateWorld(opening: disk)
        let refused = await #expect(throws: APIError.self) {
            _ = try await world.fileSystems.makeScratch("restore test of home", for: 600 << 20)
        }
        #expect(refused?.code == .noSpace)
        #expect(try await world.control.fileSystems().isEmpty)
        await world.close()
    }
}
