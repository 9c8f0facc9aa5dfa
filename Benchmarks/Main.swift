import ArgumentParser
import Disk
import FileSystemEngine

/// Answers one question a benchmark, as a ratio to this machine's floor in the same run.
@main
struct VarveBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "varve-bench",
        abstract: "Ratios of Varve to this machine's floor, measured in the same run.",
        discussion: """
            Without names, the canonical workload, which is all of them.
            Each line gives Varve's figure, the floor's, their ratio (more is better) with its spread, and
            the CPU seconds of one round on each side.

            EXAMPLES
              varve-bench --fresh --rounds 3   everything, each side on an empty ext4 (root): what Baselines/ records
              varve-bench creates --rounds 3   one question, three rounds in alternating order
              varve-bench --small              seconds: shows that it runs, measures nothing
            """
    )

    @Argument(help: "Which to run; all without one.")
    var names: [Question] = []

    @Flag(help: "Sizes so small that the figures mean nothing: for CI.")
    var small = false

    @Flag(
        help:
            "Each side of each round on a new, empty ext4 in a loop image beneath --directory (root)."
    )
    var fresh = false

    @Option(help: "Rounds of each question; the median is shown with its spread.")
    var rounds = 3

    @Option(help: "A directory on the disk to measure; a new one beneath it is used and removed.")
    var directory = "/var/tmp"

    enum Question: String, CaseIterable, ExpressibleByArgument {
        case cipher
        case creates
        case names
        case sequential
        case zonedWrites = "zoned-writes"
        case randomRead = "random-read"
        case snapshot
        case diff
        case incremental
        case tierScan = "tier-scan"
        case tierStorage = "tier-storage"
        case tierReads = "tier-reads"
        case tierForeground = "tier-foreground"
        case accessDays = "access-days"
    }

    func validate() throws {
        guard rounds > 0 else { throw ValidationError("--rounds is at least 1") }
    }

    func run() async throws {
        if fresh { try MountNamespace.enter() }
        // As the daemon does.
        HostMemory.keepBuffers()
        let place = try Workplace(beneath: directory, isFresh: fresh)
        defer { place.remove() }
        let rounds = small ? 1 : rounds
        let asked = names.isEmpty ? Set(Question.allCases) : Set(names)
        if asked.contains(.cipher) { try await CipherSpeed(small: small, rounds: rounds).run() }
        if asked.contains(.creates) {
            try await DurableCreates(place, small: small, rounds: rounds).run()
        }
        if asked.contains(.names) {
            try await ChangedNames(place, small: small, rounds: rounds).run()
        }
        if asked.contains(.sequential) {
            try await SequentialData(place, small: small, rounds: rounds).run()
        }
        if asked.contains(.zonedWrites) {
            try await ZonedWrites(place, small: small, rounds: rounds).run()
        }
        if asked.contains(.randomRead) {
            try await RandomRead(place, small: small, rounds: rounds).run()
        }
        try await askTiers(asked, place, rounds)
        let ofTrees = asked.intersection([.snapshot, .diff, .incremental])
        guard !ofTrees.isEmpty else { return }
        // One tree serves all three: making a million files takes longest.
        try await place.onNewGround { ground in
            let tree = try await FilledTree(ground, files: small ? 1_000 : 1_000_000)
            if ofTrees.contains(.snapshot) { try await SnapshotCost(tree, rounds: rounds).run() }
            if ofTrees.contains(.diff) { try await DiffCost(tree, rounds: rounds).run() }
            if ofTrees.contains(.incremental) {
                try await IncrementalBackup(tree, place, rounds: rounds).run()
            }
            await tree.fileSystem.close()
        }
    }

    private func askTiers(_ asked: Set<Question>, _ place: Workplace, _ rounds: Int) async throws {
        if asked.contains(.tierScan) {
            try await DueScan(place, small: small, rounds: rounds).run()
        }
        if asked.contains(.tierStorage) {
            try await TierStorage(place, small: small, rounds: rounds).run()
        }
        if asked.contains(.tierReads) {
            try await TierReads(place, small: small, rounds: rounds).run()
        }
        if asked.contains(.tierForeground) {
            try await NearDemotion(place, small: small, rounds: rounds).run()
        }
        if asked.contains(.accessDays) {
            try await AccessClockCost(place, small: small, rounds: rounds).run()
        }
    }
}
