import VarveModel

/// A position in the metadata's log that was durable before a sync of segments began.
///
/// Its numbers mean nothing here but their order: a recovery of metadata that ends before the
/// greatest position found in the markers has lost something.
package struct DurablePosition: Hashable, Sendable, Comparable {
    package let generation: UInt64
    package let frame: UInt64

    package init(generation: UInt64, frame: UInt64) {
        self.generation = generation
        self.frame = frame
    }

    /// Before every position.
    package static let none = DurablePosition(generation: 0, frame: 0)

    package static func < (left: DurablePosition, right: DurablePosition) -> Bool {
        (left.generation, left.frame) < (right.generation, right.frame)
    }
}

/// What ends each sync of a segment: what had been written, and what was surely durable before.
package struct CommitMarker: Hashable, Sendable {
    /// Data records written before this sync, abandoned ones not counted.
    package let records: UInt64
    /// Every record numbered below this was written or abandoned before this sync.
    package let settledBelow: UInt64
    /// Data records that the last sync before this one had made durable.
    package let durableRecords: UInt64
    package let position: DurablePosition

    static let bytes = 40

    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: CommitMarker.bytes)
        writer.append(records)
        writer.append(settledBelow)
        writer.append(durableRecords)
        writer.append(position.generation)
        writer.append(position.frame)
        return writer.bytes
    }

    init(
        records: UInt64,
        settledBelow: UInt64,
        durableRecords: UInt64,
        position: DurablePosition
    ) {
        self.records = records
        self.settledBelow = settledBelow
        self.durableRecords = durableRecords
        self.position = position
    }

    /// Reads what ``encoded()`` wrote; `nil` for any other count of bytes.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == CommitMarker.bytes else { return nil }
        var reader = ByteReader(bytes)
        guard let records = reader.read(UInt64.self),
            let settledBelow = reader.read(UInt64.self),
            let durableRecords = reader.read(UInt64.self),
            let generation = reader.read(UInt64.self),
            let frame = reader.read(UInt64.self)
        else { return nil }
        self.init(
            records: records,
            settledBelow: settledBelow,
            durableRecords: durableRecords,
            position: DurablePosition(generation: generation, frame: frame)
        )
    }
}
