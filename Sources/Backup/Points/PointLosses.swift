import BackupVault
import VarveModel

/// The keys of one point's maps that a verify named.
struct PointLosses {
    /// Where in an inode a chunk is missed.
    enum Place: Hashable {
        case attributes
        case tile(UInt32)
    }

    /// A lost run of keys of inodes.
    private struct Run {
        /// The inode and the tile of the last key before it; the tile is `nil` for the inode's own key.
        let after: (inode: InodeNumber, tile: UInt32?)?
        var last: InodeNumber

        /// The least inode of which a key may be in it.
        var first: UInt64 { after?.inode.rawValue ?? 0 }
    }

    private(set) var chunks: [InodeNumber: [Place: Set<ChunkID>]] = [:]
    /// In order, and apart once settled.
    private var inodeRuns: [Run] = []
    private var directoryRuns: [ClosedRange<UInt64>] = []

    mutating func add(_ part: AffectedPart, chunk: ChunkID?) {
        if part.isSubtree {
            addRun(part)
        } else if part.map == PointFormat.inodes, let chunk {
            add(chunk, underInodeKey: part.key)
        }
    }

    /// A lost chunk that the value under a key of inodes needs.
    mutating func add(_ chunk: ChunkID, underInodeKey key: [UInt8]) {
        let inode = PointFormat.inode(ofKey: key)
        let place = PointFormat.tile(ofKey: key).map { Place.tile($0.tile) } ?? .attributes
        chunks[inode, default: [:]][place, default: []].insert(chunk)
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

    /// Joins runs that meet; before it nothing is asked.
    mutating func settle() {
        directoryRuns.sort { $0.lowerBound < $1.lowerBound }
        var directories: [ClosedRange<UInt64>] = []
        for run in directoryRuns {
            if let last = directories.last, last.upperBound >= run.lowerBound {
                let end = max(last.upperBound, run.upperBound)
                directories[directories.count - 1] = last.lowerBound...end
            } else {
                directories.append(run)
            }
        }
        directoryRuns = directories
        // Of two that begin in one inode the earlier key says more.
        inodeRuns.sort {
            ($0.first, $0.after?.tile.map(Int64.init) ?? -1)
                < ($1.first, $1.after?.tile.map(Int64.init) ?? -1)
        }
        var runs: [Run] = []
        for run in inodeRuns {
            if let last = runs.last, last.last.rawValue >= run.first {
                runs[runs.count - 1].last = InodeNumber(
                    rawValue: max(last.last.rawValue, run.last.rawValue)
                )
            } else {
                runs.append(run)
            }
        }
        inodeRuns = runs
    }

    /// Whether a key of an inode lies in a lost run: of the inode before a run the rest may be nothing.
    ///
    /// - Parameters:
    ///   - inode: Any.
    ///   - size: Of the file; `nil` when its inode does not read.
    /// - Returns: Whether one does, as far as can be known.
    func isLost(_ inode: InodeNumber, size: () -> UInt64?) -> Bool {
        let behind = inodeRuns.partitioningIndex { $0.first > inode.rawValue }
        guard behind > 0 else { return false }
        let run = inodeRuns[behind - 1]
        guard run.last.rawValue >= inode.rawValue else { return false }
        guard let after = run.after, after.inode == inode else { return true }
        guard let size = size() else { return true }
        let known = after.tile.map { (UInt64($0) + 1) * PointFormat.tileBytes } ?? 0
        return size > known
    }

    func hasLostNames(_ directory: InodeNumber) -> Bool {
        let behind = directoryRuns.partitioningIndex { $0.lowerBound > directory.rawValue }
        return behind > 0 && directoryRuns[behind - 1].contains(directory.rawValue)
    }
}

extension Array {
    /// The first place from which on a condition holds, by halving: it must hold for all behind one for which it does.
    fileprivate func partitioningIndex(where isBehind: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
