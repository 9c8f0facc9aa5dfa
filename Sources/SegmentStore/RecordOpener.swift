import Compression
import Keyring
import VarveModel

/// Opens blocks of one record: nothing leaves it that did not verify (I5).
struct RecordOpener {
    let header: RecordHeader
    let headerBytes: [UInt8]
    let sealer: Sealer
    let decompressors: LendingPool<ZstdDecompressor>
    let scratch: ScratchPool
    /// Keeps compressed blocks of which a part is opened.
    var cache: BlockCache?

    /// The blocks that hold `plainRange`; it is not empty and inside the record.
    func blocks(of plainRange: Range<Int>) -> Range<Int> {
        plainRange.lowerBound / header.blockBytes..<(plainRange.upperBound - 1) / header.blockBytes
            + 1
    }

    /// Where sealed blocks stand, from the record's start.
    func sealedRange(of blocks: Range<Int>) -> Range<Int> {
        var start = header.headerBytes
        for block in header.blocks[0..<blocks.lowerBound] { start += block.sealedBytes }
        let size = header.blocks[blocks].reduce(0) { $0 + $1.sealedBytes }
        return start..<start + size
    }

    /// Opens `blocks` and copies of them what `plainRange` asks for.
    ///
    /// - Parameters:
    ///   - blocks: Those of ``blocks(of:)``.
    ///   - sealed: Their sealed bytes; overwritten.
    ///   - plainRange: Bytes of the record.
    ///   - target: As many bytes; undefined when a block fails.
    /// - Returns: The first block that does not verify; `nil` when all is well.
    func open(
        _ blocks: Range<Int>,
        sealed: UnsafeMutableRawBufferPointer,
        plainRange: Range<Int>,
        into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        if wholePlain(blocks, in: plainRange) == blocks {
            switch openRun(blocks, sealed: UnsafeRawBufferPointer(sealed), into: target) {
            case .opened: return nil
            case .notAuthentic(let block): return block
            case .unreadable: preconditionFailure("memory that is no file's can be read")
            }
        }
        var position = 0
        for index in blocks {
            let block = header.blocks[index]
            let bytes = UnsafeMutableRawBufferPointer(
                rebasing: sealed[position..<position + block.sealedBytes]
            )
            let held = header.plainRange(ofBlock: index)
            let wanted = held.clamped(to: plainRange)
            let part = UnsafeMutableRawBufferPointer(
                rebasing: target[
                    wanted.lowerBound - plainRange.lowerBound..<wanted.upperBound
                        - plainRange.lowerBound
                ]
            )
            let inside =
                wanted.lowerBound - held.lowerBound..<wanted.upperBound - held.lowerBound
            guard open(index, bytes, inside: inside, into: part) else { return index }
            position += block.sealedBytes
        }
        return nil
    }

    /// Those of `blocks`, one run, that are wanted whole and are not compressed.
    func wholePlain(_ blocks: Range<Int>, in plainRange: Range<Int>) -> Range<Int> {
        var whole = blocks
        while let first = whole.first, !isWholePlain(first, in: plainRange) {
            whole.removeFirst()
        }
        let end = whole.first { !isWholePlain($0, in: plainRange) }
        return whole.lowerBound..<(end ?? whole.upperBound)
    }

    private func isWholePlain(_ block: Int, in plainRange: Range<Int>) -> Bool {
        let held = header.plainRange(ofBlock: block)
        return header.blocks[block].codec == .none && plainRange.lowerBound <= held.lowerBound
            && held.upperBound <= plainRange.upperBound
    }

    /// Opens blocks of ``wholePlain(_:in:)`` straight into their place.
    ///
    /// - Parameters:
    ///   - blocks: Not empty.
    ///   - sealed: Their sealed bytes; may be a mapped file.
    ///   - plain: As many bytes as they hold; undefined when one fails.
    /// - Returns: Whether all opened, or what stopped it.
    func openRun(
        _ blocks: Range<Int>,
        sealed: UnsafeRawBufferPointer,
        into plain: UnsafeMutableRawBufferPointer
    ) -> SealedRun.Outcome {
        headerBytes.withUnsafeBytes { bytes in
            sealer.openRun(
                SealedRun(
                    sealed: sealed,
                    into: plain,
                    blocks: blocks,
                    blockBytes: header.blockBytes,
                    number: header.number,
                    authenticating: bytes
                )
            )
        }
    }

    /// Opens one block and copies its bytes `inside` to `part`.
    private func open(
        _ index: Int,
        _ sealed: UnsafeMutableRawBufferPointer,
        inside: Range<Int>,
        into part: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let block = header.blocks[index]
        let plainBytes = header.plainRange(ofBlock: index).count
        let isWhole = inside.count == plainBytes
        let stored = UnsafeMutableRawBufferPointer(
            rebasing: sealed[0..<sealed.count - SegmentFormat.tagBytes]
        )
        // A whole plain block is opened into its place; all else in the sealed bytes' own.
        let opened = isWhole && block.codec == .none ? part : stored
        let isAuthentic = headerBytes.withUnsafeBytes { header in
            sealer.open(
                UnsafeRawBufferPointer(sealed),
                into: opened,
                nonce: Nonce(number: self.header.number, index: UInt32(index)),
                authenticating: header
            )
        }
        guard isAuthentic else { return false }
        switch block.codec {
        case .none:
            if !isWhole {
                part.copyMemory(from: UnsafeRawBufferPointer(rebasing: stored[inside]))
            }
            return true
        case .zstd:
            if isWhole { return decompress(stored, into: part) }
            return scratch.with(plainBytes) { plain in
                guard decompress(stored, into: plain) else { return false }
                cache?.insert(Array(plain), block: index, of: self.header.address)
                part.copyMemory(from: UnsafeRawBufferPointer(rebasing: plain[inside]))
                return true
            }
        }
    }

    private func decompress(
        _ frame: UnsafeMutableRawBufferPointer,
        into plain: UnsafeMutableRawBufferPointer
    ) -> Bool {
        decompressors.with { decompressor in
            do throws(CompressionError) {
                try decompressor.decompress(UnsafeRawBufferPointer(frame), into: plain)
                return true
            } catch {
                // An authentic block that is no frame of its size was written wrongly: damage too.
                return false
            }
        }
    }
}
