/// Cuts bytes into chunks where their content says so: FastCDC (Xia et al., 2016 and 2020).
///
/// A gear hash rolls over the bytes; a chunk ends where masked bits of it are all zero. The mask is
/// harder before the average length and easier after it, which narrows the spread of lengths. Equal
/// stretches are cut alike wherever they stand. The table is keyed, so lengths tell a store nothing.
package struct Chunker: Sendable {
    package let sizes: ChunkSizes
    private let gear: [UInt64]
    private let gearShifted: [UInt64]
    private let hardMask: UInt64
    private let easyMask: UInt64

    /// A chunker over a table of 256 random words.
    package init(sizes: ChunkSizes, gear: [UInt64]) {
        precondition(gear.count == 256, "a gear table has a word for each byte")
        self.sizes = sizes
        self.gear = gear
        gearShifted = gear.map { $0 << 1 }
        let bits = UInt64(sizes.average.trailingZeroBitCount)
        hardMask = Chunker.mask(bits + 2)
        easyMask = Chunker.mask(bits - 2)
    }

    /// `count` bits below the topmost, where the hash depends on up to 63 bytes.
    private static func mask(_ count: UInt64) -> UInt64 {
        ((1 << count) - 1) << (63 - count)
    }

    /// The lengths of the chunks of a whole buffer, in order; their sum is its count.
    package func cuts(of bytes: UnsafeRawBufferPointer) -> [Int] {
        var lengths: [Int] = []
        var start = 0
        while start < bytes.count {
            let length = cut(UnsafeRawBufferPointer(rebasing: bytes[start...]))
            lengths.append(length)
            start += length
        }
        return lengths
    }

    /// The length of the first chunk of `bytes`.
    ///
    /// Final as long as `bytes` reaches the end of the content or holds `sizes.maximum` bytes.
    package func cut(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count > sizes.minimum, let base = bytes.baseAddress else { return bytes.count }
        let end = min(bytes.count, sizes.maximum)
        let middle = min(end, sizes.average)
        // SAFETY: every index below is less than `end`, which is at most `bytes.count`; the tables
        // have 256 words and are indexed by single bytes.
        let source = base.assumingMemoryBound(to: UInt8.self)
        return gear.withUnsafeBufferPointer { gear in
            gearShifted.withUnsafeBufferPointer { shifted in
                var scan = Scan(gear: gear, shifted: shifted, position: sizes.minimum)
                return scan.run(source, to: middle, mask: hardMask)
                    ?? scan.run(source, to: end, mask: easyMask)
                    ?? end
            }
        }
    }

    /// The rolling state; two bytes a step, which measured 2.5 GB/s against 1.9 for one.
    private struct Scan {
        let gear: UnsafeBufferPointer<UInt64>
        let shifted: UnsafeBufferPointer<UInt64>
        var position: Int
        var hash: UInt64 = 0

        init(
            gear: UnsafeBufferPointer<UInt64>,
            shifted: UnsafeBufferPointer<UInt64>,
            position: Int
        ) {
            self.gear = gear
            self.shifted = shifted
            self.position = position
        }

        /// The length up to and with the byte that ends the chunk; `nil` when none before `end` does.
        ///
        /// After the first byte of a step the hash stands one bit too far left, so the mask moves too.
        @inline(__always)
        mutating func run(_ source: UnsafePointer<UInt8>, to end: Int, mask: UInt64) -> Int? {
            guard let gear = gear.baseAddress, let shifted = shifted.baseAddress else { return nil }
            let maskShifted = mask << 1
            var hash = hash
            var index = position
            while index + 1 < end {
                hash = (hash << 2) &+ shifted[Int(source[index])]
                if hash & maskShifted == 0 { return index + 1 }
                hash = hash &+ gear[Int(source[index + 1])]
                if hash & mask == 0 { return index + 2 }
                index += 2
            }
            while index < end {
                hash = (hash << 1) &+ gear[Int(source[index])]
                if hash & mask == 0 { return index + 1 }
                index += 1
            }
            self.hash = hash
            position = index
            return nil
        }
    }
}

/// Bounds of chunk lengths, kept in `vault.json`: one vault cuts alike for ever.
package struct ChunkSizes: Hashable, Sendable, Codable {
    package let minimum: Int
    /// A power of two.
    package let average: Int
    package let maximum: Int

    package init(minimum: Int, average: Int, maximum: Int) {
        self.minimum = minimum
        self.average = average
        self.maximum = maximum
    }

    /// Whether a chunker can work with them.
    package var isValid: Bool {
        minimum >= 64 && minimum < average && average < maximum && average.nonzeroBitCount == 1
            && maximum <= ChunkSizes.bytesMax
    }

    /// 1 MiB: no chunk of a vault is longer, map nodes excepted.
    package static let bytesMax = 1 << 20

    /// 256, 512 and 1,024 KiB: an eighth of the index and of the maps that 64 KiB in the mean would take, and longer
    /// matches for zstd; what is overwritten in place costs its own bytes whatever these are (docs/decisions/0036).
    package static let standard = ChunkSizes(
        minimum: 256 << 10,
        average: 512 << 10,
        maximum: 1 << 20
    )
}
