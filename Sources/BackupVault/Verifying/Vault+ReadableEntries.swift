/// Reading what is left of a damaged map.
extension Vault {
    /// Goes through the entries of a map in key order, and passes by subtrees that do not open.
    ///
    /// - Parameters:
    ///   - map: A root of a recovery point.
    ///   - body: Answers whether to go on.
    /// - Throws: What `body` throws.
    package func forEachReadableEntry<Failure: Error>(
        of map: MapRoot,
        _ body: (MapEntry) throws(Failure) -> Bool
    ) throws(Failure) {
        guard map.count > 0 else { return }
        var waiting = [map.node]
        while let reference = waiting.popLast() {
            // A verify names the nodes that do not open; what is beneath them is not there to be shown.
            guard let node = try? node(reference) else { continue }
            switch node.items {
            case .leaf(let entries):
                for entry in entries where try !body(entry) { return }
            case .branch(let children):
                for child in children.reversed() { waiting.append(child.node) }
            }
        }
    }
}
