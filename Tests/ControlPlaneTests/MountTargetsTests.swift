import Disk
import LocalAPI
import MetadataStore
import Synchronization
import Testing
import VarveModel

@testable import ControlPlane

/// Goal: the list of mount targets and what is listened for agree, whatever fails and whenever power goes.
///
/// Method: the list over a simulated disk, and listeners that refuse when they are told to.
@Suite struct MountTargetsTests {
    /// Notes what it is asked for.
    private final class Listeners: MountTargetListeners {
        private struct State {
            var isRefusing = false
            var tries = 0
            var open: [MountTargetID: String] = [:]
        }

        private let state = Mutex(State())

        /// Where it listens.
        var open: [MountTargetID: String] { state.withLock { $0.open } }
        var tries: Int { state.withLock { $0.tries } }

        func refuse(_ isRefusing: Bool) { state.withLock { $0.isRefusing = isRefusing } }

        func open(
            _ target: MountTargetID,
            of fileSystem: FileSystemID,
            host: String,
            port: Int
        ) async throws {
            try state.withLock { state in
                state.tries += 1
                guard !state.isRefusing else { throw APIError(.failed, "no") }
                #expect(state.open[target] == nil, "it is open already")
                state.open[target] = "\(host):\(port) \(fileSystem)"
            }
        }

        func remove(_ target: MountTargetID) async {
            state.withLock { $0.open[target] = nil }
        }
    }

    /// A state directory with one file system `home`.
    private static func world() async throws -> (StateWorld, id: FileSystemID) {
        let disk = SimulatedDisk()
        try StateWorld.create(on: disk)
        let world = try await StateWorld(opening: disk)
        let made = try await world.fileSystems.create(name: "home", tags: [:], owner: .root)
        return (world, made.record.id)
    }

    @Test func `one that cannot be opened is not made`() async throws {
        let (world, _) = try await Self.world()
        let listeners = Listeners()
        await world.mountTargets.serve(by: listeners)
        listeners.refuse(true)
        let refused = await #expect(throws: APIError.self) {
            _ = try await world.mountTargets.create(of: "home", at: "127.0.0.2", port: 2_049)
        }
        #expect(refused?.message == "no")
        #expect(try await world.control.mountTargets() == [])
        #expect(await world.mountTargets.ids.isEmpty && listeners.open.isEmpty)
        listeners.refuse(false)
        _ = try await world.mountTargets.create(of: "home", at: "127.0.0.2", port: 2_049)
        #expect(listeners.open.count == 1, "its address is free")
        await world.close()
    }

    /// IPv4 addresses that IPv6 has too (RFC 4291 §2.5.5.2) are one: neither a second target nor a wildcard gets by.
    @Test func `an IPv4 address is one however it is written`() async throws {
        let (world, _) = try await Self.world()
        await world.mountTargets.serve(by: Listeners())
        let made = try await world.mountTargets.create(
            of: "home",
            at: "::ffff:127.0.0.2",
            port: 2_049
        )
        #expect(made.record.address == "127.0.0.2")
        for address in ["127.0.0.2", "::ffff:7f00:2", "::ffff:0.0.0.0"] {
            await #expect(throws: (any Error).self, "\(address)") {
                _ = try await world.mountTargets.create(of: "home", at: address, port: 2_049)
            }
        }
        #expect(await world.mountTargets.ids == [made.record.id])
        await world.close()
    }

    /// Goal: a deletion that fails behind its first step can be repeated, by hand or by maintenance.
    @Test func `one whose row cannot be removed is deleted later`() async throws {
        let (world, _) = try await Self.world()
        let listeners = Listeners()
        await world.mountTargets.serve(by: listeners)
        for isByHand in [true, false] {
            let made = try await world.mountTargets.create(of: "home", at: "fd00::3", port: 2_049)
            // The first step writes the log, and so does the last.
            world.disk.fail(after: 1, with: .noSpace) { kind, path in
                kind == .write && path.hasSuffix("control.sqlite-wal")
            }
            await #expect(throws: (any Error).self) {
                try await world.mountTargets.delete(made.record.id.text)
            }
            guard case .deleting? = await world.mountTargets.all().first?.condition else {
                throw APIError(.failed, "it is not being deleted")
            }
            #expect(listeners.open.isEmpty)
            if isByHand {
                try await world.mountTargets.delete(made.record.id.text)
            } else {
                await world.mountTargets.retry()
            }
            #expect(await world.mountTargets.ids.isEmpty)
            #expect(try await world.control.mountTargets() == [])
        }
        await world.close()
    }

    @Test func `without a front-end there are none to be made`() async throws {
        let (world, _) = try await Self.world()
        let refused = await #expect(throws: APIError.self) {
            _ = try await world.mountTargets.create(of: "home", at: "127.0.0.2", port: 2_049)
        }
        #expect(refused?.code == .unsupported)
        #expect(try await world.control.mountTargets() == [])
        await world.close()
    }

    @Test func `one that does not open is tried again, and serves`() async throws {
        let (world, id) = try await Self.world()
        let before = Listeners()
        await world.mountTargets.serve(by: before)
        let made = try await world.mountTargets.create(of: "home", at: "fd00::2", port: 2_050)
        await world.close()
        let again = try await StateWorld(opening: world.disk)
        let listeners = Listeners()
        listeners.refuse(true)
        await again.mountTargets.serve(by: listeners)
        await again.mountTargets.retry()
        #expect(listeners.tries == 2 && listeners.open.isEmpty)
        guard case .error(let error)? = await again.mountTargets.all().first?.condition else {
            throw APIError(.failed, "it is in no error")
        }
        #expect(error.message == "no")
        listeners.refuse(false)
        await again.mountTargets.retry()
        await again.mountTargets.retry()
        #expect(listeners.tries == 3, "one that serves is left alone")
        #expect(listeners.open == [made.record.id: "fd00::2:2050 \(id)"])
        guard case .available? = await again.mountTargets.all(of: id).first?.condition else {
            throw APIError(.failed, "it is not available")
        }
        await again.close()
    }

    @Test func `one that is deleted is closed, and its file system may go`() async throws {
        let (world, _) = try await Self.world()
        let listeners = Listeners()
        await world.mountTargets.serve(by: listeners)
        let made = try await world.mountTargets.create(of: "home", at: "127.0.0.2", port: 2_049)
        let used = await #expect(throws: (any Error).self) {
            try await world.fileSystems.delete("home")
        }
        #expect(used.map { APIError($0).code } == .busy)
        #expect(await world.fileSystems.all().count == 1, "it goes on")
        try await world.mountTargets.delete(made.record.id.text)
        #expect(listeners.open.isEmpty)
        let gone = await #expect(throws: APIError.self) {
            try await world.mountTargets.delete(made.record.id.text)
        }
        #expect(gone?.code == .notFound)
        try await world.fileSystems.delete("home")
        await world.close()
    }

    /// Goal: after a power cut a target is there whole or not at all, as far as its maker and deleter were told.
    @Test func `a target is there or not after a power cut at any write`() async throws {
        let (world, id) = try await Self.world()
        await world.mountTargets.serve(by: Listeners())
        let start = world.disk.operations
        let made = try await world.mountTargets.create(of: "home", at: "127.0.0.2", port: 2_049)
        let told = world.disk.operations
        try await world.mountTargets.delete(made.record.id.text)
        let end = world.disk.operations
        #expect(start < told && told < end)
        var seen: Set<Bool> = []
        for cut in start...end {
            let disk = world.disk.image(cuttingAfter: cut, fate: .dropUnsynced)
            let again = try await StateWorld(opening: disk)
            let ids = await again.mountTargets.ids
            let isThere = ids == [made.record.id]
            #expect(isThere || ids.isEmpty)
            if cut == told { #expect(isThere, "its maker was told") }
            if cut == end { #expect(!isThere, "its deleter was told") }
            seen.insert(isThere)
            let listed = try await again.control.mountTargets()
            #expect(listed.map(\.state) == (isThere ? [.available] : []), "cut \(cut)")
            // Either way the next one is made and the file system goes.
            if isThere {
                await again.mountTargets.serve(by: Listeners())
                try await again.mountTargets.delete(made.record.id.text)
            }
            try await again.fileSystems.delete(id.text)
            await again.close()
        }
        #expect(seen == [true, false])
        await world.close()
    }
}
