import MetadataStore
import SegmentStore
package import VarveModel

/// Where a file's data lies, against the tier that the file is in.
package struct DataPlace: Sendable, Hashable {
    /// Bytes that show today, lie in another tier than the file, and would come along if it were moved into its own.
    package var elsewhere: UInt64 = 0
    /// When the newest data of another tier was written.
    package var written: Timestamp?
    /// Bytes that show today and stay in a warmer tier, for another file shows them there.
    package var held: UInt64 = 0
    /// When data was last written, or cut, whatever the file's times say; `nil` of one without slices.
    package var lastWrite: Timestamp?

    package init() {}
}

extension FileSystem {
    /// Where the data of a live file lies; it costs the file's slices, and is nobody's access.
    ///
    /// - Parameters:
    ///   - inode: A regular file.
    ///   - tier: The tier that it is in.
    /// - Returns: Of the present, unstable writes too.
    /// - Throws: `.corrupt`, `.failed`.
    package func dataPlace(
        of inode: InodeNumber,
        in tier: Tier
    ) async throws(FileSystemError) -> DataPlace {
        try await readers.run(isLong: true) { try $0.dataPlace(of: inode, in: tier) }
    }

    /// Whether some retained instant may show an inode that is gone by now.
    package func isShownByPast(_ inode: InodeNumber) async throws(FileSystemError) -> Bool {
        try await readers.run { context in
            try context.begin(.live)
            return try context.reader.isShownByPast(inode)
        }
    }
}

extension ReadContext {
    func dataPlace(of inode: InodeNumber, in tier: Tier) throws -> DataPlace {
        let pending = core.pending.view(of: inode)
        try begin(.live)
        var place = DataPlace()
        place.lastWrite = try reader.newestSlice(inode).map { Timestamp(seconds: $0.second) }
        var may: [RecordPointer: Bool] = [:]
        for tile in try reader.tilesElsewhere(inode, than: tier) {
            for extent in try reader.extents(inode, tile: tile, at: .live) {
                let record = extent.record
                guard let current = core.segments.usage(of: record.segment)?.tier, current != tier
                else { continue }
                let moves =
                    try may[record]
                    ?? reader.mayMove(record, from: current, to: tier, of: inode)
                may[record] = moves
                if moves {
                    let written = Timestamp(seconds: extent.born.second)
                    place.elsewhere += extent.length
                    place.written = max(place.written ?? written, written)
                } else if current.isWarmer(than: tier) {
                    place.held += extent.length
                }
            }
        }
        if let pending { place.add(pending, in: tier) }
        return place
    }
}

extension DataPlace {
    /// Unstable writes lie in Standard.
    fileprivate mutating func add(_ pending: PendingView, in tier: Tier) {
        lastWrite = max(lastWrite ?? pending.modified, pending.modified)
        guard tier != .standard else { return }
        elsewhere += pending.slices.reduce(0) { $0 + UInt64($1.range.count) }
        written = max(written ?? pending.modified, pending.modified)
    }
}
