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

    func overlaps(_ first: UInt64, _ last: UInt64) -> Bool {
        self.first <= last && first <= self.last
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
    /// Ascending by first byte; of one owner disjoint, and merged where they touch.
    package private(set) var locks: [ByteLock] = []

    package init() {}

    package var isEmpty: Bool { locks.isEmpty }

    /// The first lock of another owner in the way.
    package func conflict(with wanted: ByteLock) -> ByteLock? {
        for lock in locks {
            if lock.first > wanted.last { break }
            if lock.owner != wanted.owner, lock.isExclusive || wanted.isExclusive,
                lock.overlaps(wanted.first, wanted.last)
            {
                return lock
            }
        }
        return nil
    }

    /// Sets a lock that nothing is in the way of.
    package mutating func set(_ lock: ByteLock) {
        clear(lock.first, lock.last, of: lock.owner)
        var merged = lock
        locks.removeAll { other in
            guard other.owner == lock.owner, other.isExclusive == lock.isExclusive else {
                return false
            }
            let touchesBefore = other.last != .max && other.last + 1 == merged.first
            let touchesAfter = merged.last != .max && merged.last + 1 == other.first
            guard touchesBefore || touchesAfter else { return false }
            merged.first = min(merged.first, other.first)
            merged.last = max(merged.last, other.last)
            return true
        }
        insert(merged)
    }

    /// Takes an owner's locks off some bytes.
    package mutating func clear(_ first: UInt64, _ last: UInt64, of owner: LockOwner) {
        var rests: [ByteLock] = []
        locks.removeAll { lock in
            guard lock.owner == owner, lock.overlaps(first, last) else { return false }
            if lock.first < first {
                rests.append(
                    ByteLock(
                        first: lock.first,
                        last: first - 1,
                        isExclusive: lock.isExclusive,
                        owner: owner
                    )
                )
            }
            if lock.last > last {
                rests.append(
                    ByteLock(
                        first: last + 1,
                        last: lock.last,
                        isExclusive: lock.isExclusive,
                        owner: owner
                    )
                )
            }
            return true
        }
        for rest in rests { insert(rest) }
    }

    /// Takes all of an owner's locks off.
    package mutating func clear(_ owner: LockOwner) {
        locks.removeAll { $0.owner == owner }
    }

    package func holds(_ owner: LockOwner) -> Bool {
        locks.contains { $0.owner == owner }
    }

    private mutating func insert(_ lock: ByteLock) {
        let place = locks.firstIndex { $0.first > lock.first } ?? locks.count
        locks.insert(lock, at: place)
    }
}
