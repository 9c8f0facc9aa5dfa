import VarveModel

/// A part of what is read out of an archive, in the order in which whoever unpacks it needs them.
package enum ColdArchivePart: Sendable, Hashable {
    /// What the tar stream does not say: sockets, exact times, and further names that stand in for a first one.
    case beyondTar([ColdArchiveEntry])
    /// Names without their bytes, for whoever only wants to know.
    case names([ColdArchiveEntry])
    case tar([UInt8])
    /// An entry that does not verify; once its header has gone out, zeros stand for the rest of it.
    case damaged(path: [UInt8], reason: String, hasBegun: Bool)
    /// How many entries the tar stream has: comes before its end.
    case entries(UInt64)
    /// Nothing follows: without it, something is missing.
    case end
}

/// Parts as bytes: u8 kind, u32 how many bytes follow, little-endian.
extension ColdArchivePart {
    /// 8 MiB: pieces of tar have at most 1 MiB, pages of entries some 4.
    static let bytesMax = 8 << 20
    private static let headBytes = 5

    /// The part as it travels.
    package var bytes: [UInt8] {
        let (kind, content): (UInt8, [UInt8]) =
            switch self {
            case .beyondTar(let entries): (1, ColdArchiveEntry.encode(entries))
            case .names(let entries): (2, ColdArchiveEntry.encode(entries))
            case .tar(let bytes): (3, bytes)
            case .damaged(let path, let reason, let hasBegun):
                (4, ColdArchivePart.damage(path, reason, hasBegun))
            case .end: (5, [])
            case .entries(let count): (6, ColdArchivePart.number(count))
            }
        var writer = ByteWriter(capacity: content.count + ColdArchivePart.headBytes)
        writer.append(kind)
        writer.append(counted: content)
        return writer.bytes
    }

    private static func damage(_ path: [UInt8], _ reason: String, _ hasBegun: Bool) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(UInt8(hasBegun ? 1 : 0))
        writer.append(counted: path)
        writer.append(counted: Array(reason.utf8))
        return writer.bytes
    }

    private static func number(_ number: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(number)
        return writer.bytes
    }

    init?(kind: UInt8, _ content: [UInt8]) {
        switch kind {
        case 1, 2:
            guard let entries = ColdArchiveEntry.decode(content) else { return nil }
            self = kind == 1 ? .beyondTar(entries) : .names(entries)
        case 3: self = .tar(content)
        case 4:
            var reader = ByteReader(content)
            guard let begun = reader.read(UInt8.self), begun <= 1,
                let path = reader.readCounted(max: ColdArchiveFormat.pathBytesMax),
                let reason = reader.readCounted(max: 64 << 10), reader.remaining == 0
            else { return nil }
            self = .damaged(
                path: path,
                reason: String(decoding: reason, as: UTF8.self),
                hasBegun: begun == 1
            )
        case 5 where content.isEmpty: self = .end
        case 6 where content.count == 8:
            var reader = ByteReader(content)
            guard let count = reader.read(UInt64.self) else { return nil }
            self = .entries(count)
        default: return nil
        }
    }
}

/// Takes a stream of parts apart as its bytes come in.
package struct ColdArchivePartReader: Sendable {
    private var pending: [UInt8] = []
    /// Whether the part that ends them all has come.
    package private(set) var isAtEnd = false

    package init() {}

    /// The parts that are whole once these bytes are added.
    ///
    /// - Throws: `.invalid` for bytes that are no parts.
    package mutating func add(_ bytes: some Sequence<UInt8>) throws(BackupError)
        -> [ColdArchivePart]
    {
        pending.append(contentsOf: bytes)
        var parts: [ColdArchivePart] = []
        var at = 0
        while pending.count - at >= 5 {
            var reader = ByteReader(pending[at..<at + 5])
            guard let kind = reader.read(UInt8.self), let count = reader.read(UInt32.self),
                count <= ColdArchivePart.bytesMax, !isAtEnd
            else { throw ColdArchivePartReader.malformed }
            let end = at + 5 + Int(count)
            guard pending.count >= end else { break }
            guard let part = ColdArchivePart(kind: kind, Array(pending[at + 5..<end])) else {
                throw ColdArchivePartReader.malformed
            }
            parts.append(part)
            isAtEnd = part == .end
            at = end
        }
        pending.removeFirst(at)
        guard !isAtEnd || pending.isEmpty else { throw ColdArchivePartReader.malformed }
        return parts
    }

    private static let malformed = BackupError(
        .invalid,
        "the stream of an archive's parts is not understood",
        remedy: "Check that varve and varved are of one version."
    )
}
