package import BackupVault
package import FileSystemEngine
import VarveModel

/// Makes lost content again, from who still has the bytes.
///
/// A verify says which chunks are lost, and which files' bytes they were. Another vault cuts and names its chunks by keys of its
/// own, so the bytes are asked for by file and place; whether they are those is decided by the chunk's id alone, which no other
/// bytes have. Map nodes are nobody else's: a full backup makes them again where they have not changed.
package struct LostContent: Sendable {
    /// Who may still have the bytes.
    package enum Giver: Sendable {
        /// A file system, by the name under which points have it: as it is now, and as it was at the instants that it retains.
        case fileSystem(FileSystem, source: String)
        /// Points of the same file systems in another vault.
        case vault(Vault)
    }

    /// What came of it.
    package struct Report: Sendable, Hashable {
        /// Chunks that are there again.
        package var chunks = 0
        /// Bytes of them.
        package var bytes: UInt64 = 0
        /// Chunks of content that nobody had.
        package var left = 0
    }

    private let vault: Vault
    private let givers: [Giver]

    /// As many places of one chunk are asked for: the same bytes are mostly the same file's, point after point.
    private static let placesMax = 16
    /// As many points of another vault, or versions of a file, are asked for one place, the nearest in time first.
    fileprivate static let versionsMax = 8
    /// A version of a file that had other bytes for so many chunks in a row, some 16 MiB, is asked no more: it was written anew.
    fileprivate static let missesMax = 64

    package init(of vault: Vault, from givers: [Giver]) {
        self.vault = vault
        self.givers = givers
    }

    /// Stores again what findings say is lost.
    ///
    /// - Parameters:
    ///   - found: What a verify by the same vault object found.
    ///   - progress: Is told before each chunk, with how many there are.
    /// - Returns: What is there again, durably; the next verify tells what points still miss.
    /// - Throws: `.cancelled`, `.noSpace`, `.denied`, `.failed`; what was stored until then serves the next backup.
    package func restore(
        _ found: VerifyReport,
        progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) async throws(BackupError) -> Report {
        let lost = found.findings.filter { $0.subject == .chunk && $0.affectedCount > 0 }
        guard !lost.isEmpty, !givers.isEmpty else { return Report(left: lost.count) }
        return try await withTaskExecutorPreference(HostThreads.shared) {
            () async throws(BackupError) -> Report in
            let points = try inVault { () throws(VaultError) in try vault.listing().points }
            let search = ContentSearch(
                vault: vault,
                givers: givers.map(KnownGiver.init),
                points: Dictionary(uniqueKeysWithValues: points.map { ($0.id, $0) })
            )
            return try await store(lost, search, progress)
        }
    }

    private func store(
        _ lost: [VaultFinding],
        _ search: ContentSearch,
        _ progress: @Sendable (_ done: Int, _ total: Int) -> Void
    ) async throws(BackupError) -> Report {
        let writer = try inVault { () throws(VaultError) in try vault.beginWrite() }
        defer { writer.abandon() }
        var report = Report()
        for (number, finding) in lost.enumerated() {
            if Task.isCancelled {
                throw BackupError(.cancelled, "looking for lost content was ended")
            }
            progress(number, lost.count)
            guard let id = finding.chunk,
                let bytes = await search.bytes(of: id, at: LostContent.places(of: finding))
            else {
                report.left += 1
                continue
            }
            _ = try inVault { () throws(VaultError) in try writer.store(bytes) }
            report.chunks += 1
            report.bytes += UInt64(bytes.count)
        }
        if report.chunks > 0 { try inVault { () throws(VaultError) in try writer.keep() } }
        return report
    }

    /// The newest first: they are what a live file system is most like.
    private static func places(of finding: VaultFinding) -> [AffectedPart] {
        let parts = finding.affected.filter { !$0.isSubtree && $0.map == PointFormat.inodes }
        guard parts.count > placesMax else { return parts.reversed() }
        return parts.suffix(placesMax / 2).reversed() + parts.prefix(placesMax / 2)
    }

    /// The points of another vault, listed once.
    fileprivate struct KnownGiver: Sendable {
        let giver: Giver
        let points: [String: [RecoveryPoint]]

        init(_ giver: Giver) {
            self.giver = giver
            var known: [RecoveryPoint] = []
            if case .vault(let other) = giver {
                // Harmless: nothing is written or believed for want of this list. One whose folder does not read gives no bytes;
                // what is then still missing is counted (`left`) and named by the next verify, and the other givers are asked
                // all the same.
                known = ((try? other.listing().points) ?? []).filter { !$0.isCold }
            }
            points = Dictionary(grouping: known, by: \.source)
        }

        /// Those of a source, the nearest to an instant first.
        func points(of source: String, near instant: UInt64) -> [RecoveryPoint] {
            let nearest = (points[source] ?? []).sorted {
                ContentSearch.distance($0.instant, instant)
                    < ContentSearch.distance($1.instant, instant)
            }
            return Array(nearest.prefix(LostContent.versionsMax))
        }
    }
}

/// Looks for the bytes of chunks, one after the other; one task's.
///
/// It only reads, and believes no bytes but those that a chunk's id is of. So an error of whoever is asked, of whatever kind, costs no more than
/// that nobody is found: the chunk stays lost, is counted as left, and is named again. A read that was cancelled gives nothing
/// too; ``LostContent`` looks for cancellation before each chunk.
private final class ContentSearch {
    private let vault: Vault
    private let givers: [LostContent.KnownGiver]
    private let points: [RecoveryPointID: RecoveryPoint]
    /// Versions of the file that was asked for last, by giver: chunk after chunk is mostly one file's.
    private var versions: [Int: (inode: InodeNumber, point: RecoveryPointID, known: [Version])] =
        [:]
    /// How often in a row a version had other bytes than were looked for.
    private var misses: [Asked: Int] = [:]
    /// What was asked for the chunk at hand: many points mean the same.
    private var tried: Set<Tried> = []

    /// A file at one time, as somebody has it.
    private enum Version: Hashable {
        case view(View)
        case point(RecoveryPoint)
    }

    private struct Asked: Hashable {
        let giver: Int
        let inode: InodeNumber
        let version: Version
    }

    private struct Tried: Hashable {
        let asked: Asked
        let place: Place
    }

    init(
        vault: Vault,
        givers: [LostContent.KnownGiver],
        points: [RecoveryPointID: RecoveryPoint]
    ) {
        self.vault = vault
        self.givers = givers
        self.points = points
    }

    /// What of an inode a chunk was.
    private enum Place: Hashable {
        /// These bytes of the file, one behind the other.
        case content([Range<UInt64>])
        case attribute([UInt8])
    }

    static func distance(_ left: UInt64, _ right: UInt64) -> UInt64 {
        left > right ? left - right : right - left
    }

    func bytes(of id: ChunkID, at parts: [AffectedPart]) async -> [UInt8]? {
        tried = []
        for part in parts {
            guard let point = points[part.point] else { continue }
            let inode = PointFormat.inode(ofKey: part.key)
            for place in places(of: id, under: part.key, in: point) {
                for giver in givers.indices {
                    if let found = await ask(giver, for: place, of: inode, id, in: point) {
                        return found
                    }
                }
            }
        }
        return nil
    }

    /// Where a value says that a chunk's bytes stand; a value that does not read says nothing.
    private func places(of id: ChunkID, under key: [UInt8], in point: RecoveryPoint) -> [Place] {
        // Harmless: the chunk has other places, in other points, or stays lost and is counted as left.
        guard let map = point.maps[PointFormat.inodes],
            let value = try? vault.value(of: key, in: map)
        else { return [] }
        guard let (_, tile) = PointFormat.tile(ofKey: key) else {
            // Harmless, as above: an inode that does not parse names no attribute to ask for.
            let inode = try? PointInode(value)
            return (inode?.extended ?? []).compactMap { attribute in
                guard case .chunk(let chunk) = attribute.value, chunk.id == id else { return nil }
                return .attribute(attribute.name)
            }
        }
        // Harmless, as above: a tile that does not parse shows no place to ask for.
        let extents = (try? PointTile(value))?.extents.filter { $0.chunk.id == id } ?? []
        let start = UInt64(tile) * PointFormat.tileBytes
        return ContentSearch.pieces(of: extents, from: start).map { [.content($0)] } ?? []
    }

    /// Where in the file all of a chunk stood: a chunk goes from one run of data to the next, and the file may have been written over
    /// in part since, or go on in the next tile.
    ///
    /// What extents do not show is taken to have stood beside what they do.
    private static func pieces(
        of extents: [PointTile.Extent],
        from start: UInt64
    ) -> [Range<UInt64>]? {
        let inOrder = extents.sorted { $0.skip < $1.skip }
        guard let first = inOrder.first, let last = inOrder.last,
            start + UInt64(first.range.lowerBound) >= UInt64(first.skip)
        else { return nil }
        // From which byte of the chunk on the bytes of the file are those behind a place.
        var runs: [(skip: UInt64, place: UInt64)] = inOrder.map {
            (UInt64($0.skip), start + UInt64($0.range.lowerBound))
        }
        runs[0] = (0, runs[0].place - UInt64(first.skip))
        let ends = runs.dropFirst().map(\.skip) + [UInt64(last.chunk.length)]
        return zip(runs, ends).map { run, end in run.place..<run.place + (end - run.skip) }
    }

    private func ask(
        _ giver: Int,
        for place: Place,
        of inode: InodeNumber,
        _ id: ChunkID,
        in point: RecoveryPoint
    ) async -> [UInt8]? {
        for version in await versions(of: inode, by: giver, near: point) {
            let asked = Asked(giver: giver, inode: inode, version: version)
            guard misses[asked] ?? 0 < LostContent.missesMax,
                tried.insert(Tried(asked: asked, place: place)).inserted
            else { continue }
            let found = await read(place, of: inode, version, by: givers[giver].giver)
            if let found, vault.isContent(found, of: id) {
                misses[asked] = nil
                return found
            }
            misses[asked, default: 0] += 1
        }
        return nil
    }

    /// What a giver has of a file, the nearest to a point first.
    private func versions(
        of inode: InodeNumber,
        by giver: Int,
        near point: RecoveryPoint
    ) async -> [Version] {
        if let last = versions[giver], last.inode == inode, last.point == point.id {
            return last.known
        }
        let found: [Version]
        switch givers[giver].giver {
        case .fileSystem(let fileSystem, let source):
            let views =
                source == point.source
                ? await ContentSearch.views(of: inode, in: fileSystem, near: point) : []
            found = views.map { .view($0) }
        case .vault:
            let near = givers[giver].points(of: point.source, near: point.instant)
            found = near.map { .point($0) }
        }
        versions[giver] = (inode, point.id, found)
        return found
    }

    private func read(
        _ place: Place,
        of inode: InodeNumber,
        _ version: Version,
        by giver: LostContent.Giver
    ) async -> [UInt8]? {
        switch (giver, version) {
        case (.fileSystem(let fileSystem, _), .view(let view)):
            await ContentSearch.read(place, of: inode, in: fileSystem, at: view)
        case (.vault(let other), .point(let point)):
            await ContentSearch.read(
                place,
                of: inode,
                from: VaultSource(vault: other, point: point, path: [])
            )
        // Who gives from a vault has points, who gives from a file system views.
        case (.fileSystem, .point), (.vault, .view): nil
        }
    }

    /// Where versions of a file are read: at the retained instant before a point, and where others are, the nearest first; none of a file
    /// that is gone, or does not read.
    ///
    /// The history knows of what was written to a file once its attributes are; the instant shows it at once.
    private static func views(
        of inode: InodeNumber,
        in fileSystem: FileSystem,
        near point: RecoveryPoint
    ) async -> [View] {
        var views: [View] = []
        // Harmless: without that instant the versions below are asked, and without those the next giver.
        if let before = try? await fileSystem.instant(atOrBefore: point.instantTime) {
            views.append(.past(before))
        }
        // Harmless: of a file that is gone, or whose history does not read, there is at most the instant above.
        let versions = (try? await fileSystem.history(of: inode)) ?? []
        let nearest = versions.sorted {
            distance($0.epoch.rawValue, point.instant) < distance($1.epoch.rawValue, point.instant)
        }
        for version in nearest.prefix(LostContent.versionsMax) {
            let view: View = version.isLive ? .live : .past(version.epoch)
            if !views.contains(view) { views.append(view) }
        }
        return views
    }

    /// `nil` for what is not there any more, or does not read: somebody else may have it.
    private static func read(
        _ place: Place,
        of inode: InodeNumber,
        in fileSystem: FileSystem,
        at view: View
    ) async -> [UInt8]? {
        switch place {
        case .content(let pieces):
            var bytes: [UInt8] = []
            for piece in pieces {
                // Harmless: half of a chunk is not that chunk, and the next version is asked.
                guard let read = try? await fileSystem.bulkRead(inode, piece, at: view) else {
                    return nil
                }
                bytes += read.bytes
            }
            return bytes
        case .attribute(let name):
            // Harmless: an attribute that is gone or does not read is another version's to give.
            return try? await fileSystem.extendedAttribute(name, of: inode, at: view, as: .root)
        }
    }

    /// As of a file system.
    private static func read(
        _ place: Place,
        of inode: InodeNumber,
        from source: VaultSource
    ) async -> [UInt8]? {
        switch place {
        case .content(let pieces):
            let file = VaultSourceFile(source: source, inode: inode, size: .max)
            var bytes: [UInt8] = []
            for piece in pieces {
                // Harmless: as of a file system.
                guard let read = try? await file.read(piece) else { return nil }
                bytes += read
            }
            return bytes
        case .attribute(let name):
            // Harmless, both: what does not read here is another point's to give.
            let found = (try? source.inode(inode))?.extended.first { $0.name == name }
            switch found?.value {
            case .inline(let bytes): return bytes
            case .chunk(let chunk): return try? source.vault.read(chunk)
            case nil: return nil
            }
        }
    }
}

/// Runs what asks a vault, with its errors in this target's words.
private func inVault<Value>(
    _ body: () throws(VaultError) -> Value
) throws(BackupError) -> Value {
    do throws(VaultError) {
        return try body()
    } catch {
        throw BackupError(error)
    }
}
