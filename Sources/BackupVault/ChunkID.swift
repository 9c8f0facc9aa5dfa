import VarveModel

/// Names a chunk by its content: the first 24 bytes of HMAC-SHA-256 under the vault's chunk-id key.
///
/// 192 bits: two of 2^40 chunks collide by chance with probability 2^-113, and whoever holds the key
/// and wants a collision pays 2^96. Without the key an id says nothing about content. It is three
/// machine words in an index that has millions.
package struct ChunkID: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of an id.
    package static let byteCount = 24

    // The id's bytes as three little-endian words.
    let word0: UInt64
    let word1: UInt64
    let word2: UInt64

    /// Takes exactly 24 bytes; `nil` for any other count.
    package init?(bytes: [UInt8]) {
        guard bytes.count == ChunkID.byteCount else { return nil }
        var reader = ByteReader(bytes)
        guard let id = ChunkID(from: &reader) else { return nil }
        self = id
    }

    /// The first 24 bytes of a longer digest.
    init(digest: [UInt8]) {
        precondition(digest.count >= ChunkID.byteCount, "a digest is at least as long as an id")
        func word(_ start: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(digest[start + $1]) << (8 * UInt64($1)) }
        }
        word0 = word(0)
        word1 = word(8)
        word2 = word(16)
    }

    init?(from reader: inout ByteReader) {
        guard let word0 = reader.read(UInt64.self), let word1 = reader.read(UInt64.self),
            let word2 = reader.read(UInt64.self)
        else { return nil }
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: ChunkID.byteCount)
        append(to: &writer)
        return writer.bytes
    }

    func append(to writer: inout ByteWriter) {
        writer.append(word0)
        writer.append(word1)
        writer.append(word2)
    }

    /// One word is enough: ids are outputs of a keyed hash already.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(word0)
    }

    package var description: String { Hex.encode(bytes) }
}

/// A chunk and how many bytes it holds.
package struct ChunkReference: Hashable, Sendable {
    package let id: ChunkID
    /// Bytes before compression.
    package let length: UInt32

    /// Bytes of a stored reference: id, length.
    static let byteCount = ChunkID.byteCount + 4

    package init(id: ChunkID, length: UInt32) {
        self.id = id
        self.length = length
    }

    init?(from reader: inout ByteReader) {
        guard let id = ChunkID(from: &reader), let length = reader.read(UInt32.self) else {
            return nil
        }
        self.init(id: id, length: length)
    }

    func append(to writer: inout ByteWriter) {
        id.append(to: &writer)
        writer.append(length)
    }
}
