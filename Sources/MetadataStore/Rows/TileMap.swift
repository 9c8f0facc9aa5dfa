package import VarveModel

/// Which slice shows each byte of one tile: later slices lie over earlier ones.
///
/// A pure value: reading a tile, finding the slices that a write hides, and counting the bytes that a
/// file occupies are all questions to it.
package struct TileMap: Sendable {
    /// A slice of the tile and how much of it still shows.
    package struct Member: Sendable, Hashable {
        package let row: SliceRow
        /// Bytes that no later slice covers.
        package fileprivate(set) var visible: UInt64
    }

    /// What an insertion did.
    package struct Effect: Sendable {
        /// Slices that the union of later ones now covers; they have left the map.
        package var hidden: [SliceRow] = []
        /// Bytes of data that stopped showing, by the segment that holds them.
        package var lost: [(segment: SegmentID, bytes: UInt64)] = []
    }

    private struct Piece {
        var start: UInt64
        var end: UInt64
        let sequence: UInt64
    }

    private var pieces: [Piece] = []
    /// By sequence.
    package private(set) var members: [UInt64: Member] = [:]

    package init() {}

    /// Lays rows over one another in order of sequence, keeping hidden ones as members.
    package init(_ rows: [SliceRow]) {
        for row in rows.sorted(by: { $0.sequence < $1.sequence }) {
            cover(row, removingHidden: false)
        }
    }

    package var count: Int { members.count }

    /// Members of which nothing shows: only a map made from rows may have them.
    package var hiddenMembers: [SliceRow] {
        members.values.filter { $0.visible == 0 }.map(\.row)
    }

    /// Bytes of data that show.
    package var dataBytes: UInt64 {
        members.values.reduce(0) { $0 + ($1.row.record == nil ? 0 : $1.visible) }
    }

    package var sequences: [UInt64] { members.keys.sorted() }

    /// Whether any data shows within `range`.
    package func holdsData(in range: Range<UInt64>) -> Bool {
        pieces.contains {
            $0.start < range.upperBound && $0.end > range.lowerBound
                && members[$0.sequence]?.row.record != nil
        }
    }

    /// Lays the newest slice over the others.
    package mutating func insert(_ row: SliceRow) -> Effect {
        cover(row, removingHidden: true)
    }

    /// Takes out a member that shows nothing.
    package mutating func removeHidden(_ sequence: UInt64) {
        precondition(members[sequence]?.visible ?? 0 == 0, "only a hidden slice leaves the map")
        members[sequence] = nil
    }

    /// Points a member at a copy of its record.
    ///
    /// - Returns: Bytes of the slice that show.
    package mutating func replaceRecord(of row: SliceRow, with record: RecordPointer) -> UInt64 {
        guard let member = members[row.sequence] else { return 0 }
        members[row.sequence] = Member(row: row.pointing(at: record), visible: member.visible)
        return member.visible
    }

    /// The data that shows, ascending; gaps are zeros.
    package var extents: [TileExtent] {
        var extents: [TileExtent] = []
        extents.reserveCapacity(pieces.count)
        for piece in pieces {
            guard let row = members[piece.sequence]?.row, let record = row.record else { continue }
            extents.append(
                TileExtent(
                    offset: piece.start,
                    length: piece.end - piece.start,
                    record: record,
                    skip: row.skip + (piece.start - row.offset),
                    sequence: row.sequence,
                    born: row.born,
                    home: row.home
                )
            )
        }
        return extents
    }

    @discardableResult
    private mutating func cover(_ row: SliceRow, removingHidden: Bool) -> Effect {
        var effect = Effect()
        let low = firstPiece(endingAfter: row.offset)
        var high = low
        var replacement: [Piece] = []
        if low < pieces.count, pieces[low].start < row.offset {
            var left = pieces[low]
            left.end = row.offset
            replacement.append(left)
        }
        replacement.append(Piece(start: row.offset, end: row.end, sequence: row.sequence))
        while high < pieces.count, pieces[high].start < row.end {
            let piece = pieces[high]
            let covered = min(piece.end, row.end) - max(piece.start, row.offset)
            uncount(covered, of: piece.sequence, removingHidden: removingHidden, into: &effect)
            if piece.end > row.end {
                var right = piece
                right.start = row.end
                replacement.append(right)
            }
            high += 1
        }
        pieces.replaceSubrange(low..<high, with: replacement)
        members[row.sequence] = Member(row: row, visible: row.length)
        return effect
    }

    private mutating func uncount(
        _ bytes: UInt64,
        of sequence: UInt64,
        removingHidden: Bool,
        into effect: inout Effect
    ) {
        guard var member = members[sequence] else { return }
        member.visible -= bytes
        if let record = member.row.record {
            effect.lost.append((record.segment, bytes))
        }
        if member.visible == 0, removingHidden {
            members[sequence] = nil
            effect.hidden.append(member.row)
        } else {
            members[sequence] = member
        }
    }

    /// The index of the first piece whose end is after `offset`.
    private func firstPiece(endingAfter offset: UInt64) -> Int {
        var low = 0
        var high = pieces.count
        while low < high {
            let middle = (low + high) / 2
            if pieces[middle].end <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
