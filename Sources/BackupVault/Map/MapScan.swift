/// Goes through a map's entries in key order; reads each node when it comes to it.
package struct MapScan {
    private let source: any MapNodeSource
    private var branches: [ArraySlice<MapChild>] = []
    private var entries: ArraySlice<MapEntry> = []
    private let map: MapRoot
    private let start: [UInt8]
    private var hasBegun = false

    init(_ map: MapRoot, from start: [UInt8], in source: any MapNodeSource) {
        self.map = map
        self.start = start
        self.source = source
    }

    /// The next entry; `nil` after the last one.
    ///
    /// - Throws: `.corrupt` or `.notFound` when a node is damaged or gone.
    package mutating func next() throws(VaultError) -> MapEntry? {
        if !hasBegun {
            hasBegun = true
            if map.count > 0 { try descend(map.node, level: map.level, from: start) }
        }
        while entries.isEmpty {
            while let last = branches.last, last.isEmpty { branches.removeLast() }
            guard !branches.isEmpty, let child = branches[branches.count - 1].popFirst() else {
                return nil
            }
            try descend(child.node, level: map.level - UInt8(branches.count), from: [])
        }
        return entries.popFirst()
    }

    private mutating func descend(
        _ node: ChunkReference,
        level: UInt8,
        from key: [UInt8]
    ) throws(VaultError) {
        var node = node
        var level = level
        while level > 0 {
            let children: [MapChild] = try source.items(node, level: level)
            var rest = children[children.firstPlace(notBefore: key)...]
            guard let first = rest.popFirst() else { return }
            branches.append(rest)
            node = first.node
            level -= 1
        }
        let all: [MapEntry] = try source.items(node, level: 0)
        entries = all[all.firstPlace(notBefore: key)...]
    }
}

/// Goes through the keys in which two maps differ, in order; equal subtrees are never read.
package struct MapDifferences {
    private let source: any MapNodeSource
    private var old: Side
    private var new: Side
    /// Nodes that were read so far, of both maps.
    package var nodesRead: Int { old.opened + new.opened }

    init(from old: MapRoot?, to new: MapRoot?, in source: any MapNodeSource) {
        self.source = source
        self.old = Side(old)
        self.new = Side(new)
    }

    /// The next difference; `nil` after the last one.
    ///
    /// - Throws: `.corrupt` or `.notFound` when a node is damaged or gone.
    package mutating func next() throws(VaultError) -> MapDifference? {
        while true {
            switch (old.front, new.front) {
            case (nil, nil): return nil
            case (.node(let left, let leftLevel), .node(let right, let rightLevel)):
                if left == right {
                    old.drop()
                    new.drop()
                    continue
                }
                if leftLevel >= rightLevel { try old.open(in: source) }
                if rightLevel >= leftLevel { try new.open(in: source) }
            case (.node, _): try old.open(in: source)
            case (_, .node): try new.open(in: source)
            case (.entry(let left), .entry(let right)):
                if let found = difference(left, right) { return found }
            case (.entry(let left), nil):
                old.drop()
                return MapDifference(key: left.key, old: left.value, new: nil)
            case (nil, .entry(let right)):
                new.drop()
                return MapDifference(key: right.key, old: nil, new: right.value)
            }
        }
    }

    private mutating func difference(_ left: MapEntry, _ right: MapEntry) -> MapDifference? {
        let order = left.key.compare(right.key)
        if order <= 0 { old.drop() }
        if order >= 0 { new.drop() }
        if order < 0 { return MapDifference(key: left.key, old: left.value, new: nil) }
        if order > 0 { return MapDifference(key: right.key, old: nil, new: right.value) }
        if left.value == right.value { return nil }
        return MapDifference(key: left.key, old: left.value, new: right.value)
    }

    /// What is still to come of one map: unopened subtrees and entries, in order.
    private struct Side {
        enum Front {
            case node(ChunkReference, level: UInt8)
            case entry(MapEntry)
        }

        /// Innermost last; the first frame is the root alone.
        private var branches: [(children: ArraySlice<ChunkReference>, level: UInt8)] = []
        private var entries: ArraySlice<MapEntry> = []
        private(set) var opened = 0

        init(_ map: MapRoot?) {
            if let map, map.count > 0 { branches = [([map.node], map.level)] }
        }

        var front: Front? {
            if let entry = entries.first { return .entry(entry) }
            guard let last = branches.last, let node = last.children.first else { return nil }
            return .node(node, level: last.level)
        }

        /// Passes by what is in front.
        mutating func drop() {
            if !entries.isEmpty {
                entries = entries.dropFirst()
            } else if !branches.isEmpty {
                branches[branches.count - 1].children.removeFirst()
            }
            trim()
        }

        /// Puts the items of the node in front in its place.
        mutating func open(in source: any MapNodeSource) throws(VaultError) {
            guard case .node(let node, let level) = front else { return }
            branches[branches.count - 1].children.removeFirst()
            opened += 1
            if level == 0 {
                entries = try source.items(node, level: 0, as: MapEntry.self)[...]
            } else {
                let children = try source.items(node, level: level, as: MapChild.self)
                branches.append((children.map(\.node)[...], level - 1))
            }
            trim()
        }

        private mutating func trim() {
            guard entries.isEmpty else { return }
            while let last = branches.last, last.children.isEmpty { branches.removeLast() }
        }
    }
}
