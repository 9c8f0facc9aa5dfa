import FileSystemEngine
import VarveModel

/// Measures a snapshot of many files in commits of this machine.
///
/// The floor is two durable creates, one after the other: two commits.
struct SnapshotCost {
    let tree: FilledTree
    let rounds: Int

    init(_ tree: FilledTree, rounds: Int) {
        self.tree = tree
        self.rounds = rounds
    }

    func run() async throws {
        var figures = Rounds("snapshot of \(tree.inodes.count) files, per two commits", unit: "/s")
        for round in 0..<rounds * 5 {
            let pair = try await alternate(
                round,
                ours: {
                    let watch = Stopwatch()
                    _ = try await tree.fileSystem.createSnapshot("round-\(round)")
                    return watch.side(1)
                },
                floor: {
                    let watch = Stopwatch()
                    for number in 0..<2 { try await tree.create("commit-\(round)-\(number)") }
                    return watch.side(1)
                }
            )
            figures.add(ours: pair.ours, floor: pair.floor)
        }
        figures.show()
    }
}
