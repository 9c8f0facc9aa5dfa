private import CIsal

/// Reed–Solomon over GF(2^8), systematic, by a Cauchy matrix: of k data blocks and m parity blocks any k give back all.
///
/// The field is that of x^8+x^4+x^3+x^2+1 (0x11D). Parity block i is the sum over j of a(i, j) · data block j, with
/// a(i, j) = 1 / ((k + i) xor j): every square part of such a matrix has an inverse (Blömer and others, ICSI TR-95-048).
/// The one file that sees ISA-L: buffers in, buffers out, no C type in a signature.
struct ReedSolomon: Sendable, Hashable {
    let dataBlocks: Int
    let parityBlocks: Int

    /// All blocks together are at most the field's elements.
    static let blocksMax = 255

    /// - Parameters:
    ///   - dataBlocks: At least 1.
    ///   - parityBlocks: At least 1; at most 255 with the data blocks.
    init(dataBlocks: Int, parityBlocks: Int) {
        precondition(dataBlocks >= 1 && parityBlocks >= 1, "there are blocks of both kinds")
        precondition(
            dataBlocks + parityBlocks <= ReedSolomon.blocksMax,
            "the field is large enough"
        )
        self.dataBlocks = dataBlocks
        self.parityBlocks = parityBlocks
    }

    /// k + m rows of k coefficients: first those of the data themselves.
    private var matrix: [UInt8] {
        var matrix = [UInt8](repeating: 0, count: (dataBlocks + parityBlocks) * dataBlocks)
        gf_gen_cauchy1_matrix(&matrix, Int32(dataBlocks + parityBlocks), Int32(dataBlocks))
        return matrix
    }

    /// Computes the parity blocks.
    ///
    /// - Parameters:
    ///   - data: k blocks of `length` bytes.
    ///   - parity: m blocks of `length` bytes, to be filled.
    ///   - length: Bytes of a block.
    func encode(
        _ data: [UnsafeMutablePointer<UInt8>],
        into parity: [UnsafeMutablePointer<UInt8>],
        length: Int
    ) {
        precondition(
            data.count == dataBlocks && parity.count == parityBlocks,
            "all blocks are given"
        )
        ReedSolomon.multiply(
            rows: Array(matrix[(dataBlocks * dataBlocks)...]),
            data,
            into: parity,
            length: length
        )
    }

    /// Computes missing data blocks from what is left.
    ///
    /// - Parameters:
    ///   - blocks: k + m blocks of `length` bytes, data first; those of `missing` are filled when they are data.
    ///   - missing: Numbers of the blocks whose content is not to be used.
    ///   - length: Bytes of a block.
    /// - Returns: Whether enough is left; nothing was filled when not.
    func restore(
        _ blocks: [UnsafeMutablePointer<UInt8>],
        missing: Set<Int>,
        length: Int
    ) -> Bool {
        precondition(blocks.count == dataBlocks + parityBlocks, "all blocks are given")
        let lost = missing.filter { $0 < dataBlocks }.sorted()
        if lost.isEmpty { return true }
        let used = (0..<blocks.count).filter { !missing.contains($0) }.prefix(dataBlocks)
        guard used.count == dataBlocks else { return false }
        let all = matrix
        var left: [UInt8] = []
        for row in used { left += all[row * dataBlocks..<(row + 1) * dataBlocks] }
        var inverse = [UInt8](repeating: 0, count: dataBlocks * dataBlocks)
        let result = gf_invert_matrix(&left, &inverse, Int32(dataBlocks))
        precondition(result == 0, "every square part of a Cauchy matrix has an inverse")
        var rows: [UInt8] = []
        for row in lost { rows += inverse[row * dataBlocks..<(row + 1) * dataBlocks] }
        ReedSolomon.multiply(
            rows: rows,
            used.map { blocks[$0] },
            into: lost.map { blocks[$0] },
            length: length
        )
        return true
    }

    /// Fills each target with the sum of the sources by the coefficients of its row.
    private static func multiply(
        rows: [UInt8],
        _ sources: [UnsafeMutablePointer<UInt8>],
        into targets: [UnsafeMutablePointer<UInt8>],
        length: Int
    ) {
        var rows = rows
        var tables = [UInt8](repeating: 0, count: 32 * sources.count * targets.count)
        ec_init_tables(Int32(sources.count), Int32(targets.count), &rows, &tables)
        // SAFETY: the library reads `sources` and writes `targets`, each of `length` bytes, and keeps none of them.
        var from: [UnsafeMutablePointer<UInt8>?] = sources
        var to: [UnsafeMutablePointer<UInt8>?] = targets
        ec_encode_data(
            Int32(length),
            Int32(sources.count),
            Int32(targets.count),
            &tables,
            &from,
            &to
        )
    }
}
