/// Walks through a recorded run, and at any point forks the disk that a power cut there leaves.
///
/// POSIX is all it grants: bytes and size are durable after the file's sync, names after the sync of
/// their directory; a rename across two directories needs both. Until then a later change of a directory
/// may reach the medium without an earlier one, unless both concern the same name. A failed sync loses for
/// ever what was pending on its file.
package struct CrashReplay: Sendable {
    private let history: [RecordedOperation]
    private let skippedOperation: Int?
    private let capacity: UInt64
    /// What the running program sees.
    private var volatile: SimulatedTree
    /// What the medium holds for certain.
    private var durable: SimulatedTree
    private var pendingBytes: [Int: [RecordedOperation.Change]] = [:]
    /// Given up by a failed sync: it may have reached the medium or not.
    private var abandonedBytes: [Int: [RecordedOperation.Change]] = [:]
    private var pendingNames: [Int: [[SimulatedTree.NameChange]]] = [:]

    /// Operations that have happened.
    package private(set) var position = 0

    init(
        from origin: SimulatedTree,
        history: [RecordedOperation],
        skippedOperation: Int?,
        capacity: UInt64
    ) {
        volatile = origin
        durable = origin
        self.history = history
        self.skippedOperation = skippedOperation
        self.capacity = capacity
    }

    /// Carries out the operations up to the `n`th; it never goes back.
    package mutating func advance(to n: Int) {
        precondition(n >= position && n <= history.count, "a replay runs forward, to its end")
        while position < n {
            let operation = history[position]
            position += 1
            if operation.number == skippedOperation { continue }
            apply(operation.change)
        }
    }

    /// The disk that is found after a power cut here.
    package func image(_ fate: CutFate) -> SimulatedDisk {
        let tree =
            switch fate {
            case .keepUnsynced: volatile
            case .dropUnsynced: durable
            case .tear(let seed): torn(seed)
            }
        return SimulatedDisk(tree: tree.reachable(), capacity: capacity)
    }

    private mutating func apply(_ change: RecordedOperation.Change) {
        switch change {
        case .createFile(let node, let directory, let name):
            volatile.files[node] = SimulatedBytes()
            rename(in: directory, [.set(name, node: node)])
        case .makeDirectory(let node, let directory, let name):
            volatile.directories[node] = [:]
            durable.directories[node] = [:]
            rename(in: directory, [.set(name, node: node)])
        case .remove(let directory, let name), .removeDirectory(let directory, let name):
            rename(in: directory, [.unset(name)])
        case .rename(let node, let directory, let name, let target, let newName):
            if directory == target {
                rename(in: directory, [.unset(name), .set(newName, node: node)])
            } else {
                rename(in: directory, [.unset(name)])
                rename(in: target, [.set(newName, node: node)])
            }
        case .write(let node, _, _), .truncate(let node, _), .preallocate(let node, _),
            .punch(let node, _):
            volatile.apply(change)
            pendingBytes[node, default: []].append(change)
        case .flip:
            volatile.apply(change)
            durable.apply(change)
        case .sync(let node):
            for pending in pendingBytes.removeValue(forKey: node) ?? [] { durable.apply(pending) }
            // What an earlier failed sync gave up is lost, since newer bytes may stand in its place.
            abandonedBytes[node] = nil
        case .failedSync(let node):
            let pending = pendingBytes.removeValue(forKey: node) ?? []
            abandonedBytes[node, default: []].append(contentsOf: pending)
        case .syncDirectory(let node):
            for group in pendingNames.removeValue(forKey: node) ?? [] {
                for name in group { durable.apply(name, in: node) }
            }
        }
    }

    private mutating func rename(in directory: Int, _ group: [SimulatedTree.NameChange]) {
        for change in group { volatile.apply(change, in: directory) }
        pendingNames[directory, default: []].append(group)
    }

    // MARK: Tearing

    private func torn(_ seed: UInt64) -> SimulatedTree {
        var generator = TearGenerator(seed: seed)
        var tree = durable
        for directory in pendingNames.keys.sorted() {
            let odds = [1, 4, 8, 12, 15][Int(generator.next() % 5)]
            var lost: Set<String> = []
            for group in pendingNames[directory] ?? [] {
                let names = group.map(\.name)
                if lost.isDisjoint(with: names), generator.chance(odds) {
                    for change in group { tree.apply(change, in: directory) }
                } else {
                    lost.formUnion(names)
                }
            }
        }
        let nodes = Set(pendingBytes.keys).union(abandonedBytes.keys)
        for node in nodes.sorted() {
            // Some files nearly all written, some hardly, most in between.
            let odds = [1, 4, 8, 12, 15][Int(generator.next() % 5)]
            var bytes = tree.files[node] ?? SimulatedBytes()
            var size = bytes.size
            let changes = (abandonedBytes[node] ?? []) + (pendingBytes[node] ?? [])
            for change in changes { tear(change, &bytes, &size, odds, &generator) }
            bytes.truncate(to: size)
            tree.files[node] = bytes
        }
        return tree
    }

    private func tear(
        _ change: RecordedOperation.Change,
        _ bytes: inout SimulatedBytes,
        _ size: inout UInt64,
        _ odds: Int,
        _ generator: inout TearGenerator
    ) {
        guard case .write(_, let offset, let content) = change else {
            guard generator.chance(odds) else { return }
            switch change {
            case .truncate(_, let newSize):
                bytes.truncate(to: newSize)
                size = newSize
            case .preallocate(_, let range):
                bytes.preallocate(range)
                size = max(size, range.upperBound)
            case .punch(_, let range): bytes.punch(range)
            default: break
            }
            return
        }
        var start = 0
        while start < content.count {
            let sector = UInt64(SimulatedBytes.sectorBytes)
            let room = Int(sector - (offset + UInt64(start)) % sector)
            let end = min(start + room, content.count)
            if generator.chance(odds) {
                bytes.write(content[start..<end], at: offset + UInt64(start))
            }
            start = end
        }
        // The size is metadata of its own: it may stay behind the bytes, or run ahead of them.
        if generator.chance(odds) { size = max(size, offset + UInt64(content.count)) }
    }
}

/// SplitMix64, so that a seed names one way to tear.
private struct TearGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// True `odds` times in 16.
    mutating func chance(_ odds: Int) -> Bool {
        next() % 16 < UInt64(odds)
    }
}
