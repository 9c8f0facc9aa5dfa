import FileSystemEngine
import Lifecycle
import Policies
import Synchronization
import VarveModel

/// Measures the slowest of a hundred reads and durable writes of a client while a run demotes files, against without.
///
/// One caller reads 4 KiB anywhere in a file, another writes 4 KiB durably anywhere in another file: each call follows
/// the answer to the one before. Runs and looks without one take turns, as long as each other: a disk's bad moments
/// then fall on both, as they would not on a look that is short beside a run.
struct NearDemotion {
    let place: Workplace
    let rounds: Int
    /// What one turn's run demotes.
    let coldMiB: Int
    let hotMiB: Int
    /// Of a round.
    private static let turns = 4

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        self.rounds = rounds
        coldMiB = small ? 1 : 32
        hotMiB = small ? 1 : 64
    }

    func run() async throws {
        var reads = Tails("4 KiB reads while a run demotes")
        var writes = Tails("4 KiB durable writes while a run demotes")
        let policy = try AgedFileSystem.policy(
            toInfrequentAccess: .days7,
            except: "/foreground/**"
        )
        try await place.onNewGround { ground in
            let aged = try await AgedFileSystem(ground)
            let client = try await Client(aged.fileSystem, mebibytes: hotMiB)
            var lines = LogLines(seed: 9)
            // As long as the run before it, where a look comes first.
            var length = Duration.zero
            for round in 0..<rounds {
                var (with, without) = (Client.Calls(), Client.Calls())
                for turn in 0..<Self.turns {
                    for number in 0..<coldMiB {
                        let bytes = lines.text(1 << 20)
                        _ = try await aged.fileSystem
                            .makeFile("cold-\(round)-\(turn)-\(number)", bytes)
                    }
                    try await aged.pass(days: 8)
                    let pair = try await alternate(
                        turn,
                        ours: {
                            let start = ContinuousClock.now
                            let calls = try await client.calls { try await demote(aged, policy) }
                            length = .now - start
                            return calls
                        },
                        floor: { try await client.calls { try await Task.sleep(for: length) } }
                    )
                    with.add(pair.ours)
                    without.add(pair.floor)
                }
                reads.add(with: with.reads, without: without.reads)
                writes.add(with: with.writes, without: without.writes)
            }
            await aged.fileSystem.close()
        }
        reads.show()
        writes.show()
    }

    private func demote(_ aged: AgedFileSystem, _ policy: LifecyclePolicy) async throws {
        let outcome = try await aged.run(policy)
        precondition(outcome.files == coldMiB, "\(outcome.files) files moved")
    }
}

/// Who works beside the run.
private struct Client: Sendable {
    let fileSystem: FileSystem
    let mebibytes: Int
    let read: InodeNumber
    let written: InodeNumber

    /// Seconds of each call.
    struct Calls: Sendable {
        var reads: [Double] = []
        var writes: [Double] = []

        mutating func add(_ more: Calls) {
            reads += more.reads
            writes += more.writes
        }
    }

    init(_ fileSystem: FileSystem, mebibytes: Int) async throws {
        self.fileSystem = fileSystem
        self.mebibytes = mebibytes
        let directory = try await fileSystem.makeDirectory("foreground")
        let bytes = [UInt8](repeating: 7, count: mebibytes << 20)
        read = try await fileSystem.makeFile("read", in: directory, bytes)
        written = try await fileSystem.makeFile("written", in: directory, bytes)
    }

    /// Both callers' calls until `work` has ended.
    func calls(until work: () async throws -> Void) async throws -> Calls {
        let isOver = Flag()
        async let reads = self.reads(until: isOver)
        async let writes = self.writes(until: isOver)
        do {
            try await work()
        } catch {
            isOver.set()
            throw error
        }
        isOver.set()
        return Calls(reads: try await reads, writes: try await writes)
    }

    private func reads(until isOver: Flag) async throws -> [Double] {
        var times: [Double] = []
        repeat {
            let start = page(times.count, of: mebibytes)
            let watch = Stopwatch()
            let result = try await fileSystem.read(read, start..<start + 4_096, as: .root)
            times.append(watch.seconds)
            precondition(result.bytes.count == 4_096, "a short read")
        } while !isOver.isSet
        return times
    }

    private func writes(until isOver: Flag) async throws -> [Double] {
        let bytes = [UInt8](repeating: 5, count: 4_096)
        var times: [Double] = []
        repeat {
            let start = page(times.count, of: mebibytes)
            let watch = Stopwatch()
            _ = try await fileSystem.write(written, bytes, at: start, stability: .stable, as: .root)
            times.append(watch.seconds)
        } while !isOver.isSet
        return times
    }
}

/// Set once.
private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}
