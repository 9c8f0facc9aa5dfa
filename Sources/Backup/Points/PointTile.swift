import BackupVault
import VarveModel

/// The data of one 4 MiB tile of a file: runs of chunks' bytes in order; what is between is a hole.
struct PointTile: Sendable, Hashable {
    /// A run of the file's bytes, and the part of a chunk that holds them.
    struct Extent: Sendable, Hashable {
        /// Within the tile.
        var range: Range<UInt32>
        var chunk: ChunkReference
        /// Where in the chunk the run begins.
        var skip: UInt32

        /// The part of this extent that lies in `part`; `nil` when none does.
        func clipped(to part: Range<UInt32>) -> Extent? {
            let shared = range.clamped(to: part)
            guard !shared.isEmpty else { return nil }
            return Extent(
                range: shared,
                chunk: chunk,
                skip: skip + (shared.lowerBound - range.lowerBound)
            )
        }
    }

    var extents: [Extent] = []

    /// More ranges in a tile than this, and it is cut anew.
    static let rangesMax = 256

    /// 4,096: 64 KiB of a map's value.
    ///
    /// A tile of more runs of data is kept as one, its holes as zeros, so that no file can outgrow what a map
    /// takes.
    static let runsMax = 4_096

    /// Runs of one tile, as many as it may have.
    static func bounded(_ runs: [Range<UInt64>]) -> [Range<UInt64>] {
        guard runs.count > runsMax, let first = runs.first, let last = runs.last else {
            return runs
        }
        return [first.lowerBound..<last.upperBound]
    }

    /// Bytes that the tile shows.
    var bytesShown: UInt64 { extents.reduce(0) { $0 + UInt64($1.range.count) } }

    /// Bytes of all chunks that it needs, each counted once.
    var bytesReferenced: UInt64 {
        Set(extents.map(\.chunk)).reduce(0) { $0 + UInt64($1.length) }
    }

    /// Replaces what is in `ranges` by `new`, and keeps of all the rest only what is data still.
    ///
    /// - Parameters:
    ///   - ranges: What was written, in order.
    ///   - new: The extents of those ranges, in order.
    ///   - data: All data of the tile as it is now, in order.
    /// - Returns: The tile as it is now.
    func replacing(
        _ ranges: [Range<UInt32>],
        with new: [Extent],
        data: [Range<UInt32>]
    ) -> PointTile {
        var kept: [Extent] = []
        for run in data {
            // The parts of this run that were not written are the old extents'.
            var at = run.lowerBound
            for written in ranges where written.overlaps(run) {
                keep(at..<max(at, written.lowerBound), &kept)
                at = max(at, written.upperBound)
            }
            keep(at..<max(at, run.upperBound), &kept)
        }
        let all = (kept + new).sorted { $0.range.lowerBound < $1.range.lowerBound }
        return PointTile(extents: PointTile.merged(all))
    }

    private func keep(_ part: Range<UInt32>, _ kept: inout [Extent]) {
        guard !part.isEmpty else { return }
        for extent in extents {
            if let clipped = extent.clipped(to: part) { kept.append(clipped) }
        }
    }

    /// Lays runs of a tile, whose bytes were stored one after another, over the chunks that they became.
    static func extents(of runs: [Range<UInt32>], over chunks: [ChunkReference]) -> [Extent] {
        var extents: [Extent] = []
        var index = 0
        var skip: UInt32 = 0
        for run in runs {
            var at = run.lowerBound
            while at < run.upperBound, index < chunks.count {
                let count = min(run.upperBound - at, chunks[index].length - skip)
                extents.append(Extent(range: at..<at + count, chunk: chunks[index], skip: skip))
                at += count
                skip += count
                if skip == chunks[index].length {
                    index += 1
                    skip = 0
                }
            }
        }
        return extents
    }

    /// Joins neighbours that go on in the same chunk.
    private static func merged(_ extents: [Extent]) -> [Extent] {
        var merged: [Extent] = []
        for extent in extents {
            if let last = merged.last, last.range.upperBound == extent.range.lowerBound,
                last.chunk == extent.chunk,
                last.skip + UInt32(last.range.count) == extent.skip
            {
                merged[merged.count - 1].range =
                    last.range.lowerBound..<extent.range.upperBound
            } else {
                merged.append(extent)
            }
        }
        return merged
    }

    /// The runs of data that these extents cover, neighbours joined.
    var data: [Range<UInt32>] {
        var runs: [Range<UInt32>] = []
        for extent in extents {
            if let last = runs.last, last.upperBound == extent.range.lowerBound {
                runs[runs.count - 1] = last.lowerBound..<extent.range.upperBound
            } else {
                runs.append(extent.range)
            }
        }
        return runs
    }

    // MARK: Bytes

    func encoded() -> MapValue {
        var chunks: [ChunkReference] = []
        var indexes: [ChunkReference: UInt32] = [:]
        var writer = ByteWriter(capacity: 5 + extents.count * 16)
        writer.append(PointFormat.format)
        writer.append(UInt32(extents.count))
        for extent in extents {
            let index = indexes[extent.chunk] ?? UInt32(chunks.count)
            if indexes.updateValue(index, forKey: extent.chunk) == nil {
                chunks.append(extent.chunk)
            }
            writer.append(extent.range.lowerBound)
            writer.append(UInt32(extent.range.count))
            writer.append(index)
            writer.append(extent.skip)
        }
        return MapValue(writer.bytes, chunks: chunks)
    }

    init(extents: [Extent] = []) {
        self.extents = extents
    }

    init(_ value: MapValue) throws(BackupError) {
        var reader = ByteReader(value.bytes)
        guard reader.read(UInt8.self) == PointFormat.format,
            let count = reader.read(UInt32.self),
            UInt64(reader.remaining) == UInt64(count) * 16
        else { throw BackupError(malformed: "an extent map") }
        var end: UInt32 = 0
        for _ in 0..<count {
            guard let offset = reader.read(UInt32.self), let length = reader.read(UInt32.self),
                let index = reader.read(UInt32.self), let skip = reader.read(UInt32.self),
                index < value.chunks.count, offset >= end, length > 0,
                UInt64(offset) + UInt64(length) <= PointFormat.tileBytes,
                UInt64(skip) + UInt64(length) <= UInt64(value.chunks[Int(index)].length)
            else { throw BackupError(malformed: "an extent map") }
            end = offset + length
            extents.append(
                Extent(range: offset..<end, chunk: value.chunks[Int(index)], skip: skip)
            )
        }
    }
}
