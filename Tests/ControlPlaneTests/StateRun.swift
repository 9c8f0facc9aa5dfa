import Disk
import FileSystemEngine
import JobScheduler
import LocalAPI
import MetadataStore
import TestKit
import VarveModel

@testable import ControlPlane

/// One recorded life of a state directory, from `init` on; each acknowledgement is a mark with the number of
/// what was promised by then.
final class StateRun {
    typealias Files = [String: [UInt8]]

    /// What must be there once an operation was acknowledged.
    struct Promise: Equatable {
        /// By Name.
        var fileSystems: [String: Files] = [:]
        var vaults: Set<String> = []
        /// States of the job's runs, oldest first.
        var runs: [JobRun.State] = []
        var setting: String?
        /// Wrapped keys that were erased.
        var erased: Set<[UInt8]> = []
    }

    let disk = SimulatedDisk()
    /// `promises[0]`: nothing, not even a state directory; `[1]`: an empty one.
    private(set) var promises = [Promise()]
    /// Both wrapped copies of each file system's key, by Name.
    private var keys: [String: Set<[UInt8]>] = [:]

    private func acknowledge(_ change: (inout Promise) -> Void) {
        var next = promises[promises.count - 1]
        change(&next)
        disk.mark("\(promises.count)")
        promises.append(next)
    }

    func record() async throws {
        try StateWorld.create(on: disk)
        acknowledge { _ in }
        var world = try await StateWorld(opening: disk)
        try await make("alpha", world)
        try await put("one", [UInt8](repeating: 1, count: 5_000), in: "alpha", world)
        _ = try await world.vaults.create("main")
        acknowledge { $0.vaults.insert("main") }
        try await run(endsAs: .succeeded, world)
        try await make("beta", world)
        try await put("two", [UInt8](repeating: 2, count: 9_000), in: "beta", world)
        try await delete("alpha", world)
        try await world.control.set("remembered", "yes")
        acknowledge { $0.setting = "yes" }
        try await run(endsAs: .failed, world)
        await world.close()
        world = try await StateWorld(opening: disk)
        try await make("gamma", world)
        try await delete("beta", world)
        for _ in 0..<30 { try await run(endsAs: .partial, world) }
        try await put("three", [UInt8](repeating: 3, count: 20_000), in: "gamma", world)
        await world.close()
    }

    private func make(_ name: String, _ world: StateWorld) async throws {
        let made = try await world.fileSystems.create(name: name, tags: ["a": "b"], owner: .root)
        acknowledge { $0.fileSystems[name] = [:] }
        let (paths, record) = (world.state.paths, made.record)
        guard let zone = record.availabilityZone else {
            throw DiskError(.failed, "the test's file systems lie in one zone")
        }
        keys[name] = [
            try disk.contents(of: paths.fileSystem(record.id.text) + "/key"),
            try disk.contents(of: paths.zone(zone, record.id.text) + "/key"),
        ]
    }

    private func delete(_ name: String, _ world: StateWorld) async throws {
        try await world.fileSystems.delete(name)
        acknowledge {
            $0.fileSystems[name] = nil
            $0.erased.formUnion(keys[name] ?? [])
        }
    }

    private func put(
        _ file: String,
        _ bytes: [UInt8],
        in name: String,
        _ world: StateWorld
    ) async throws {
        let engine = try await world.fileSystems.find(name).engine
        let new = NewInode(.regular, permissions: 0o600)
        let made = try await engine.create(try fileName(file), in: .root, new, as: .root)
        acknowledge { $0.fileSystems[name]?[file] = [] }
        _ = try await engine.write(made.inode, bytes, at: 0, stability: .stable, as: .root)
        acknowledge { $0.fileSystems[name]?[file] = bytes }
    }

    private func run(endsAs end: JobRun.State, _ world: StateWorld) async throws {
        let due = StateWorld.start.adding(seconds: Int64(promises.count))
        func run(_ id: Int64, _ state: JobRun.State) -> JobRun {
            JobRun(
                id: id,
                job: StateWorld.job,
                action: "backup",
                due: due,
                trigger: .schedule,
                started: due,
                ended: state == .running ? nil : due,
                state: state,
                message: state == .running ? "" : "as told"
            )
        }
        let id = try await world.runs.insert(run(0, .running))
        acknowledge { $0.runs.append(.running) }
        try await world.runs.finish(run(id, end))
        acknowledge { $0.runs[$0.runs.count - 1] = end }
    }

    private func fileName(_ text: String) throws -> FileName {
        guard let name = FileName(text) else { throw DiskError(.failed, "the test's name") }
        return name
    }
}

/// What a reopened state directory shows.
extension StateWorld {
    func shown() async throws -> StateRun.Promise {
        var found = StateRun.Promise()
        for entry in await fileSystems.all() {
            let engine = try entry.engine.get()
            found.fileSystems[entry.record.name] = try await files(engine)
        }
        for entry in try await vaults.all() {
            guard case .failure(let error) = entry.vault else {
                found.vaults.insert(entry.name)
                continue
            }
            // One that was being made: it is made again at will.
            guard error.code == .notFound else { throw error }
            _ = try await vaults.create(entry.name)
        }
        found.runs = try await runs.runs(of: StateWorld.job, limit: 100).reversed().map(\.state)
        found.setting = try await control.setting("remembered")
        return found
    }

    @inline(never)  // Inlined into a loop, Swift 6.3.1 in release crashes on it.
    private func files(_ engine: FileSystem) async throws -> StateRun.Files {
        var files: StateRun.Files = [:]
        let page = try await engine.readDirectory(.root, limit: 100, as: .root)
        for listed in page.entries {
            files["\(listed.name)"] = try await engine.bulkRead(
                listed.attributes.inode,
                0..<(1 << 30),
                at: .live
            ).bytes
        }
        return files
    }

    /// Directories of file systems that nobody lists.
    func strays() async throws -> [String] {
        let known = Set(await fileSystems.all().map(\.record.id.text))
        let paths = state.paths
        var strays = try disk.list(paths.fileSystems)
        for zone in try disk.list(paths.zones) { strays += try disk.list(paths.zones + "/" + zone) }
        return strays.filter { !known.contains($0) }
    }

    /// Every small file beneath the root, by path.
    static func smallFiles(
        on disk: SimulatedDisk,
        beneath directory: String = root
    ) throws -> [String: [UInt8]] {
        guard try disk.status(of: directory) != nil else { return [:] }
        var found: [String: [UInt8]] = [:]
        for name in try disk.list(directory) {
            let path = directory + "/" + name
            guard let status = try disk.status(of: path) else { continue }
            if status.kind == .directory {
                found.merge(try smallFiles(on: disk, beneath: path)) { $1 }
            } else if status.size <= 4_096 {
                found[path] = try disk.contents(of: path)
            }
        }
        return found
    }
}
