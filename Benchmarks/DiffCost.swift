import FileSystemEngine
import VarveModel

/// Measures the diff of 1,000 changes among many files.
///
/// No floor: the aim is absolute (50 ms), and the cost tests count rows.
struct DiffCost {
    let place: Workplace
    let files: Int
    let changes: Int
    let rounds: Int

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        files = small ? 1_000 : 1_000_000
        changes = small ? 100 : 1_000
        self.rounds = rounds
    }

    func run() async throws {
        let tree = try await FilledTree(place, "diff", files: files)
        let before = try await tree.fileSystem.hold()
        let step = max(1, tree.inodes.count / changes)
        for index in stride(from: 0, to: tree.inodes.count, by: step).prefix(changes) {
            _ = try await tree.fileSystem.write(
                tree.inodes[index],
                Array("changed".utf8),
                at: 0,
                stability: .unstable,
                as: .root
            )
        }
        let after = try await tree.fileSystem.hold()
        var milliseconds: [Double] = []
        for _ in 0..<rounds * 5 {
            let watch = Stopwatch()
            var seen: Set<InodeNumber> = []
            var position: ChangePosition?
            repeat {
                let page = try await tree.fileSystem.changes(
                    after: before.epoch,
                    through: after.epoch,
                    resumeAfter: position,
                    limit: 4_096
                )
                for change in page.changes {
                    guard case .inode(let inode) = change else { continue }
                    // Attributes and inline bytes are two keys of one inode.
                    guard seen.insert(inode).inserted else { continue }
                    // Both ends, as a comparison needs them.
                    _ = try await tree.fileSystem.attributes(of: inode, at: .past(before.epoch))
                    _ = try await tree.fileSystem.attributes(of: inode, at: .past(after.epoch))
                }
                position = page.resumeAfter
            } while position != nil
            precondition(
                seen.count == min(changes, tree.inodes.count),
                "the diff saw \(seen.count) inodes"
            )
            milliseconds.append(watch.seconds * 1_000)
        }
        let sorted = milliseconds.sorted()
        print(
            "diff of \(changes) changes among \(files) files: median",
            Rounds.median(milliseconds),
            "ms, from",
            sorted.first ?? 0,
            "to",
            sorted.last ?? 0
        )
        try await tree.remove()
    }
}
