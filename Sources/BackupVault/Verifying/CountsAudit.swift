import VarveModel

/// Counts of an earlier prune, from which a walk of all maps takes off what it meets: nothing must be left.
struct CountsAudit {
    private var left: [CountTable.Entry]
    /// A chunk that the maps refer to, and the counts do not know.
    private var unknown: (chunk: ChunkID, references: References)?

    /// - Parameter table: Settled, of the points that are walked.
    init(_ table: CountTable) {
        left = table.stored
    }

    /// Takes off one reference that was met.
    mutating func take(_ chunk: ChunkID, _ kind: References.Kind) {
        let one = References.one(kind, -1)
        guard let place = CountTable.place(of: chunk, in: left),
            let references = left[place].references.adding(one)
        else {
            unknown = unknown ?? (chunk, one)
            return
        }
        left[place].references = references
    }

    /// Takes off what stands in a node; each node once.
    mutating func take(_ node: MapNode) {
        switch node.items {
        case .leaf(let entries):
            for entry in entries {
                for chunk in entry.value.chunks { take(chunk.id, .content) }
            }
        case .branch(let children):
            for child in children { take(child.node.id, .node) }
        }
    }

    /// What is wrong with the counts, once all points were walked; `nil` when they are right.
    var difference: VaultError? {
        if let unknown {
            return VaultError(countedWrong: unknown.chunk, by: unknown.references)
        }
        return left.first { !$0.references.isNone }
            .map { VaultError(countedWrong: $0.id, by: $0.references) }
    }
}
