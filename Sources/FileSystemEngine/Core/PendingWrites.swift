import MetadataStore
import Synchronization
import VarveModel

/// A slice whose bytes are in a segment and whose row is not in the database yet.
struct PendingSlice: Sendable {
    /// Bytes of the file; inside one tile.
    let range: Range<UInt64>
    let tile: Int64
    /// Bytes into the tile.
    let offset: Int
    let sequence: UInt64
    let record: RecordPointer
}

/// One inode's pending writes as a reader sees them.
struct PendingView: Sendable {
    /// In rising sequence.
    let slices: [PendingSlice]
    let modified: Timestamp
    let change: UInt64
}

/// Unstable writes: readable at once, in the database at the next flush.
///
/// Slices of one inode enter the database in rising sequence. A writer takes its sequence before it
/// seals its bytes, so one that was overtaken (by a flush, a truncate, a merge) must seal anew: the
/// entry's `barrier` tells it.
final class PendingWrites: Sendable {
    struct Entry {
        var slices: [PendingSlice] = []
        /// In the open transaction.
        var flushing: [PendingSlice] = []
        var modified = Timestamp.epoch
        var change: UInt64 = 0
        /// Writers between `register` and `publish` or `withdraw`.
        var writers = 0
        /// The greatest sequence that the database has, or is about to have.
        var barrier: UInt64 = 0

        var isIdle: Bool { slices.isEmpty && flushing.isEmpty && writers == 0 }

        /// What a reader lays over the rows; `nil` when there is nothing.
        var view: PendingView? {
            guard !(slices.isEmpty && flushing.isEmpty) else { return nil }
            return PendingView(slices: flushing + slices, modified: modified, change: change)
        }
    }

    struct State {
        var entries: [InodeNumber: Entry] = [:]
        var dirty: Set<InodeNumber> = []
        var flushing: [InodeNumber] = []
        var bytes: UInt64 = 0
        /// Inodes whose content the committer is about to change: nobody publishes meanwhile.
        var closed: Set<InodeNumber> = []
        var isAllClosed = false
    }

    /// What became of sealed slices.
    enum Publication: Sendable, Hashable {
        /// Readable from now on.
        case done
        /// A flush, a truncate or a merge went past their numbers: seal anew.
        case overtaken
        /// The committer is changing the file's content this moment: let it write these too.
        case closed
    }

    private let state = Mutex(State())

    /// Plain bytes that wait for a flush.
    var bytes: UInt64 { state.withLock { $0.bytes } }

    /// Whether nothing of `inode` waits, nor is in an open transaction.
    func isClean(_ inode: InodeNumber) -> Bool {
        state.withLock { state in
            guard let entry = state.entries[inode] else { return true }
            return entry.slices.isEmpty && entry.flushing.isEmpty
        }
    }

    /// 1,024 slices of one inode: every read and write of it looks at all of them.
    static let slicesMax = 1_024

    /// Whether an inode has so many slices that it is to be flushed at once, however small they are.
    func isCrowded(_ inode: InodeNumber) -> Bool {
        state.withLock { $0.entries[inode]?.slices.count ?? 0 > PendingWrites.slicesMax }
    }

    /// Announces a writer; its sequence must be taken after this.
    func register(_ inode: InodeNumber) {
        state.withLock { $0.entries[inode, default: Entry()].writers += 1 }
    }

    /// Ends a writer that failed.
    func withdraw(_ inode: InodeNumber) {
        state.withLock { state in
            state.entries[inode]?.writers -= 1
            state.removeIfIdle(inode)
        }
    }

    /// Ends a writer whose slices are sealed, unless they may not become readable.
    func publish(
        _ slices: [PendingSlice],
        of inode: InodeNumber,
        modified: Timestamp,
        change: UInt64
    ) -> Publication {
        state.withLock { state in
            guard !state.isAllClosed, !state.closed.contains(inode) else { return .closed }
            guard var entry = state.entries[inode], let lowest = slices.first?.sequence,
                lowest > entry.barrier
            else { return .overtaken }
            entry.insert(slices)
            entry.modified = max(entry.modified, modified)
            entry.change = max(entry.change, change)
            entry.writers -= 1
            state.entries[inode] = entry
            state.dirty.insert(inode)
            state.bytes += slices.reduce(0) { $0 + UInt64($1.range.count) }
            return .done
        }
    }

    /// Keeps slices from being published between a flush and what the committer does next.
    ///
    /// A cut takes a number above those of all slices flushed before it. A slice published in
    /// between would have a lesser one, and lie beneath the cut though it was answered after it.
    ///
    /// - Parameter inode: `nil` closes all of them.
    func close(_ inode: InodeNumber?) {
        state.withLock { state in
            if let inode { state.closed.insert(inode) } else { state.isAllClosed = true }
        }
    }

    /// Lets slices be published again; those below the barrier are overtaken by now.
    func reopen() {
        state.withLock { state in
            state.closed.removeAll(keepingCapacity: true)
            state.isAllClosed = false
        }
    }

    /// All that is pending, as it stands: the reader's copy.
    func frozen() -> [InodeNumber: Entry] { state.withLock { $0.entries } }

    /// What a reader lays over the rows; `nil` when nothing is pending.
    func view(of inode: InodeNumber) -> PendingView? {
        state.withLock { state in
            state.entries[inode]?.view
        }
    }
}

extension PendingWrites {
    /// Inodes with something to flush, in order.
    func dirtyInodes() -> [InodeNumber] {
        state.withLock { $0.dirty.sorted() }
    }

    /// Hands an inode's slices to the open transaction; `nil` when there are none.
    ///
    /// They stay readable here until ``settle()``.
    func take(_ inode: InodeNumber) -> PendingView? {
        state.withLock { state in
            guard var entry = state.entries[inode], let last = entry.slices.last else { return nil }
            let taken = entry.slices
            entry.barrier = max(entry.barrier, last.sequence)
            entry.flushing += taken
            entry.slices = []
            state.entries[inode] = entry
            state.dirty.remove(inode)
            state.flushing.append(inode)
            return PendingView(slices: taken, modified: entry.modified, change: entry.change)
        }
    }

    /// Makes writers below `sequence` seal anew: a range operation or merge has gone past them.
    func raiseBarrier(of inode: InodeNumber, to sequence: UInt64) {
        state.withLock { state in
            guard let barrier = state.entries[inode]?.barrier else { return }
            state.entries[inode]?.barrier = max(barrier, sequence)
        }
    }

    /// Makes every writer in flight that is below `sequence` seal anew.
    func raiseBarriers(to sequence: UInt64) {
        state.withLock { state in
            for inode in state.entries.keys {
                let barrier = state.entries[inode]?.barrier ?? 0
                state.entries[inode]?.barrier = max(barrier, sequence)
            }
        }
    }

    /// Ends the transaction's slices: its commit is visible.
    func settle() {
        state.withLock { state in
            for inode in state.flushing {
                guard let entry = state.entries[inode] else { continue }
                state.bytes -= entry.flushing.reduce(0) { $0 + UInt64($1.range.count) }
                state.entries[inode]?.flushing = []
                state.removeIfIdle(inode)
            }
            state.flushing = []
        }
    }

    /// Takes the slices back: the transaction is undone.
    func restore() {
        state.withLock { state in
            for inode in state.flushing {
                guard var entry = state.entries[inode], !entry.flushing.isEmpty else { continue }
                // The barrier stays raised above them only for writers still in flight.
                entry.slices = entry.flushing + entry.slices
                entry.flushing = []
                state.entries[inode] = entry
                state.dirty.insert(inode)
            }
            state.flushing = []
        }
    }

    /// Forgets everything: the file system has failed.
    func drop() {
        state.withLock { $0 = State() }
    }
}

extension PendingWrites.Entry {
    /// Keeps `slices` in rising sequence: writers may publish out of order.
    fileprivate mutating func insert(_ more: [PendingSlice]) {
        let isInOrder = (slices.last?.sequence ?? 0) < (more.first?.sequence ?? 0)
        slices += more
        if !isInOrder { slices.sort { $0.sequence < $1.sequence } }
    }
}

extension PendingWrites.State {
    fileprivate mutating func removeIfIdle(_ inode: InodeNumber) {
        if entries[inode]?.isIdle == true { entries[inode] = nil }
    }
}
