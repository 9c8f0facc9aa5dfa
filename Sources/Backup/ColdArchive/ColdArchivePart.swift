import VarveModel

/// A part of what is read out of an archive, in the order in which whoever unpacks it needs them.
package enum ColdArchivePart: Sendable, Hashable {
    /// Paths that were asked for, before all else; without any it is everything. What comes must stand at or beneath one.
    case asked([[UInt8]])
    /// What tar cannot hold.
    case sockets([ColdArchiveEntry])
    /// Names without their bytes, for whoever only wants to know.
    case names([ColdArchiveEntry])
    /// What the index says of the entry that the stream has next: with its bytes must come this name, and no other.
    case next(ColdArchiveNext)
    case tar([UInt8])
    /// An entry that does not verify; once its header has gone out, zeros stand for the rest of it.
    case damaged(path: [UInt8], reason: String, hasBegun: Bool)
    /// How many entries the tar stream has: comes before its end.
    case entries(UInt64)
    /// Nothing follows: without it, something is missing.
    case end
}

/// An entry of the index whose bytes come next in the tar stream.
package struct ColdArchiveNext: Sendable, Hashable {
    /// As it shall be made.
    var entry: ColdArchiveEntry
    /// Its path in the stream: another one when a further name stands in for the first.
    let tarPath: [UInt8]
    /// Of a further name, the first one in the stream.
    let tarLink: [UInt8]

    init(_ entry: ColdArchiveEntry) {
        self.entry = entry
        tarPath = entry.path
        tarLink = entry.link
    }

    /// Whether a header of the stream is this entry's.
    func isOf(_ header: ArchiveEntry) -> Bool {
        guard header.path == tarPath else { return false }
        guard let hardLink = header.hardLink else {
            return !entry.isFurtherName && header.node.kind == entry.kind
        }
        return entry.isFurtherName && FileName.components(hardLink).map(FileName.path) == tarLink
    }

    fileprivate var bytes: [UInt8] {
        var writer = ByteWriter()
        entry.append(to: &writer)
        writer.append(counted: tarPath)
        writer.append(counted: tarLink)
        return writer.bytes
    }

    fileprivate init?(_ content: [UInt8]) {
        var reader = ByteReader(content)
        guard let entry = ColdArchiveEntry(&reader),
            let path = reader.readCounted(max: ColdArchiveFormat.pathBytesMax),
            let link = reader.readCounted(max: ColdArchiveFormat.pathBytesMax),
            reader.remaining == 0
        else { return nil }
        self.entry = entry
        tarPath = path
        tarLink = link
    }
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
            case .sockets(let entries): (1, ColdArchiveEntry.encode(entries))
            case .names(let entries): (2, ColdArchiveEntry.encode(entries))
            case .tar(let bytes): (3, bytes)
            case .damaged(let path, let reason, let hasBegun):
                (4, ColdArchivePart.damage(path, reason, hasBegun))
            case .end: (5, [])
            case .entries(let count): (6, ColdArchivePart.number(count))
            case .next(let next): (7, next.bytes)
            case .asked(let paths): (8, ColdArchivePart.list(paths))
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

    private static func list(_ paths: [[UInt8]]) -> [UInt8] {
        var writer = ByteWriter()
        for path in paths { writer.append(counted: path) }
        return writer.bytes
    }

    private static func paths(_ content: [UInt8]) -> [[UInt8]]? {
        var reader = ByteReader(content)
        var paths: [[UInt8]] = []
        while reader.remaining > 0 {
            guard let path = reader.readCounted(max: ColdArchiveFormat.pathBytesMax),
                !path.isEmpty
            else { return nil }
            paths.append(path)
        }
        return paths
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
            self = kind == 1 ? .sockets(entries) : .names(entries)
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
        case 7:
            guard let next = ColdArchiveNext(content) else { return nil }
            self = .next(next)
        case 8:
            guard let paths = ColdArchivePart.paths(content) else { return nil }
            self = .asked(paths)
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
