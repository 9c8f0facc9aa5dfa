import MetadataStore
import SegmentStore
import VarveModel

/// What one reading thread works with: a connection, and the shared parts of the file system.
final class ReadContext {
    let reader: MetadataReader
    let core: Core
    /// Whether a transaction is open.
    private(set) var isReading = false
    /// What the open transaction says may be read of the past; `nil` until somebody asks.
    private var retained: RetainedInstants?

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
        if isReading, reader.commitNumber != core.database.publishedCommit { rest() }
        if !isReading {
            try reader.begin()
            isReading = true
        }
        guard case .past(let instant) = view else { return }
        let retained = try self.retained ?? reader.retention()
        self.retained = retained
        guard retained.contains(instant) else {
            throw FileSystemError(
                .stale,
                "instant \(instant.rawValue) is no longer retained",
                remedy: "Ask for another instant; hold or snapshot the ones you mean to read."
            )
        }
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
        return Attributes(row, pending: pending)
    }
}

extension FileSystemError {
    static let closed = FileSystemError(.failed, "the file system is closed")

    static func gone(_ inode: InodeNumber) -> FileSystemError {
        FileSystemError(.stale, "inode \(inode.rawValue) is gone")
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
            parent: row.kind == .directory ? row.parent : InodeNumber(rawValue: 0),
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
