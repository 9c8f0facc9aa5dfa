import Backup
import BackupVault
import Disk
import FileSystemEngine
import Foundation
import Keyring
import VarveModel

/// Measures the backup of 1,000 changes among many files into a vault that has the point before.
///
/// The floor is what a backup that walks the tree must do before it reads a byte: list every directory and ask the
/// status of every file, of the same number of files in a stock ext4 with its caches warm.
struct IncrementalBackup {
    let tree: FilledTree
    let place: Workplace
    let rounds: Int

    init(_ tree: FilledTree, _ place: Workplace, rounds: Int) {
        self.tree = tree
        self.place = place
        self.rounds = rounds
    }

    func run() async throws {
        let vault = try Vault.create(
            disk: HostDisk(),
            directory: tree.ground.path + "/vaults/bench",
            name: "bench",
            root: .random(),
            clock: WallClock()
        )
        var full = Times("full backup of \(tree.inodes.count) empty files")
        let watch = Stopwatch()
        let first = try await backUp(to: vault)
        full.add(watch)
        full.show()
        precondition(first.isFull, "the first backup reads everything")
        let changes = tree.someInodes.count
        let title = "backup of \(changes) changes in \(tree.inodes.count) files"
        var times = Times(title)
        var figures = Rounds(title + ", per walk", unit: "/s")
        var last = first
        try await place.onNewGround(inodes: tree.inodes.count + tree.inodes.count / 100) { ground in
            let walk = TreeWalk(ground.path + "/tree", files: tree.inodes.count)
            try walk.make()
            for round in 0..<rounds {
                try await tree.change(to: "changed in round \(round)")
                let pair = try await alternate(
                    round,
                    ours: {
                        let watch = Stopwatch()
                        last = try await backUp(to: vault)
                        times.add(watch)
                        return watch.side(1)
                    },
                    floor: {
                        let watch = Stopwatch()
                        try walk.run()
                        return watch.side(1)
                    }
                )
                precondition(
                    !last.isFull && last.statistics.inodeEdits == changes,
                    "the backup saw \(last.statistics.inodeEdits) changes"
                )
                figures.add(ours: pair.ours, floor: pair.floor)
            }
        }
        times.show()
        figures.show()
        show(last.statistics)
    }

    private func backUp(to vault: Vault) async throws -> BackupResult {
        try await BackupService(clock: WallClock()).backUp(
            tree.fileSystem,
            source: "bench",
            to: vault
        )
    }

    private func show(_ statistics: BackupStatistics) {
        print(
            "  of the last: \(statistics.changeKeys) keys, \(statistics.bytesRead) bytes read,",
            "\(statistics.chunksStored) chunks and \(statistics.bytesStored) bytes stored,",
            "\(statistics.nodesRead) map nodes read, \(statistics.nodesWritten) written"
        )
        flush()
    }
}

/// A tree of empty files on the host, in directories of 1,000 as ``FilledTree``'s are.
struct TreeWalk {
    let path: String
    let files: Int

    init(_ path: String, files: Int) {
        self.path = path
        self.files = files
    }

    func make() throws {
        for start in stride(from: 0, to: files, by: 1_000) {
            let directory = path + "/directory-\(start)"
            try FileManager.default.createDirectory(
                atPath: directory,
                withIntermediateDirectories: true
            )
            for number in start..<min(start + 1_000, files) {
                let descriptor = open("\(directory)/file-\(number)", O_CREAT | O_WRONLY, 0o644)
                guard descriptor >= 0 else {
                    throw ProgramFailure(message: "no file \(number): error \(errno)")
                }
                close(descriptor)
            }
        }
        try run()
    }

    /// Lists every directory and asks the status of every file; counts them.
    func run() throws {
        let seen = try count(in: AT_FDCWD, path)
        precondition(seen == files, "the walk saw \(seen) files")
    }

    private func count(in parent: Int32, _ name: String) throws -> Int {
        guard let directory = fdopendir(openat(parent, name, O_RDONLY | O_DIRECTORY)) else {
            throw ProgramFailure(message: "'\(name)' cannot be listed: error \(errno)")
        }
        defer { closedir(directory) }
        var seen = 0
        while let entry = readdir(directory) {
            guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { break }
            // SAFETY: the name ends in a zero inside the entry, which lives until the next readdir.
            let name = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
            guard name[0] != CChar(UInt8(ascii: ".")) else { continue }
            var status = stat()
            guard fstatat(dirfd(directory), name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                throw ProgramFailure(message: "a file has no status: error \(errno)")
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                seen += try count(in: dirfd(directory), String(cString: name))
            } else {
                seen += 1
            }
        }
        return seen
    }
}
