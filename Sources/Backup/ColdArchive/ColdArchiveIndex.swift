import Compression
import VarveModel

/// The end of an archive's index: what the archive is, and what its pages hold.
struct ColdArchiveRoot: Sendable, Hashable {
    struct Page: Sendable, Hashable {
        let plainBytes: UInt32
        let entries: UInt32
        let checksum: UInt32
    }

    var info: ColdArchiveInfo
    /// CRC-32C of the seek table's entries before the root's own.
    var seekChecksum: UInt32
    var pages: [Page]

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.append(bytes: ColdArchiveFormat.rootMagic)
        writer.append(ColdArchiveFormat.format)
        // Compatible, read-only-compatible and incompatible features: none yet.
        for _ in 0..<3 { writer.append(UInt32(0)) }
        writer.append(bytes: info.id.bytes)
        for time in [info.created, info.instant] {
            writer.append(time.seconds)
            writer.append(time.nanoseconds)
        }
        writer.append(info.tarBytes)
        writer.append(info.entries)
        writer.append(info.dataBytes)
        writer.append(seekChecksum)
        writer.append(UInt32(info.labels.count))
        for (name, text) in info.labels.sorted(by: { $0.key < $1.key }) {
            writer.append(counted: Array(name.utf8))
            writer.append(counted: Array(text.utf8))
        }
        writer.append(UInt32(pages.count))
        for page in pages {
            writer.append(page.plainBytes)
            writer.append(page.entries)
            writer.append(page.checksum)
        }
        writer.append(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    /// Reads a root.
    ///
    /// - Throws: `.corrupt` for anything that is none; `.unsupported` for a newer format or an incompatible feature.
    init(_ bytes: [UInt8], of archive: String) throws(BackupError) {
        var reader = ByteReader(bytes)
        guard reader.read(count: 8) == ColdArchiveFormat.rootMagic,
            let format = reader.read(UInt32.self), reader.read(UInt32.self) != nil,
            reader.read(UInt32.self) != nil, let incompatible = reader.read(UInt32.self)
        else {
            throw BackupError(
                .invalid,
                "archive '\(archive)' has no index of Varve's",
                remedy: "Read it in order: age -d ARCHIVE | zstd -dc | tar -x."
            )
        }
        guard format == ColdArchiveFormat.format, incompatible == 0 else {
            throw BackupError(
                .unsupported,
                "archive '\(archive)' has an index of format \(format), features \(incompatible); this Varve reads 1 and 0",
                remedy: "Use the Varve that wrote it, or: age -d ARCHIVE | zstd -dc | tar -x."
            )
        }
        guard let read = ColdArchiveRoot(&reader, all: bytes) else {
            throw BackupError.damaged(archive, "the root of its index does not add up")
        }
        self = read
    }

    private init?(_ reader: inout ByteReader, all bytes: [UInt8]) {
        guard let id = reader.read(count: 16).flatMap(UniqueID.init(bytes:)),
            let created = ColdArchiveRoot.time(&reader),
            let instant = ColdArchiveRoot.time(&reader),
            let tarBytes = reader.read(UInt64.self), let entries = reader.read(UInt64.self),
            let dataBytes = reader.read(UInt64.self), let seek = reader.read(UInt32.self),
            let labelCount = reader.read(UInt32.self), labelCount <= ColdArchiveFormat.labelsMax
        else { return nil }
        info = ColdArchiveInfo(id: id, created: created, instant: instant)
        info.tarBytes = tarBytes
        info.entries = entries
        info.dataBytes = dataBytes
        seekChecksum = seek
        for _ in 0..<labelCount {
            guard let nameBytes = reader.readCounted(max: ColdArchiveFormat.labelNameBytesMax),
                let text = reader.readCounted(max: ColdArchiveFormat.labelBytesMax)
            else { return nil }
            let name = String(decoding: nameBytes, as: UTF8.self)
            guard info.labels[name] == nil else { return nil }
            info.labels[name] = String(decoding: text, as: UTF8.self)
        }
        pages = []
        guard let pageCount = reader.read(UInt32.self),
            reader.remaining == Int(pageCount) * 12 + 4
        else { return nil }
        for _ in 0..<pageCount {
            guard let plain = reader.read(UInt32.self), let count = reader.read(UInt32.self),
                let checksum = reader.read(UInt32.self)
            else { return nil }
            pages.append(Page(plainBytes: plain, entries: count, checksum: checksum))
        }
        guard let checksum = reader.read(UInt32.self),
            checksum == CRC32C.checksum(Array(bytes.dropLast(4))),
            pages.reduce(0, { $0 + UInt64($1.entries) }) == entries
        else { return nil }
    }

    init(info: ColdArchiveInfo, seekChecksum: UInt32, pages: [Page]) {
        self.info = info
        self.seekChecksum = seekChecksum
        self.pages = pages
    }

    private static func time(_ reader: inout ByteReader) -> Timestamp? {
        guard let seconds = reader.read(Int64.self), let nanoseconds = reader.read(UInt32.self),
            nanoseconds < 1_000_000_000
        else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }
}

/// Gathers entries as an archive is written; holds them compressed, some 25 bytes each.
struct ColdArchivePages {
    /// Skippable frames, ready to be written.
    private(set) var frames: [[UInt8]] = []
    private(set) var pages: [ColdArchiveRoot.Page] = []
    private var open = ByteWriter()
    private var openEntries: UInt32 = 0
    private let compressor = ZstdCompressor(
        level: ColdArchiveFormat.indexLevel,
        hasChecksum: true
    )

    mutating func add(_ entry: ColdArchiveEntry) {
        entry.append(to: &open)
        openEntries += 1
        if open.bytes.count >= ColdArchiveFormat.pageBytes { endPage() }
    }

    mutating func endPage() {
        guard openEntries > 0 else { return }
        var writer = ByteWriter(capacity: open.bytes.count + 4)
        writer.append(openEntries)
        writer.append(bytes: open.bytes)
        pages.append(
            ColdArchiveRoot.Page(
                plainBytes: UInt32(writer.bytes.count),
                entries: openEntries,
                checksum: CRC32C.checksum(writer.bytes)
            )
        )
        let frame = compressor.compress(writer.bytes)
        frames.append(SkippableFrame.encode(frame, kind: ColdArchiveFormat.skippableKind))
        open = ByteWriter()
        openEntries = 0
    }
}
