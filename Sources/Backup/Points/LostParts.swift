package import BackupVault
import VarveModel

/// What a recovery point has lost, as far as a verify found.
package struct LostPoint: Sendable {
    package let point: RecoveryPoint
    /// By path; no more than were asked for: of more than these, the first that the maps lead to.
    package internal(set) var parts: [LostPart]
    /// Those besides counted.
    package internal(set) var partCount: Int
    /// Whether nothing else is lost: the verify named all that it found of the point.
    package let isComplete: Bool
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
/// Looks only at points that have lost something. For each it reads the map of names once; in memory it holds the names of the
/// point's directories, which paths are made of, and the parts that it tells.
package struct LostParts {
    private let vault: Vault
    private let partsMax: Int
    private let partsEachMax: Int

    /// - Parameters:
    ///   - vault: The one that was verified.
    ///   - partsMax: As many are told of all points together, but of each some.
    ///   - partsEachMax: No more are told of one.
    package init(_ vault: Vault, partsMax: Int = 100_000, partsEachMax: Int = 10_000) {
        self.vault = vault
        self.partsMax = partsMax
        self.partsEachMax = partsEachMax
    }

    /// Of a point, as many in any case.
    private static let partsEachMin = 10

    /// What the findings cost.
    ///
    /// - Returns: The points that have lost something, by creation.
    /// - Throws: `.failed`, `.denied`; a point that is deleted meanwhile is left out.
    package func all(in report: VerifyReport) throws(BackupError) -> [LostPoint] {
        guard !report.affectedPoints.isEmpty else { return [] }
        var losses: [RecoveryPointID: PointLosses] = [:]
        for finding in report.findings {
            for part in finding.affected {
                losses[part.point, default: PointLosses()].add(part, chunk: finding.chunk)
            }
        }
        let points: [RecoveryPoint]
        do throws(VaultError) {
            points = try vault.listing().points
        } catch {
            throw BackupError(error)
        }
        let affected = Dictionary(
            uniqueKeysWithValues: report.affectedPoints.map { ($0.point, $0) }
        )
        let share = max(LostParts.partsEachMin, partsMax / affected.count)
        return points.compactMap { point in
            guard let known = affected[point.id] else { return nil }
            var lost = losses[point.id] ?? PointLosses()
            lost.settle()
            return parts(
                of: point,
                losing: lost,
                isComplete: known.isComplete,
                max: min(share, partsEachMax)
            )
        }
    }

    /// The parts of one point, in paths; of settled losses.
    func parts(
        of point: RecoveryPoint,
        losing losses: PointLosses,
        isComplete: Bool,
        max: Int
    ) -> LostPoint {
        var found = FoundParts(max: max)
        var kinds: [InodeNumber: [LostPart.What]] = [:]
        for (inode, chunks) in losses.chunks {
            kinds[inode] = content(of: inode, losing: chunks, in: point)
        }
        // What is lost of an inode: of its own, or because its key may be in a lost run.
        func lost(_ inode: InodeNumber) -> [LostPart.What] {
            if let known = kinds[inode] { return known }
            let isLost = losses.isLost(inode) { size(of: inode, in: point) }
            return isLost ? [.inode] : []
        }
        var unnamed = Set(kinds.keys)
        found.add(.inode(.root), lost(.root), hasLostNames: losses.hasLostNames(.root))
        unnamed.remove(.root)
        if let map = point.maps[PointFormat.names] {
            vault.forEachReadableEntry(of: map) { entry in
                // One that does not parse leads nowhere; a restore tells it.
                guard let name = try? PointName(entry.value) else { return true }
                let parent = PointFormat.directory(ofKey: entry.key)
                let isDirectory = name.kind == .directory
                if isDirectory { found.paths.add(name.inode, named: name.name, in: parent) }
                unnamed.remove(name.inode)
                found.add(
                    isDirectory ? .inode(name.inode) : .name(name.name, in: parent),
                    lost(name.inode),
                    hasLostNames: isDirectory && losses.hasLostNames(name.inode)
                )
                return true
            }
        }
        for inode in unnamed.sorted(by: { $0.rawValue < $1.rawValue }) {
            found.add(.inode(inode), lost(inode), hasLostNames: false)
        }
        return LostPoint(
            point: point,
            parts: found.parts,
            partCount: found.count,
            isComplete: isComplete
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
        // Harmless: without a size the file is named as lost, which it is as far as can be known.
        guard let map = point.maps[PointFormat.inodes],
            let value = try? vault.value(of: PointFormat.key(inode), in: map),
            let found = try? PointInode(value)
        else { return nil }
        return found.attributes.kind == .regular ? found.attributes.size : 0
    }
}
