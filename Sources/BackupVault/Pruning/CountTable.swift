import VarveModel

/// How often a chunk is referred to.
///
/// The bytes of a node may be a file's content as well, so that both are counted apart: only what is referred to as a
/// node is read as one.
struct References: Hashable, Sendable {
    enum Kind: Sendable {
        /// By roots of points and by branches.
        case node
        /// By the entries of leaves.
        case content
    }

    var asNode: Int32 = 0
    var asContent: Int32 = 0

    var isNone: Bool { asNode == 0 && asContent == 0 }

    subscript(kind: Kind) -> Int32 { kind == .node ? asNode : asContent }

    /// Both together; `nil` where that is more than a count holds.
    func adding(_ other: References) -> References? {
        let (node, isNodeTooMuch) = asNode.addingReportingOverflow(other.asNode)
        let (content, isContentTooMuch) = asContent.addingReportingOverflow(other.asContent)
        guard !isNodeTooMuch, !isContentTooMuch else { return nil }
        return References(asNode: node, asContent: content)
    }

    /// How many more there are than of another; `nil` where that is more than a count holds.
    func without(_ other: References) -> References? {
        adding(References(asNode: 0 &- other.asNode, asContent: 0 &- other.asContent))
    }

    /// A single reference, or its going.
    static func one(_ kind: Kind, _ step: Int32) -> References {
        kind == .node
            ? References(asNode: step, asContent: 0) : References(asNode: 0, asContent: step)
    }
}

/// Chunks and how often each is referred to: 32 bytes each, sorted, and beside it what has changed since.
struct CountTable: Sendable {
    struct Entry: Hashable, Sendable {
        let id: ChunkID
        var references: References
    }

    /// Ascending by id; none of them without references.
    private(set) var stored: [Entry] = []
    /// By how much others have more or less than ``stored`` says.
    private var changed: [ChunkID: References] = [:]
    /// Chunks with a reference.
    private(set) var count = 0

    /// Nothing is referred to.
    init() {}

    /// What a base and the differences after it come to; `nil` for what no prune wrote.
    ///
    /// - Parameters:
    ///   - base: Ascending by id.
    ///   - differences: In any order.
    init?(base: [Entry], differences: some Sequence<Entry>) {
        stored = base
        for entry in differences {
            guard let sum = (changed[entry.id] ?? References()).adding(entry.references) else {
                return nil
            }
            changed[entry.id] = sum
        }
        guard settle() else { return nil }
        count = stored.count
    }

    /// How often a chunk is referred to.
    subscript(id: ChunkID) -> References {
        let before = CountTable.place(of: id, in: stored).map { stored[$0].references }
        return (before ?? References()).adding(changed[id] ?? References()) ?? References()
    }

    /// Adds a reference, or takes one off.
    ///
    /// - Returns: How many of this kind the chunk has then.
    /// - Throws: `.corrupt` when there is none to take off, or are more than a count holds: the table is of no use then.
    @discardableResult
    mutating func change(
        _ id: ChunkID,
        _ kind: References.Kind,
        by step: Int32
    ) throws(VaultError) -> Int32 {
        let one = References.one(kind, step)
        let place = stored.isEmpty ? nil : CountTable.place(of: id, in: stored)
        let before = place.map { stored[$0].references } ?? References()
        let difference = changed[id, default: References()].add(one)
        guard let now = difference.flatMap({ before.adding($0) }), now.asNode >= 0,
            now.asContent >= 0
        else {
            throw VaultError(
                .corrupt,
                "the counts of references do not fit: chunk \(id) would have "
                    + (step < 0 ? "fewer than none" : "more than a count holds")
            )
        }
        if now == one { count += 1 }
        if now.isNone { count -= 1 }
        return now[kind]
    }

    /// What has changed, ascending by id.
    var differences: [Entry] {
        changed.filter { !$0.value.isNone }
            .map { Entry(id: $0.key, references: $0.value) }
            .sorted { $0.id < $1.id }
    }

    /// Takes what has changed into the sorted table.
    ///
    /// - Returns: Whether every count is one that a chunk can have.
    @discardableResult
    mutating func settle() -> Bool {
        let news = differences
        changed = [:]
        guard !news.isEmpty else { return true }
        var merged: [Entry] = []
        merged.reserveCapacity(stored.count + news.count)
        var place = 0
        for new in news {
            while place < stored.count, stored[place].id < new.id {
                merged.append(stored[place])
                place += 1
            }
            var references: References? = new.references
            if place < stored.count, stored[place].id == new.id {
                references = stored[place].references.adding(new.references)
                place += 1
            }
            guard let references, references.asNode >= 0, references.asContent >= 0 else {
                return false
            }
            if !references.isNone { merged.append(Entry(id: new.id, references: references)) }
        }
        merged.append(contentsOf: stored[place...])
        stored = merged
        return true
    }

    /// Every chunk that is referred to, in no order.
    func forEachLive(_ body: (ChunkID) -> Void) {
        for entry in stored {
            guard !changed.isEmpty, let difference = changed[entry.id] else {
                body(entry.id)
                continue
            }
            if entry.references.adding(difference)?.isNone == false { body(entry.id) }
        }
        for (id, difference) in changed where !difference.isNone {
            if CountTable.place(of: id, in: stored) == nil { body(id) }
        }
    }

    /// A chunk that two tables count differently, once both are settled; `nil` when they agree.
    func firstDifference(from other: CountTable) -> ChunkID? {
        for (mine, its) in zip(stored, other.stored) where mine != its {
            return mine.id < its.id ? mine.id : its.id
        }
        let shared = min(stored.count, other.stored.count)
        return (stored.dropFirst(shared).first ?? other.stored.dropFirst(shared).first)?.id
    }

    /// Where a chunk stands among entries that ascend by id.
    static func place(of id: ChunkID, in entries: [Entry]) -> Int? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id < id {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < entries.count && entries[low].id == id ? low : nil
    }
}

extension References {
    /// Adds, also where the sum is no count; answers it, or `nil` when nothing was added.
    fileprivate mutating func add(_ other: References) -> References? {
        guard let sum = adding(other) else { return nil }
        self = sum
        return sum
    }
}

extension ChunkID {
    /// By its words as numbers: the order in which counts are stored.
    static func < (left: ChunkID, right: ChunkID) -> Bool {
        (left.word0, left.word1, left.word2) < (right.word0, right.word1, right.word2)
    }
}
