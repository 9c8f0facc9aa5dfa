import MetadataStore
import SegmentStore
import VarveModel

/// What one reading thread works with: a connection, and the shared parts of the file system.
final class ReadContext {
    let reader: MetadataReader
    let core: Core
    /// Whether a transaction is open.
    private(set) var isReading = false
    /// An instant that the open transaction retains; `nil` until somebody asks.
    private var retained: Epoch?

    init(reader: MetadataReader, core: Core) {
        self.reader = reader
        self.core = core
    }

    /// Begins a read of `view`: all that was committed before the call is seen.
    ///
    /// One transaction serves requests for as long as no commit follows it.
    ///
    /// - Throws: `.stale` when the view's instant is not retained.
    func begin(_ view: View) throws {
        if isReading, reader.commitNumber != core.database.commits.visible { rest() }
        if !isReading {
            try reader.begin()
            isReading = true
        }
        guard case .past(let instant) = view else { return }
        if instant == retained { return }
        guard try reader.isRetained(instant) else {
            throw FileSystemError(
                .stale,
                "instant \(instant.rawValue) is no longer retained",
                remedy: "Ask for another instant; hold or snapshot the ones you mean to read."
            )
        }
        retained = instant
    }

    /// Calls `answer` once all that the transaction may show is durable, or never will be; mostly at once.
    func whenDurable(_ answer: @escaping CommitProgress.Waiter) {
        let commits = core.database.commits
        guard reader.shownCommit > commits.durable else { return answer(true) }
        commits.whenDurable(reader.shownCommit, answer)
    }

    /// Ends the transaction, if one is open.
    func rest() {
        guard isReading else { return }
        // A read transaction that does not end cleanly has nothing to lose; the next begin tells.
        try? reader.end()
        isReading = false
        retained = nil
    }

    /// An inode at a view, unstable writes of the present included.
    ///
    /// - Throws: `.stale` when there is none.
    func attributes(of inode: InodeNumber, at view: View) throws -> Attributes {
        // The pending writes first: what is committed meanwhile is then seen twice, never missed.
        let pending = view == .live ? core.pending.view(of: inode) : nil
        try begin(view)
        guard let row = try reader.inode(inode, at: view) else { throw FileSystemError.gone(inode) }
        return try remembered(row, pending, at: view)
    }

    /// A row's attributes as they show; one of the present is kept for those who ask next.
    func remembered(
        _ row: InodeRow,
        _ pending: PendingView?,
        at view: View
    ) throws -> Attributes {
        let attributes = Attributes(row, pending: pending)
        guard view == .live else { return attributes }
        let accessed = row.kind == .regular ? try accessTime(of: row.inode) : nil
        reader.keep(LiveRowCache.Inode(row: row, accessed: accessed))
        return attributes.accessed(at: accessed)
    }

    /// Answers a question about several rows, and the unstable writes over them, as of one moment.
    ///
    /// Which rows they are is known only once they are read, so the unstable writes come second here;
    /// a commit in between would take them out of both. Then the question is asked anew; where
    /// commits come too fast for that, over a copy of all unstable writes that was made first.
    ///
    /// - Parameters:
    ///   - view: The present, or a retained instant.
    ///   - body: Reads rows by ``Moment`` and this context's reader; it begins no transaction.
    /// - Returns: What `body` answers.
    /// - Throws: `.stale` when the view's instant is not retained, and what `body` throws.
    func atOneMoment<Value>(_ view: View, _ body: (Moment) throws -> Value) throws -> Value {
        guard view == .live else {
            try begin(view)
            return try body(Moment(context: self, view: view, pending: { _ in nil }))
        }
        for _ in 0..<ReadContext.attemptsMax {
            try begin(.live)
            let answer = Result {
                try body(Moment(context: self, view: view, pending: core.pending.view(of:)))
            }
            if core.database.commits.visible == reader.commitNumber { return try answer.get() }
        }
        let frozen = core.pending.frozen()
        try begin(.live)
        return try body(Moment(context: self, view: view, pending: { frozen[$0]?.view }))
    }

    /// Three: a lookup takes microseconds, and commits are most of a millisecond apart.
    private static let attemptsMax = 3
}

/// What reads within ``ReadContext/atOneMoment(_:_:)`` go by.
struct Moment {
    let context: ReadContext
    let view: View
    let pending: (InodeNumber) -> PendingView?

    /// An inode's attributes.
    ///
    /// - Throws: `.stale` when there is none.
    func attributes(of inode: InodeNumber) throws -> Attributes {
        guard let row = try context.reader.inode(inode, at: view) else {
            throw FileSystemError.gone(inode)
        }
        return try context.remembered(row, pending(inode), at: view)
    }

    /// A row with the unstable writes and the access time of the present.
    func attributes(_ row: InodeRow) throws -> Attributes {
        try context.shown(Attributes(row, pending: pending(row.inode)), at: view)
    }

    /// A directory's attributes.
    ///
    /// - Throws: `.stale`, `.notDirectory`.
    func directory(_ inode: InodeNumber) throws -> Attributes {
        let found = try attributes(of: inode)
        guard found.kind == .directory else {
            throw FileSystemError.notDirectory(inode)
        }
        return found
    }
}

extension FileSystemError {
    /// A client repeats it: a file system that was closed is opened anew, or its clients hear that it is gone.
    static let closed = FileSystemError(.busy, "the file system is closed", remedy: "Repeat it.")

    static let unsynced = FileSystemError(
        .failed,
        "what changed last may be lost: a sync failed",
        remedy: "Mend the storage, then restart varved: what is durable is read again."
    )

    static func gone(_ inode: InodeNumber) -> FileSystemError {
        FileSystemError(.stale, "inode \(inode.rawValue) is gone")
    }

    static func notDirectory(_ inode: InodeNumber) -> FileSystemError {
        FileSystemError(.notDirectory, "inode \(inode.rawValue) is no directory")
    }

    static func noName(_ name: FileName, in directory: InodeNumber) -> FileSystemError {
        FileSystemError(.notFound, "no '\(name)' in directory \(directory.rawValue)")
    }
}

extension Attributes {
    /// A row as callers see it, with what unstable writes add.
    init(_ row: InodeRow, pending: PendingView? = nil) {
        self.init(
            inode: row.inode,
            generation: row.generation,
            kind: row.kind,
            permissions: row.permissions,
            uid: row.uid,
            gid: row.gid,
            links: row.links,
            size: row.size,
            allocated: row.space,
            accessed: row.accessed,
            modified: row.modified,
            changed: row.changed,
            created: row.created,
            change: row.change,
            device: row.device,
            parent: row.kind == .directory || row.links == 1
                ? row.parent : InodeNumber(rawValue: 0),
            project: row.project
        )
        let slices = pending?.slices.filter { $0.sequence > row.appliedSequence } ?? []
        guard let pending, !slices.isEmpty else { return }
        for slice in slices {
            size = max(size, slice.range.upperBound)
            allocated += UInt64(slice.range.count)
        }
        modified = pending.modified
        changed = max(changed, pending.modified)
        change = max(change, pending.change)
    }
}
