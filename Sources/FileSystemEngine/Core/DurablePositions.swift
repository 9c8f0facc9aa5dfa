import MetadataStore
import SegmentStore

/// Segments remember how far metadata's log was durable, so that a log that is cut, or replaced by an
/// older copy, is found when it is opened next.
extension Core {
    /// Makes appended records durable.
    ///
    /// Their markers carry what the log's last finished sync has covered, never more: a recovery finds
    /// at least that, whatever becomes of the sync that begins here. Any thread may call it.
    ///
    /// Copies are synced by who makes them (``syncCopies()``): no client waits for those.
    func syncSegments() throws {
        try segments.syncWrites(after: DurablePosition(database.sealed.walDurable))
    }

    /// Makes durable what was copied.
    func syncCopies() throws {
        try segments.syncCopies(after: DurablePosition(database.sealed.walDurable))
    }

    /// Waits until all commits are durable that were made before the call.
    ///
    /// - Throws: `.failed` when they never will be.
    func requireDurable() async throws(FileSystemError) {
        let commits = database.commits
        let number = commits.begun
        guard number > commits.durable else { return }
        let isDurable = await withUnsafeContinuation { continuation in
            commits.whenDurable(number) { continuation.resume(returning: $0) }
        }
        guard isDurable else { throw .unsynced }
    }
}

extension DurablePosition {
    init(_ position: WALPosition) {
        self.init(generation: position.generation, frame: position.frames)
    }
}

extension WALPosition {
    init(_ position: DurablePosition) {
        self.init(generation: position.generation, frames: position.frame)
    }
}
