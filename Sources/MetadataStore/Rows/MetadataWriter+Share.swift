package import VarveModel

/// A run of bytes that one slice shows, to be shown by another too.
package struct SharedExtent: Hashable, Sendable {
    /// The file and tile that show it.
    package let place: RecordHome
    package let extent: TileExtent

    package init(inode: InodeNumber, tile: Int64, _ extent: TileExtent) {
        place = RecordHome(inode: inode, tile: tile)
        self.extent = extent
    }
}

extension MetadataWriter {
    /// Lays a slice that shows bytes which a slice of any file, live or past, shows already: nothing is copied.
    ///
    /// - Parameters:
    ///   - inode: A regular file whose bytes are slices.
    ///   - tile: The tile's number.
    ///   - offset: Bytes from the start of the tile; the slice stays within it.
    ///   - sequence: Greater than that of every slice and cut of this inode before.
    ///   - source: What to show; as long as the new slice.
    /// - Returns: What changed in the file's accounts.
    /// - Throws: What SQLite answered.
    package func shareSlice(
        _ inode: InodeNumber,
        tile: Int64,
        offset: UInt64,
        sequence: UInt64,
        _ source: SharedExtent
    ) throws(MetadataError) -> SliceOutcome {
        let extent = source.extent
        let row = SliceRow(
            inode: inode,
            tile: tile,
            sequence: sequence,
            born: state.epoch,
            died: .never,
            offset: offset,
            length: extent.length,
            record: extent.record,
            skip: extent.skip,
            home: extent.home
        )
        // Before the row is laid: laying it may end the life of the source.
        try share(
            extent.record,
            with: row,
            source: Referrer(
                inode: source.place.inode,
                tile: source.place.tile,
                sequence: extent.sequence
            )
        )
        return try lay(row, isShared: true)
    }
}
