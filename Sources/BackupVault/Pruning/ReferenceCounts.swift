import VarveModel

/// How often each chunk is referred to by a set of recovery points: a function of that set alone.
///
/// A root of a map is a reference to its node, so is what stands in a node that has any. Each such node brings its
/// references once, however many refer to it. A chunk without references is needed by no point of the set.
struct ReferenceCounts: Sendable {
    private(set) var table: CountTable
    /// The set: each point's roots, in the order of the maps' names.
    private(set) var points: [RecoveryPointID: [MapRoot]]
    /// Nodes that were read to come to this set.
    private(set) var nodesRead = 0

    init(table: CountTable = CountTable(), points: [RecoveryPointID: [MapRoot]] = [:]) {
        self.table = table
        self.points = points
    }

    static func roots(of point: RecoveryPoint) -> [MapRoot] {
        point.maps.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Makes these points the set: the cost is the nodes that came or went.
    ///
    /// What came is added before what went is taken off, so that nodes which both have are not read.
    ///
    /// - Throws: What reading a node throws; `.corrupt` when the counts do not fit these points. They are of no use then.
    mutating func update(
        to listed: [RecoveryPoint],
        from source: some MapNodeSource
    ) throws(VaultError) {
        var gone = points
        var new: [RecoveryPoint] = []
        for point in listed {
            guard let known = gone.removeValue(forKey: point.id) else {
                new.append(point)
                continue
            }
            guard known == ReferenceCounts.roots(of: point) else {
                throw VaultError(
                    .corrupt,
                    "recovery point \(point.id) has other maps than those that were counted"
                )
            }
        }
        for point in new { try add(point, from: source) }
        for (id, roots) in gone.sorted(by: { $0.key < $1.key }) {
            try follow(roots, by: -1, in: source)
            points[id] = nil
        }
    }

    /// Adds one point.
    ///
    /// - Throws: As ``update(to:from:)``.
    mutating func add(
        _ point: RecoveryPoint,
        from source: some MapNodeSource
    ) throws(VaultError) {
        let roots = ReferenceCounts.roots(of: point)
        try follow(roots, by: 1, in: source)
        points[point.id] = roots
    }

    /// Sorts the table, so that it is at its smallest.
    mutating func settle() { table.settle() }

    private mutating func follow(
        _ roots: [MapRoot],
        by step: Int32,
        in source: some MapNodeSource
    ) throws(VaultError) {
        var waiting = roots.reversed().map(\.node)
        while let reference = waiting.popLast() {
            let left = try table.change(reference.id, .node, by: step)
            // The first reference brings what stands in a node, and the last one takes it along.
            guard left == (step > 0 ? 1 : 0) else { continue }
            let node = try source.node(reference)
            nodesRead += 1
            switch node.items {
            case .leaf(let entries):
                for entry in entries {
                    for chunk in entry.value.chunks {
                        try table.change(chunk.id, .content, by: step)
                    }
                }
            case .branch(let children):
                for child in children.reversed() { waiting.append(child.node) }
            }
        }
    }
}
