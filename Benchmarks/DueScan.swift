import FileSystemEngine
import Foundation
import Lifecycle
import MetadataStore
import Policies
import VarveModel

/// Measures a lifecycle plan that finds 100 due files among many, with all that a run does before its first move.
///
/// The floor is `find -atime` over as many empty files of the host, 100 of them as old, its caches warm.
struct DueScan {
    let place: Workplace
    let sizes: [Int]
    let rounds: Int
    private static let due = 100
    /// Rows of one transaction, as the recorder writes them.
    private static let batch = 4_096

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        sizes = small ? [1_000] : [10_000, 100_000, 1_000_000]
        self.rounds = rounds
    }

    func run() async throws {
        for files in sizes { try await measure(files) }
    }

    private func measure(_ files: Int) async throws {
        var figures = Rounds("due scan, \(DueScan.due) of \(files), per find -atime", unit: "/s")
        let policy = try AgedFileSystem.policy(toInfrequentAccess: .days30)
        try await place.onNewGround { ground in
            let aged = try await AgedFileSystem(ground)
            let tree = try await FilledTree(ground, files: files, on: aged.fileSystem)
            try await use(tree.inodes, of: aged)
            // The first one after new rules works out when each file is due.
            _ = try await scan(aged, policy)
            try await place.onNewGround(inodes: files + files / 100) { ground in
                let walk = TreeWalk(ground.path + "/tree", files: files)
                try walk.make()
                try age(walk)
                for round in 0..<rounds * 3 {
                    let pair = try await alternate(
                        round,
                        ours: { try await scan(aged, policy) },
                        floor: { try find(walk) }
                    )
                    figures.add(ours: pair.ours, floor: pair.floor)
                }
            }
            await aged.fileSystem.close()
        }
        figures.show()
    }

    private func isDue(_ number: Int, of files: Int) -> Bool {
        number % (files / DueScan.due) == 0
    }

    // MARK: Varve

    /// All were used today but those that are due: these 40 days before.
    private func use(_ inodes: [InodeNumber], of aged: AgedFileSystem) async throws {
        let due = inodes.indices.filter { isDue($0, of: inodes.count) }.map { inodes[$0] }
        let used = inodes.indices.filter { !isDue($0, of: inodes.count) }.map { inodes[$0] }
        try await record(due, aged)
        aged.clock.pass(days: 40)
        try await record(used, aged)
    }

    private func record(_ inodes: [InodeNumber], _ aged: AgedFileSystem) async throws {
        let day = aged.clock.now().day
        for start in stride(from: 0, to: inodes.count, by: DueScan.batch) {
            let part = inodes[start..<min(start + DueScan.batch, inodes.count)]
            try await aged.journal.recordAccesses(
                aged.fileSystem.id.text,
                part.map { (inode: $0, day: day) }
            )
        }
    }

    private func scan(_ aged: AgedFileSystem, _ policy: LifecyclePolicy) async throws -> Side {
        let watch = Stopwatch()
        let plan = try await aged.service.plan(aged.fileSystem, policy)
        let side = watch.side(1)
        precondition(plan.files == DueScan.due, "the plan found \(plan.files) files")
        return side
    }

    // MARK: The floor

    private func age(_ walk: TreeWalk) throws {
        let past = timespec(tv_sec: time(nil) - 40 * 86_400, tv_nsec: 0)
        for number in 0..<walk.files where isDue(number, of: walk.files) {
            let path = "\(walk.path)/directory-\(number / 1_000 * 1_000)/file-\(number)"
            guard utimensat(AT_FDCWD, path, [past, past], 0) == 0 else {
                throw ProgramFailure(message: "'\(path)' keeps its times: error \(errno)")
            }
        }
        _ = try find(walk)
    }

    private func find(_ walk: TreeWalk) throws -> Side {
        let watch = Stopwatch()
        let cpuStart = DueScan.cpuOfChildren()
        let found = try Program.run(
            "find",
            [walk.path, "-type", "f", "-atime", "+30", "-printf", "x"]
        )
        let rate = 1 / watch.seconds
        precondition(found.count == DueScan.due, "find found \(found.count) files")
        return Side(rate: rate, cpuSeconds: DueScan.cpuOfChildren() - cpuStart)
    }

    /// Seconds of CPU time of the programs that have ended.
    private static func cpuOfChildren() -> Double {
        var usage = rusage()
        getrusage(RUSAGE_CHILDREN.rawValue, &usage)
        return [usage.ru_utime, usage.ru_stime]
            .reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6 }
    }
}
