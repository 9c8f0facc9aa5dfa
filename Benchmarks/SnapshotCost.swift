import FileSystemEngine
import VarveModel

/// Measures a snapshot of many files in commits of this machine.
///
/// The floor is two durable creates, one after the other: two commits.
struct SnapshotCost {
    let place: Workplace
    let files: Int
    let rounds: Int

    init(_ place: Workplace, small: Bool, rounds: Int) {
        self.place = place
        files = small ? 1_000 : 1_000_000
        self.rounds = rounds
    }

    func run() async throws {
        let tree = try await FilledTree(place, "snapshot", files: files)
        var figures = Rounds("snapshot of \(files) files, per two commits", unit: "/s")
        for round in 0..<rounds * 5 {
            let pair = try await alternate(
                round,
                ours: {
                    let watch = Stopwatch()
                    _ = try await tree.fileSystem.createSnapshot("round-\(round)")
                    return 1 / watch.seconds
                },
                floor: {
                    let watch = Stopwatch()
                    for number in 0..<2 { try await tree.create("commit-\(round)-\(number)") }
                    return 1 / watch.seconds
                }
            )
            figures.add(ours: pair.ours, floor: pair.floor)
        }
        figures.show()
        try await tree.remove()
    }
}

/// A file system with many empty files in directories of 1,000.
struct FilledTree {
    let place: Workplace
    let folder: String
    let fileSystem: FileSystem
    private(set) var inodes: [InodeNumber] = []

    init(_ place: Workplace, _ folder: String, files: Int) async throws {
        self.place = place
        self.folder = folder
        let fileSystem = try await place.makeFileSystem(folder)
        self.fileSystem = fileSystem
        for start in stride(from: 0, to: files, by: 1_000) {
            guard let name = FileName("directory-\(start)") else { continue }
            let directory = try await fileSystem.create(
                name,
                in: .root,
                NewInode(.directory, permissions: 0o755),
                as: .root
            )
            inodes += try await withThrowingTaskGroup(of: InodeNumber?.self) { group in
                for number in start..<min(start + 1_000, files) {
                    group.addTask {
                        guard let name = FileName("file-\(number)") else { return nil }
                        let made = try await fileSystem.create(
                            name,
                            in: directory.inode,
                            NewInode(.regular, permissions: 0o644),
                            as: .root
                        )
                        return made.inode
                    }
                }
                var made: [InodeNumber] = []
                for try await inode in group { if let inode { made.append(inode) } }
                return made
            }
        }
    }

    func create(_ text: String) async throws {
        guard let name = FileName(text) else { return }
        _ = try await fileSystem.create(
            name,
            in: .root,
            NewInode(.regular, permissions: 0o644),
            as: .root
        )
    }

    func remove() async throws {
        await fileSystem.close()
        try place.remove(folder)
    }
}
