package import VarveModel

/// Chooses the epoch of each transaction: never backwards, one a second unless a snapshot asks.
package struct EpochClock: Hashable, Sendable {
    /// The epoch in force; persisted, so that no restart rewinds it.
    package private(set) var epoch: Epoch

    package init(last: Epoch) {
        epoch = last
    }

    /// The epoch of a transaction that begins in `second`: `max(last >> 20, second) << 20 | n`.
    package mutating func open(second: Int64) -> Epoch {
        if second > epoch.second { epoch = Epoch(second: second) }
        return epoch
    }

    /// Closes the epoch, so that a snapshot may name it; what follows is born in the next.
    ///
    /// - Returns: The epoch that was closed.
    package mutating func close() -> Epoch {
        defer { epoch = epoch.next }
        return epoch
    }
}
