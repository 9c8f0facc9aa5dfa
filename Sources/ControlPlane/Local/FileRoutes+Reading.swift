import FileSystemEngine
import LocalAPI
import VarveModel

/// Reads files: listings, attributes, bytes, sizes.
struct FileRoutes: Sendable {
    let fileSystems: FileSystems
    let clock: any VarveClock

    /// Entries in one page of a listing.
    static let pageEntries = 1_000
    /// 1 MiB: the piece in which bytes are read and sent.
    static let pieceBytes: UInt64 = 1 << 20

    func addReading(to table: RouteTable) {
        table.on(Route.list) { try await list($0, $1) }
        table.on(Route.stat) { try await stat($0, $1) }
        table.on(Route.read) { try await read($0, $1) }
        table.on(Route.usage) { try await usage($0, $1, $2) }
        table.on(Route.history) { try await history($0, $1) }
    }

    private func list(_ request: ListDirectory, _ peer: Peer) async throws -> DirectoryListing {
        let place = try await FilePlace(request.file, in: fileSystems)
        let engine = place.engine
        let view = try await engine.view(of: request.moment, now: clock.now())
        let found = try await place.attributes(at: view, as: peer.caller)
        guard found.kind == .directory else {
            let name = place.names.last?.bytes ?? []
            return DirectoryListing(entries: [FileEntry(name, found, target: nil)])
        }
        let page = try await engine.readDirectory(
            found.inode,
            after: request.after,
            limit: FileRoutes.pageEntries,
            at: view,
            as: peer.caller
        )
        var entries: [FileEntry] = []
        for entry in page.entries {
            let target =
                entry.attributes.kind == .symlink
                ? try await engine.readSymlink(entry.attributes.inode, at: view) : nil
            entries.append(FileEntry(entry.name.bytes, entry.attributes, target: target))
        }
        return DirectoryListing(
            entries: entries,
            next: page.isEnd ? nil : page.entries.last?.cookie
        )
    }

    private func stat(_ request: FileRequest, _ peer: Peer) async throws -> FileDescription {
        let place = try await FilePlace(request.file, in: fileSystems)
        let view = try await place.engine.view(of: request.moment, now: clock.now())
        let found = try await place.attributes(at: view, as: peer.caller, followsLast: false)
        return try await place.engine.describe(found, at: view, as: peer.caller)
    }

    private func read(_ request: FileRequest, _ peer: Peer) async throws -> Outgoing<Nothing> {
        let place = try await FilePlace(request.file, in: fileSystems)
        let engine = place.engine
        let view = try await engine.view(of: request.moment, now: clock.now())
        let found = try await place.attributes(at: view, as: peer.caller)
        guard found.kind == .regular else {
            throw APIError(
                found.kind == .directory ? .isDirectory : .invalid,
                "'\(request.file.description)' is a \(found.kind.word)",
                remedy: "Only regular files have bytes to read; 'varve export' copies trees."
            )
        }
        // Read before the answer begins, so that a refusal is an answer and not a broken stream.
        let size = found.size
        let first = try await engine.read(
            found.inode,
            0..<min(size, FileRoutes.pieceBytes),
            at: view,
            as: peer.caller
        )
        let now = clock.now()
        return Outgoing { send in
            try await engine.holding(request.moment, now: now) { _ in
                try await send(first.bytes)
                var offset = UInt64(first.bytes.count)
                while offset < size {
                    let piece = try await engine.read(
                        found.inode,
                        offset..<min(size, offset + FileRoutes.pieceBytes),
                        at: view,
                        as: peer.caller
                    )
                    guard !piece.bytes.isEmpty else {
                        throw APIError(.failed, "the file was cut short while it was read")
                    }
                    try await send(piece.bytes)
                    offset += UInt64(piece.bytes.count)
                }
            }
            return Nothing()
        }
    }

    private func usage(
        _ request: FileRequest,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> UsageReport {
        let place = try await FilePlace(request.file, in: fileSystems)
        let engine = place.engine
        return try await engine.holding(request.moment, now: clock.now()) { view in
            let top = try await place.attributes(at: view, as: peer.caller, followsLast: false)
            var walk = UsageWalk()
            walk.count(top)
            while let directory = walk.pending.popLast() {
                var after: UInt64 = 0
                while true {
                    let page = try await engine.readDirectory(
                        directory,
                        after: after,
                        limit: FileRoutes.pageEntries,
                        at: view,
                        as: peer.caller
                    )
                    for entry in page.entries { walk.count(entry.attributes) }
                    guard !page.isEnd, let last = page.entries.last else { break }
                    after = last.cookie
                }
                report(
                    Progress(phase: "counting", done: walk.report.files, bytes: walk.report.bytes)
                )
            }
            return walk.report
        }
    }

    private func history(_ request: FileRequest, _ peer: Peer) async throws -> [VersionDescription]
    {
        let place = try await FilePlace(request.file, in: fileSystems)
        let view = try await place.engine.view(of: request.moment, now: clock.now())
        let found: Attributes
        do {
            found = try await place.attributes(at: view, as: peer.caller, followsLast: false)
        } catch let error as FileSystemError where error.code == .notFound && view == .live {
            throw APIError(
                .notFound,
                error.message,
                remedy: "If it was deleted, say when it was there: --at TIME."
            )
        }
        return try await place.engine.history(of: found.inode).map { version in
            VersionDescription(
                since: TimeText(version.since),
                size: version.attributes.size,
                modified: TimeText(version.attributes.modified),
                mode: version.attributes.octalMode,
                uid: version.attributes.uid,
                gid: version.attributes.gid,
                isLive: version.isLive
            )
        }
    }
}

/// Counts what a walk meets.
private struct UsageWalk {
    var report = UsageReport(files: 0, directories: 0, others: 0, bytes: 0, allocated: 0)
    /// Directories that are still to be read.
    var pending: [InodeNumber] = []
    /// Files with several names that were met already.
    private var seen: Set<InodeNumber> = []

    mutating func count(_ found: Attributes) {
        if found.kind == .directory {
            report.directories += 1
            pending.append(found.inode)
            return
        }
        if found.links > 1, !seen.insert(found.inode).inserted { return }
        if found.kind == .regular { report.files += 1 } else { report.others += 1 }
        report.bytes += found.size
        report.allocated += found.allocated
    }
}
