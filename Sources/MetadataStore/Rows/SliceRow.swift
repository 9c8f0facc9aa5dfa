package import VarveModel

/// A run of bytes written at once inside one tile, or a hole cut there.
package struct SliceRow: Hashable, Sendable {
    package let inode: InodeNumber
    /// The tile's number; ``rangeTile`` for a range operation over several tiles.
    package let tile: Int64
    /// Orders slices: a later one lies over an earlier one.
    package let sequence: UInt64
    package let born: Epoch
    package let died: Epoch
    /// Bytes from the start of the tile; of a range row, from the start of the file.
    package let offset: UInt64
    package let length: UInt64
    /// `nil` for a hole.
    package let record: RecordPointer?
    /// Plain bytes of the record that precede the slice's own.
    package let skip: UInt64
    /// Whose slice the record was written as; `nil` for one of this very file and tile.
    package let foreignHome: RecordHome?

    /// The tile number of range rows.
    package static let rangeTile: Int64 = -1

    package init(
        inode: InodeNumber,
        tile: Int64,
        sequence: UInt64,
        born: Epoch,
        died: Epoch,
        offset: UInt64,
        length: UInt64,
        record: RecordPointer?,
        skip: UInt64,
        home: RecordHome? = nil
    ) {
        self.inode = inode
        self.tile = tile
        self.sequence = sequence
        self.born = born
        self.died = died
        self.offset = offset
        self.length = length
        self.record = record
        self.skip = skip
        foreignHome = home == RecordHome(inode: inode, tile: tile) ? nil : home
    }

    package var end: UInt64 { offset + length }

    /// Whose inode and tile the record's header bears.
    package var home: RecordHome { foreignHome ?? RecordHome(inode: inode, tile: tile) }

    /// The same slice, its bytes in another record.
    func pointing(at record: RecordPointer) -> SliceRow {
        SliceRow(
            inode: inode,
            tile: tile,
            sequence: sequence,
            born: born,
            died: died,
            offset: offset,
            length: length,
            record: record,
            skip: skip,
            home: foreignHome
        )
    }
}

/// The file and tile that a record was written for: its header says so, whoever shows it by now.
package struct RecordHome: Hashable, Sendable {
    package let inode: InodeNumber
    package let tile: Int64

    package init(inode: InodeNumber, tile: Int64) {
        self.inode = inode
        self.tile = tile
    }
}

/// Where a scan of every slice row goes on: the table's primary key.
package struct SliceKey: Hashable, Sendable {
    package let inode: InodeNumber
    package let tile: Int64
    package let died: Epoch
    package let sequence: UInt64

    package init(_ row: SliceRow) {
        inode = row.inode
        tile = row.tile
        died = row.died
        sequence = row.sequence
    }

    /// Before every slice of an inode.
    package init(before inode: InodeNumber) {
        self.inode = inode
        tile = .min
        died = .zero
        sequence = 0
    }
}

/// Bytes of a tile that one record shows; what lies between extents reads as zeros.
package struct TileExtent: Hashable, Sendable {
    /// Bytes from the start of the tile.
    package var offset: UInt64
    package var length: UInt64
    package var record: RecordPointer
    /// Plain bytes of the record that precede the extent's own.
    package var skip: UInt64
    /// The slice that shows them.
    package var sequence: UInt64
    package var born: Epoch
    /// Whose inode and tile the record's header bears.
    package var home: RecordHome

    package init(
        offset: UInt64,
        length: UInt64,
        record: RecordPointer,
        skip: UInt64,
        sequence: UInt64,
        born: Epoch,
        home: RecordHome
    ) {
        self.offset = offset
        self.length = length
        self.record = record
        self.skip = skip
        self.sequence = sequence
        self.born = born
        self.home = home
    }

    package var end: UInt64 { offset + length }
}

/// What a merge was computed from; the tile may have changed since.
package struct TileBasis: Hashable, Sendable {
    /// The sequences of the tile's live slices, ascending.
    package let sequences: [UInt64]

    package init(sequences: [UInt64]) {
        self.sequences = sequences
    }
}

/// One run of a merged tile.
///
/// Several runs may share one record.
package struct MergedRun: Hashable, Sendable {
    package let offset: UInt64
    package let length: UInt64
    package let record: RecordPointer
    package let skip: UInt64

    package init(offset: UInt64, length: UInt64, record: RecordPointer, skip: UInt64 = 0) {
        self.offset = offset
        self.length = length
        self.record = record
        self.skip = skip
    }
}

/// One slice whose record was copied elsewhere.
package struct RecordSwap: Hashable, Sendable {
    package let inode: InodeNumber
    package let tile: Int64
    package let sequence: UInt64
    /// When the row that was read had died, if it is known: a hint that saves a search.
    package let died: Epoch?
    package let old: RecordPointer
    package let new: RecordPointer

    package init(
        inode: InodeNumber,
        tile: Int64,
        sequence: UInt64,
        died: Epoch? = nil,
        old: RecordPointer,
        new: RecordPointer
    ) {
        self.inode = inode
        self.tile = tile
        self.sequence = sequence
        self.died = died
        self.old = old
        self.new = new
    }
}

/// What a change of content did to the file's accounts.
package struct SliceOutcome: Hashable, Sendable {
    /// Change of ``InodeRow/space``.
    package var spaceDelta: Int64
    /// Live slices of the tile: past 256 it wants merging when quiet, past 1,024 at once.
    package var liveSlices: Int

    package init(spaceDelta: Int64 = 0, liveSlices: Int = 0) {
        self.spaceDelta = spaceDelta
        self.liveSlices = liveSlices
    }
}
