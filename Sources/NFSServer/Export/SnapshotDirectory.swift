import FileSystemEngine
import NFSWire
import VarveModel

/// `.snapshot` at a file system's root: found and not listed, never changed by a client.
///
/// It lists the named snapshots; `@2026-11-23T14:03:22Z` and `@1795442602` are found too, and mean the greatest retained instant
/// that is not later, once that second has ended. What is below has an fsid of the instant's own, and the instant in its handles: a client that keeps
/// anything of it keeps what is true for ever, and an instant that is gone is NFS4ERR_STALE.
enum SnapshotDirectory {
    static let name = Array(".snapshot".utf8)
    /// Of no inode: the engine counts up from 1.
    static let inode = InodeNumber(rawValue: UInt64(Int64.max) - 1)

    static func attributes(_ snapshots: [Snapshot], started: Timestamp) -> Attributes {
        var change: UInt64 = 1
        var made = started
        for snapshot in snapshots {
            // Another list is another number; which is greater says nothing.
            change = (change ^ snapshot.id ^ snapshot.epoch.rawValue) &* 0x100_0000_01B3
            made = snapshot.created
        }
        return Attributes(
            inode: inode,
            kind: .directory,
            permissions: 0o555,
            uid: 0,
            gid: 0,
            links: UInt32(clamping: snapshots.count + 2),
            size: 0,
            allocated: 0,
            accessed: made,
            modified: made,
            changed: made,
            created: made,
            change: change,
            parent: .root
        )
    }

    /// Where a listing goes on after a snapshot: never 0 to 2 (RFC 8881 §18.23.3).
    static func cookie(_ snapshot: Snapshot) -> UInt64 { snapshot.id &+ 3 }

    /// The snapshot whose cookie it is; 0 at the start of a listing.
    static func id(ofCookie cookie: UInt64) -> UInt64 { cookie > 3 ? cookie - 3 : 0 }
}

extension CompoundRun {
    /// The root of the past that a name in `.snapshot` means.
    func past(_ name: FileName, of fileSystem: ExportedFileSystem) async throws(NFSStatus)
        -> NFSObject
    {
        let text = String(decoding: name.bytes, as: UTF8.self)
        if text.hasPrefix("@"), let time = server.time(text) {
            // Until a second has ended its instant is not known, and a name must not change its meaning under a client that keeps it.
            // Not NFS4ERR_NOENT, which a client keeps too: for as long as no snapshot comes or goes.
            guard time.seconds < store.now().seconds else { throw .invalid }
            let instant = try await engine {
                try await fileSystem.engine.instant(atOrBefore: time)
            }
            return .inode(InodeObject(fileSystem, .root, at: .past(instant)))
        }
        let found = try await engine { try await fileSystem.engine.snapshot(named: text) }
        guard let found else { throw .noEntry }
        return .inode(InodeObject(fileSystem, .root, at: .past(found.epoch)))
    }

    func snapshots(of fileSystem: ExportedFileSystem) async throws(NFSStatus) -> [Snapshot] {
        try await engine { try await fileSystem.engine.snapshots() }
    }

    /// Lists the named snapshots that may fit, each as its root at that instant.
    func list(
        snapshotsOf fileSystem: ExportedFileSystem,
        _ listing: inout DirectoryListing,
        _ arguments: ReadDirectoryArguments
    ) async throws(NFSStatus) {
        let limit = entriesMax(arguments, in: InodeObject(fileSystem, .root))
        var last = SnapshotDirectory.id(ofCookie: arguments.cookie)
        var hasNone = true
        repeat {
            let after = last
            let page = try await engine {
                try await fileSystem.engine.snapshots(after: after, limit: limit)
            }
            for snapshot in page {
                last = snapshot.id
                let root = NFSObject.inode(
                    InodeObject(fileSystem, .root, at: .past(snapshot.epoch))
                )
                guard let described = await describedIfThere(root, arguments.attributes) else {
                    continue
                }
                let cookie = SnapshotDirectory.cookie(snapshot)
                listing.append(cookie: cookie, name: Array(snapshot.name.utf8), described)
                hasNone = false
            }
            listing.isEnd = page.count < limit
        } while hasNone && !listing.isEnd
    }
}
