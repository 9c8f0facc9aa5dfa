import Compression
import Disk
import FileSystemEngine
import Lifecycle
import MetadataStore
import Policies
import VarveModel

/// Measures what a policy's run stores in IA and Archive, and how fast it gets it there.
///
/// The floor compresses the same bytes in the same blocks by the same level of zstd, on as many threads as moves are
/// under way at once, and writes them to raw files with one fdatasync each: no seal, no rows, no journal.
struct TierStorage {
    let place: Workplace
    let mebibytes: Int
    let rounds: Int

    /// The moves into one tier.
    struct Moves: Sendable {
        var side: Side
        var storedBefore: UInt64
        var storedAfter: UInt64

        var ratio: Double { Double(storedAfter) / Double(storedBefore) }
    }

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        mebibytes = small ? 1 : 128
        self.rounds = rounds
    }

    func run() async throws {
        let corpora = [
            Corpus.tree("/usr/share", bytesMax: mebibytes << 20),
            Corpus.logs(mebibytes: mebibytes),
            Corpus.tree(
                "/var/log",
                bytesMax: mebibytes << 20,
                without: [".gz", ".xz", ".zst", ".bz2"]
            ),
        ]
        for corpus in corpora.compactMap({ $0 }) { try await measure(corpus) }
    }

    private func measure(_ corpus: Corpus) async throws {
        var cold = Rounds("demotion to IA, \(corpus.name)", unit: "MiB/s")
        var colder = Rounds("demotion to Archive, \(corpus.name)", unit: "MiB/s")
        var ratios: [Double] = []
        for round in 0..<rounds {
            let pair = try await alternate(
                round,
                ours: { try await place.onNewGround { try await ours(corpus, on: $0) } },
                floor: { try await place.onNewGround { try await floor(corpus, on: $0) } }
            )
            cold.add(ours: pair.ours[0].side, floor: pair.floor[0].side)
            colder.add(ours: pair.ours[1].side, floor: pair.floor[1].side)
            // Archive's moves begin in IA.
            let moves = pair.ours
            ratios = [moves[0].ratio, moves[0].ratio * moves[1].ratio]
            ratios += pair.floor.map(\.ratio)
        }
        show(corpus, ratios)
        cold.show()
        colder.show()
    }

    private func show(_ corpus: Corpus, _ ratios: [Double]) {
        let words = ratios.map { ($0 * 1_000).rounded() / 1_000 }
        print(
            "stored of \(corpus.name), \(corpus.files.count) files, \(corpus.bytes) bytes:",
            "IA \(words[0]) and Archive \(words[1]) of Standard,",
            "zstd alone \(words[2]) and \(words[3])"
        )
        flush()
    }

    // MARK: Varve

    private func ours(_ corpus: Corpus, on ground: Ground) async throws -> [Moves] {
        let aged = try await AgedFileSystem(ground)
        try await window(corpus.files.count, inFlight: 8) { number in
            _ = try await aged.fileSystem.makeFile("file-\(number)", corpus.files[number])
        }
        let policy = try AgedFileSystem.policy(toInfrequentAccess: .days7, toArchive: .days90)
        try await aged.pass(days: 8)
        let cold = try await moves(aged, policy)
        try await aged.pass(days: 90)
        let colder = try await moves(aged, policy)
        await aged.fileSystem.close()
        return [cold, colder]
    }

    private func moves(_ aged: AgedFileSystem, _ policy: LifecyclePolicy) async throws -> Moves {
        let watch = Stopwatch()
        let outcome = try await aged.run(policy)
        precondition(outcome.bytes > 0, "nothing moved")
        return Moves(
            side: watch.mebibytes(Int(outcome.bytes)),
            storedBefore: outcome.storedBefore,
            storedAfter: outcome.storedAfter
        )
    }

    // MARK: The floor

    private func floor(_ corpus: Corpus, on ground: Ground) async throws -> [Moves] {
        var moves: [Moves] = []
        for (level, blockBytes) in [(Int32(6), 16 << 10), (15, 64 << 10)] {
            let watch = Stopwatch()
            let stored = try await withThrowingTaskGroup(of: Int.self) { group in
                for lane in 0..<TierStorage.lanes {
                    let path = "\(ground.path)/level-\(level)-lane-\(lane)"
                    // A child a lane, as a run has moves under way; the group waits for all before the watch is read.
                    group.addTask {
                        let stream = try CompressedStream(
                            path,
                            level: level,
                            blockBytes: blockBytes
                        )
                        return try await stream.write(corpus, from: lane, by: TierStorage.lanes)
                    }
                }
                return try await group.reduce(0, +)
            }
            moves.append(
                Moves(
                    side: watch.mebibytes(corpus.bytes),
                    storedBefore: UInt64(corpus.bytes),
                    storedAfter: UInt64(stored)
                )
            )
        }
        return moves
    }

    /// As many as a run has under way.
    private static let lanes = 4
}

/// A raw file of compressed blocks, made on a thread of its own.
private actor CompressedStream {
    private let thread = BlockingThread()
    private let file: any DiskFile
    private let compressor: ZstdCompressor
    /// What the tier's blocks hold.
    private let blockBytes: Int

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        thread.asUnownedSerialExecutor()
    }

    init(_ path: String, level: Int32, blockBytes: Int) throws {
        self.blockBytes = blockBytes
        file = try HostDisk().open(path, .createNew)
        compressor = ZstdCompressor(level: level)
    }

    /// Writes every `step`th file, and makes it durable; answers the bytes.
    func write(_ corpus: Corpus, from first: Int, by step: Int) throws -> Int {
        var end: UInt64 = 0
        for index in stride(from: first, to: corpus.files.count, by: step) {
            let plain = corpus.files[index]
            for start in stride(from: 0, to: plain.count, by: blockBytes) {
                let block = Array(plain[start..<min(start + blockBytes, plain.count)])
                let frame = compressor.compress(block)
                let stored = frame.count < block.count ? frame : block
                try file.write(stored, at: end)
                end += UInt64(stored.count)
            }
        }
        try file.sync()
        file.close()
        return Int(end)
    }
}
