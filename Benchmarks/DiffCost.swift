import FileSystemEngine
import VarveModel

/// Measures the diff of 1,000 changes among many files, as `varve snapshot diff` makes it.
///
/// No floor: the aim is absolute (50 ms), and the cost tests count rows.
struct DiffCost {
    let tree: FilledTree
    let rounds: Int

    init(_ tree: FilledTree, rounds: Int) {
        self.tree = tree
        self.rounds = rounds
    }

    func run() async throws {
        let changed = tree.someInodes.count
        let before = try await tree.fileSystem.hold()
        try await tree.change(to: "changed")
        let after = try await tree.fileSystem.hold()
        let title = "diff of \(changed) changes in \(tree.inodes.count) files"
        var ends = Times(title + ", both ends")
        var named = Times(title + ", paths too")
        for _ in 0..<rounds * 5 {
            let watch = Stopwatch()
            let differing = try await differing(before.epoch, after.epoch)
            ends.add(watch)
            let paths = try await tree.fileSystem.paths(of: differing, at: after.epoch)
            named.add(watch)
            precondition(
                differing.count == changed && paths.allSatisfy { $0?.count == 2 },
                "the diff saw \(differing.count) inodes"
            )
        }
        ends.show()
        named.show()
        try await tree.fileSystem.release(before)
        try await tree.fileSystem.release(after)
    }

    /// The inodes whose attributes differ; attributes and inline bytes are two keys of one.
    private func differing(_ before: Epoch, _ after: Epoch) async throws -> [InodeNumber] {
        var touched: Set<InodeNumber> = []
        var position: ChangePosition?
        repeat {
            let page = try await tree.fileSystem.changes(
                after: before,
                through: after,
                resumeAfter: position,
                limit: 4_096
            )
            for case .inode(let inode) in page.changes { touched.insert(inode) }
            position = page.resumeAfter
        } while position != nil
        let inodes = touched.sorted()
        let old = try await tree.fileSystem.attributes(of: inodes, at: before)
        let new = try await tree.fileSystem.attributes(of: inodes, at: after)
        return zip(inodes, zip(old, new)).filter { $1.0 != $1.1 }.map(\.0)
    }
}
