import MetadataStore
import SegmentStore
import VarveModel

/// Tiles of many slices are rewritten as one record; every instant reads as before (I4).
extension FileSystem {
    /// Merges tiles that have grown crowded: a bounded number a call.
    func mergeCrowded() async throws(FileSystemError) {
        for tile in core.takeCrowded(limit: MaintenanceLimits.merges) {
            guard let merge = try await readers.run(shows: false, { try $0.prepareMerge(of: tile) })
            else {
                continue
            }
            do {
                let isTaken = try await committer.run { try $0.merge(merge) }
                if !isTaken { core.discard([merge.record]) }
            } catch {
                core.discard([merge.record])
                throw error
            }
        }
    }
}

/// A tile's bytes as one sealed record, and what they were read from.
struct TileMerge: Sendable {
    let key: Core.TileKey
    let basis: TileBasis
    let runs: [MergedRun]
    let record: RecordPointer
}

extension ReadContext {
    /// Reads a tile and seals it anew; `nil` when it has become small or empty meanwhile.
    func prepareMerge(of key: Core.TileKey) throws -> TileMerge? {
        let ticket = core.fence.enter()
        defer { core.fence.leave(ticket) }
        try begin(.live)
        guard let row = try reader.inode(key.inode, at: .live) else { return nil }
        let basis = try reader.tileBasis(key.inode, tile: key.tile)
        guard basis.sequences.count > Core.slicesMax / 2, let last = basis.sequences.last else {
            return nil
        }
        let extents = try reader.extents(key.inode, tile: key.tile, at: .live)
        guard let first = extents.first else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(extents.reduce(0) { $0 + Int($1.length) })
        var places: [(offset: UInt64, length: UInt64, skip: UInt64)] = []
        for extent in extents {
            let part = try read(extent, of: key)
            let skip = UInt64(bytes.count)
            if let end = places.last, end.offset + end.length == extent.offset {
                places[places.count - 1].length += extent.length
            } else {
                places.append((extent.offset, extent.length, skip))
            }
            bytes += part
        }
        let draft = RecordDraft(
            identity: RecordIdentity(inode: key.inode, tile: UInt32(key.tile), sequence: last),
            epoch: row.born,
            offsetInTile: UInt32(first.offset),
            fileSize: row.size,
            modified: row.modified,
            change: row.change
        )
        let record = RecordPointer(try core.segments.append(draft, bytes))
        let runs = places.map {
            MergedRun(offset: $0.offset, length: $0.length, record: record, skip: $0.skip)
        }
        return TileMerge(key: key, basis: basis, runs: runs, record: record)
    }

    private func read(_ extent: TileExtent, of key: Core.TileKey) throws -> [UInt8] {
        var failure: SegmentError?
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(extent.length)) { buffer, count in
            // SAFETY: a read that succeeds fills the whole buffer; after a failure none of it counts.
            do throws(SegmentError) {
                try core.segments.read(
                    RecordAddress(extent.record),
                    expecting: RecordIdentity(extent.home),
                    plainRange: Int(extent.skip)..<Int(extent.skip + extent.length),
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<Int(extent.length)]
                    )
                )
                count = Int(extent.length)
            } catch {
                failure = error
                count = 0
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension WriteContext {
    /// Puts the merged record in place; `false` when the tile has changed meanwhile.
    func merge(_ merge: TileMerge) throws -> Bool {
        try putSegments()
        guard
            try writer.merge(
                merge.key.inode,
                tile: merge.key.tile,
                basis: merge.basis,
                runs: merge.runs
            )
        else { return false }
        noteSlice(SliceOutcome(), merge.key.inode, tile: merge.key.tile)
        return true
    }
}
