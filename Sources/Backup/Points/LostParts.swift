package import BackupVault
import VarveModel

/// What a recovery point has lost, as far as a verify found.
package struct LostPoint: Sendable {
    package let point: RecoveryPoint
    /// By path; no more than were asked for.
    package internal(set) var parts: [LostPart]
    /// All of them.
    package internal(set) var partCount: Int
}

/// A part of a recovery point that does not restore.
package struct LostPart: Sendable, Hashable {
    /// What of the path it is.
    package enum What: Sendable, Hashable {
        /// These bytes of the file, in order.
        case content([Range<UInt64>])
        /// Values of extended attributes.
        case extendedAttributes
        /// The inode: attributes and content, or some of it.
        case inode
        /// Names in this directory, and what is beneath them.
        case names
    }

    /// From the root, with a `/` before each name; `/` is the root itself.
    ///
    /// What no readable directory names begins with `<inode N>`, which no path does.
    package let path: [UInt8]
    package let what: What
}

/// Says in paths what a verify said in keys.
///
/// Looks only at points that have lost something: for each it reads the map of names once, and holds its directories'
/// names in memory.
package struct LostParts {
    private let vault: Vault
    private let partsMax: Int

    /// - Parameters:
    ///   - vault: The one that was verified.
    ///   - partsMax: As many of each point are told.
    package init(_ vault: Vault, partsMax: Int = 10_000) {
        self.vault = vault
        self.partsMax = partsMax
    }

    /// What the findings cost.
    ///
    /// - Returns: The points that have lost something, by creation.
    /// - Throws: `.failed`, `.denied`; a point that is deleted meanwhile is left out.
    package func all(in report: VerifyReport) throws(BackupError) -> [LostPoint] {
        var losses: [RecoveryPointID: PointLosses] = [:]
        for finding in report.findings {
            for part in finding.affected {
                losses[part.point, default: PointLosses()].add(part, chunk: finding.chunk)
            }
        }
        guard !losses.isEmpty else { return [] }
        let points: [RecoveryPoint]
        do throws(VaultError) {
            points = try vault.listing().points
        } catch {
            throw BackupError(error)
        }
        return points.compactMap { point in
            losses[point.id].map { parts(of: point, losing: $0) }
        }
    }

    private func parts(of point: RecoveryPoint, losing losses: PointLosses) -> LostPoint {
        let names = PointNames(point, in: vault, wanting: losses)
        var parts: Set<LostPart> = []
        for (inode, chunks) in losses.chunks {
            let kinds = content(of: inode, losing: chunks, in: point)
            for path in names.paths(of: inode) {
                for what in kinds { parts.insert(LostPart(path: path, what: what)) }
            }
        }
        for inode in names.lostInodes where losses.chunks[inode] == nil {
            guard losses.isLost(inode, size: { size(of: inode, in: point) }) else { continue }
            for path in names.paths(of: inode) {
                parts.insert(LostPart(path: path, what: .inode))
            }
        }
        for directory in names.lostDirectories {
            for path in names.paths(of: directory) {
                parts.insert(LostPart(path: path, what: .names))
            }
        }
        let sorted = parts.sorted { $0.path.lexicographicallyPrecedes($1.path) }
        return LostPoint(
            point: point,
            parts: Array(sorted.prefix(partsMax)),
            partCount: sorted.count
        )
    }

    /// Which bytes of a file need these chunks, and whether its extended attributes do.
    private func content(
        of inode: InodeNumber,
        losing chunks: [PointLosses.Place: Set<ChunkID>],
        in point: RecoveryPoint
    ) -> [LostPart.What] {
        var ranges: [Range<UInt64>] = []
        var found: [LostPart.What] = []
        for (place, lost) in chunks {
            guard case .tile(let tile) = place else {
                found.append(.extendedAttributes)
                continue
            }
            let start = UInt64(tile) * PointFormat.tileBytes
            let key = PointFormat.key(inode, tile: tile)
            // Where the extents do not parse, all of the tile is as good as lost.
            guard let map = point.maps[PointFormat.inodes],
                let value = try? vault.value(of: key, in: map), let known = try? PointTile(value)
            else {
                ranges.append(start..<start + PointFormat.tileBytes)
                continue
            }
            for extent in known.extents where lost.contains(extent.chunk.id) {
                ranges.append(
                    start + UInt64(extent.range.lowerBound)..<start
                        + UInt64(extent.range.upperBound)
                )
            }
        }
        if !ranges.isEmpty { found.append(.content(LostParts.joined(ranges))) }
        return found
    }

    private static func joined(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
        var joined: [Range<UInt64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, last.upperBound >= range.lowerBound {
                joined[joined.count - 1] =
                    last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }

    /// A file's size; 0 for what is no file, `nil` when its inode does not read.
    private func size(of inode: InodeNumber, in point: RecoveryPoint) -> UInt64? {
        guard let map = point.maps[PointFormat.inodes],
            let value = try? vault.value(of: PointFormat.key(inode), in: map),
            let found = try? PointInode(value)
        else { return nil }
        return found.attributes.kind == .regular ? found.attributes.size : 0
    }
}

/// The keys of one point's maps that a verify named.
struct PointLosses {
    /// Where in an inode a chunk is missed.
    enum Place: Hashable {
        case attributes
        case tile(UInt32)
    }

    /// A lost run of keys of inodes.
    struct Run {
        /// The inode and the tile of the last key before it; the tile is `nil` for the inode's own key.
        let after: (inode: InodeNumber, tile: UInt32?)?
        let last: InodeNumber
    }

    private(set) var chunks: [InodeNumber: [Place: Set<ChunkID>]] = [:]
    private(set) var inodeRuns: [Run] = []
    private(set) var directoryRuns: [ClosedRange<UInt64>] = []

    mutating func add(_ part: AffectedPart, chunk: ChunkID?) {
        if part.isSubtree {
            addRun(part)
        } else if part.map == PointFormat.inodes, let chunk {
            let inode = PointFormat.inode(ofKey: part.key)
            let place = PointFormat.tile(ofKey: part.key).map { Place.tile($0.tile) } ?? .attributes
            chunks[inode, default: [:]][place, default: []].insert(chunk)
        }
    }

    private mutating func addRun(_ part: AffectedPart) {
        let first = part.after.map { PointFormat.inode(ofKey: $0) }
        // A lost root has no last key: it is the last of all.
        let last =
            part.key.isEmpty
            ? InodeNumber(rawValue: .max) : PointFormat.inode(ofKey: part.key)
        if part.map == PointFormat.names {
            directoryRuns.append((first?.rawValue ?? 0)...last.rawValue)
        } else {
            let after = part.after.map { key in
                (inode: PointFormat.inode(ofKey: key), tile: PointFormat.tile(ofKey: key)?.tile)
            }
            inodeRuns.append(Run(after: after, last: last))
        }
    }

    /// Whether some key of an inode may lie in a lost run.
    func mayHaveLost(_ inode: InodeNumber) -> Bool {
        inodeRuns.contains {
            $0.last.rawValue >= inode.rawValue
                && $0.after.map { $0.inode.rawValue <= inode.rawValue } ?? true
        }
    }

    /// Whether one does: of the inode before a run the rest may be nothing.
    ///
    /// - Parameters:
    ///   - inode: One that may have lost something.
    ///   - size: Of the file; `nil` when its inode does not read.
    /// - Returns: Whether one does, as far as can be known.
    func isLost(_ inode: InodeNumber, size: () -> UInt64?) -> Bool {
        inodeRuns.contains { run in
            guard run.last.rawValue >= inode.rawValue else { return false }
            guard let after = run.after, after.inode.rawValue >= inode.rawValue else { return true }
            guard after.inode == inode, let size = size() else { return after.inode == inode }
            let known = after.tile.map { (UInt64($0) + 1) * PointFormat.tileBytes } ?? 0
            return size > known
        }
    }

    func hasLostNames(_ directory: InodeNumber) -> Bool {
        directoryRuns.contains { $0.contains(directory.rawValue) }
    }
}

/// The names of a point that lead to what was lost.
private struct PointNames {
    /// Named inodes that may have lost something of themselves.
    private(set) var lostInodes: Set<InodeNumber> = []
    /// Directories that may have lost names.
    private(set) var lostDirectories: Set<InodeNumber> = []
    private var directories: [InodeNumber: (parent: InodeNumber, name: FileName)] = [:]
    private var wanted: [InodeNumber: [(parent: InodeNumber, name: FileName)]] = [:]

    init(_ point: RecoveryPoint, in vault: Vault, wanting losses: PointLosses) {
        if losses.mayHaveLost(.root) { lostInodes.insert(.root) }
        if losses.hasLostNames(.root) { lostDirectories.insert(.root) }
        guard let map = point.maps[PointFormat.names] else { return }
        vault.forEachReadableEntry(of: map) { entry in
            // One that does not parse leads nowhere; a restore tells it.
            guard let name = try? PointName(entry.value) else { return true }
            let parent = PointFormat.directory(ofKey: entry.key)
            if name.kind == .directory {
                directories[name.inode] = (parent, name.name)
                if losses.hasLostNames(name.inode) { lostDirectories.insert(name.inode) }
            }
            let isRunning = losses.mayHaveLost(name.inode)
            if isRunning { lostInodes.insert(name.inode) }
            if isRunning || losses.chunks[name.inode] != nil, name.kind != .directory {
                wanted[name.inode, default: []].append((parent, name.name))
            }
            return true
        }
    }

    /// Every path of an inode.
    func paths(of inode: InodeNumber) -> [[UInt8]] {
        guard let names = wanted[inode] else { return [path(ofDirectory: inode)] }
        return names.map { name in
            let above = path(ofDirectory: name.parent)
            return (above == [UInt8(ascii: "/")] ? [] : above) + [UInt8(ascii: "/")]
                + name.name.bytes
        }
    }

    /// A directory's path; one that no name leads to is told by its number.
    private func path(ofDirectory directory: InodeNumber) -> [UInt8] {
        var names: [FileName] = []
        var current = directory
        var seen: Set<InodeNumber> = []
        while current != .root, let up = directories[current], seen.insert(current).inserted {
            names.append(up.name)
            current = up.parent
        }
        var path: [UInt8] =
            current == .root ? [] : Array("<inode \(current.rawValue)>".utf8)
        for name in names.reversed() { path += [UInt8(ascii: "/")] + name.bytes }
        return path.isEmpty ? [UInt8(ascii: "/")] : path
    }
}
