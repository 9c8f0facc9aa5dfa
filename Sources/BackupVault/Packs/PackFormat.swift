import Keyring
import VarveModel

/// How a chunk's bytes are stored; raw values are on disk.
enum ChunkCodec: UInt8, Sendable {
    /// As they are: compression did not shrink them.
    case raw = 0
    /// One zstd frame (RFC 8878).
    case zstd = 1
}

/// What a pack holds; raw values are on disk.
///
/// Map nodes lie apart from content, so that walking a map does not skip through content.
enum PackKind: UInt8, Sendable, CaseIterable {
    case content = 0
    case nodes = 1
}

/// One chunk of a pack, as the footer lists it; its number is its place in the list.
struct PackEntry: Hashable, Sendable {
    let id: ChunkID
    /// Where the sealed bytes begin in the pack.
    let offset: UInt32
    /// Sealed bytes, tag included.
    let stored: UInt32
    /// Plain bytes, decompressed.
    let length: UInt32
    let codec: ChunkCodec

    /// id 24, offset u32, stored u32, length u32, codec u8.
    static let byteCount = ChunkID.byteCount + 13

    func append(to writer: inout ByteWriter) {
        id.append(to: &writer)
        writer.append(offset)
        writer.append(stored)
        writer.append(length)
        writer.append(codec.rawValue)
    }

    /// What the tag of the chunk also covers: id, length, codec.
    static func authenticated(id: ChunkID, length: UInt32, codec: ChunkCodec) -> [UInt8] {
        var writer = ByteWriter(capacity: ChunkID.byteCount + 5)
        id.append(to: &writer)
        writer.append(length)
        writer.append(codec.rawValue)
        return writer.bytes
    }

    static func append(_ entries: [PackEntry], to writer: inout ByteWriter) {
        writer.append(UInt32(entries.count))
        for entry in entries { entry.append(to: &writer) }
    }

    /// Reads a counted list; `nil` for anything that no writer could have listed.
    ///
    /// Chunks follow each other without gaps from the end of the header.
    static func readList(_ reader: inout ByteReader) -> [PackEntry]? {
        guard let count = reader.read(UInt32.self), Int(count) <= reader.remaining / byteCount
        else { return nil }
        var entries: [PackEntry] = []
        entries.reserveCapacity(Int(count))
        var next = UInt64(PackHeader.byteCount)
        for _ in 0..<count {
            guard let id = ChunkID(from: &reader), let offset = reader.read(UInt32.self),
                let stored = reader.read(UInt32.self), let length = reader.read(UInt32.self),
                let codec = reader.read(UInt8.self).flatMap(ChunkCodec.init),
                UInt64(offset) == next, stored >= UInt32(Sealer.tagBytes),
                length <= UInt32(PackFormat.chunkBytesMax),
                codec == .zstd || stored == length + UInt32(Sealer.tagBytes)
            else { return nil }
            next += UInt64(stored)
            entries.append(
                PackEntry(id: id, offset: offset, stored: stored, length: length, codec: codec)
            )
        }
        return entries
    }
}

/// Numbers of the pack format.
enum PackFormat {
    static let format: UInt32 = 1
    /// 8 MiB: a map node of one greatest entry stays well below it.
    static let chunkBytesMax = 8 << 20
    /// The footer's nonce: no chunk has this number.
    static let footerNonce = Nonce(number: .max)
    static let trailerMagic = Array("VRVPEND\0".utf8)
    /// Footer offset u64, footer length u64, magic 8.
    static let trailerBytes = 24

    static func fileName(_ pack: UniqueID) -> String { Hex.encode(pack.bytes) + fileEnding }
    static let fileEnding = ".pack"

    /// A pack that its writer has not ended: its name says who writes it.
    static func openName(_ pack: UniqueID, writer: UniqueID) -> String {
        Hex.encode(pack.bytes) + "." + Hex.encode(writer.bytes) + openEnding
    }
    static let openEnding = ".open"

    static func pack(ofFileName stem: String) -> UniqueID? {
        Hex.decode(stem).flatMap(UniqueID.init)
    }
}

/// The plain beginning of a pack; the key of the pack is bound to all of it.
struct PackHeader: Hashable, Sendable {
    let vault: UniqueID
    let pack: UniqueID
    let salt: [UInt8]
    /// The lease under which it was written.
    let writer: UniqueID
    /// The vault generation that its writer began in.
    let generation: UInt64
    let kind: PackKind

    /// Magic 8, format and feature bits 16, vault 16, pack 16, salt 32, writer 16, generation u64,
    /// kind u8, 15 zeros.
    static let byteCount = 128
    private static let magic = Array("VRVPACK\0".utf8)

    func encoded() -> [UInt8] {
        var bytes = ByteWriter(capacity: PackHeader.byteCount)
        bytes.append(bytes: PackHeader.magic)
        FeatureBits.none.append(format: PackFormat.format, to: &bytes)
        bytes.append(bytes: vault.bytes)
        bytes.append(bytes: pack.bytes)
        bytes.append(bytes: salt)
        bytes.append(bytes: writer.bytes)
        bytes.append(generation)
        bytes.append(kind.rawValue)
        bytes.append(bytes: [UInt8](repeating: 0, count: 15))
        return bytes.bytes
    }

    init(
        vault: UniqueID,
        pack: UniqueID,
        salt: [UInt8],
        writer: UniqueID,
        generation: UInt64,
        kind: PackKind
    ) {
        self.vault = vault
        self.pack = pack
        self.salt = salt
        self.writer = writer
        self.generation = generation
        self.kind = kind
    }

    /// Reads a header and checks whose it is.
    init(
        _ bytes: [UInt8],
        of pack: UniqueID,
        in vault: UniqueID,
        name: String
    ) throws(VaultError) {
        var reader = ByteReader(bytes)
        guard reader.read(count: 8) == PackHeader.magic else {
            throw VaultError.damaged(name, "does not begin as a pack")
        }
        try FeatureBits.check(&reader, format: PackFormat.format, name: name)
        guard let owner = reader.read(count: 16), let own = reader.read(count: 16),
            let salt = reader.read(count: 32),
            let writer = reader.read(count: 16).flatMap(UniqueID.init),
            let generation = reader.read(UInt64.self), let kind = reader.read(UInt8.self),
            reader.read(count: 15) == [UInt8](repeating: 0, count: 15), reader.remaining == 0
        else { throw VaultError.damaged(name, "has a damaged header") }
        guard owner == vault.bytes else {
            throw VaultError.damaged(name, "belongs to another vault")
        }
        guard own == pack.bytes, let kind = PackKind(rawValue: kind) else {
            throw VaultError.damaged(name, "holds another pack than its name says")
        }
        self.init(
            vault: vault,
            pack: pack,
            salt: salt,
            writer: writer,
            generation: generation,
            kind: kind
        )
    }
}
