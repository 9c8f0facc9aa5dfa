/// Blocks of one record that stand one after another, each followed by its tag.
package struct SealedRun {
    /// How opening a run ended.
    package enum Outcome: Sendable, Hashable {
        case opened
        /// The first block whose tag is bad.
        case notAuthentic(block: Int)
        /// The sealed bytes are a mapped file's, and its storage did not give them.
        case unreadable
    }

    let sealed: UnsafeRawBufferPointer
    let plain: UnsafeMutableRawBufferPointer
    let blocks: Range<Int>
    let blockBytes: Int
    let number: UInt64
    let header: UnsafeRawBufferPointer

    /// - Parameters:
    ///   - sealed: All of the blocks with their tags; may be a mapped file.
    ///   - plain: Apart from `sealed`; 16 bytes fewer for each block.
    ///   - blocks: Their indices, the second half of each one's nonce; not empty.
    ///   - blockBytes: Plain bytes of each block but the last, which holds the rest.
    ///   - number: The first half of each nonce.
    ///   - header: Authenticated with each block.
    package init(
        sealed: UnsafeRawBufferPointer,
        into plain: UnsafeMutableRawBufferPointer,
        blocks: Range<Int>,
        blockBytes: Int,
        number: UInt64,
        authenticating header: UnsafeRawBufferPointer
    ) {
        let whole = (blocks.count - 1) * blockBytes
        precondition(!blocks.isEmpty && UInt32(exactly: blocks.upperBound) != nil)
        precondition((whole + 1...whole + blockBytes).contains(plain.count), "as many blocks")
        precondition(sealed.count == plain.count + blocks.count * Sealer.tagBytes, "a tag for each")
        self.sealed = sealed
        self.plain = plain
        self.blocks = blocks
        self.blockBytes = blockBytes
        self.number = number
        self.header = header
    }
}

extension Sealer {
    /// Opens a run of blocks in one call.
    ///
    /// It is the one reader that mapped bytes may have: where they cannot be read it says so, and the
    /// process lives on.
    ///
    /// - Returns: `.opened`, or why `plain` must not be used.
    package func openRun(_ run: SealedRun) -> SealedRun.Outcome {
        cipher.open(run)
    }
}
