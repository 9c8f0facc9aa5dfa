package import VarveModel

/// Every instant that must read back exactly: the grid's seconds that the writer is past, and the pins.
package struct RetainedInstants: Hashable, Sendable {
    package var grid: RetentionGrid
    /// Epochs of snapshots and holds, ascending, each once.
    package private(set) var pins: [Epoch]
    /// The writer's epoch: nothing at or after it is retained yet.
    package var open: Epoch

    package init(grid: RetentionGrid, pins: [Epoch], open: Epoch) {
        self.grid = grid
        self.pins = Set(pins).sorted()
        self.open = open
    }

    package mutating func pin(_ epoch: Epoch) {
        let index = pins.partition(before: epoch)
        guard index == pins.count || pins[index] != epoch else { return }
        pins.insert(epoch, at: index)
    }

    package mutating func unpin(_ epoch: Epoch) {
        let index = pins.partition(before: epoch)
        guard index < pins.count, pins[index] == epoch else { return }
        pins.remove(at: index)
    }

    /// The greatest retained instant that is not after `epoch`.
    package func last(atOrBefore epoch: Epoch) -> Epoch? {
        guard epoch < open else {
            return open == .zero ? nil : last(atOrBefore: Epoch(rawValue: open.rawValue - 1))
        }
        // The grid keeps ends of seconds: the one of `epoch` itself only when `epoch` is that end.
        let whole = epoch == .end(ofSecond: epoch.second) ? epoch.second : epoch.second - 1
        let second = whole >= 0 ? grid.last(atOrBefore: whole) : nil
        let index = pins.partition(before: epoch.next)
        let pinned = index > 0 ? pins[index - 1] : nil
        guard let second else { return pinned }
        return max(.end(ofSecond: second), pinned ?? .zero)
    }

    package func last(before epoch: Epoch) -> Epoch? {
        epoch == .zero ? nil : last(atOrBefore: Epoch(rawValue: epoch.rawValue - 1))
    }

    /// The least retained instant after `epoch`; `nil` when the writer is not past one.
    package func first(after epoch: Epoch) -> Epoch? {
        let second = epoch == .end(ofSecond: epoch.second) ? epoch.second + 1 : epoch.second
        let index = pins.partition(before: epoch.next)
        var found = index < pins.count ? pins[index] : Epoch.never
        if let second = grid.first(atOrAfter: second), second < open.second {
            found = min(found, .end(ofSecond: second))
        }
        return found < open ? found : nil
    }

    package func contains(_ epoch: Epoch) -> Bool {
        last(atOrBefore: epoch) == epoch
    }

    /// Whether a version that lived from `born` until `died` shows at any retained instant.
    package func isSeen(born: Epoch, died: Epoch) -> Bool {
        guard let instant = last(before: died) else { return false }
        return instant >= born
    }

    /// The greatest pin before `epoch` that is no second's end; zero without one.
    ///
    /// Pins at a second's end are holds of the grid's instants, which come and go with readers.
    func lastPin(before epoch: Epoch) -> Epoch {
        var index = pins.partition(before: epoch)
        while index > 0 {
            index -= 1
            if !pins[index].isEndOfSecond { return pins[index] }
        }
        return .zero
    }

    package var oldest: Epoch? {
        first(after: .zero)
    }
}

extension Epoch {
    /// Whether it is the instant that a grid would keep of its second.
    var isEndOfSecond: Bool { self == .end(ofSecond: second) }
}

extension [Epoch] {
    /// The index of the first element that is not before `epoch`, in an ascending array.
    func partition(before epoch: Epoch) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < epoch { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
