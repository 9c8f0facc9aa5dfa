private import Glibc

/// What one connection's two files share: its ciphers, its buffers and its last failure.
///
/// One thread at a time, as the connection itself.
final class ConnectionSeal {
    let files: SealedFiles
    let sealer: PageSealer
    /// One sealed frame as it stands in the log, or one sealed page at its end.
    // SAFETY of both: allocated here, freed in deinit, never handed out for longer than a call.
    let sealedFrame: UnsafeMutableRawPointer
    /// The page of `sealedFrame`, opened.
    private let plainPage: UnsafeMutableRawPointer
    /// The page number of what both hold; 0 for none.
    private var held: UInt32 = 0
    /// Why the last call failed: SQLite passes on only a number.
    var failure: MetadataError?
    /// Whether a transaction's end leaves the sync of the log to somebody else.
    var defersSync = false

    init(files: SealedFiles) {
        self.files = files
        sealer = PageSealer(files.keys)
        sealedFrame = .allocate(byteCount: SealedLayout.sealedFrameBytes, alignment: 64)
        plainPage = .allocate(byteCount: SealedLayout.pageBytes, alignment: 64)
    }

    deinit {
        sealedFrame.deallocate()
        plainPage.deallocate()
    }

    /// The page part of `sealedFrame`.
    var sealedPage: UnsafeMutableRawPointer { sealedFrame + SealedLayout.sealedFrameHeaderBytes }

    /// The page number of the kept frame.
    var heldPage: UInt32? { held == 0 ? nil : held }

    /// Forgets the kept frame, since `sealedFrame` is about to be overwritten.
    func forget() {
        held = 0
    }

    /// Keeps `plain` as what `sealedPage` holds, so that a checkpoint can move it as it is.
    func keep(page number: UInt32, plain: UnsafeRawPointer) {
        held = number
        plainPage.copyMemory(from: plain, byteCount: SealedLayout.plainBytes)
    }

    /// Whether `sealedPage` is the seal of exactly these bytes as page `number`.
    func holds(page number: UInt32, plain: UnsafeRawPointer) -> Bool {
        guard held == number, number != 0 else { return false }
        return memcmp(plainPage, plain, SealedLayout.plainBytes) == 0
    }
}
