import FileSystemEngine
import LocalAPI
import VarveModel

/// Removes names and whole trees.
extension FileRoutes {
    func addRemoving(to table: RouteTable) {
        table.on(Route.remove) { try await remove($0, $1, $2) }
    }

    private func remove(
        _ request: RemoveFile,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> RemoveReport {
        let place = try await FilePlace(request.file, in: fileSystems)
        let engine = place.engine
        let (directory, name) = try await place.parent(as: peer.caller)
        let found: Attributes
        do throws(FileSystemError) {
            found = try await engine.lookup(name, in: directory, as: peer.caller)
        } catch {
            guard error.code == .notFound, request.isForced else { throw error }
            return RemoveReport(removed: 0)
        }
        guard found.kind == .directory else {
            try await engine.unlink(name, in: directory, as: peer.caller)
            return RemoveReport(removed: 1)
        }
        guard request.isRecursive else {
            throw APIError(
                .isDirectory,
                "'\(request.file.description)' is a directory",
                remedy: "Remove it with all beneath it by 'varve rm -r'."
            )
        }
        var removal = TreeRemoval(engine: engine, caller: peer.caller, report: report)
        try await removal.empty(found.inode)
        try await engine.removeDirectory(name, in: directory, as: peer.caller)
        return RemoveReport(removed: removal.removed + 1)
    }
}

/// Empties a directory, deepest first, without recursion.
private struct TreeRemoval {
    let engine: FileSystem
    let caller: Credentials
    let report: RouteTable.Report
    var removed: UInt64 = 0

    /// 64 at a time: the committer makes one transaction of them.
    private static let atOnce = 64

    init(engine: FileSystem, caller: Credentials, report: @escaping RouteTable.Report) {
        self.engine = engine
        self.caller = caller
        self.report = report
    }

    mutating func empty(_ top: InodeNumber) async throws {
        var path: [(directory: InodeNumber, name: FileName?)] = [(top, nil)]
        while let here = path.last {
            let page = try await engine.readDirectory(
                here.directory,
                limit: FileRoutes.pageEntries,
                as: caller
            )
            let files = page.entries.filter { $0.attributes.kind != .directory }
            try await unlink(files.map(\.name), in: here.directory)
            if let below = page.entries.first(where: { $0.attributes.kind == .directory }) {
                path.append((below.attributes.inode, below.name))
            } else if page.isEnd {
                path.removeLast()
                if let above = path.last, let name = here.name {
                    try await engine.removeDirectory(name, in: above.directory, as: caller)
                    removed += 1
                }
            }
            report(Progress(phase: "removing", done: removed))
        }
    }

    private mutating func unlink(_ names: [FileName], in directory: InodeNumber) async throws {
        let (engine, caller) = (engine, caller)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, name) in names.enumerated() {
                if index >= TreeRemoval.atOnce { try await group.next() }
                group.addTask { try await engine.unlink(name, in: directory, as: caller) }
            }
            try await group.waitForAll()
        }
        removed += UInt64(names.count)
    }
}
