import Compression
import Keyring
import VarveModel

/// A slice's plain bytes, in the pieces in which they arrived.
struct PlainPieces {
    // SAFETY: the caller's buffers, valid for the duration of the append that they were given to.
    let pieces: [UnsafeRawBufferPointer]
    let count: Int

    init(_ pieces: [UnsafeRawBufferPointer]) {
        self.pieces = pieces
        count = pieces.reduce(0) { $0 + $1.count }
    }

    /// The bytes of `range` where one piece holds them all.
    func contiguous(_ range: Range<Int>) -> UnsafeRawBufferPointer? {
        var start = 0
        for piece in pieces {
            let end = start + piece.count
            if range.lowerBound < end {
                guard range.upperBound <= end else { return nil }
                let inside = range.lowerBound - start..<range.upperBound - start
                return UnsafeRawBufferPointer(rebasing: piece[inside])
            }
            start = end
        }
        return nil
    }

    /// Copies `range` to the start of `target`.
    func copy(_ range: Range<Int>, to target: UnsafeMutableRawBufferPointer) {
        var start = 0
        var filled = 0
        for piece in pieces {
            let part = range.clamped(to: start..<start + piece.count)
            if !part.isEmpty {
                let inside = UnsafeRawBufferPointer(
                    rebasing: piece[part.lowerBound - start..<part.upperBound - start]
                )
                UnsafeMutableRawBufferPointer(rebasing: target[filled...]).copyMemory(from: inside)
                filled += part.count
            }
            start += piece.count
        }
    }
}

/// Lays one record out in a buffer and seals it there: one copy-free pass for plain blocks.
struct RecordSealer {
    let plain: PlainPieces
    let blockBytes: Int
    /// ``bufferBytes(plainBytes:blockBytes:isCompressing:)`` bytes.
    let buffer: UnsafeMutableRawBufferPointer
    private(set) var blocks: [RecordBlock] = []
    /// Compressed blocks stand in the buffer already; plain ones still stand in the pieces.
    private var isStaged = false

    init(plain: PlainPieces, blockBytes: Int, buffer: UnsafeMutableRawBufferPointer) {
        self.plain = plain
        self.blockBytes = blockBytes
        self.buffer = buffer
    }

    /// A stretch that is sealed and then written: four large blocks stay in a core's own cache meanwhile.
    static let stretchBytes = 260 << 10

    /// Bytes that sealing a record needs: all of it to compress, else the longest stretch.
    static func bufferBytes(plainBytes: Int, blockBytes: Int, isCompressing: Bool) -> Int {
        let record = SegmentFormat.recordBytes(plainBytes: plainBytes, blockBytes: blockBytes)
        let footprint = Int(SegmentFormat.aligned(UInt64(record)))
        if isCompressing { return footprint }
        let blocks = SegmentFormat.blockCount(plainBytes: plainBytes, blockBytes: blockBytes)
        let header = SegmentFormat.recordHeaderBytes(blocks: blocks)
        // The padding behind the last block has its place in every stretch.
        return min(footprint, header + stretchBytes) + Int(SegmentFormat.alignment)
    }

    private var blockCount: Int {
        SegmentFormat.blockCount(plainBytes: plain.count, blockBytes: blockBytes)
    }

    private func plainRange(_ index: Int) -> Range<Int> {
        index * blockBytes..<min(plain.count, (index + 1) * blockBytes)
    }

    /// Bytes of the record; known once the blocks are laid out.
    var length: Int {
        SegmentFormat.recordHeaderBytes(blocks: blocks.count)
            + blocks.reduce(0) { $0 + $1.sealedBytes }
    }

    /// Lays the blocks out as they are.
    mutating func layOut() {
        blocks = (0..<blockCount).map { index in
            RecordBlock(
                sealedBytes: plainRange(index).count + SegmentFormat.tagBytes,
                codec: .none
            )
        }
    }

    /// Compresses each block into its place; one that saves less than a sixteenth stays plain.
    ///
    /// - Parameters:
    ///   - compressor: Of the tier's level.
    ///   - scratch: For blocks that lie in several pieces.
    ///   - rest: Called before each block but the first: whoever has time may let others have the processor.
    mutating func layOut(
        compressing compressor: ZstdCompressor,
        scratch: ScratchPool,
        rest: () -> Void
    ) {
        isStaged = true
        blocks.reserveCapacity(blockCount)
        var position = SegmentFormat.recordHeaderBytes(blocks: blockCount)
        for index in 0..<blockCount {
            if index > 0 { rest() }
            let range = plainRange(index)
            let place = UnsafeMutableRawBufferPointer(
                rebasing: buffer[position..<position + range.count]
            )
            let block = stage(range, in: place, compressor, scratch)
            blocks.append(block)
            position += block.sealedBytes
        }
    }

    private func stage(
        _ range: Range<Int>,
        in place: UnsafeMutableRawBufferPointer,
        _ compressor: ZstdCompressor,
        _ scratch: ScratchPool
    ) -> RecordBlock {
        let worthwhile = UnsafeMutableRawBufferPointer(
            rebasing: place[0..<range.count - range.count / 16]
        )
        let shrunk: Int?
        if let source = plain.contiguous(range) {
            shrunk = compressor.compress(source, into: worthwhile)
        } else {
            shrunk = scratch.with(range.count) { gathered in
                plain.copy(range, to: gathered)
                return compressor.compress(UnsafeRawBufferPointer(gathered), into: worthwhile)
            }
        }
        if let shrunk, shrunk < range.count {
            return RecordBlock(sealedBytes: shrunk + SegmentFormat.tagBytes, codec: .zstd)
        }
        plain.copy(range, to: place)
        return RecordBlock(sealedBytes: range.count + SegmentFormat.tagBytes, codec: .none)
    }

    /// Seals the header's record, and hands it over in stretches that are still in the cache.
    ///
    /// - Parameters:
    ///   - header: With the offset and the number that were reserved for this record alone.
    ///   - sealer: Under the segment's key.
    ///   - write: Takes each stretch, in order, and where in the record it begins.
    /// - Throws: What `write` throws.
    func seal(
        _ header: RecordHeader,
        with sealer: Sealer,
        to write: (UnsafeRawBufferPointer, UInt64) throws(SegmentError) -> Void
    ) throws(SegmentError) {
        let headerBytes = header.encoded()
        buffer.copyBytes(from: headerBytes)
        var start: UInt64 = 0
        var filled = headerBytes.count
        for (index, block) in blocks.enumerated() {
            if !isStaged, filled + block.sealedBytes + Int(SegmentFormat.alignment) > buffer.count {
                try write(UnsafeRawBufferPointer(rebasing: buffer[0..<filled]), start)
                start += UInt64(filled)
                filled = 0
            }
            let sealed = UnsafeMutableRawBufferPointer(
                rebasing: buffer[filled..<filled + block.sealedBytes]
            )
            headerBytes.withUnsafeBytes { authenticated in
                sealer.seal(
                    input(index, at: sealed),
                    into: sealed,
                    nonce: Nonce(number: header.number, index: UInt32(index)),
                    authenticating: authenticated
                )
            }
            filled += block.sealedBytes
        }
        let end = Int(header.address.footprint - start)
        buffer[filled..<end].initializeMemory(as: UInt8.self, repeating: 0)
        try write(UnsafeRawBufferPointer(rebasing: buffer[0..<end]), start)
    }

    /// What a block's seal reads: the staged bytes, the caller's own, or a gathered copy in place.
    private func input(
        _ index: Int,
        at sealed: UnsafeMutableRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        let place = UnsafeMutableRawBufferPointer(
            rebasing: sealed[0..<sealed.count - SegmentFormat.tagBytes]
        )
        if isStaged { return UnsafeRawBufferPointer(place) }
        let range = plainRange(index)
        if let source = plain.contiguous(range) { return source }
        plain.copy(range, to: place)
        return UnsafeRawBufferPointer(place)
    }
}
