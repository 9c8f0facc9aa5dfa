package import NFSWire

/// What a request is known again by when it is sent once more: its length and a hash of how it begins, its sender
/// included (RFC 8881 §2.10.6.1.3.1).
package struct RequestFingerprint: Sendable, Hashable {
    let byteCount: Int
    let hash: Int

    package init(byteCount: Int, hash: Int) {
        self.byteCount = byteCount
        self.hash = hash
    }
}

/// Decides whether a SEQUENCE runs, replays or is refused (RFC 8881 §2.10.6.1, §18.46).
package struct SlotTable: Sendable {
    package enum Verdict: Sendable, Equatable {
        /// The next request of its slot.
        case run
        /// A retry: the reply that was kept, its transaction number to be replaced.
        case replay(ByteChain)
        /// A retry whose reply was not to be kept.
        case replayUncached
        case refuse(NFSStatus)
    }

    private struct Slot {
        /// Of the last request; a new slot's first is 1.
        var sequence: UInt32 = 0
        var hasRun = false
        var isRunning = false
        var fingerprint = RequestFingerprint(byteCount: 0, hash: 0)
        var reply: ByteChain?
    }

    private var slots: [Slot]
    /// Requests that run.
    package private(set) var running = 0

    /// New slots; the first request of each follows `sequence`, which is 0 but in tests.
    package init(count: Int, after sequence: UInt32 = 0) {
        slots = Array(repeating: Slot(sequence: sequence), count: count)
    }

    package var count: Int { slots.count }

    /// Looks at a SEQUENCE; `.run` must be followed by `finish`.
    package mutating func begin(
        slot number: UInt32,
        sequence: UInt32,
        highestSlot: UInt32,
        fingerprint: RequestFingerprint
    ) -> Verdict {
        guard number < slots.count else { return .refuse(.badSlot) }
        guard highestSlot < slots.count else { return .refuse(.badHighSlot) }
        let index = Int(number)
        if sequence == slots[index].sequence &+ 1 {
            guard !slots[index].isRunning else { return .refuse(.sequenceMisordered) }
            slots[index].sequence = sequence
            slots[index].hasRun = true
            slots[index].isRunning = true
            slots[index].fingerprint = fingerprint
            slots[index].reply = nil
            running += 1
            return .run
        }
        guard sequence == slots[index].sequence, slots[index].hasRun else {
            return .refuse(.sequenceMisordered)
        }
        // Its first sending still runs (RFC 8881 §2.10.6.2).
        guard !slots[index].isRunning else { return .refuse(.delay) }
        guard slots[index].fingerprint == fingerprint else { return .refuse(.falseRetry) }
        return slots[index].reply.map { .replay($0) } ?? .replayUncached
    }

    /// Ends the request of a slot, and keeps its reply where that was asked.
    package mutating func finish(slot number: UInt32, reply: ByteChain?) {
        let index = Int(number)
        precondition(slots[index].isRunning, "a slot is finished once")
        slots[index].isRunning = false
        slots[index].reply = reply
        running -= 1
    }
}
