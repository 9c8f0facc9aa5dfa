import BackupVault
import FileSystemEngine
import VarveModel

/// How a file system stands in a recovery point's two maps (docs/formats/manifest.md).
///
/// Keys are big-endian, so that they sort as the engine's own do; values are little-endian.
enum PointFormat {
    /// The map of names: (directory, cookie) → inode, kind, name.
    static let names = "names"
    /// The map of inodes: inode → attributes; (inode, tile) → extents.
    static let inodes = "inodes"
    static let format: UInt8 = 1
    /// 4 MiB, as the engine's.
    static let tileBytes: UInt64 = 4 << 20
    /// Longer values of extended attributes are chunks of their own.
    static let attributeBytesInline = 512

    static func key(_ directory: InodeNumber, cookie: UInt64) -> [UInt8] {
        bigEndian(directory.rawValue) + bigEndian(cookie)
    }

    static func key(_ inode: InodeNumber) -> [UInt8] {
        bigEndian(inode.rawValue)
    }

    static func key(_ inode: InodeNumber, tile: UInt32) -> [UInt8] {
        bigEndian(inode.rawValue) + bigEndian(tile)
    }

    /// The inode and tile of a key of extents; `nil` for a key of attributes.
    static func tile(ofKey key: [UInt8]) -> (inode: InodeNumber, tile: UInt32)? {
        guard key.count == 12 else { return nil }
        return (
            InodeNumber(rawValue: number(key[..<8])), UInt32(truncatingIfNeeded: number(key[8...]))
        )
    }

    /// The inode of any key of the map of inodes.
    static func inode(ofKey key: [UInt8]) -> InodeNumber {
        InodeNumber(rawValue: number(key.prefix(8)))
    }

    /// The directory of a key of the map of names.
    static func directory(ofKey key: [UInt8]) -> InodeNumber {
        InodeNumber(rawValue: number(key.prefix(8)))
    }

    /// The directory and cookie of a key of the map of names; `nil` for any other.
    static func name(ofKey key: [UInt8]) -> (directory: InodeNumber, cookie: UInt64)? {
        guard key.count == 16 else { return nil }
        return (InodeNumber(rawValue: number(key[..<8])), number(key[8...]))
    }

    private static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// A name as a recovery point keeps it.
struct PointName: Hashable, Sendable {
    let inode: InodeNumber
    let kind: FileKind
    let name: FileName

    func encoded() -> MapValue {
        var writer = ByteWriter(capacity: 10 + name.bytes.count)
        writer.append(PointFormat.format)
        writer.append(inode.rawValue)
        writer.append(kind.rawValue)
        writer.append(bytes: name.bytes)
        return MapValue(writer.bytes)
    }

    init(inode: InodeNumber, kind: FileKind, name: FileName) {
        self.inode = inode
        self.kind = kind
        self.name = name
    }

    init(_ value: MapValue) throws(BackupError) {
        var reader = ByteReader(value.bytes)
        guard reader.read(UInt8.self) == PointFormat.format,
            let inode = reader.read(UInt64.self),
            let kind = reader.read(UInt8.self).flatMap({ FileKind(rawValue: $0) }),
            let name = FileName(bytes: reader.read(count: reader.remaining) ?? [])
        else { throw BackupError(malformed: "a name") }
        self.init(inode: InodeNumber(rawValue: inode), kind: kind, name: name)
    }
}

extension BackupError {
    /// A value that authenticates but does not parse: another format, or a fault of ours.
    init(malformed what: String) {
        self.init(
            .corrupt,
            "\(what) of the recovery point does not parse",
            remedy: "Verify the vault; restore from another recovery point."
        )
    }
}
