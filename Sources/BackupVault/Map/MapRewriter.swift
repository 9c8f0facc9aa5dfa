/// Stores the encoded nodes that a rewrite makes.
protocol MapNodeStore: MapNodeSource {
    func storeNode(_ bytes: [UInt8]) throws(VaultError) -> ChunkReference
}

/// Applies sorted edits to a map, level by level from the leaves up.
///
/// On each level only the nodes in which an edit falls are read, up to the next place where the old
/// and the new nodes end alike; so the work is in proportion to edits and depth. Since the ends of
/// nodes depend on nothing but their content, the result is the same tree that building the new
/// content from nothing would give.
struct MapRewriter<Store: MapNodeStore> {
    let store: Store
    let boundaries: MapBoundaries

    /// A put or a delete on some level.
    struct Edit<Item: MapItem> {
        let key: [UInt8]
        let item: Item?
    }

    /// What happened on one level.
    private struct Outcome {
        /// Every node that was written or found unchanged in the rewritten stretches, in order.
        var nodes: [MapChild] = []
        /// What the level above must be told.
        var edits: [Edit<MapChild>] = []
    }

    /// The map with the edits made; keys strictly ascend.
    func apply(_ edits: [MapEdit], to old: MapRoot?) throws(VaultError) -> MapRoot {
        try MapRewriter.check(edits)
        let leafEdits = edits.map { edit in
            Edit(
                key: edit.key,
                item: edit.value.map { MapEntry(key: edit.key, value: $0) }
            )
        }
        var outcome = try rewrite(leafEdits, of: old, level: 0)
        var level: UInt8 = 0
        let oldLevel = old.flatMap { $0.count > 0 ? $0.level : nil }
        while let oldLevel, level < oldLevel {
            if outcome.edits.isEmpty, let old { return old }
            level += 1
            outcome = try rewrite(outcome.edits, of: old, level: level)
        }
        if let old, old.count > 0, outcome.nodes.isEmpty, outcome.edits.isEmpty { return old }
        var nodes = outcome.nodes
        while nodes.count > 1 {
            level += 1
            let puts = nodes.map { Edit(key: $0.key, item: Optional($0)) }
            nodes = try rewrite(puts, of: nil, level: level).nodes
        }
        guard let top = nodes.first else { return try emptyMap() }
        return try lowered(
            MapRoot(node: top.node, level: level, count: top.entryCount)
        )
    }

    /// The same map without topmost nodes of a single child: the tree is never higher than it must be.
    private func lowered(_ root: MapRoot) throws(VaultError) -> MapRoot {
        var root = root
        while root.level > 0 {
            let children: [MapChild] = try store.items(root.node, level: root.level)
            guard children.count == 1 else { break }
            root = MapRoot(node: children[0].node, level: root.level - 1, count: root.count)
        }
        return root
    }

    private func emptyMap() throws(VaultError) -> MapRoot {
        let node = try store.storeNode(MapNode.encode([MapEntry](), level: 0))
        return MapRoot(node: node, level: 0, count: 0)
    }

    private static func check(_ edits: [MapEdit]) throws(VaultError) {
        for (index, edit) in edits.enumerated() {
            guard (1...MapLimits.keyBytesMax).contains(edit.key.count) else {
                throw VaultError(.invalid, "a map key has \(edit.key.count) bytes, not 1 to 1024")
            }
            if index > 0, !edits[index - 1].key.precedes(edit.key) {
                throw VaultError(.invalid, "map edits do not ascend by key at edit \(index)")
            }
            guard let value = edit.value else { continue }
            guard value.bytes.count <= MapLimits.valueBytesMax,
                value.chunks.count <= MapLimits.chunksMax
            else {
                throw VaultError(
                    .invalid,
                    "a map value has \(value.bytes.count) bytes and \(value.chunks.count) chunks; "
                        + "at most \(MapLimits.valueBytesMax) and \(MapLimits.chunksMax) fit"
                )
            }
        }
    }

    // MARK: One level

    private func rewrite<Item: MapItem>(
        _ edits: [Edit<Item>],
        of old: MapRoot?,
        level: UInt8
    ) throws(VaultError) -> Outcome {
        var outcome = Outcome()
        var cursor = LevelCursor(old, level: level)
        var next = 0
        while next < edits.count {
            var stretch = Stretch<Item>(level: level)
            if var node = try cursor.seek(edits[next].key, in: store) {
                while true {
                    let items: [Item] = try store.items(node, level: level)
                    stretch.removed.append(MapRewriter.child(node, items))
                    let isLast = cursor.isAtLast
                    try merge(items, edits, from: &next, toEnd: isLast, into: &stretch)
                    if stretch.pending.isEmpty { break }
                    guard let following = try cursor.next(in: store) else {
                        try end(&stretch)
                        break
                    }
                    node = following
                }
            } else {
                try merge([], edits, from: &next, toEnd: true, into: &stretch)
                try end(&stretch)
            }
            MapRewriter.tell(stretch, in: &outcome)
        }
        return outcome
    }

    /// A run of old nodes and the new ones that take their place.
    private struct Stretch<Item: MapItem> {
        let level: UInt8
        var removed: [MapChild] = []
        var added: [MapChild] = []
        /// The items of the node that is being filled.
        var pending: [Item] = []
        var pendingBytes = 0
    }

    /// Joins an old node's items with the edits that fall among them.
    private func merge<Item: MapItem>(
        _ items: [Item],
        _ edits: [Edit<Item>],
        from next: inout Int,
        toEnd: Bool,
        into stretch: inout Stretch<Item>
    ) throws(VaultError) {
        for item in items {
            var isReplaced = false
            while next < edits.count {
                let order = edits[next].key.compare(item.key)
                if order > 0 { break }
                isReplaced = isReplaced || order == 0
                if let new = edits[next].item { try add(new, to: &stretch) }
                next += 1
            }
            if !isReplaced { try add(item, to: &stretch) }
        }
        guard toEnd else { return }
        while next < edits.count {
            if let new = edits[next].item { try add(new, to: &stretch) }
            next += 1
        }
    }

    private func add<Item: MapItem>(
        _ item: Item,
        to stretch: inout Stretch<Item>
    ) throws(VaultError) {
        let bytes = item.encodedBytes
        stretch.pending.append(item)
        stretch.pendingBytes += bytes
        if stretch.pendingBytes >= MapBoundaries.nodeBytesMax
            || boundaries.isEnd(item.key, bytes: bytes, level: stretch.level)
        {
            try end(&stretch)
        }
    }

    private func end<Item: MapItem>(_ stretch: inout Stretch<Item>) throws(VaultError) {
        guard !stretch.pending.isEmpty else { return }
        let bytes = MapNode.encode(stretch.pending, level: stretch.level)
        let node = try store.storeNode(bytes)
        stretch.added.append(MapRewriter.child(node, stretch.pending))
        stretch.pending.removeAll(keepingCapacity: true)
        stretch.pendingBytes = 0
    }

    private static func child<Item: MapItem>(_ node: ChunkReference, _ items: [Item]) -> MapChild {
        MapChild(
            key: items.last?.key ?? [],
            node: node,
            entryCount: items.reduce(0) { $0 + $1.entryCount }
        )
    }

    /// Turns a stretch into edits of the level above: what did not change is not mentioned.
    private static func tell<Item: MapItem>(_ stretch: Stretch<Item>, in outcome: inout Outcome) {
        outcome.nodes += stretch.added
        var added = stretch.added[...]
        for old in stretch.removed {
            while let new = added.first, new.key.precedes(old.key) {
                outcome.edits.append(Edit(key: new.key, item: new))
                added = added.dropFirst()
            }
            if let new = added.first, new.key == old.key {
                if new.node != old.node { outcome.edits.append(Edit(key: new.key, item: new)) }
                added = added.dropFirst()
            } else {
                outcome.edits.append(Edit(key: old.key, item: nil))
            }
        }
        for new in added { outcome.edits.append(Edit(key: new.key, item: new)) }
    }
}
