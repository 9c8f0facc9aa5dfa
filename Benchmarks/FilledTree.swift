import FileSystemEngine
import VarveModel

/// A file system with many empty files in directories of 1,000.
struct FilledTree {
    let ground: Ground
    let fileSystem: FileSystem
    private(set) var inodes: [InodeNumber] = []

    init(_ ground: Ground, files: Int) async throws {
        try await self.init(ground, files: files, on: try await ground.makeFileSystem())
    }

    /// Fills an empty file system.
    init(_ ground: Ground, files: Int, on fileSystem: FileSystem) async throws {
        self.ground = ground
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

    /// 1,000 files, far from each other, or a tenth of fewer.
    var someInodes: [InodeNumber] {
        let count = min(1_000, inodes.count / 10)
        return stride(from: 0, to: inodes.count, by: inodes.count / count).prefix(count)
            .map { inodes[$0] }
    }

    /// Writes `text` to ``someInodes``.
    func change(to text: String) async throws {
        for inode in someInodes {
            _ = try await fileSystem.write(
                inode,
                Array(text.utf8),
                at: 0,
                stability: .unstable,
                as: .root
            )
        }
    }
}
