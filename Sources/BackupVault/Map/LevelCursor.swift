/// Walks the nodes of one level of a map, forwards only.
struct LevelCursor {
    private struct Frame {
        let children: [MapChild]
        let level: UInt8
        var position: Int

        var isAtLast: Bool { position == children.count - 1 }
    }

    private let level: UInt8
    /// From the root's children down to the nodes of `level`; empty when the root is of `level`.
    private var frames: [Frame] = []
    private let root: MapRoot?

    /// Stands before the first node; a level above the root's, or an empty map, has no nodes.
    init(_ map: MapRoot?, level: UInt8) {
        self.level = level
        if let map, map.count > 0, map.level >= level { root = map } else { root = nil }
    }

    /// Whether no node follows the current one.
    var isAtLast: Bool { frames.allSatisfy(\.isAtLast) }

    /// Goes to the first node whose last key is not below `key`, or to the last node.
    ///
    /// Keys must ascend from call to call.
    mutating func seek(
        _ key: [UInt8],
        in source: some MapNodeSource
    ) throws(VaultError) -> ChunkReference? {
        guard let root else { return nil }
        if root.level == level { return root.node }
        if frames.isEmpty { try push(root.node, level: root.level, key: key, in: source) }
        while frames.count > 1, let last = frames[frames.count - 1].children.last,
            last.key.precedes(key)
        {
            frames.removeLast()
        }
        let top = frames.count - 1
        let children = frames[top].children
        let place = max(frames[top].position, children.firstPlace(notBefore: key))
        let target = min(place, children.count - 1)
        frames[top].position = target
        return try descend(key: key, in: source)
    }

    /// Goes to the next node; `nil` at the end.
    mutating func next(in source: some MapNodeSource) throws(VaultError) -> ChunkReference? {
        while let frame = frames.last, frame.isAtLast { frames.removeLast() }
        guard !frames.isEmpty else { return nil }
        frames[frames.count - 1].position += 1
        return try descend(key: nil, in: source)
    }

    private mutating func descend(
        key: [UInt8]?,
        in source: some MapNodeSource
    ) throws(VaultError) -> ChunkReference {
        while true {
            let frame = frames[frames.count - 1]
            let child = frame.children[frame.position].node
            if frame.level == level + 1 { return child }
            try push(child, level: frame.level - 1, key: key, in: source)
        }
    }

    private mutating func push(
        _ node: ChunkReference,
        level: UInt8,
        key: [UInt8]?,
        in source: some MapNodeSource
    ) throws(VaultError) {
        let children: [MapChild] = try source.items(node, level: level)
        let place = key.map { children.firstPlace(notBefore: $0) } ?? 0
        frames.append(
            Frame(children: children, level: level, position: min(place, children.count - 1))
        )
    }
}
