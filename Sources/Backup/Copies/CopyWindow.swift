import BackupVault

/// Entries of a map on their way to another vault, and the chunks that are read for them.
struct CopyBatch: Sendable {
    /// A put or, without a value, a delete; values refer to chunks of the source.
    private(set) var entries: [MapEdit] = []
    /// Chunks of the source that nobody has read yet.
    private(set) var chunks: [ChunkReference] = []
    /// Of chunks, before compression.
    private(set) var bytes: UInt64 = 0
    /// Of keys and values.
    private(set) var entryBytes: UInt64 = 0
    private var references = 0

    /// 1 MiB of chunks and values, as a visit of a backup; one more of either, of 1 MiB at most, may have come on top.
    static let bytesMax: UInt64 = 1 << 20
    /// As many entries, or references to chunks, are of no size.
    static let entriesMax = 1_024
    static let referencesMax = 4_096

    var isFull: Bool {
        bytes + entryBytes >= CopyBatch.bytesMax || entries.count >= CopyBatch.entriesMax
            || references >= CopyBatch.referencesMax
    }

    /// What it holds until it was read: a chunk counts twice, as it was stored and as it is.
    var bytesHeld: UInt64 { 2 * bytes + entryBytes }

    mutating func add(_ entry: MapEdit) {
        entries.append(entry)
        entryBytes += UInt64(entry.key.count + (entry.value?.bytes.count ?? 0))
        references += entry.value?.chunks.count ?? 0
    }

    mutating func read(_ chunk: ChunkReference) {
        chunks.append(chunk)
        bytes += UInt64(chunk.length)
    }
}

/// Keeps the order of batches that are read side by side, and bounds what they hold.
struct CopyWindow {
    /// Batches that are read or wait to be stored.
    static let batchesMax = 16
    /// 40 MiB, as of a backup.
    static let bytesMax: UInt64 = 40 << 20
    /// Two processors, and two that wait for the disk.
    static let readingMax = 4

    private struct Place {
        let batch: CopyBatch
        var bytes: UInt64
        /// `nil` while it is being read.
        var imported: ImportedChunks?
    }

    private var places: [Int: Place] = [:]
    private var first = 0
    private var next = 0
    private var reading = 0
    private var bytesHeld: UInt64 = 0
    /// The most that was held at once.
    private(set) var bytesHeldMax: UInt64 = 0

    var isEmpty: Bool { places.isEmpty }

    /// Whether a batch may begin; one that alone exceeds the bounds has the window to itself.
    func hasRoom(for batch: CopyBatch) -> Bool {
        isEmpty
            || (places.count < CopyWindow.batchesMax && reading < CopyWindow.readingMax
                && bytesHeld + batch.bytesHeld <= CopyWindow.bytesMax)
    }

    /// Begins a batch; one that reads nothing has landed at once.
    ///
    /// - Returns: Its number.
    mutating func begin(_ batch: CopyBatch) -> Int {
        defer { next += 1 }
        let isRead = !batch.chunks.isEmpty
        places[next] = Place(
            batch: batch,
            bytes: batch.bytesHeld,
            imported: isRead ? nil : ImportedChunks()
        )
        reading += isRead ? 1 : 0
        hold(batch.bytesHeld)
        return next
    }

    /// Takes what was read of a batch.
    mutating func land(_ number: Int, _ imported: ImportedChunks) {
        guard var place = places[number], place.imported == nil else {
            preconditionFailure("a batch lands once")
        }
        reading -= 1
        bytesHeld -= place.bytes
        place.bytes = place.batch.entryBytes + imported.bytesHeld
        place.imported = imported
        places[number] = place
        hold(place.bytes)
    }

    /// Hands out the oldest batch; `nil` while that one is being read, or when there is none.
    mutating func popFirst() -> (batch: CopyBatch, imported: ImportedChunks)? {
        guard let place = places[first], let imported = place.imported else { return nil }
        places[first] = nil
        first += 1
        bytesHeld -= place.bytes
        return (place.batch, imported)
    }

    private mutating func hold(_ bytes: UInt64) {
        bytesHeld += bytes
        bytesHeldMax = max(bytesHeldMax, bytesHeld)
    }
}
