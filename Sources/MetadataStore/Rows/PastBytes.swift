import VarveModel

/// Sealed bytes of records that no live row refers to, kept as rows change: reading them costs the same
/// at any size.
package struct PastBytes: Hashable, Sendable {
    /// Only the grid's instants show them: what ``HistoryBudget`` bounds.
    package var history: UInt64 = 0
    /// A snapshot shows them, or whoever holds a moment of their own (a backup).
    package var pinned: UInt64 = 0

    package init() {}

    /// Two 8-byte fields, little-endian: history, pinned.
    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 16)
        writer.append(history)
        writer.append(pinned)
        return writer.bytes
    }

    init?(encoded bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let history = reader.read(UInt64.self), let pinned = reader.read(UInt64.self),
            reader.remaining == 0
        else { return nil }
        self.history = history
        self.pinned = pinned
    }

    mutating func count(_ bytes: Int64, isPinned: Bool) {
        if isPinned {
            pinned = UInt64(clamping: Int64(pinned) + bytes)
        } else {
            history = UInt64(clamping: Int64(history) + bytes)
        }
    }
}

/// From the first birth to the last death of the rows that refer to a record; all of them are past.
struct PastLife: Hashable {
    let born: Epoch
    let died: Epoch

    init(born: Epoch, died: Epoch) {
        self.born = born
        self.died = died
    }

    /// The life of a record with these referrers; `nil` while one of them lives, or without any.
    init?(_ rows: [SliceRow]) {
        guard let born = rows.map(\.born).min(), let died = rows.map(\.died).max(),
            died != .never
        else { return nil }
        self.init(born: born, died: died)
    }
}

/// Where a past record is counted: by the pins before its death and before its birth.
///
/// They differ exactly when a pin shows it. Deleting a pin joins two cells of each kind, so it costs
/// as many rows as there are pins, whatever the file system holds.
struct PastCell: Hashable {
    /// The greatest pin before the death; zero for none.
    var death: Epoch
    /// The greatest pin before the birth; zero for none.
    var birth: Epoch

    init(death: Epoch, birth: Epoch) {
        self.death = death
        self.birth = birth
    }

    init(_ life: PastLife, _ retained: RetainedInstants) {
        death = retained.lastPin(before: life.died)
        birth = retained.lastPin(before: life.born)
    }

    var isPinned: Bool { birth < death }

    /// The cell that it becomes when `pin` goes, with `before` the pin before it.
    func without(_ pin: Epoch, before: Epoch) -> PastCell {
        PastCell(
            death: death == pin ? before : death,
            birth: birth == pin ? before : birth
        )
    }
}
