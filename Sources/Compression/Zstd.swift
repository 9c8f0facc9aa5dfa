private import CZstd

// The one file that sees libzstd: bytes in, bytes out, no C type in a signature.

/// Makes zstd frames (RFC 8878) with one context that is kept from call to call.
///
/// Every frame declares its content size, and carries no checksum unless asked: whoever stores frames
/// authenticates them. Not thread-safe: one owner at a time.
package final class ZstdCompressor {
    // SAFETY: owned by this object alone, freed in deinit.
    private let context: OpaquePointer

    /// The compression level, from -5 (fastest) to 19 (smallest).
    package let level: Int32

    /// Takes a level from -5 to 19; the levels above want windows that readers must agree to.
    ///
    /// - Parameters:
    ///   - level: See ``level``.
    ///   - hasChecksum: Whether frames end in the low half of their content's XXH64 (RFC 8878 §3.1.1).
    ///   - blockBytesMax: Plain bytes of a block at most, instead of RFC 8878's 128 KiB: blocks have statistics of
    ///     their own, so that shorter ones follow content that changes its kind. A libzstd before 1.5.4 keeps 128 KiB.
    package init(level: Int32, hasChecksum: Bool = false, blockBytesMax: Int32? = nil) {
        precondition((-5...19).contains(level), "zstd levels run from -5 to 19")
        guard let made = ZSTD_createCCtx() else { preconditionFailure("out of memory") }
        context = made
        self.level = level
        let isSet =
            ZSTD_isError(ZSTD_CCtx_setParameter(made, ZSTD_c_compressionLevel, level)) == 0
            && ZSTD_isError(ZSTD_CCtx_setParameter(made, ZSTD_c_contentSizeFlag, 1)) == 0
            && ZSTD_isError(ZSTD_CCtx_setParameter(made, ZSTD_c_checksumFlag, hasChecksum ? 1 : 0))
                == 0
        precondition(isSet, "zstd took no parameters")
        if let blockBytesMax {
            // ZSTD_c_maxBlockSize. Where it is unknown, frames are a little larger, and as valid.
            _ = ZSTD_CCtx_setParameter(made, ZSTD_c_experimentalParam18, blockBytesMax)
        }
    }

    deinit {
        ZSTD_freeCCtx(context)
    }

    /// Compresses `plain` into one frame.
    ///
    /// - Parameters:
    ///   - plain: Any number of bytes, none included.
    ///   - frame: Where the frame goes; ``bound(_:)`` bytes always suffice.
    /// - Returns: The frame's bytes; `nil` when it does not fit into `frame` with a few bytes to
    ///   spare.
    package func compress(
        _ plain: UnsafeRawBufferPointer,
        into frame: UnsafeMutableRawBufferPointer
    ) -> Int? {
        let result = ZSTD_compress2(
            context,
            frame.baseAddress,
            frame.count,
            plain.baseAddress,
            plain.count
        )
        if ZSTD_isError(result) == 0 { return result }
        precondition(
            ZSTD_getErrorCode(result) == ZSTD_error_dstSize_tooSmall,
            "zstd could not compress \(plain.count) bytes: \(Zstd.name(of: result))"
        )
        return nil
    }

    /// Compresses an array into one frame; for what is not hot.
    package func compress(_ plain: [UInt8]) -> [UInt8] {
        let bound = ZstdCompressor.bound(plain.count)
        return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            plain.withUnsafeBytes { plain in
                let result = compress(plain, into: UnsafeMutableRawBufferPointer(buffer))
                guard let result else { preconditionFailure("a frame outgrew its bound") }
                count = result
            }
        }
    }

    /// Bytes that the frame of `count` bytes takes at most.
    package static func bound(_ count: Int) -> Int {
        ZSTD_compressBound(count)
    }
}

/// Opens zstd frames, never into more memory than its caller agreed to.
///
/// Not thread-safe: one owner at a time.
package final class ZstdDecompressor {
    // SAFETY: owned by this object alone, freed in deinit.
    private let context: OpaquePointer

    package init() {
        guard let made = ZSTD_createDCtx() else { preconditionFailure("out of memory") }
        context = made
    }

    deinit {
        ZSTD_freeDCtx(context)
    }

    /// Decompresses one frame, which must fill `plain` exactly.
    ///
    /// - Parameters:
    ///   - frame: One whole frame, nothing behind it.
    ///   - plain: As many bytes as the frame holds; undefined after an error.
    /// - Throws: `.malformed`, or `.tooLarge` when the frame holds more.
    package func decompress(
        _ frame: UnsafeRawBufferPointer,
        into plain: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) {
        try Zstd.requireOneFrame(frame)
        let result = ZSTD_decompressDCtx(
            context,
            plain.baseAddress,
            plain.count,
            frame.baseAddress,
            frame.count
        )
        guard ZSTD_isError(result) == 0 else {
            let code = ZSTD_getErrorCode(result)
            throw CompressionError(
                code == ZSTD_error_dstSize_tooSmall ? .tooLarge : .malformed,
                "\(frame.count) bytes do not decompress: \(Zstd.name(of: result))"
            )
        }
        guard result == plain.count else {
            throw CompressionError(
                .malformed,
                "a frame holds \(result) bytes where \(plain.count) were expected"
            )
        }
    }

    /// Decompresses an array whose frame declares its size.
    ///
    /// - Parameters:
    ///   - frame: One whole frame, nothing behind it.
    ///   - limit: A frame that declares more is refused before anything is allocated.
    /// - Returns: All that the frame holds.
    /// - Throws: `.malformed`, `.unsized`, `.tooLarge`.
    package func decompress(_ frame: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
        let size = try Zstd.contentSize(of: frame)
        guard size <= limit else {
            throw CompressionError(
                .tooLarge,
                "a frame declares \(size) bytes; at most \(limit) are expected here"
            )
        }
        var failure: CompressionError?
        let plain = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            frame.withUnsafeBytes { frame in
                let exact = UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[0..<size]
                )
                do throws(CompressionError) {
                    try decompress(frame, into: exact)
                    count = size
                } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
        return plain
    }
}

/// What both directions share.
private enum Zstd {
    static func name(of result: Int) -> String {
        String(cString: ZSTD_getErrorName(result))
    }

    /// Refuses bytes that are not exactly one zstd frame, so that nothing hides behind it.
    static func requireOneFrame(_ bytes: UnsafeRawBufferPointer) throws(CompressionError) {
        let size = ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count)
        guard ZSTD_isError(size) == 0, size == bytes.count, !isSkippable(bytes) else {
            throw CompressionError(.malformed, "\(bytes.count) bytes are not one zstd frame")
        }
    }

    static func contentSize(of frame: [UInt8]) throws(CompressionError) -> Int {
        let size = frame.withUnsafeBytes { ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
        // The header's two macros, which casts keep from being imported.
        let unknown = UInt64.max
        let error = UInt64.max - 1
        guard size != error else {
            throw CompressionError(.malformed, "\(frame.count) bytes do not begin a zstd frame")
        }
        guard size != unknown else {
            throw CompressionError(.unsized, "a frame of \(frame.count) bytes declares no size")
        }
        guard let count = Int(exactly: size) else {
            throw CompressionError(.tooLarge, "a frame declares \(size) bytes")
        }
        return count
    }

    /// A skippable frame (RFC 8878 §3.1.2) has a magic of 0x184D2A50 to 0x184D2A5F.
    private static func isSkippable(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 4 else { return true }
        let magic = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
        return magic & 0xFFFF_FFF0 == 0x184D_2A50
    }
}
