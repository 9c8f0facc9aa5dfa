import Disk
import FileSystemEngine
import Foundation
import Keyring
import VarveModel

/// A directory for the length of a run, and file systems in it.
final class Workplace: Sendable {
    let path: String

    init(beneath parent: String) throws {
        path = parent + "/varve-bench-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true
        )
    }

    deinit {
        // What is left is only temporary data of a benchmark.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// An empty file system on the real disk, with its own clock running.
    func makeFileSystem(_ name: String) async throws -> FileSystem {
        let unique = UniqueID.random()
        return try await FileSystem.create(
            FileSystemConfiguration(
                id: FileSystemID.random(),
                unique: unique,
                family: unique,
                dataKey: DataKey.random(),
                disk: HostDisk(),
                directory: path + "/" + name + "/work",
                zones: [path + "/" + name + "/zone"],
                clock: SystemClock()
            )
        )
    }

    /// Removes what a round left, so that the next begins on the same disk.
    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path + "/" + name)
    }
}

/// What a stretch of work took.
struct Stopwatch {
    private let start = ContinuousClock.now
    private let cpuStart = clock()

    /// Seconds of wall time since it was made.
    var seconds: Double {
        let passed = ContinuousClock.now - start
        return Double(passed.components.seconds) + Double(passed.components.attoseconds) * 1e-18
    }

    /// Seconds of this process's CPU time, all threads.
    var cpuSeconds: Double { Double(clock() - cpuStart) / Double(CLOCKS_PER_SEC) }
}
