import Disk
import VarveModel

/// Walks one segment's records by their headers, from the file alone.
///
/// After bytes that are no record of this segment it goes on at the next multiple of 64 where a
/// header verifies: holes, torn writes and leftovers of an older segment are stepped over.
struct SegmentScanner {
    private static let windowBytes = 256 << 10

    let file: any DiskCopy
    let family: UniqueID
    let segment: SegmentID

    /// What the walk met.
    struct Walk {
        var headers: [RecordHeader] = []
        /// Bytes between the records that no record holds and that are not all zero.
        var foreign: [Range<UInt64>] = []

        /// Adds the records that another copy of the same segment has and this one has not.
        mutating func add(_ other: Walk) {
            let known = Set(headers.map(\.offset))
            let more = other.headers.filter { !known.contains($0.offset) }
            guard !more.isEmpty else { return }
            headers = (headers + more).sorted { $0.offset < $1.offset }
            foreign.removeAll { range in more.contains { $0.address.range.overlaps(range) } }
        }
    }

    /// Walks from the first record to the end of the file.
    func walk() throws(DiskError) -> Walk {
        var walk = Walk()
        let size = try file.size()
        var window: [UInt8] = []
        var windowStart = SegmentFormat.headerBytes
        var position = SegmentFormat.headerBytes
        var foreignStart: UInt64?
        while position + UInt64(SegmentFormat.recordFixedBytes) <= size {
            let windowEnd = windowStart + UInt64(window.count)
            if position + SegmentScanner.headerBytesMax > windowEnd, windowEnd < size {
                windowStart = position
                window = try file.read(count: SegmentScanner.windowBytes, at: position)
            }
            let inside = Int(position - windowStart)
            if let header = header(in: window, at: inside, expecting: position),
                header.address.range.upperBound <= SegmentFormat.aligned(size)
            {
                if let start = foreignStart { walk.foreign.append(start..<position) }
                foreignStart = nil
                walk.headers.append(header)
                position = header.address.range.upperBound
                continue
            }
            let isForeign = isForeign(window, at: inside)
            if isForeign, foreignStart == nil { foreignStart = position }
            if !isForeign, let start = foreignStart {
                walk.foreign.append(start..<position)
                foreignStart = nil
            }
            position += SegmentFormat.alignment
        }
        if let start = foreignStart { walk.foreign.append(start..<position) }
        return walk
    }

    /// The longest header: a 4 MiB record in blocks of 512 bytes has 32 KiB and 136 bytes.
    private static let headerBytesMax: UInt64 = 48 << 10

    private func header(in window: [UInt8], at index: Int, expecting position: UInt64)
        -> RecordHeader?
    {
        let found = window.withUnsafeBytes { bytes -> RecordHeader? in
            guard index < bytes.count else { return nil }
            return RecordHeader(UnsafeRawBufferPointer(rebasing: bytes[index...]))
        }
        guard let found, found.segment == segment, found.offset == position,
            found.family == family
        else { return nil }
        return found
    }

    private func isForeign(_ window: [UInt8], at index: Int) -> Bool {
        window.withUnsafeBytes { bytes in
            let end = min(index + Int(SegmentFormat.alignment), bytes.count)
            return index < end && bytes[index..<end].contains { $0 != 0 }
        }
    }

    /// The header of the table that a closed segment's trailer points at.
    func table(size: UInt64) throws(DiskError) -> RecordHeader? {
        guard let trailer = try SegmentScanner.trailer(file, segment, size: size) else {
            return nil
        }
        let bytes = try file.read(
            count: Int(min(trailer.tableLength, SegmentScanner.headerBytesMax)),
            at: trailer.tableOffset
        )
        let found = header(in: bytes, at: 0, expecting: trailer.tableOffset)
        return found?.kind == .table ? found : nil
    }

    /// Where a closed segment says that its table is.
    static func trailer(_ file: any DiskCopy, _ segment: SegmentID, size: UInt64)
        throws(DiskError) -> SegmentTrailer?
    {
        guard size >= SegmentFormat.headerBytes + SegmentFormat.trailerBytes else { return nil }
        let bytes = try file.read(
            count: Int(SegmentFormat.trailerBytes),
            at: size - SegmentFormat.trailerBytes
        )
        guard let trailer = SegmentTrailer(bytes), trailer.segment == segment,
            trailer.tableOffset >= SegmentFormat.headerBytes, trailer.tableOffset < size,
            trailer.tableLength < size
        else { return nil }
        return trailer
    }
}
