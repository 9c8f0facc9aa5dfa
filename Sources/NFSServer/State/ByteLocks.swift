package import NFSWire

/// Who holds byte-range locks: an owner of one client.
package struct LockOwner: Hashable, Sendable {
    package let client: ClientID
    package let owner: [UInt8]

    package init(client: ClientID, owner: [UInt8]) {
        self.client = client
        self.owner = owner
    }
}

/// A lock on bytes, first and last included: a lock may reach to byte 2^64 - 1.
package struct ByteLock: Hashable, Sendable {
    package var first: UInt64
    package var last: UInt64
    package let isExclusive: Bool
    package let owner: LockOwner

    package init(first: UInt64, last: UInt64, isExclusive: Bool, owner: LockOwner) {
        precondition(first <= last, "a lock has a byte")
        self.first = first
        self.last = last
        self.isExclusive = isExclusive
        self.owner = owner
    }

    /// As LOCK4denied says it (RFC 8881 §18.10.2).
    var denial: LockDenied {
        LockDenied(
            offset: first,
            // 2^64 - 1 means to the end of any file; a lock of all bytes but the last does not exist on its own.
            length: last == .max ? .max : last - first + 1,
            type: isExclusive ? .write : .read,
            owner: StateOwner(client: owner.client, owner: owner.owner)
        )
    }
}

/// The locks on one file, with POSIX meaning: an owner's new lock replaces its own where they overlap, splitting and
/// merging; locks of one kind that touch are one (RFC 8881 §9.1 to §9.3, POSIX fcntl).
package struct ByteLocks: Sendable {
    /// Ascending and disjoint, merged where they touch; no owner has none.
    private var owned: [LockOwner: [ByteLock]] = [:]
    /// Ranges of all owners.
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { owned.isEmpty }

    /// All of them, ascending by first byte, then by last byte and owner.
    package var locks: [ByteLock] { owned.values.joined().sorted(by: Self.precedes) }

    private static func precedes(_ left: ByteLock, _ right: ByteLock) -> Bool {
        let (one, other) = (left.owner, right.owner)
        guard left.first == right.first, left.last == right.last else {
            return (left.first, left.last) < (right.first, right.last)
        }
        guard one.client == other.client else {
            return one.client.rawValue < other.client.rawValue
        }
        return one.owner.lexicographicallyPrecedes(other.owner)
    }

    /// The first lock of another owner in the way: the same one whoever asks, in the order of ``locks``.
    package func conflict(with wanted: ByteLock) -> ByteLock? {
        var found: ByteLock?
        for (owner, ranges) in owned where owner != wanted.owner {
            for lock in ranges[Self.reaching(wanted.first, in: ranges)...] {
                if lock.first > min(wanted.last, found?.first ?? .max) { break }
                guard lock.isExclusive || wanted.isExclusive else { continue }
                if found.map({ Self.precedes(lock, $0) }) ?? true { found = lock }
                break
            }
        }
        return found
    }

    /// Sets a lock that nothing is in the way of.
    ///
    /// - Returns: How many ranges more there are.
    @discardableResult
    package mutating func set(_ lock: ByteLock) -> Int {
        change(of: lock.owner) { ranges in
            Self.clear(lock.first, lock.last, in: &ranges)
            var merged = lock
            // What touches it is the range before and the one behind.
            var place = Self.reaching(lock.first, in: ranges)
            if place < ranges.count, ranges[place].isExclusive == lock.isExclusive,
                merged.last != .max, merged.last + 1 == ranges[place].first
            {
                merged.last = ranges.remove(at: place).last
            }
            if place > 0, ranges[place - 1].isExclusive == lock.isExclusive,
                ranges[place - 1].last + 1 == merged.first
            {
                place -= 1
                merged.first = ranges.remove(at: place).first
            }
            ranges.insert(merged, at: place)
        }
    }

    /// Takes an owner's locks off some bytes.
    ///
    /// - Returns: How many ranges more there are: less than none, or one where a lock is split.
    @discardableResult
    package mutating func clear(_ first: UInt64, _ last: UInt64, of owner: LockOwner) -> Int {
        change(of: owner) { Self.clear(first, last, in: &$0) }
    }

    /// Takes all of an owner's locks off; answers how many ranges more there are.
    @discardableResult
    package mutating func clear(_ owner: LockOwner) -> Int {
        change(of: owner) { $0 = [] }
    }

    package func holds(_ owner: LockOwner) -> Bool { owned[owner] != nil }

    /// Whether a lock of the owner would be two without some bytes.
    package func isSplit(by first: UInt64, _ last: UInt64, of owner: LockOwner) -> Bool {
        guard let ranges = owned[owner] else { return false }
        let place = Self.reaching(first, in: ranges)
        return place < ranges.count && ranges[place].first < first && ranges[place].last > last
    }

    private mutating func change(of owner: LockOwner, _ body: (inout [ByteLock]) -> Void) -> Int {
        // Taken out, so that nobody else holds it and it is changed where it lies.
        var ranges = owned.removeValue(forKey: owner) ?? []
        let before = ranges.count
        body(&ranges)
        count += ranges.count - before
        if !ranges.isEmpty { owned[owner] = ranges }
        return ranges.count - before
    }

    /// The first of an owner's ranges that ends at a byte or behind it.
    private static func reaching(_ byte: UInt64, in ranges: [ByteLock]) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].last < byte { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func clear(_ first: UInt64, _ last: UInt64, in ranges: inout [ByteLock]) {
        let start = reaching(first, in: ranges)
        var end = start
        var rests: [ByteLock] = []
        while end < ranges.count, ranges[end].first <= last {
            var (before, behind) = (ranges[end], ranges[end])
            if before.first < first {
                before.last = first - 1
                rests.append(before)
            }
            if behind.last > last {
                behind.first = last + 1
                rests.append(behind)
            }
            end += 1
        }
        ranges.replaceSubrange(start..<end, with: rests)
    }
}
