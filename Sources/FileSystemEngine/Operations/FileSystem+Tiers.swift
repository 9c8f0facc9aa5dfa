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
        _ = try await commit(inode)
        var result = try await moveOnce(inode, to: tier, whenCopied)
        for _ in 1..<FileSystem.moveAttemptsMax where result.missed > 0 {
            do throws(FileSystemError) {
                result.add(try await moveOnce(inode, to: tier, nil))
            } catch {
                // The file is in its tier by now; what was missed is told, and lies where it was.
                break
            }
        }
        return result
    }

    /// Four: records are rewritten by compaction and merges, which take seconds, and come up to a file once.
    private static let moveAttemptsMax = 4

    private func moveOnce(
        _ inode: InodeNumber,
        to tier: Tier,
        _ whenCopied: ((MoveResult) async throws(FileSystemError) -> Void)?
    ) async throws(FileSystemError) -> MoveResult {
        let copies = try await readers.run(shows: false) { try $0.copyRecords(of: inode, to: tier) }
        do {
            try await whenCopied?(copies.result)
            let (stale, sharers) = try await committer.run { context in
                try context.swap(copies.swaps, of: inode, to: tier)
            }
            core.discard(stale)
            var result = copies.result(without: stale)
            result.sharers = sharers
            return result
        } catch {
            core.discard(copies.swaps.map(\.new))
            throw error
        }
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
    /// Plain bytes of each copy, where a move tells them.
    var plainBytes: [RecordPointer: UInt64] = [:]

    /// What the copies come to, without those that no row took.
    func result(without stale: [RecordPointer]) -> MoveResult {
        var result = result
        let missed = Set(stale)
        var counted: Set<RecordPointer> = []
        for swap in swaps where missed.contains(swap.new) && counted.insert(swap.new).inserted {
            result.records -= 1
            result.bytes -= plainBytes[swap.new] ?? 0
            result.storedBefore -= swap.old.length
            result.storedAfter -= swap.new.length
            result.missed += 1
        }
        return result
    }
}

extension ReadContext {
    /// Copies every record of a file that lies in another tier and may leave it, and makes the copies durable.
    func copyRecords(of inode: InodeNumber, to tier: Tier) throws -> RecordCopies {
        let ticket = core.fence.enter()
        defer { core.fence.leave(ticket) }
        try attributes(of: inode, at: .live).requireRegular()
        var copies = RecordCopies()
        var copied: [RecordPointer: RecordPointer?] = [:]
        do {
            for row in try slices(of: inode) {
                guard let old = row.record else { continue }
                if copied[old] == nil { copied[old] = try copy(old, of: row, to: tier, &copies) }
                guard let new = copied[old] ?? nil else { continue }
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
            if !copies.swaps.isEmpty { try core.syncSegments() }
        } catch {
            core.discard(copied.values.compactMap { $0 })
            throw error
        }
        return copies
    }

    /// A copy of a record; `nil` when it stays where it is.
    private func copy(
        _ old: RecordPointer,
        of row: SliceRow,
        to tier: Tier,
        _ copies: inout RecordCopies
    ) throws -> RecordPointer? {
        guard let current = core.segments.usage(of: old.segment)?.tier,
            try reader.mayMove(old, from: current, to: tier, of: row.inode)
        else { return nil }
        let identity = RecordIdentity(row.home)
        let address = RecordAddress(old)
        let plain = try core.segments.header(of: address, expecting: identity)
        let new = RecordPointer(
            try core.segments.copyRecord(address, expecting: identity, to: tier)
        )
        copies.plainBytes[new] = UInt64(plain.plainBytes)
        copies.result.records += 1
        copies.result.bytes += UInt64(plain.plainBytes)
        copies.result.storedBefore += old.length
        copies.result.storedAfter += new.length
        return new
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
    /// Points rows at the copies; answers the copies that no row took, and the colder files whose rows were among them.
    ///
    /// What another file has come to show since the copies were made stays, as ``FileSystem/move(_:to:whenCopied:)`` says.
    func swap(
        _ swaps: [RecordSwap],
        of inode: InodeNumber,
        to tier: Tier
    ) throws -> (stale: [RecordPointer], sharers: Set<InodeNumber>) {
        _ = try row(inode)
        let shared = try sharing(swaps, of: inode, to: tier)
        let left = swaps.filter { shared.left.contains($0.old) }.map(\.new)
        let stale = try swap(swaps.filter { !shared.left.contains($0.old) })
        // A move inside its tier is no arrival there.
        if try writer.place(inode)?.tier ?? .standard != tier {
            try writer.setPlace(inode, tier == .standard ? nil : tier, since: now)
        }
        return (Array(Set(stale + left)), shared.sharers)
    }

    /// The records of a move that other files have come to hold, and the colder files for which the others move.
    private func sharing(
        _ swaps: [RecordSwap],
        of inode: InodeNumber,
        to tier: Tier
    ) throws -> (left: Set<RecordPointer>, sharers: Set<InodeNumber>) {
        var left: Set<RecordPointer> = []
        var sharers: Set<InodeNumber> = []
        guard writer.mayShareRecords else { return (left, sharers) }
        var seen: Set<RecordPointer> = []
        for swap in swaps where seen.insert(swap.old).inserted {
            // A segment without a row is gone, and nothing names its records: the swap misses.
            guard let current = try writer.segment(swap.old.segment)?.tier else { continue }
            if try writer.mayMove(swap.old, from: current, to: tier, of: inode) {
                sharers.formUnion(try writer.coldSharers(of: swap.old, besides: inode))
            } else {
                left.insert(swap.old)
            }
        }
        return (left, sharers)
    }
}
