/// What copying a recovery point cost; kept in the copy, under these names with `copied` before them.
package struct CopyStatistics: Sendable, Hashable {
    /// Entries of maps that were put or deleted: all of them, or those that differ from the point copied before.
    package var entries: UInt64 = 0
    /// Chunks, and their plain bytes, that were read from the vault that was copied from.
    package var chunksRead: UInt64 = 0
    package var bytesRead: UInt64 = 0
    /// Map nodes that were read there.
    package var nodesRead: UInt64 = 0
    /// Chunks, nodes included, and what packs grew by for them, in the other vault.
    package var chunksStored: UInt64 = 0
    package var bytesStored: UInt64 = 0
    package var chunksDeduplicated: UInt64 = 0
    /// Map nodes that were read and written in the other vault.
    package var targetNodesRead: UInt64 = 0
    package var targetNodesWritten: UInt64 = 0
    /// Bytes of chunks that were held in memory at once, at most; not kept.
    package var bytesHeldMax: UInt64 = 0

    package init() {}

    var named: [String: UInt64] {
        [
            "copiedEntries": entries, "copiedChunksRead": chunksRead,
            "copiedBytesRead": bytesRead, "copiedNodesRead": nodesRead,
            "copiedChunksStored": chunksStored, "copiedBytesStored": bytesStored,
        ]
    }
}

/// How far the copying of one point is.
package struct CopyProgress: Sendable, Hashable {
    /// Entries of maps that are copied.
    package let entries: UInt64
    /// Plain bytes that were read.
    package let bytesRead: UInt64
    /// What both come to, where all of a point is copied; of changes nobody knows it before they are found.
    package let entriesTotal: UInt64?
    /// At most: what two files share is read once.
    package let bytesTotal: UInt64?

    init(
        entries: UInt64,
        bytesRead: UInt64,
        entriesTotal: UInt64? = nil,
        bytesTotal: UInt64? = nil
    ) {
        self.entries = entries
        self.bytesRead = bytesRead
        self.entriesTotal = entriesTotal
        self.bytesTotal = bytesTotal
    }
}
