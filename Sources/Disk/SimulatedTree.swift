/// Files and directories by number, so that open files outlive their names.
struct SimulatedTree: Sendable {
    /// A change of one directory's names.
    enum NameChange: Sendable {
        case set(String, node: Int)
        case unset(String)

        var name: String {
            switch self {
            case .set(let name, _), .unset(let name): name
            }
        }
    }

    static let root = 0

    var files: [Int: SimulatedBytes] = [:]
    var directories: [Int: [String: Int]] = [root: [:]]

    /// The node at an absolute path; `nil` when nothing is there.
    func node(at path: String) -> Int? {
        var node = SimulatedTree.root
        for name in path.split(separator: "/") {
            guard let next = directories[node]?[String(name)] else { return nil }
            node = next
        }
        return node
    }

    func isDirectory(_ node: Int) -> Bool { directories[node] != nil }

    mutating func apply(_ change: NameChange, in directory: Int) {
        switch change {
        case .set(let name, let node): directories[directory, default: [:]][name] = node
        case .unset(let name): directories[directory]?[name] = nil
        }
    }

    /// Applies a change of bytes; changes of names and syncs are not its affair.
    mutating func apply(_ change: RecordedOperation.Change) {
        switch change {
        case .write(let node, let offset, let bytes):
            files[node, default: SimulatedBytes()].write(bytes[...], at: offset)
        case .truncate(let node, let size):
            files[node, default: SimulatedBytes()].truncate(to: size)
        case .preallocate(let node, let range):
            files[node, default: SimulatedBytes()].preallocate(range)
        case .punch(let node, let range):
            files[node, default: SimulatedBytes()].punch(range)
        case .flip(let node, let offset, let mask):
            files[node]?.flip(at: offset, mask: mask)
        case .createFile, .makeDirectory, .remove, .removeDirectory, .rename, .sync, .failedSync,
            .syncDirectory:
            break
        }
    }

    /// This tree without the nodes that no name reaches.
    func reachable() -> SimulatedTree {
        var kept = SimulatedTree()
        var waiting = [SimulatedTree.root]
        var seen: Set<Int> = [SimulatedTree.root]
        while let directory = waiting.popLast() {
            let names = directories[directory] ?? [:]
            kept.directories[directory] = names
            for node in names.values where seen.insert(node).inserted {
                if isDirectory(node) {
                    waiting.append(node)
                } else {
                    kept.files[node] = files[node] ?? SimulatedBytes()
                }
            }
        }
        return kept
    }
}
