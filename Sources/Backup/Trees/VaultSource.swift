import BackupVault
import Synchronization
import VarveModel

/// A recovery point, as a tree to read; nothing but the vault is needed.
struct VaultSource: TreeSource {
    let vault: Vault
    let names: MapRoot?
    let inodes: MapRoot?
    let path: [FileName]
    let label: String

    init(vault: Vault, point: RecoveryPoint, path: [FileName]) {
        self.vault = vault
        names = point.maps[PointFormat.names]
        inodes = point.maps[PointFormat.inodes]
        self.path = path
        label = point.id.description
    }

    func root() async throws(TreeFailure) -> (entry: TreeEntry, directory: InodeNumber) {
        var current = try inode(.root)
        for name in path {
            guard current.attributes.kind == .directory else {
                throw TreeFailure(
                    call: "look up",
                    errno: SystemError.notDirectory,
                    reason: "'\(name)' is not in a directory"
                )
            }
            current = try inode(try lookUp(name, in: current.attributes.inode))
        }
        let name = path.last ?? FileName.root
        return (TreeEntry(name: name, node: TreeNode(current.attributes)), current.attributes.inode)
    }

    func open(_ entry: TreeEntry, in parent: InodeNumber) async throws(TreeFailure) -> InodeNumber {
        InodeNumber(rawValue: entry.node.identity.inode)
    }

    func list(_ directory: InodeNumber) async throws(TreeFailure) -> VaultListing {
        VaultListing(source: self, directory: directory)
    }

    func details(
        of entry: TreeEntry?,
        in directory: InodeNumber
    ) async throws(TreeFailure) -> TreeDetails {
        let number = entry.map { InodeNumber(rawValue: $0.node.identity.inode) } ?? directory
        let inode = try inode(number)
        var details = TreeDetails(target: inode.target)
        for attribute in inode.extended {
            switch attribute.value {
            case .inline(let bytes):
                details.attributes.append(.init(name: attribute.name, value: bytes))
            case .chunk(let chunk):
                let value = try reading { () throws(VaultError) in try vault.read(chunk) }
                details.attributes.append(.init(name: attribute.name, value: value))
            }
        }
        return details
    }

    func openFile(
        _ entry: TreeEntry,
        in directory: InodeNumber
    ) async throws(TreeFailure) -> VaultSourceFile {
        VaultSourceFile(
            source: self,
            inode: InodeNumber(rawValue: entry.node.identity.inode),
            size: entry.node.size
        )
    }

    // MARK: Lookups

    func inode(_ number: InodeNumber) throws(TreeFailure) -> PointInode {
        let value = try reading { () throws(VaultError) in
            try vault.value(of: PointFormat.key(number), in: try root(inodes))
        }
        guard let value else {
            throw TreeFailure(
                BackupError(.corrupt, "recovery point \(label) lacks inode \(number.rawValue)")
            )
        }
        return try parsing { () throws(BackupError) in try PointInode(value) }
    }

    /// Some tiles of a file, in order, and the key to go on from; `nil` at the end.
    func tiles(
        of inode: InodeNumber,
        from key: [UInt8]
    ) throws(TreeFailure) -> (tiles: [(UInt32, PointTile)], next: [UInt8]?) {
        let run = try entries(of: try inodeRoot(), from: key, max: 16) { key in
            PointFormat.tile(ofKey: key)?.inode == inode
        }
        var found: [(UInt32, PointTile)] = []
        for entry in run.entries {
            guard let (_, tile) = PointFormat.tile(ofKey: entry.key) else { continue }
            found.append(
                (tile, try parsing { () throws(BackupError) in try PointTile(entry.value) })
            )
        }
        return (found, run.next)
    }

    /// One tile; `nil` when all of it is a hole.
    func tile(_ tile: UInt32, of inode: InodeNumber) throws(TreeFailure) -> PointTile? {
        let value = try reading { () throws(VaultError) in
            try vault.value(of: PointFormat.key(inode, tile: tile), in: try root(inodes))
        }
        guard let value else { return nil }
        return try parsing { () throws(BackupError) in try PointTile(value) }
    }

    /// Names are found by a hash whose key is not in the vault, so this reads the directory.
    func lookUp(
        _ name: FileName,
        in directory: InodeNumber
    ) throws(TreeFailure) -> InodeNumber {
        var key = PointFormat.key(directory, cookie: 0)
        while true {
            let (found, next) = try names(of: directory, from: key)
            if let match = found.first(where: { $0.name == name }) { return match.inode }
            guard let next else {
                throw TreeFailure(
                    call: "look up",
                    errno: SystemError.notFound,
                    reason: "recovery point \(label) has no '\(name)' there"
                )
            }
            key = next
        }
    }

    /// Some names of a directory, and where to go on; `nil` at the end.
    func names(
        of directory: InodeNumber,
        from key: [UInt8]
    ) throws(TreeFailure) -> (names: [PointName], next: [UInt8]?) {
        let run = try entries(of: try nameRoot(), from: key, max: 256) { key in
            PointFormat.directory(ofKey: key) == directory
        }
        var found: [PointName] = []
        for entry in run.entries {
            found.append(try parsing { () throws(BackupError) in try PointName(entry.value) })
        }
        return (found, run.next)
    }

    /// Entries from a key on, as long as they belong together, and where to go on; `nil` behind the last of them.
    ///
    /// It reads no node behind the one where the first other entry is, and what comes before one that does not read is there all the
    /// same: damage costs who comes to it.
    private func entries(
        of map: MapRoot,
        from key: [UInt8],
        max: Int,
        while belongs: ([UInt8]) -> Bool
    ) throws(TreeFailure) -> (entries: [MapEntry], next: [UInt8]?) {
        var scan = vault.entries(of: map, from: key)
        var found: [MapEntry] = []
        while found.count < max {
            do throws(VaultError) {
                guard let entry = try scan.next(), belongs(entry.key) else { return (found, nil) }
                found.append(entry)
            } catch {
                guard !found.isEmpty else { throw TreeFailure(BackupError(error)) }
                break
            }
        }
        return (found, found.last.map { $0.key + [0] })
    }

    private func inodeRoot() throws(TreeFailure) -> MapRoot {
        try reading { () throws(VaultError) in try root(inodes) }
    }

    private func nameRoot() throws(TreeFailure) -> MapRoot {
        try reading { () throws(VaultError) in try root(names) }
    }

    /// The map of names, which a point of anything else lacks.
    func nameMap() throws(VaultError) -> MapRoot { try root(names) }

    /// The map of inodes.
    func inodeMap() throws(VaultError) -> MapRoot { try root(inodes) }

    private func root(_ map: MapRoot?) throws(VaultError) -> MapRoot {
        guard let map else {
            throw VaultError(.corrupt, "recovery point \(label) is not one of a file system")
        }
        return map
    }
}

/// The names of a directory of a recovery point.
final class VaultListing: TreeListing {
    private let source: VaultSource
    private let directory: InodeNumber
    private let key: Mutex<[UInt8]?>

    init(source: VaultSource, directory: InodeNumber) {
        self.source = source
        self.directory = directory
        key = Mutex(PointFormat.key(directory, cookie: 0))
    }

    func next() async throws(TreeFailure) -> TreePart? {
        guard let from = key.withLock({ $0 }) else { return nil }
        let (names, next) = try source.names(of: directory, from: from)
        key.withLock { $0 = next }
        guard !names.isEmpty else { return nil }
        var part = TreePart()
        for name in names {
            do throws(TreeFailure) {
                let node = TreeNode(try source.inode(name.inode).attributes)
                part.entries.append(TreeEntry(name: name.name, node: node))
            } catch {
                part.failures.append((name.name, error))
            }
        }
        return part
    }
}

/// A file of a recovery point; of its extents at most 8 tiles' are held.
final class VaultSourceFile: TreeFile {
    private let source: VaultSource
    private let inode: InodeNumber
    /// No tile begins behind it: what the map has there is somebody else's.
    private let size: UInt64
    /// Tiles that were looked up: what is read is read in parts of a tile, several tiles at a time.
    private let known = Mutex<[UInt32: PointTile]>([:])

    /// 8: twice as many as are read at a time; 4,096 extents each, of 48 bytes, are 1.5 MiB.
    private static let tilesKnownMax = 8

    init(source: VaultSource, inode: InodeNumber, size: UInt64) {
        self.source = source
        self.inode = inode
        self.size = size
    }

    private func tile(_ number: UInt32) throws(TreeFailure) -> PointTile? {
        if let known = known.withLock({ $0[number] }) { return known }
        guard let found = try source.tile(number, of: inode) else { return nil }
        known.withLock { known in
            // A file is read upwards: the lowest tile is done with first.
            if known.count >= VaultSourceFile.tilesKnownMax, let lowest = known.keys.min() {
                known[lowest] = nil
            }
            known[number] = found
        }
        return found
    }

    /// Keeps the first tiles, which are read first.
    private func keepIfFirst(_ tile: PointTile, _ number: UInt32) {
        known.withLock { known in
            if known.count < VaultSourceFile.tilesKnownMax { known[number] = tile }
        }
    }

    func dataRanges() async throws(TreeFailure) -> [Range<UInt64>] {
        var runs: [Range<UInt64>] = []
        var key: [UInt8]? = PointFormat.key(inode, tile: 0)
        while let from = key {
            let (tiles, next) = try source.tiles(of: inode, from: from)
            for (tile, map) in tiles {
                VaultSourceFile.add(map, tile, to: &runs)
                keepIfFirst(map, tile)
            }
            let end = tiles.last.map { (UInt64($0.0) + 1) * PointFormat.tileBytes } ?? 0
            key = end < size ? next : nil
        }
        return runs
    }

    private static func add(_ map: PointTile, _ tile: UInt32, to runs: inout [Range<UInt64>]) {
        let start = UInt64(tile) * PointFormat.tileBytes
        for run in map.data {
            let range = start + UInt64(run.lowerBound)..<start + UInt64(run.upperBound)
            if let last = runs.last, last.upperBound == range.lowerBound {
                runs[runs.count - 1] = last.lowerBound..<range.upperBound
            } else {
                runs.append(range)
            }
        }
    }

    func read(_ range: Range<UInt64>) async throws(TreeFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        var at = range.lowerBound
        while at < range.upperBound {
            let tile = UInt32(at / PointFormat.tileBytes)
            let start = UInt64(tile) * PointFormat.tileBytes
            let end = min(range.upperBound, start + PointFormat.tileBytes)
            let part = UInt32(at - start)..<UInt32(end - start)
            for extent in try self.tile(tile)?.extents ?? [] {
                guard let piece = extent.clipped(to: part) else { continue }
                let from = Int(piece.skip)
                let found = try reading { () throws(VaultError) in
                    try source.vault.read(piece.chunk, range: from..<from + piece.range.count)
                }
                // A small file is one chunk: its bytes need no copy.
                if found.count == range.count { return found }
                if bytes.isEmpty { bytes.reserveCapacity(range.count) }
                bytes += found
            }
            at = end
        }
        return bytes
    }
}

/// Reads from a vault; damage there costs what it hits and no more.
private func reading<Value>(
    _ body: () throws(VaultError) -> Value
) throws(TreeFailure) -> Value {
    do throws(VaultError) {
        return try body()
    } catch {
        throw TreeFailure(BackupError(error))
    }
}

private func parsing<Value>(
    _ body: () throws(BackupError) -> Value
) throws(TreeFailure) -> Value {
    do throws(BackupError) {
        return try body()
    } catch {
        throw TreeFailure(error)
    }
}

extension TreeFailure {
    fileprivate init(_ error: BackupError) {
        self.init(
            call: "read",
            errno: SystemError.failed,
            reason: error.description,
            isDamage: error.code == .corrupt
        )
    }
}
