import MetadataStore
import VarveModel

/// What differs between two states of the model, in the terms of the change journal.
struct ModelDifference {
    let old: ModelState
    let new: ModelState

    /// Something that differs and that no key names.
    func missing(from keys: Set<ChangeKey>) -> String? {
        for number in Set(old.inodes.keys).union(new.inodes.keys) {
            let inode = InodeNumber(rawValue: number)
            if old.inodes[number] != new.inodes[number], !keys.contains(.inode(inode)) {
                return "inode \(number)"
            }
            if old.inline[number] != new.inline[number], !keys.contains(.inline(inode)) {
                return "inline content of \(number)"
            }
            if old.xattrs[number] ?? [:] != new.xattrs[number] ?? [:],
                !keys.contains(where: { if case .xattr(inode, _) = $0 { true } else { false } })
            {
                return "xattrs of \(number)"
            }
            // The content of an inode that is gone goes without a key of its own.
            guard new.inodes[number] != nil else { continue }
            for tile in changedTiles(number)
            where !keys.contains(.content(inode, tile))
                && !keys.contains(.content(inode, SliceRow.rangeTile))
            {
                return "tile \(tile) of \(number)"
            }
        }
        for (key, _) in changedNames where !keys.contains(.dirent(key.directory, key.hash)) {
            return "name \(key)"
        }
        return nil
    }

    /// Whether what `key` names differs.
    func concerns(_ key: ChangeKey) -> Bool {
        let number = key.inode.rawValue
        return switch key {
        case .inode: old.inodes[number] != new.inodes[number]
        case .inline: old.inline[number] != new.inline[number]
        case .dirent(let directory, let hash):
            changedNames.contains { $0.0 == DirentKey(directory: directory, hash: hash) }
        case .content(_, let tile):
            old.inodes[number] != nil && new.inodes[number] != nil
                && changedTiles(number).contains(tile)
        case .link:
            old.inodes[number]?.links ?? 0 > 1 && new.inodes[number]?.links ?? 0 > 1
                && old.links(of: number) != new.links(of: number)
        case .xattr: false
        }
    }

    private var changedNames: [(DirentKey, Named?)] {
        var changed: [(DirentKey, Named?)] = []
        for directory in Set(old.names.keys).union(new.names.keys) {
            let before = byHash(old.names[directory] ?? [:])
            let after = byHash(new.names[directory] ?? [:])
            for hash in Set(before.keys).union(after.keys) where before[hash] != after[hash] {
                let number = InodeNumber(rawValue: directory)
                changed.append((DirentKey(directory: number, hash: hash), after[hash]?.named))
            }
        }
        return changed
    }

    private func byHash(_ names: [FileName: Named]) -> [UInt64: Pair] {
        Dictionary(uniqueKeysWithValues: names.map { ($1.hash, Pair($0, $1)) })
    }

    private struct Pair: Hashable {
        let name: FileName
        let named: Named

        init(_ name: FileName, _ named: Named) {
            self.name = name
            self.named = named
        }
    }

    private func changedTiles(_ number: UInt64) -> [Int64] {
        let before = old.content[number] ?? []
        let after = new.content[number] ?? []
        var tiles: Set<Int64> = []
        for index in 0..<max(before.count, after.count) {
            let left = index < before.count ? before[index] : 0
            let right = index < after.count ? after[index] : 0
            if left != right { tiles.insert(Int64(index) / Int64(RowsWorld.tileBytes)) }
        }
        return tiles.sorted()
    }
}
