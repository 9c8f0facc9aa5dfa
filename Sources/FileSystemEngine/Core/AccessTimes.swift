import MetadataStore
import Synchronization
import VarveModel

/// When a read changes a file's access time.
enum AccessTimeRule {
    /// An hour: an atime is at most so old; each costs a row.
    static let coarseSeconds: Int64 = 3_600

    /// As Linux's `relatime` (mount(8)), with an hour for its day: when the time shown is not after the
    /// last change, or has grown old.
    static func isDue(
        shown: Timestamp,
        modified: Timestamp,
        changed: Timestamp,
        now: Timestamp
    ) -> Bool {
        guard now > shown else { return false }
        return shown <= modified || shown <= changed
            || now >= shown.adding(seconds: coarseSeconds)
    }
}

/// The access times that reads have left, until the writer puts them into the database.
///
/// Reads only note them here, in memory: no transaction waits for one, and a crash may lose the
/// last. They are of the present alone, never versioned.
final class AccessTimes: Sendable {
    private struct State {
        /// What is newer than the database's row, or as new.
        var times: [InodeNumber: Timestamp] = [:]
        var dirty: Set<InodeNumber> = []
        /// In the open transaction.
        var flushing: Set<InodeNumber> = []
        /// Whether the table may hold any row.
        var hasRows: Bool
        var rowsWritten: UInt64 = 0
    }

    /// Files that are remembered at most, beside those that wait: 64 bytes each, 4 MiB.
    private static let timesMax = 1 << 16
    /// Files that wait at most before a flush is asked for: one transaction of some 20 ms.
    private static let dirtyMax = 4_096

    private let state: Mutex<State>
    private let isCrowded = Atomic<Bool>(false)

    init(hasRows: Bool) {
        state = Mutex(State(hasRows: hasRows))
    }

    /// The time in memory; else whether the database may have one.
    func look(_ inode: InodeNumber) -> (known: Timestamp?, mayBeStored: Bool) {
        state.withLock { ($0.times[inode], $0.hasRows) }
    }

    /// A read has happened.
    func note(_ inode: InodeNumber, _ time: Timestamp) {
        let count = state.withLock { state in
            state.times[inode] = max(state.times[inode] ?? time, time)
            state.dirty.insert(inode)
            return state.dirty.count
        }
        if count >= AccessTimes.dirtyMax { isCrowded.store(true, ordering: .relaxed) }
    }

    /// Whether so many wait that they should be flushed at once; asked by each read, true for one of them.
    func takeCrowded() -> Bool {
        isCrowded.load(ordering: .relaxed) && isCrowded.exchange(false, ordering: .relaxed)
    }

    /// Whether anything waits.
    var isWaiting: Bool { state.withLock { !$0.dirty.isEmpty } }

    /// Rows written since the file system was opened.
    var rowsWritten: UInt64 { state.withLock { $0.rowsWritten } }

    /// Hands what waits to the open transaction, in order.
    func take() -> [(inode: InodeNumber, time: Timestamp)] {
        state.withLock { state in
            let taken = state.dirty.sorted()
            state.flushing.formUnion(taken)
            state.dirty = []
            if !taken.isEmpty { state.hasRows = true }
            return taken.compactMap { inode in state.times[inode].map { (inode, $0) } }
        }
    }

    /// The transaction is durable.
    func settle() {
        state.withLock { state in
            guard !state.flushing.isEmpty else { return }
            state.rowsWritten += UInt64(state.flushing.count)
            state.flushing = []
            guard state.times.count > AccessTimes.timesMax else { return }
            // The rows have them.
            state.times = state.times.filter { state.dirty.contains($0.key) }
        }
    }

    /// The transaction is undone: what it took waits again.
    func restore() {
        state.withLock { state in
            state.dirty.formUnion(state.flushing)
            state.flushing = []
        }
    }

    /// Somebody has set the time, or the inode is gone: what reads left counts no more.
    func forget(_ inode: InodeNumber) {
        state.withLock { state in
            state.times[inode] = nil
            state.dirty.remove(inode)
            state.flushing.remove(inode)
        }
    }
}

extension ReadContext {
    /// Attributes as they show: a live file's access time is the later of what was set and what reads left.
    ///
    /// The transaction that gave them is open.
    func shown(_ attributes: Attributes, at view: View) throws -> Attributes {
        guard view == .live, attributes.kind == .regular else { return attributes }
        return attributes.accessed(at: try accessTime(of: attributes.inode))
    }

    /// What reads have left of a live file.
    func accessTime(of inode: InodeNumber) throws -> Timestamp? {
        let (known, mayBeStored) = core.accessTimes.look(inode)
        guard known == nil, mayBeStored else { return known }
        return try reader.implicitAccessTime(inode)
    }
}

extension Core {
    /// Notes that a client has read bytes of a live file, and tells the observer; `attributes` are as they show.
    func noteAccess(_ attributes: Attributes, at now: Timestamp) {
        copyPace.noteCall()
        let isDue = AccessTimeRule.isDue(
            shown: attributes.accessed,
            modified: attributes.modified,
            changed: attributes.changed,
            now: now
        )
        if isDue { accessTimes.note(attributes.inode, now) }
        observe(attributes.inode, at: now)
    }
}

extension Attributes {
    /// With the later of the time that was set and one that a read has left.
    func accessed(at time: Timestamp?) -> Attributes {
        guard let time, time > accessed else { return self }
        var shown = self
        shown.accessed = time
        return shown
    }
}

extension FileSystem {
    /// Has the writer take down the access times that wait; nobody waits for it.
    func flushAccessTimes() {
        guard core.accessTimes.isWaiting else { return }
        // An operation of its own: another's refusal does not take it along.
        committer.enqueue { try $0.flushAccessTimes() }
    }
}

extension WriteContext {
    /// A live row's attributes as they show; as ``ReadContext/shown(_:at:)``.
    func shown(_ row: InodeRow) throws -> Attributes {
        var shown = Attributes(row)
        guard row.kind == .regular else { return shown }
        let (known, mayBeStored) = core.accessTimes.look(row.inode)
        let stored = known == nil && mayBeStored ? try writer.implicitAccessTime(row.inode) : nil
        if let time = known ?? stored { shown.accessed = max(shown.accessed, time) }
        return shown
    }

    /// Writes down the access times that wait; nothing is versioned, and no change is listed.
    func flushAccessTimes() throws {
        for (inode, time) in core.accessTimes.take() {
            // An inode that has ended meanwhile has none.
            guard try writer.inode(inode, at: .live) != nil else { continue }
            try writer.setAccessTime(inode, time)
        }
    }

    /// What reads left of an inode counts no more.
    func clearAccessTime(_ inode: InodeNumber) throws {
        try writer.setAccessTime(inode, nil)
        core.accessTimes.forget(inode)
    }
}
