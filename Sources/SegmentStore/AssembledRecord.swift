import Compression
import Disk
import VarveModel

/// One record put together from all copies of it: the header, and each block, of the first copy in which it verifies.
///
/// Copies that are damaged in different places still give the whole.
struct AssembledRecord {
    /// What one copy holds.
    struct Part {
        let copy: any DiskCopy
        /// The record's bytes there; `nil` where they cannot be read, or end too soon.
        let bytes: [UInt8]?
        /// Why it does not stand for the record; `nil` of one that is right.
        var problem: String?
    }

    let address: RecordAddress
    private(set) var parts: [Part]
    /// `nil`: no copy has one that is the record's.
    private(set) var header: RecordHeader?
    /// The record as sealed; zeros where no copy verifies.
    private(set) var bytes: [UInt8] = []
    /// Blocks that verify in no copy.
    private(set) var badBlocks: [Int] = []

    /// Whether every byte of it verifies.
    var isWhole: Bool { header != nil && badBlocks.isEmpty }

    /// Bytes read for it.
    var bytesRead: Int { parts.reduce(0) { $0 + ($1.bytes?.count ?? 0) } }

    /// Reads all copies of a record and opens what they hold.
    ///
    /// - Parameters:
    ///   - address: At most as long as ``bytesMax``.
    ///   - copies: In reading order.
    ///   - opening: What opens blocks under the segment's key.
    ///   - isExpected: Whether a header is the one that should stand there.
    init(
        _ address: RecordAddress,
        of copies: [any DiskCopy],
        opening: RecordOpening,
        where isExpected: (RecordHeader) -> Bool
    ) {
        self.address = address
        parts = copies.map { AssembledRecord.part(of: $0, address) }
        for part in parts.indices {
            guard let held = parts[part].bytes else { continue }
            guard let found = held.withUnsafeBytes({ RecordHeader($0) }), isExpected(found) else {
                parts[part].problem = "has a damaged header"
                continue
            }
            let headerBytes = Array(held[0..<found.headerBytes])
            // Most often all copies bear the same.
            if header != nil, bytes.starts(with: headerBytes) { continue }
            if isWhole { continue }
            assemble(opening.opener(CachedHeader(header: found, bytes: headerBytes)))
        }
        compare()
    }

    /// Longer than any record of data or any table: 64 MiB of table in blocks of 64 KiB, and their header.
    static let bytesMax = UInt64(SegmentFormat.tableBytesMax) + 1 << 20

    private static func part(of copy: any DiskCopy, _ address: RecordAddress) -> Part {
        do throws(DiskError) {
            let bytes = try copy.read(count: Int(address.length), at: address.offset)
            guard bytes.count == Int(address.length) else {
                return Part(copy: copy, bytes: nil, problem: "is cut short by the end of the file")
            }
            return Part(copy: copy, bytes: bytes)
        } catch {
            return Part(copy: copy, bytes: nil, problem: "cannot be read: \(error.message)")
        }
    }

    /// Takes each block from the first copy in which it opens under this header, if more do than under another.
    private mutating func assemble(_ opener: RecordOpener) {
        let length = opener.header.headerBytes + opener.header.sealedBytes
        guard length == Int(address.length) else { return }
        var found = opener.headerBytes + [UInt8](repeating: 0, count: opener.header.sealedBytes)
        var bad: [Int] = []
        for block in opener.header.blocks.indices {
            let range = opener.sealedRange(of: block..<block + 1)
            var tried: [ArraySlice<UInt8>] = []
            let good = parts.lazy.compactMap { $0.bytes?[range] }.first { sealed in
                guard !tried.contains(sealed) else { return false }
                tried.append(sealed)
                return opener.opens(block, Array(sealed))
            }
            if let good { found.replaceSubrange(range, with: good) } else { bad.append(block) }
        }
        guard header == nil || bad.count < badBlocks.count else { return }
        header = opener.header
        bytes = found
        badBlocks = bad
    }

    /// Notes what is wrong with each copy.
    private mutating func compare() {
        guard let header else { return }
        for index in parts.indices {
            guard let held = parts[index].bytes, parts[index].problem == nil else { continue }
            var start = header.headerBytes
            if held[0..<start] != bytes[0..<start] {
                parts[index].problem = "has another header than its blocks"
                continue
            }
            for (block, found) in header.blocks.enumerated() {
                let range = start..<start + found.sealedBytes
                start = range.upperBound
                guard badBlocks.contains(block) || held[range] != bytes[range] else { continue }
                parts[index].problem = "fails the tag of its block \(block)"
                break
            }
        }
    }

    /// Ranges of ``bytes`` that verify, and may stand in the place of others.
    var goodRanges: [Range<Int>] {
        guard let header else { return [] }
        guard !badBlocks.isEmpty else { return [0..<bytes.count] }
        var ranges: [Range<Int>] = []
        // A header counts for what it authenticates: without one block it may be anybody's.
        guard badBlocks.count < header.blocks.count else { return [] }
        var run = 0..<header.headerBytes
        var end = header.headerBytes
        for (block, found) in header.blocks.enumerated() {
            end += found.sealedBytes
            if badBlocks.contains(block) {
                if !run.isEmpty { ranges.append(run) }
                run = end..<end
            } else {
                run = run.lowerBound..<end
            }
        }
        if !run.isEmpty { ranges.append(run) }
        return ranges
    }

    /// What is wrong, copy by copy; empty when all is well.
    var problems: String {
        parts.compactMap { part in part.problem.map { "in zone '\(part.copy.zone)' it \($0)" } }
            .joined(separator: ", ")
    }
}

/// What opens the records of one segment.
struct RecordOpening {
    let file: SegmentFile
    let decompressors: LendingPool<ZstdDecompressor>
    let scratch: ScratchPool

    func opener(_ found: CachedHeader) -> RecordOpener {
        RecordOpener(
            header: found.header,
            headerBytes: found.bytes,
            sealer: file.sealer,
            decompressors: decompressors,
            scratch: scratch
        )
    }
}

extension RecordOpener {
    /// Whether one block verifies.
    func opens(_ block: Int, _ sealed: [UInt8]) -> Bool {
        let held = header.plainRange(ofBlock: block)
        var sealed = sealed
        return scratch.with(held.count) { plain in
            sealed.withUnsafeMutableBytes {
                open(block..<block + 1, sealed: $0, plainRange: held, into: plain) == nil
            }
        }
    }
}
