import MetadataStore
import Synchronization
import VarveModel

/// One file on its way.
struct FileMove: Sendable {
    let inode: InodeNumber
    var copies = RecordCopies()
    var failure: FileSystemError?
    /// Whether a record stays for another file that shows it: one that moves along, perhaps.
    var isHeldBack = false
    /// Swaps of one old record stand together: `ends` are the ends of such groups.
    private(set) var ends: [Int] = []
    /// Groups that were swapped, durably or in the turn under way.
    private(set) var done = 0
    private var isInPlace = false
    /// Copies that rows took by this file's swaps.
    private(set) var taken: Set<RecordPointer> = []
    private var sharers: Set<InodeNumber> = []

    init(inode: InodeNumber) {
        self.inode = inode
    }

    /// Whether rows are still to be swapped, or the file to be put into its tier.
    var isDue: Bool { failure == nil && !isInPlace }

    /// What has become of it, given the copies that rows took by the swaps of all that move along: a record that two
    /// show comes over with one of them, and is missed by none.
    func outcome(_ all: Set<RecordPointer>) -> MoveOutcome {
        var result = copies.result { taken.contains($0) }
        result.sharers = sharers
        if failure == nil { result.missed = copies.count { !all.contains($0) } }
        return MoveOutcome(result: result, failure: failure)
    }

    /// Has the swaps of a record stand together: all its rows are swapped with the first.
    mutating func group() {
        var groups: [RecordPointer: [RecordSwap]] = [:]
        var order: [RecordPointer] = []
        for swap in copies.swaps {
            if groups[swap.old] == nil { order.append(swap.old) }
            groups[swap.old, default: []].append(swap)
        }
        copies.swaps = []
        for old in order {
            copies.swaps += groups[old] ?? []
            ends.append(copies.swaps.count)
        }
    }

    /// The next swaps, about so many; none when all were.
    func next(_ count: Int) -> (swaps: [RecordSwap], groups: Int) {
        let start = done == 0 ? 0 : ends[done - 1]
        var groups = 0
        while done + groups < ends.count, groups == 0 || ends[done + groups] <= start + count {
            groups += 1
        }
        guard groups > 0 else { return ([], 0) }
        return (Array(copies.swaps[start..<ends[done + groups - 1]]), groups)
    }

    /// Notes that swaps were done, and which copies rows took by them.
    mutating func took(
        _ records: some Sequence<RecordPointer>,
        groups: Int,
        for others: Set<InodeNumber>
    ) {
        done += groups
        taken.formUnion(records)
        sharers.formUnion(others)
    }

    /// Whether all was swapped.
    var isSwapped: Bool { done == ends.count }

    mutating func arrived() {
        isInPlace = true
    }
}

extension [FileMove] {
    /// What has become of each.
    var outcomes: [MoveOutcome] {
        let all = taken
        return map { $0.outcome(all) }
    }

    /// Copies that no row took, whoever's they were.
    var unused: [RecordPointer] {
        let made = reduce(into: Set<RecordPointer>()) { $0.formUnion($1.copies.swaps.map(\.new)) }
        return [RecordPointer](made.subtracting(taken))
    }

    private var taken: Set<RecordPointer> {
        reduce(into: []) { $0.formUnion($1.taken) }
    }
}

/// Records copied for a move, not yet swapped in.
struct RecordCopies: Sendable {
    var swaps: [RecordSwap] = []
    /// How many compaction has made.
    var records = 0
    /// Plain bytes of each copy, where a move tells them.
    var plainBytes: [RecordPointer: UInt64] = [:]

    /// What those copies come to that are counted.
    func result(_ counts: (RecordPointer) -> Bool = { _ in true }) -> MoveResult {
        var result = MoveResult()
        var seen: Set<RecordPointer> = []
        for swap in swaps where counts(swap.new) && seen.insert(swap.new).inserted {
            result.records += 1
            result.bytes += plainBytes[swap.new] ?? 0
            result.storedBefore += swap.old.length
            result.storedAfter += swap.new.length
        }
        return result
    }

    /// How many copies are so.
    func count(_ isSo: (RecordPointer) -> Bool) -> Int {
        Set(swaps.map(\.new)).count(where: isSo)
    }

    mutating func add(_ other: RecordCopies) {
        swaps += other.swaps
        plainBytes.merge(other.plainBytes) { first, _ in first }
    }
}

/// The copies of files that move as one: a record that several of them show is copied once.
///
/// A record's place is given to no other ever, so an entry stays true when its record is gone: no row names it then.
final class CopiedRecords: Sendable {
    struct Copy: Sendable {
        let record: RecordPointer
        let plainBytes: UInt64
    }

    private let copies = Mutex<[RecordPointer: Copy]>([:])

    subscript(_ old: RecordPointer) -> Copy? {
        copies.withLock { $0[old] }
    }

    func note(_ copy: Copy, of old: RecordPointer) {
        copies.withLock { $0[old] = copy }
    }
}
