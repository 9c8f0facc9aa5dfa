import MetadataStore
import SegmentStore
package import VarveModel

/// Files move between tiers; what they read as never changes (I4).
extension FileSystem {
    /// Puts all of a file's records, past ones too, into a tier.
    ///
    /// Copies are durable first, then one transaction swaps the rows that still point at the old
    /// ones. A crash before it leaves the file as it was, and copies that the next start sweeps. What a client or
    /// compaction has rewritten meanwhile is copied anew, a few times.
    ///
    /// A record that another file shows today stays where it is, unless that file is in that tier or a colder one, or
    /// the move leads to Standard (``RowReader/mayMove(_:from:to:of:)``).
    ///
    /// - Parameters:
    ///   - inode: A regular file.
    ///   - tier: Where to; records there already stay.
    ///   - whenCopied: Called once the first copies are durable, before any row points at them; its error ends the move.
    /// - Returns: What was moved.
    /// - Throws: `.stale`, `.isDirectory`, `.invalid`, `.noSpace`, `.corrupt`.
    package func move(
        _ inode: InodeNumber,
        to tier: Tier,
        whenCopied: ((MoveResult) async throws(FileSystemError) -> Void)? = nil
    ) async throws(FileSystemError) -> MoveResult {
        let result = await moveTogether([inode], to: tier) { copied in
            guard let whenCopied else { return [nil] }
            do throws(FileSystemError) {
                for file in copied { try await whenCopied(file.result) }
                return [nil]
            } catch {
                return [error]
            }
        }
        return try result[0].get()
    }

    /// Where the lifecycle has put a file; Standard unless it was moved.
    package func tier(of inode: InodeNumber) async throws(FileSystemError) -> Tier {
        try await readers.run { context in
            _ = try context.attributes(of: inode, at: .live)
            return try context.reader.place(inode)?.tier ?? .standard
        }
    }

    /// Live inodes with their tiers, in the order asked; `nil` where there is none any more.
    ///
    /// It is nobody's access. As many as are asked share one visit: some hundreds.
    package func tierPlaces(
        of inodes: [InodeNumber]
    ) async throws(FileSystemError) -> [TierPlace?] {
        try await readers.run { context in
            let pending = inodes.map { context.core.pending.view(of: $0) }
            try context.begin(.live)
            return try zip(inodes, pending).map { inode, pending in
                guard let row = try context.reader.inode(inode, at: .live) else { return nil }
                let place = try context.reader.place(inode)
                return TierPlace(
                    attributes: Attributes(row, pending: pending),
                    tier: place?.tier ?? .standard,
                    since: place?.since
                )
            }
        }
    }
}

/// A file and the tier that the lifecycle has put it into.
package struct TierPlace: Sendable, Hashable {
    /// Without the access time that reads leave.
    package let attributes: Attributes
    package let tier: Tier
    /// When it came into a colder tier, to the second.
    package let since: Timestamp?
}
