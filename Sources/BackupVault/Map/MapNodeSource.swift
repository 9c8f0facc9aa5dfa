/// Who can fetch map nodes: a vault, or a writer that also sees what it has not published.
protocol MapNodeSource {
    func node(_ reference: ChunkReference) throws(VaultError) -> MapNode
}

extension MapNodeSource {
    /// The node's items, of the kind that its level must have.
    func items<Item: MapItem>(
        _ reference: ChunkReference,
        level: UInt8,
        as type: Item.Type = Item.self
    ) throws(VaultError) -> [Item] {
        let node = try node(reference)
        guard node.level == level, let items = Item.items(of: node) else {
            throw VaultError(
                .corrupt,
                "chunk \(reference.id) is a node of level \(node.level), not \(level)",
                remedy: "Run 'varve vault verify'."
            )
        }
        return items
    }

    /// The value under a key; `nil` when there is none.
    func lookUp(_ key: [UInt8], in map: MapRoot) throws(VaultError) -> MapValue? {
        guard map.count > 0 else { return nil }
        var reference = map.node
        var level = map.level
        while level > 0 {
            let children: [MapChild] = try items(reference, level: level)
            let place = children.firstPlace(notBefore: key)
            guard place < children.count else { return nil }
            reference = children[place].node
            level -= 1
        }
        let entries: [MapEntry] = try items(reference, level: 0)
        let place = entries.firstPlace(notBefore: key)
        guard place < entries.count, entries[place].key == key else { return nil }
        return entries[place].value
    }
}

extension Array where Element: MapItem {
    /// The place of the first item whose key is not below `key`; `count` when all are.
    func firstPlace(notBefore key: [UInt8]) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].key.precedes(key) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}

/// Remembers decoded things up to a number of bytes: the least recently used half goes first.
struct RecentCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let bytesMax: Int
    private var young: [Key: (value: Value, bytes: Int)] = [:]
    private var old: [Key: (value: Value, bytes: Int)] = [:]
    private var youngBytes = 0

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    mutating func value(_ key: Key) -> Value? {
        if let found = young[key] { return found.value }
        guard let found = old[key] else { return nil }
        insert(found.value, for: key, bytes: found.bytes)
        return found.value
    }

    mutating func insert(_ value: Value, for key: Key, bytes: Int) {
        if youngBytes + bytes > bytesMax / 2 {
            old = young
            young = [:]
            youngBytes = 0
        }
        if let before = young.updateValue((value, bytes), forKey: key) {
            youngBytes -= before.bytes
        }
        youngBytes += bytes
    }
}
