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
        let inode = InodeNumber(rawValue: entry.node.identity.inode)
        var tiles: [UInt32: PointTile] = [:]
        for (tile, found) in try self.tiles(of: inode) { tiles[tile] = found }
        return VaultSourceFile(vault: vault, tiles: tiles)
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

    /// All tiles of a file, in order.
    private func tiles(of inode: InodeNumber) throws(TreeFailure) -> [(UInt32, PointTile)] {
        var found: [(UInt32, PointTile)] = []
        var key = PointFormat.key(inode, tile: 0)
        while true {
            let entries = try reading { () throws(VaultError) in
                try vault.scan(try root(inodes), from: key, limit: 64)
            }
            for entry in entries {
                guard let (owner, tile) = PointFormat.tile(ofKey: entry.key), owner == inode else {
                    return found
                }
                found.append(
                    (tile, try parsing { () throws(BackupError) in try PointTile(entry.value) })
                )
            }
            guard let last = entries.last, entries.count == 64 else { return found }
            key = last.key + [0]
        }
    }

    /// Names are found by a hash whose key is not in the vault, so this reads the directory.
    private func lookUp(
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
        let entries = try reading { () throws(VaultError) in
            try vault.scan(try root(names), from: key, limit: 256)
        }
        var found: [PointName] = []
        for entry in entries {
            guard PointFormat.directory(ofKey: entry.key) == directory else { return (found, nil) }
            found.append(try parsing { () throws(BackupError) in try PointName(entry.value) })
        }
        guard let last = entries.last, entries.count == 256 else { return (found, nil) }
        return (found, last.key + [0])
    }

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

/// A file of a recovery point.
struct VaultSourceFile: TreeFile {
    let vault: Vault
    let tiles: [UInt32: PointTile]

    func dataRanges() async throws(TreeFailure) -> [Range<UInt64>] {
        var runs: [Range<UInt64>] = []
        for (tile, map) in tiles.sorted(by: { $0.key < $1.key }) {
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
        return runs
    }

    func read(_ range: Range<UInt64>) async throws(TreeFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        var at = range.lowerBound
        while at < range.upperBound {
            let tile = UInt32(at / PointFormat.tileBytes)
            let start = UInt64(tile) * PointFormat.tileBytes
            let end = min(range.upperBound, start + PointFormat.tileBytes)
            let part = UInt32(at - start)..<UInt32(end - start)
            for extent in tiles[tile]?.extents ?? [] {
                guard let piece = extent.clipped(to: part) else { continue }
                let from = Int(piece.skip)
                bytes += try reading { () throws(VaultError) in
                    try vault.read(piece.chunk, range: from..<from + piece.range.count)
                }
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
        self.init(call: "read", errno: SystemError.failed, reason: error.description)
    }
}
