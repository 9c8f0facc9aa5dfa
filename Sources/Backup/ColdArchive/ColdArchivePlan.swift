package import FileSystemEngine
package import VarveModel

/// What an import of an archive would overwrite in a file system; changes nothing.
package struct ColdArchivePlan: Sendable {
    /// A name that is taken.
    package struct Taken: Sendable, Hashable {
        /// Beneath the target.
        package let path: [UInt8]
        package let kind: FileKind
        /// What stands there.
        package let existing: FileKind
    }

    /// The first 10,000.
    package private(set) var taken: [Taken] = []
    package private(set) var takenCount: UInt64 = 0
    /// Names in all.
    package private(set) var entries: UInt64 = 0

    private let fileSystem: FileSystem
    private let target: [FileName]
    private let caller: Credentials
    /// Directories on the way to the entry before: the next one mostly stands beside it.
    private var way: [(name: FileName, inode: InodeNumber)] = []
    private var top: InodeNumber?

    private static let takenMax = 10_000

    package init(_ fileSystem: FileSystem, path: [FileName], as caller: Credentials) {
        self.fileSystem = fileSystem
        target = path
        self.caller = caller
    }

    /// Compares entries with what stands there.
    package mutating func add(_ more: [ColdArchiveEntry]) async throws(BackupError) {
        do throws(FileSystemError) {
            for entry in more {
                entries += 1
                guard let existing = try await kind(at: FileName.components(entry.path) ?? []),
                    existing != .directory || entry.kind != .directory
                else { continue }
                takenCount += 1
                if taken.count < ColdArchivePlan.takenMax {
                    taken.append(
                        Taken(path: entry.path, kind: entry.kind, existing: existing)
                    )
                }
            }
        } catch {
            throw BackupError(error)
        }
    }

    /// What stands at a path beneath the target; `nil` when nothing does.
    private mutating func kind(at path: [FileName]) async throws(FileSystemError) -> FileKind? {
        guard let top = try await start(), let name = path.last else { return nil }
        let above = Array(path.dropLast())
        let shared = zip(way, above).prefix { $0.name == $1 }.count
        way.removeLast(way.count - shared)
        for name in above[shared...] {
            let directory = way.last?.inode ?? top
            guard let found = try await find(name, in: directory), found.kind == .directory else {
                return nil
            }
            way.append((name, found.inode))
        }
        return try await find(name, in: way.last?.inode ?? top)?.kind
    }

    /// The target's inode; `nil` when it is still to be made.
    private mutating func start() async throws(FileSystemError) -> InodeNumber? {
        if let top { return top }
        do throws(FileSystemError) {
            let found = try await fileSystem.resolve(target, as: caller)
            guard found.kind == .directory else {
                throw FileSystemError(.notDirectory, "the target is no directory")
            }
            top = found.inode
        } catch {
            guard error.code == .notFound else { throw error }
        }
        return top
    }

    private func find(
        _ name: FileName,
        in directory: InodeNumber
    ) async throws(FileSystemError) -> Attributes? {
        do throws(FileSystemError) {
            return try await fileSystem.lookup(name, in: directory, as: caller)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }
}
