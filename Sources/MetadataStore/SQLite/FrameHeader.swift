/// SQLite's header of one frame, which is kept sealed: its checksums say something of the page.
struct FrameHeader {
    /// SQLite's 24 bytes (sqlite.org/fileformat2.html §4.1), as they lie in memory.
    let bytes: (UInt64, UInt64, UInt64)
    /// Frames of this generation that were durable when the frame was sealed.
    var durable: UInt64 = 0

    private static let plainBytes = 32

    /// The page that the frame holds.
    var page: UInt32 {
        withUnsafeBytes(of: bytes) { UInt32(bigEndian: $0.load(as: UInt32.self)) }
    }

    /// Whether it ends a transaction: its second word is the database's size, else 0.
    var isCommit: Bool {
        withUnsafeBytes(of: bytes) { $0.load(fromByteOffset: 4, as: UInt32.self) != 0 }
    }

    /// Seals itself into the first 64 bytes of a frame whose page is sealed behind them.
    func seal(
        into frame: UnsafeMutableRawPointer,
        index: UInt64,
        generation: UInt64,
        durable: UInt64,
        with sealer: PageSealer
    ) {
        let plain = (bytes.0, bytes.1, bytes.2, durable.littleEndian)
        let tag = FrameHeader.pageTag(frame)
        withUnsafeBytes(of: plain) {
            sealer.seal(
                record: $0,
                into: frame,
                place: .frame(generation: generation, index: index, pageTag: tag)
            )
        }
    }

    /// Opens the header of a sealed frame of 4,160 bytes; `nil` when it is none, or not of this place.
    static func open(
        _ frame: UnsafeRawPointer,
        index: UInt64,
        generation: UInt64,
        with sealer: PageSealer
    ) -> FrameHeader? {
        var plain: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let place = RecordPlace.frame(
            generation: generation,
            index: index,
            pageTag: pageTag(frame)
        )
        let isAuthentic = withUnsafeMutableBytes(of: &plain) {
            sealer.open(record: frame, into: $0, place: place)
        }
        guard isAuthentic else { return nil }
        return FrameHeader(
            bytes: (plain.0, plain.1, plain.2),
            durable: UInt64(littleEndian: plain.3)
        )
    }

    private static func pageTag(_ frame: UnsafeRawPointer) -> (UInt64, UInt64) {
        let tag = frame + SealedLayout.sealedFrameHeaderBytes + SealedLayout.plainBytes
        return (
            UInt64(littleEndian: tag.loadUnaligned(as: UInt64.self)),
            UInt64(littleEndian: (tag + 8).loadUnaligned(as: UInt64.self))
        )
    }
}
