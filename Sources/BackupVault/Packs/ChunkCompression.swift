import Compression
import Synchronization

/// Compresses and decompresses chunks; keeps its zstd contexts and buffers from call to call.
///
/// Any thread: they are taken from a pool and put back, so there are as many as threads at work at once.
final class ChunkCompression: Sendable {
    private let level: Int32
    private let compressors = Mutex<[Idle<Compressor>]>([])
    private let decompressors = Mutex<[Idle<ZstdDecompressor>]>([])

    /// A context, and a buffer that has grown to the longest chunk so far.
    private final class Compressor {
        let zstd: ZstdCompressor
        var frame: [UInt8] = []

        init(level: Int32) {
            // 32 KiB: content that changes its kind within a chunk is 6 % smaller than in blocks of 128 KiB, text
            // and code 0.1 % (docs/decisions/0036).
            zstd = ZstdCompressor(level: level, blockBytesMax: 32 << 10)
        }
    }

    /// A context that waits in the pool.
    // SAFETY: it is reachable from the pool alone, under its lock, until one thread takes it out;
    // that thread puts it back when it has done with it.
    private struct Idle<Context>: @unchecked Sendable {
        let context: Context
    }

    init(level: Int32) {
        self.level = level
    }

    /// A zstd frame of the bytes; `nil` when it would not be smaller than they are.
    ///
    /// Nothing is guessed beforehand: zstd gives up what does not shrink ten times as fast as it compresses what does
    /// (docs/decisions/0036).
    func shrunk(_ plain: UnsafeRawBufferPointer) -> [UInt8]? {
        guard plain.count > 16 else { return nil }
        let compressor = Self.take(compressors) ?? Compressor(level: level)
        defer { Self.put(compressor, into: compressors) }
        let room = plain.count - 1
        if compressor.frame.count < room {
            compressor.frame = [UInt8](repeating: 0, count: room)
        }
        return compressor.frame.withUnsafeMutableBytes { buffer in
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<room])
            guard let size = compressor.zstd.compress(plain, into: target) else { return nil }
            // Of its own length: a frame waits in memory for its turn.
            return Self.copy(of: UnsafeRawBufferPointer(rebasing: target[..<size]))
        }
    }

    /// The bytes as an array of just their length.
    static func copy(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: bytes.count) { target, count in
            UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
            count = bytes.count
        }
    }

    /// The plain bytes of a chunk's payload.
    ///
    /// - Throws: `.corrupt` when they are not a frame of exactly `length` bytes.
    func plain(
        _ payload: [UInt8],
        entry: PackEntry,
        name: String
    ) throws(VaultError) -> [UInt8] {
        switch entry.codec {
        case .raw:
            guard payload.count == Int(entry.length) else {
                throw VaultError.damaged(name, "holds chunk \(entry.id) with another length")
            }
            return payload
        case .zstd:
            let decompressor = Self.take(decompressors) ?? ZstdDecompressor()
            let plain = Self.decompressed(payload, length: Int(entry.length), by: decompressor)
            Self.put(decompressor, into: decompressors)
            guard let plain else {
                throw VaultError.damaged(name, "holds chunk \(entry.id), which does not decompress")
            }
            return plain
        }
    }

    /// The plain bytes of a chunk's payload, in `scratch` when it is compressed, where they are otherwise.
    ///
    /// - Parameters:
    ///   - payload: Opened.
    ///   - entry: The chunk's.
    ///   - scratch: `entry.length` bytes.
    ///   - name: The pack's, for messages.
    /// - Returns: Exactly `entry.length` bytes, valid as long as `payload` and `scratch`.
    /// - Throws: `.corrupt`.
    func plain(
        _ payload: UnsafeRawBufferPointer,
        entry: PackEntry,
        scratch: UnsafeMutableRawBufferPointer,
        name: String
    ) throws(VaultError) -> UnsafeRawBufferPointer {
        switch entry.codec {
        case .raw:
            guard payload.count == Int(entry.length) else {
                throw VaultError.damaged(name, "holds chunk \(entry.id) with another length")
            }
            return payload
        case .zstd:
            let decompressor = Self.take(decompressors) ?? ZstdDecompressor()
            defer { Self.put(decompressor, into: decompressors) }
            do throws(CompressionError) {
                try decompressor.decompress(payload, into: scratch)
            } catch {
                throw VaultError.damaged(name, "holds chunk \(entry.id), which does not decompress")
            }
            return UnsafeRawBufferPointer(scratch)
        }
    }

    private static func decompressed(
        _ payload: [UInt8],
        length: Int,
        by decompressor: ZstdDecompressor
    ) -> [UInt8]? {
        var isWhole = true
        let plain = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            payload.withUnsafeBytes { frame in
                let target = UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[..<length]
                )
                do throws(CompressionError) {
                    try decompressor.decompress(frame, into: target)
                    count = length
                } catch {
                    isWhole = false
                }
            }
        }
        return isWhole ? plain : nil
    }

    private static func take<Context>(_ pool: borrowing Mutex<[Idle<Context>]>) -> Context? {
        pool.withLock { $0.popLast() }?.context
    }

    private static func put<Context>(
        _ context: Context,
        into pool: borrowing Mutex<[Idle<Context>]>
    ) {
        let idle = Idle(context: context)
        pool.withLock { $0.append(idle) }
    }
}
