import MetadataStore
import SegmentStore
package import VarveModel

/// Files move between tiers; what they read as never changes (I4).
extension FileSystem {
    /// Puts all of a file's records, past ones too, into a tier.
    ///
    /// What it shares with other files (a clone) moves for them too.
    ///
    /// Copies are durable first, then one transaction swaps the rows that still point at the old
    /// ones. A crash before it leaves the file as it was, and copies that the next start sweeps.
    ///
    /// - Parameters:
    ///   - inode: A regular file.
    ///   - tier: Where to; records there already stay.
    ///   - whenCopied: Called once the copies are durable, before any row points at them; its error ends the move.
    /// - Returns: What was moved.
    /// - Throws: `.stale`, `.isDirectory`, `.invalid`, `.noSpace`, `.corrupt`.
    package func move(
        _ inode: InodeNumber,
        to tier: Tier,
        whenCopied: ((MoveResult) async throws(FileSystemError) -> Void)? = nil
    ) async throws(FileSystemError) -> MoveResult {
        _ = try await commit(inode)
        let copies = try await readers.run(shows: false) { try $0.copyRecords(of: inode, to: tier) }
        do {
            try await whenCopied?(copies.result)
            let stale = try await committer.run { context in
                try context.swap(copies.swaps, of: inode, to: tier)
            }
            core.discard(stale)
        } catch {
            core.discard(copies.swaps.map(\.new))
            throw error
        }
        return copies.result
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

/// Records copied for a move, not yet swapped in.
struct RecordCopies: Sendable {
    var swaps: [RecordSwap] = []
    var result = MoveResult()
}

extension ReadContext {
    /// Copies every record of a file that lies in another tier, and makes the copies durable.
    func copyRecords(of inode: InodeNumber, to tier: Tier) throws -> RecordCopies {
        let ticket = core.fence.enter()
        defer { core.fence.leave(ticket) }
        try attributes(of: inode, at: .live).requireRegular()
        var copies = RecordCopies()
        var copied: [RecordPointer: RecordPointer] = [:]
        do {
            for row in try slices(of: inode) {
                guard let old = row.record,
                    let usage = core.segments.usage(of: old.segment), usage.tier != tier
                else { continue }
                if copied[old] == nil {
                    let identity = RecordIdentity(row.home)
                    let address = RecordAddress(old)
                    let plain = try core.segments.header(of: address, expecting: identity)
                    let new = RecordPointer(
                        try core.segments.copyRecord(address, expecting: identity, to: tier)
                    )
                    copied[old] = new
                    copies.result.records += 1
                    copies.result.bytes += UInt64(plain.plainBytes)
                    copies.result.storedBefore += old.length
                    copies.result.storedAfter += new.length
                }
                guard let new = copied[old] else { continue }
                copies.swaps.append(
                    RecordSwap(
                        inode: inode,
                        tile: row.tile,
                        sequence: row.sequence,
                        died: row.died,
                        old: old,
                        new: new
                    )
                )
            }
            if !copied.isEmpty { try core.syncSegments() }
        } catch {
            core.discard(Array(copied.values))
            throw error
        }
        return copies
    }

    /// Every slice row of a file, dead ones too.
    private func slices(of inode: InodeNumber) throws -> [SliceRow] {
        var rows: [SliceRow] = []
        var position: SliceKey?
        let before = SliceKey(before: inode)
        while true {
            let page = try reader.slices(after: position ?? before, limit: 1_024)
            for row in page {
                guard row.inode == inode else { return rows }
                rows.append(row)
            }
            guard page.count == 1_024, let last = page.last else { return rows }
            position = SliceKey(last)
        }
    }
}

extension WriteContext {
    /// Points rows at the copies; answers the copies that no row took.
    func swap(
        _ swaps: [RecordSwap],
        of inode: InodeNumber,
        to tier: Tier
    ) throws -> [RecordPointer] {
        _ = try row(inode)
        let stale = try swap(swaps)
        try writer.setPlace(inode, tier == .standard ? nil : tier, since: now)
        return stale
    }
}
