import MetadataStore
package import VarveModel

/// Instants are pinned, found and followed.
extension FileSystem {
    /// Names this moment; O(1), whatever the file system holds.
    ///
    /// Unstable writes answered before the call are in it.
    ///
    /// - Throws: `.exists`, `.noSpace`, `.readOnly`.
    package func createSnapshot(
        _ name: String,
        expires: Timestamp? = nil
    ) async throws(FileSystemError) -> Snapshot {
        try await committer.run(flushing: .all) { context in
            guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
                throw FileSystemError(.invalid, "'\(name)' is no name for a snapshot")
            }
            guard try context.writer.snapshot(name: name) == nil else {
                throw FileSystemError(.exists, "snapshot '\(name)' exists")
            }
            let row = try context.writer.createSnapshot(
                name: name,
                created: context.now,
                expires: expires,
                lockedUntil: nil
            )
            return Snapshot(row, name: name)
        }
    }

    /// Forgets a snapshot; its space comes back with garbage collection.
    ///
    /// - Throws: `.notFound`, `.busy` when it is held or locked.
    package func deleteSnapshot(_ name: String) async throws(FileSystemError) {
        try await committer.run(room: .frees) { context in
            guard let row = try context.writer.snapshot(name: name) else {
                throw FileSystemError(.notFound, "no snapshot '\(name)'")
            }
            if let lock = row.lockedUntil, lock > context.now {
                throw FileSystemError(.busy, "snapshot '\(name)' is locked")
            }
            try context.writer.deleteSnapshot(name: name)
        }
    }

    /// Named snapshots, oldest first.
    package func snapshots() async throws(FileSystemError) -> [Snapshot] {
        try await readers.run { context in
            try context.begin(.live)
            return try context.reader.snapshots().compactMap { row in
                row.name.map { Snapshot(row, name: $0) }
            }
        }
    }

    /// Named snapshots after one, oldest first.
    ///
    /// - Parameters:
    ///   - id: The last snapshot's of the page before; 0 for the first page.
    ///   - limit: Snapshots at most.
    /// - Returns: Fewer than `limit` at the end.
    /// - Throws: `.failed`, `.corrupt`.
    package func snapshots(
        after id: UInt64,
        limit: Int
    ) async throws(FileSystemError) -> [Snapshot] {
        try await readers.run { context in
            try context.begin(.live)
            return try context.reader.namedSnapshots(after: Int64(clamping: id), limit: limit)
                .compactMap { row in row.name.map { Snapshot(row, name: $0) } }
        }
    }

    /// The snapshot of a name, by index; `nil` where there is none.
    package func snapshot(named name: String) async throws(FileSystemError) -> Snapshot? {
        try await readers.run { context in
            try context.begin(.live)
            return try context.reader.snapshot(name: name).map { Snapshot($0, name: name) }
        }
    }

    /// The greatest retained instant that is not after a time.
    ///
    /// A whole second means its end.
    ///
    /// - Throws: `.notFound` when the window does not reach back so far.
    package func instant(
        atOrBefore time: Timestamp
    ) async throws(FileSystemError) -> Epoch {
        // Seconds of an epoch have 43 bits; whatever lies beyond means the newest instant.
        let wanted = Epoch.end(ofSecond: min(max(0, time.seconds), (1 << 43) - 1))
        let isAhead = try await readers.run { context in
            try context.begin(.live)
            return try context.reader.openEpoch().second <= wanted.second
        }
        if isAhead {
            // An empty transaction moves the writer past the seconds that have ended since.
            // On a full disk too: the past stays readable there.
            try await committer.run(flushing: .all, room: .frees) { _ in }
        }
        return try await readers.run { context in
            try context.begin(.live)
            guard let found = try context.reader.retainedInstant(atOrBefore: wanted) else {
                throw FileSystemError(
                    .notFound,
                    "no instant at or before \(time.seconds) is retained",
                    remedy: "Choose a later time, a snapshot, or a recovery point."
                )
            }
            return found
        }
    }

    /// Pins an instant for a reader; `nil` makes one of now.
    ///
    /// A hold ends with its release, or with the process.
    ///
    /// - Throws: `.stale` when the instant is not retained.
    package func hold(_ instant: Epoch? = nil) async throws(FileSystemError) -> Hold {
        let scope: FlushScope = instant == nil ? .all : .none
        return try await committer.run(flushing: scope, room: .frees) { context in
            guard let instant else {
                let row = try context.writer.createSnapshot(
                    name: nil,
                    created: context.now,
                    expires: nil,
                    lockedUntil: nil
                )
                return Hold(id: UInt64(row.id), epoch: row.epoch)
            }
            guard try context.writer.isRetained(instant) else {
                throw FileSystemError(.stale, "instant \(instant.rawValue) is not retained")
            }
            let row = try context.writer.hold(at: instant, created: context.now)
            return Hold(id: UInt64(row.id), epoch: row.epoch)
        }
    }

    /// Ends a hold; one that has ended already is no error.
    package func release(_ hold: Hold) async throws(FileSystemError) {
        try await committer.run(room: .frees) { context in
            guard try context.writer.snapshot(id: Int64(hold.id)) != nil else { return }
            try context.writer.releaseHold(Int64(hold.id))
        }
    }
}

/// The journal of changes.
extension FileSystem {
    /// What changed after one instant, up to and with another: O(changes), never O(files).
    ///
    /// A key may read the same at both ends, and comes once for each epoch in which it changed: who wants it once
    /// keeps what it saw. A page costs what it answers, wherever in the range it begins.
    ///
    /// - Parameters:
    ///   - low: A retained instant or a bookmark's.
    ///   - high: A retained instant, held by the caller.
    ///   - position: The page before's ``ChangePage/resumeAfter``.
    ///   - limit: Keys at most.
    /// - Returns: A page of keys.
    /// - Throws: `.stale` when the journal does not reach back to `low` any more: compare in full.
    package func changes(
        after low: Epoch,
        through high: Epoch,
        resumeAfter position: ChangePosition? = nil,
        limit: Int
    ) async throws(FileSystemError) -> ChangePage {
        try await readers.run { context in
            try context.begin(.live)
            let isBookmark = try context.reader.bookmarks().contains {
                $0.epoch == low && !$0.isBroken
            }
            guard try isBookmark || context.reader.isRetained(low) else {
                throw FileSystemError(
                    .stale,
                    "the journal of changes no longer reaches back to \(low.rawValue)",
                    remedy: "Compare in full, and set a bookmark."
                )
            }
            let filed = try context.reader.changes(
                after: low,
                through: high,
                resumeAfter: position?.change,
                limit: max(1, limit)
            )
            let last = filed.count == max(1, limit) ? filed.last : nil
            return ChangePage(
                changes: Change.distinct(filed.map(\.key)),
                resumeAfter: last.map(ChangePosition.init)
            )
        }
    }

    /// Marks a place in the journal; it is kept back to there.
    package func setBookmark(
        _ name: String,
        at instant: Epoch,
        expires: Timestamp? = nil
    ) async throws(FileSystemError) {
        try await committer.run { context in
            let isKnown = try context.writer.bookmarks().contains {
                $0.epoch == instant && !$0.isBroken
            }
            if !isKnown { try context.requireRetained(instant) }
            try context.writer.setBookmark(name: name, at: instant, expires: expires)
        }
    }

    /// A bookmark; `nil` when there is none, or when the journal no longer reaches it.
    package func bookmark(_ name: String) async throws(FileSystemError) -> Bookmark? {
        try await readers.run { context in
            try context.begin(.live)
            guard let row = try context.reader.bookmark(name: name), !row.isBroken else {
                return nil
            }
            return Bookmark(name: row.name, epoch: row.epoch, expires: row.expires)
        }
    }

    /// Forgets a bookmark; none of that name is no error.
    package func removeBookmark(_ name: String) async throws(FileSystemError) {
        try await committer.run(room: .frees) { context in
            guard try context.writer.bookmark(name: name) != nil else { return }
            try context.writer.removeBookmark(name: name)
        }
    }

    /// The versions of an inode that can be read, oldest first.
    ///
    /// - Throws: `.stale` when it never was, or nothing of it is retained.
    package func history(of inode: InodeNumber) async throws(FileSystemError) -> [FileVersion] {
        let versions = try await readers.run { try $0.history(of: inode) }
        guard !versions.isEmpty else { throw FileSystemError.gone(inode) }
        return versions
    }
}

extension ReadContext {
    func history(of inode: InodeNumber) throws -> [FileVersion] {
        let pending = core.pending.view(of: inode)
        try begin(.live)
        let retained = try reader.retention()
        return try reader.history(of: inode, limit: 100_000).compactMap { version in
            guard let died = version.died else {
                return FileVersion(
                    epoch: version.born,
                    since: version.row.changed,
                    attributes: try shown(
                        Attributes(version.row, pending: pending),
                        at: .live
                    ),
                    isLive: true
                )
            }
            guard let seen = retained.last(before: died), seen >= version.born else { return nil }
            return FileVersion(
                epoch: seen,
                since: version.row.changed,
                attributes: Attributes(version.row),
                isLive: false
            )
        }
    }
}

extension Snapshot {
    init(_ row: SnapshotRow, name: String) {
        self.init(
            id: UInt64(row.id),
            name: name,
            epoch: row.epoch,
            created: row.created,
            expires: row.expires
        )
    }
}

extension Change {
    /// The tile of a change that may reach any tile of the file: compare its whole map.
    package static let anyTile = UInt32.max

    /// Rows' keys as callers know them, repetitions next to each other left out.
    static func distinct(_ keys: [ChangeKey]) -> [Change] {
        var changes: [Change] = []
        for key in keys {
            let change = Change(key)
            if changes.last != change { changes.append(change) }
        }
        return changes
    }

    private init(_ key: ChangeKey) {
        self =
            switch key {
            case .inode(let inode), .inline(let inode), .link(let inode): .inode(inode)
            case .dirent(let directory, let hash): .dirent(directory: directory, cookie: hash)
            case .xattr(let inode, _): .extendedAttributes(inode)
            case .content(let inode, let tile):
                .content(inode, tile: tile < 0 ? Change.anyTile : UInt32(tile))
            }
    }
}
