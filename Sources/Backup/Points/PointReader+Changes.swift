import BackupVault
import FileSystemEngine
import VarveModel

/// What the journal says between two instants, in the order of a recovery point's keys.
struct PointChanges: Sendable {
    struct Name: Sendable, Hashable, Comparable {
        let directory: InodeNumber
        let cookie: UInt64

        static func < (left: Name, right: Name) -> Bool {
            (left.directory, left.cookie) < (right.directory, right.cookie)
        }
    }

    var names: [Name] = []
    var inodes: [(InodeNumber, PointChange)] = []
    /// Keys that the journal gave, once for each epoch in which they changed.
    var keys: UInt64 = 0

    /// 4,000,000 keys: beyond that a full backup needs less memory and hardly more time.
    static let keysMax = 4_000_000
}

extension PointReader {
    /// Everything that changed after `base`, up to the held instant.
    ///
    /// - Throws: `.stale` when the journal does not reach back, or too much changed.
    func changes(since base: Epoch) async throws(BackupError) -> PointChanges {
        var names: Set<PointChanges.Name> = []
        var inodes: [InodeNumber: PointChange] = [:]
        var changes = PointChanges()
        var position: ChangePosition?
        repeat {
            let from = position
            let page = try await engine { () async throws(FileSystemError) in
                try await fileSystem.changes(
                    after: base,
                    through: instant,
                    resumeAfter: from,
                    limit: 8_192
                )
            }
            for change in page.changes {
                switch change {
                case .dirent(let directory, let cookie):
                    names.insert(.init(directory: directory, cookie: cookie))
                case .inode(let inode), .extendedAttributes(let inode):
                    inodes[inode, default: PointChange()].isInode = true
                case .content(let inode, Change.anyTile):
                    inodes[inode, default: PointChange()].isAnyTile = true
                case .content(let inode, let tile):
                    inodes[inode, default: PointChange()].tiles.insert(tile / tilesInOurs)
                }
            }
            changes.keys += UInt64(page.changes.count)
            guard names.count + inodes.count <= PointChanges.keysMax else {
                throw BackupError(.stale, "more than \(PointChanges.keysMax) keys changed")
            }
            position = page.resumeAfter
        } while position != nil
        changes.names = names.sorted()
        changes.inodes = inodes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        return changes
    }

    /// The names of a part of the keys as they are at the instant.
    func edits(ofNames names: [PointChanges.Name]) async throws(BackupError) -> [MapEdit] {
        let found = try await engine { () async throws(FileSystemError) in
            try await fileSystem.dirents(names.map { ($0.directory, $0.cookie) }, at: instant)
        }
        return zip(names, found).map { name, record in
            let key = PointFormat.key(name.directory, cookie: name.cookie)
            guard let record else { return MapEdit(key, nil) }
            return MapEdit(
                key,
                PointName(inode: record.inode, kind: record.kind, name: record.name).encoded()
            )
        }
    }
}
