private import Synchronization

/// The three counters whose values are shown or sealed before the transaction that uses them.
package enum SequenceKind: Int, Sendable, Hashable, CaseIterable {
    case inode
    case sequence
    case change

    /// How far the durable ceiling runs ahead: a restart skips at most this many.
    var margin: UInt64 {
        switch self {
        case .inode: 1 << 16
        case .sequence, .change: 1 << 20
        }
    }

    var key: String {
        switch self {
        case .inode: "ceiling.ino"
        case .sequence: "ceiling.seq"
        case .change: "ceiling.change"
        }
    }
}

/// Issues inode numbers, slice sequences and change numbers, to any thread.
///
/// Only numbers below a ceiling that is already durable are issued, so none that was once shown or
/// sealed ever names other content after a crash.
package final class Sequences: Sendable {
    private struct Counter {
        var next: UInt64
        var ceiling: UInt64
    }

    private let counters: Mutex<[Counter]>

    /// Begins at the persisted ceilings: what lay below them may have been shown.
    init(ceilings: [UInt64]) {
        precondition(ceilings.count == SequenceKind.allCases.count, "one ceiling a kind")
        counters = Mutex(ceilings.map { Counter(next: $0, ceiling: $0) })
    }

    /// Takes `count` numbers in a row.
    ///
    /// - Returns: The first of them, or `nil` when they would pass the durable ceiling: commit first.
    package func take(_ kind: SequenceKind, count: UInt64 = 1) -> UInt64? {
        counters.withLock { counters in
            let first = counters[kind.rawValue].next
            guard first + count <= counters[kind.rawValue].ceiling else { return nil }
            counters[kind.rawValue].next = first + count
            return first
        }
    }

    /// Takes a number for rows of the open transaction, past the durable ceiling if need be.
    ///
    /// The commit that makes those rows durable raises the ceiling above it; without that commit the
    /// rows are not there, and nothing was shown.
    ///
    /// - Returns: The number; `nil` at 2^62, which 10^9 a second reach in 146 years.
    func takeForTransaction(_ kind: SequenceKind) -> UInt64? {
        counters.withLock { counters in
            let value = counters[kind.rawValue].next
            guard value < 1 << 62 else { return nil }
            counters[kind.rawValue].next = value + 1
            return value
        }
    }

    /// The ceiling to persist with the coming commit; `nil` while the present one is far enough.
    func wantedCeiling(_ kind: SequenceKind) -> UInt64? {
        counters.withLock { counters in
            let counter = counters[kind.rawValue]
            guard counter.next + kind.margin / 2 > counter.ceiling else { return nil }
            return counter.next + kind.margin
        }
    }

    /// Raises a ceiling that has become durable.
    func raise(_ kind: SequenceKind, to ceiling: UInt64) {
        counters.withLock { counters in
            counters[kind.rawValue].ceiling = max(counters[kind.rawValue].ceiling, ceiling)
        }
    }
}
