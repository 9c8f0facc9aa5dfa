/// How a file is divided so that parity can stand for parts of it.
///
/// The file is k runs of `stripes` blocks, the last of them filled up with zeros; m runs of parity stand beside them. Block number b is in
/// run b / stripes and stripe b mod stripes. Of each stripe any k of its k + m blocks give back the others, so that
/// a piece of the file that is damaged in one place costs every stripe about as many blocks.
struct ParityShape: Sendable, Hashable {
    let blockBytes: Int
    /// Runs of data: k.
    let dataRuns: Int
    /// Runs of parity: m.
    let parityRuns: Int
    /// Blocks of a run.
    let stripes: Int

    /// 4 KiB: what a disk loses at once.
    static let blockBytesMax = 4 << 10
    /// Files up to 64 KiB have as much parity as data: they can be lost whole.
    ///
    /// Most packs of a small increment, and all
    /// manifests, are such files.
    static let wholeBytesMax = 64 << 10
    /// Blocks of a stripe without its parity: more would make parity no better and slower.
    static let dataRunsMax = 200

    /// The shape for a file of some size.
    ///
    /// - Parameters:
    ///   - fileBytes: At least 1.
    ///   - share: Of parity to data, above 0 up to 1.
    init(fileBytes: Int, share: Double) {
        precondition(
            fileBytes > 0 && share > 0 && share <= 1,
            "a file has bytes, and parity a share"
        )
        guard fileBytes > ParityShape.wholeBytesMax else {
            // In steps of 64 bytes, for the short ones.
            blockBytes = min(ParityShape.blockBytesMax, (fileBytes + 63) / 64 * 64)
            dataRuns = (fileBytes + blockBytes - 1) / blockBytes
            parityRuns = dataRuns
            stripes = 1
            return
        }
        let blocks = (fileBytes + ParityShape.blockBytesMax - 1) / ParityShape.blockBytesMax
        // One below what fits, since parity is rounded up.
        let fitting = Int(Double(ReedSolomon.blocksMax - 1) / (1 + share))
        let runsMax = min(ParityShape.dataRunsMax, fitting)
        blockBytes = ParityShape.blockBytesMax
        stripes = (blocks + runsMax - 1) / runsMax
        dataRuns = (blocks + stripes - 1) / stripes
        parityRuns = max(2, Int((Double(dataRuns) * share).rounded(.up)))
    }

    /// One that was read; `nil` for what no writer made.
    init?(blockBytes: Int, dataRuns: Int, parityRuns: Int, stripes: Int, fileBytes: Int) {
        guard (64...ParityShape.blockBytesMax).contains(blockBytes), dataRuns > 0, parityRuns > 0,
            dataRuns + parityRuns <= ReedSolomon.blocksMax, (1...1 << 20).contains(stripes),
            fileBytes > 0, fileBytes <= blockBytes * dataRuns * stripes,
            fileBytes > blockBytes * (dataRuns - 1) * stripes
        else { return nil }
        self.blockBytes = blockBytes
        self.dataRuns = dataRuns
        self.parityRuns = parityRuns
        self.stripes = stripes
    }

    var runBytes: Int { blockBytes * stripes }
    var dataBytes: Int { runBytes * dataRuns }
    var parityBytes: Int { runBytes * parityRuns }
    var code: ReedSolomon { ReedSolomon(dataBlocks: dataRuns, parityBlocks: parityRuns) }
}
