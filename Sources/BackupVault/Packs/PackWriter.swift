import Keyring
import VarveModel

/// Writes one pack: header, sealed chunks, then the sealed list of them.
///
/// The file bears a name of its own until it is whole and durable; `finish` renames it. One owner
/// at a time; after an error only `discard` is of use.
final class PackWriter {
    let header: PackHeader
    private(set) var entries: [PackEntry] = []
    /// Bytes of the pack so far, those not yet written included.
    private(set) var size: Int

    private let sealer: Sealer
    private let file: any NewStoredFile
    private let openName: String
    /// What is not written yet; it begins at `flushed` in the file.
    private let buffer: UnsafeMutableRawBufferPointer
    private var flushed = 0
    private var buffered = 0
    private var isEnded = false

    /// 1 MiB a write keeps the number of calls small without holding a pack in memory.
    private static let writeBytes = 1 << 20

    init(files: VaultFiles, keys: VaultKeys, header: PackHeader) throws(VaultError) {
        self.header = header
        let plain = header.encoded()
        sealer = keys.sealer(salt: header.salt, header: plain)
        openName = PackFormat.openName(header.pack, writer: header.writer)
        // Of a pack that is not ended a backup reads map nodes again, and nothing else.
        file = try files.begin(
            .packs,
            PackFormat.fileName(header.pack),
            as: openName,
            isReadBack: header.kind == .nodes
        )
        // SAFETY: owned by this object alone, freed in deinit; `append` flushes before it could
        // overflow.
        buffer = .allocate(
            byteCount: PackWriter.writeBytes + PackFormat.chunkBytesMax + Sealer.tagBytes,
            alignment: 16
        )
        buffer.copyBytes(from: plain)
        buffered = plain.count
        size = plain.count
    }

    deinit {
        buffer.deallocate()
    }

    /// Seals one chunk's stored bytes at the end.
    ///
    /// - Parameters:
    ///   - payload: Compressed or raw, as `codec` says.
    ///   - id: The chunk's.
    ///   - length: Plain bytes.
    ///   - codec: What `payload` is.
    /// - Returns: The entry; its number is `entries.count - 1`.
    /// - Throws: `.noSpace`, `.failed`.
    func append(
        _ payload: UnsafeRawBufferPointer,
        id: ChunkID,
        length: UInt32,
        codec: ChunkCodec
    ) throws(VaultError) -> PackEntry {
        precondition(payload.count <= PackFormat.chunkBytesMax, "a chunk fits the write buffer")
        let sealedBytes = payload.count + Sealer.tagBytes
        let target = UnsafeMutableRawBufferPointer(
            rebasing: buffer[buffered..<buffered + sealedBytes]
        )
        PackEntry.authenticated(id: id, length: length, codec: codec).withUnsafeBytes { header in
            sealer.seal(
                payload,
                into: target,
                nonce: Nonce(number: UInt64(entries.count)),
                authenticating: header
            )
        }
        let entry = PackEntry(
            id: id,
            offset: UInt32(size),
            stored: UInt32(sealedBytes),
            length: length,
            codec: codec
        )
        entries.append(entry)
        buffered += sealedBytes
        size += sealedBytes
        if buffered >= PackWriter.writeBytes { try flush() }
        return entry
    }

    /// Reads back the stored bytes of a chunk that this writer sealed.
    func payload(number: Int) throws(VaultError) -> [UInt8] {
        let entry = entries[number]
        let sealed: [UInt8]
        if Int(entry.offset) >= flushed {
            let start = Int(entry.offset) - flushed
            sealed = Array(buffer[start..<start + Int(entry.stored)])
        } else {
            sealed = try file.read(count: Int(entry.stored), at: UInt64(entry.offset))
        }
        return try PackReader.open(
            sealed,
            entry: entry,
            number: number,
            name: openName,
            with: sealer
        )
    }

    /// Ends the pack: footer, trailer, sync, rename.
    ///
    /// The folder is synced by who publishes.
    func finish() throws(VaultError) {
        precondition(!isEnded, "a pack is finished once")
        var list = ByteWriter(capacity: 4 + entries.count * PackEntry.byteCount)
        PackEntry.append(entries, to: &list)
        var place = ByteWriter(capacity: 8)
        place.append(UInt64(size))
        var end = ByteWriter()
        let sealed = sealer.seal(
            list.bytes,
            nonce: PackFormat.footerNonce,
            authenticating: place.bytes
        )
        end.append(bytes: sealed)
        end.append(UInt64(size))
        end.append(UInt64(sealed.count))
        end.append(bytes: PackFormat.trailerMagic)
        try flush()
        let bytes = end.bytes
        try file.finish(bytes)
        size += bytes.count
        isEnded = true
    }

    /// Drops an unfinished pack.
    func discard() {
        guard !isEnded else { return }
        isEnded = true
        file.discard()
    }

    private func flush() throws(VaultError) {
        guard buffered > 0 else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[0..<buffered])
        try file.append(bytes)
        flushed += buffered
        buffered = 0
    }
}
