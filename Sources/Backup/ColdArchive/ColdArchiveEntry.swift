package import VarveModel

/// One name in an archive, as its index has it: enough to list, and to find its bytes.
package struct ColdArchiveEntry: Sendable, Hashable {
    /// Relative, without a slash at either end; empty for the root.
    package var path: [UInt8]
    package var kind: FileKind
    package var permissions: UInt16
    package var uid: UInt32
    package var gid: UInt32
    package var size: UInt64
    package var modified: Timestamp
    package var accessed: Timestamp
    /// Whether it is a further name of a file that another entry has.
    package var isFurtherName: Bool
    /// A symlink's target, or the path of the file's first name.
    package var link: [UInt8]
    /// Its header and data in the tar stream; empty for a socket, which tar cannot hold.
    package var place: Range<UInt64>
    /// A socket's: all else has them in the tar stream.
    var attributes: [Attribute] = []

    /// An extended attribute.
    struct Attribute: Sendable, Hashable {
        let name: [UInt8]
        let value: [UInt8]
    }

    init(_ entry: ArchiveEntry, at place: Range<UInt64>) {
        let node = entry.node
        path = entry.path
        kind = node.kind
        permissions = node.permissions
        uid = node.uid
        gid = node.gid
        size = node.kind == .regular ? node.size : 0
        modified = node.modified
        accessed = node.accessed
        isFurtherName = entry.hardLink != nil
        link = entry.hardLink ?? entry.details.target
        self.place = place
        if node.kind == .socket {
            attributes = entry.details.attributes.map { Attribute(name: $0.name, value: $0.value) }
        }
    }
}

/// Entries as bytes: u32 how many, then one after the other.
extension ColdArchiveEntry {
    /// What keeps a reader from taking the entry; `nil` when nothing does.
    ///
    /// A path, a link or a socket's attributes may be longer than an index has room for.
    var excess: String? {
        let pathMax = ColdArchiveFormat.pathBytesMax
        if path.count > pathMax || link.count > pathMax {
            return "the path has over \(pathMax) bytes"
        }
        let isTooMuch = attributes.contains {
            $0.name.count > ColdArchiveFormat.attributeNameBytesMax
                || $0.value.count > ColdArchiveFormat.attributeBytesMax
        }
        let bytes = attributes.reduce(0) { $0 + $1.name.count + $1.value.count + 8 }
        guard
            isTooMuch || bytes > ColdArchiveFormat.attributesBytesMax
                || attributes.count > Int(UInt16.max)
        else { return nil }
        return "its extended attributes are too many, or too long, for an archive's index"
    }

    static func encode(_ entries: [ColdArchiveEntry]) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(UInt32(entries.count))
        for entry in entries { entry.append(to: &writer) }
        return writer.bytes
    }

    func append(to writer: inout ByteWriter) {
        writer.append(kind.rawValue)
        writer.append(UInt8(isFurtherName ? 1 : 0))
        writer.append(permissions)
        writer.append(uid)
        writer.append(gid)
        writer.append(size)
        for time in [modified, accessed] {
            writer.append(time.seconds)
            writer.append(time.nanoseconds)
        }
        writer.append(place.lowerBound)
        writer.append(UInt64(place.count))
        writer.append(counted: path)
        writer.append(counted: link)
        writer.append(UInt16(attributes.count))
        for attribute in attributes {
            writer.append(counted: attribute.name)
            writer.append(counted: attribute.value)
        }
    }

    /// The entries of exactly these bytes; `nil` for anything else.
    static func decode(_ bytes: [UInt8]) -> [ColdArchiveEntry]? {
        var reader = ByteReader(bytes)
        guard let count = reader.read(UInt32.self) else { return nil }
        var entries: [ColdArchiveEntry] = []
        for _ in 0..<count {
            guard let entry = ColdArchiveEntry(&reader) else { return nil }
            entries.append(entry)
        }
        return reader.remaining == 0 ? entries : nil
    }

    init?(_ reader: inout ByteReader) {
        let pathMax = ColdArchiveFormat.pathBytesMax
        guard let kind = reader.read(UInt8.self).flatMap(FileKind.init(rawValue:)),
            let flags = reader.read(UInt8.self), flags <= 1,
            let permissions = reader.read(UInt16.self), permissions <= 0o7777,
            let uid = reader.read(UInt32.self), let gid = reader.read(UInt32.self),
            let size = reader.read(UInt64.self), size <= UInt64(Int64.max),
            let modified = ColdArchiveEntry.time(&reader),
            let accessed = ColdArchiveEntry.time(&reader),
            let start = reader.read(UInt64.self), let length = reader.read(UInt64.self),
            case let (end, isOver) = start.addingReportingOverflow(length), !isOver,
            length <= UInt64(Int64.max), (length == 0) == (kind == .socket),
            let path = reader.readCounted(max: pathMax),
            let link = reader.readCounted(max: pathMax),
            let attributeCount = reader.read(UInt16.self),
            attributeCount == 0 || kind == .socket
        else { return nil }
        // A path that leads out, or is written in two ways, is not one of ours.
        guard path.isEmpty || ColdArchiveEntry.isPlain(path), flags == 0 || kind != .directory
        else { return nil }
        self.kind = kind
        self.permissions = permissions
        self.uid = uid
        self.gid = gid
        self.size = size
        self.modified = modified
        self.accessed = accessed
        self.path = path
        self.link = link
        isFurtherName = flags == 1
        place = start..<end
        for _ in 0..<attributeCount {
            guard
                let name = reader.readCounted(max: ColdArchiveFormat.attributeNameBytesMax),
                let value = reader.readCounted(max: ColdArchiveFormat.attributeBytesMax)
            else { return nil }
            attributes.append(Attribute(name: name, value: value))
        }
    }

    private static func time(_ reader: inout ByteReader) -> Timestamp? {
        guard let seconds = reader.read(Int64.self), let nanoseconds = reader.read(UInt32.self),
            nanoseconds < 1_000_000_000
        else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    private static func isPlain(_ path: [UInt8]) -> Bool {
        path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
            guard let name = FileName(bytes: Array($0)) else { return false }
            return !name.isDot && !name.isDotDot
        }
    }
}
