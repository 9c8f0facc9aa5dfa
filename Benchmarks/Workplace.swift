import Disk
import FileSystemEngine
import Foundation
import Keyring
import VarveModel

/// A directory for the length of a run, beneath which each side of each round gets ground of its own.
final class Workplace: Sendable {
    let path: String
    private let isFresh: Bool

    init(beneath parent: String, isFresh: Bool) throws {
        self.isFresh = isFresh
        path = parent + "/varve-bench-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true
        )
    }

    func remove() {
        // What is left is only temporary data of a benchmark.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Ground that is empty and has room for so many files of the floor's.
    private func newGround(inodes: Int) throws -> Ground {
        let ground = path + "/" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: ground, withIntermediateDirectories: true)
        let mount = isFresh ? try LoopMount(at: ground, inodes: inodes) : nil
        return Ground(path: ground, mount: mount)
    }

    /// Runs `body` on new ground, which goes with it.
    func onNewGround<Value>(
        inodes: Int = 0,
        _ body: (Ground) async throws -> Value
    ) async throws -> Value {
        let ground = try newGround(inodes: inodes)
        do {
            let value = try await body(ground)
            try await ground.remove()
            return value
        } catch {
            // The first error tells more; the mount ends with the process at the latest.
            try? await ground.remove()
            throw error
        }
    }
}

/// Where one side of a round works: a directory, or an ext4 of its own.
struct Ground: Sendable {
    let path: String
    fileprivate let mount: LoopMount?

    /// An empty file system on the real disk, with its own clock running.
    func makeFileSystem() async throws -> FileSystem {
        try await FileSystem.create(newConfiguration())
    }

    /// A file system to be made here, on the real disk.
    func newConfiguration() -> FileSystemConfiguration {
        let unique = UniqueID.random()
        return FileSystemConfiguration(
            id: FileSystemID.random(),
            unique: unique,
            family: unique,
            dataKey: DataKey.random(),
            disk: HostDisk(),
            directory: path + "/varve/work",
            zones: [path + "/varve/local-a"],
            clock: WallClock()
        )
    }

    /// Makes all files beneath durable, then drops them from the page cache; nobody has them open.
    ///
    /// - Throws: When bytes stay: the kernel keeps what is mapped.
    func dropCaches() throws {
        for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
            let descriptor = open(path + "/" + name, O_RDONLY)
            guard descriptor >= 0 else { continue }
            fdatasync(descriptor)
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
            try requireDropped(path + "/" + name)
        }
    }

    /// Looks at a page of every 256 KiB.
    private func requireDropped(_ path: String) throws {
        let disk = HostDisk()
        guard try disk.status(of: path)?.kind == .file else { return }
        let file = try disk.open(path, .read)
        defer { file.close() }
        for start in stride(from: 0, to: try file.size(), by: 256 << 10)
        where file.resident(start..<start + 1) != nil {
            throw ProgramFailure(message: "'\(path)' is still in the page cache at \(start)")
        }
    }

    func remove() async throws {
        try await mount?.unmount()
        try FileManager.default.removeItem(atPath: path)
    }
}

/// What a stretch of work took.
struct Stopwatch {
    private let start = ContinuousClock.now
    private let cpuStart = Stopwatch.cpu()

    /// Seconds of wall time since it was made.
    var seconds: Double {
        let passed = ContinuousClock.now - start
        return Double(passed.components.seconds) + Double(passed.components.attoseconds) * 1e-18
    }

    /// Seconds of this process's CPU time, all threads.
    var cpuSeconds: Double { Stopwatch.cpu() - cpuStart }

    /// The work so far, as `units` of it.
    func side(_ units: Int) -> Side {
        Side(rate: Double(units) / seconds, cpuSeconds: cpuSeconds)
    }

    /// The work so far, as MiB of so many bytes.
    func mebibytes(_ bytes: Int) -> Side {
        Side(rate: Double(bytes) / Double(1 << 20) / seconds, cpuSeconds: cpuSeconds)
    }

    private static func cpu() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
