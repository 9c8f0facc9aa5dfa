import BackupVault
import VarveModel

/// An inode as a recovery point keeps it: attributes, a symlink's target, extended attributes.
struct PointInode: Sendable {
    /// An extended attribute; a long value is a chunk.
    struct Attribute: Sendable, Hashable {
        enum Value: Sendable, Hashable {
            case inline([UInt8])
            case chunk(ChunkReference)
        }

        let name: [UInt8]
        let value: Value
    }

    var attributes: Attributes
    var target: [UInt8] = []
    var extended: [Attribute] = []

    func encoded() -> MapValue {
        var writer = ByteWriter(capacity: 160)
        writer.append(PointFormat.format)
        writer.append(attributes.inode.rawValue)
        writer.append(attributes.generation)
        writer.append(attributes.kind.rawValue)
        writer.append(attributes.permissions)
        writer.append(attributes.uid)
        writer.append(attributes.gid)
        writer.append(attributes.links)
        writer.append(attributes.size)
        writer.append(attributes.allocated)
        for time in [
            attributes.accessed, attributes.modified, attributes.changed, attributes.created,
        ] {
            writer.append(time.seconds)
            writer.append(time.nanoseconds)
        }
        writer.append(attributes.change)
        writer.append(attributes.device.major)
        writer.append(attributes.device.minor)
        writer.append(attributes.parent.rawValue)
        writer.append(attributes.project)
        writer.append(counted: target)
        writer.append(UInt32(extended.count))
        var chunks: [ChunkReference] = []
        for attribute in extended {
            writer.append(counted: attribute.name)
            switch attribute.value {
            case .inline(let bytes):
                writer.append(UInt8(0))
                writer.append(counted: bytes)
            case .chunk(let chunk):
                writer.append(UInt8(1))
                writer.append(UInt32(chunks.count))
                chunks.append(chunk)
            }
        }
        return MapValue(writer.bytes, chunks: chunks)
    }

    init(attributes: Attributes, target: [UInt8] = [], extended: [Attribute] = []) {
        self.attributes = attributes
        self.target = target
        self.extended = extended
    }

    init(_ value: MapValue) throws(BackupError) {
        var reader = ByteReader(value.bytes)
        guard let attributes = PointInode.readAttributes(&reader),
            let target = reader.readCounted(max: 4_096),
            let extended = PointInode.readExtended(&reader, value.chunks),
            reader.remaining == 0
        else { throw BackupError(malformed: "an inode") }
        self.init(attributes: attributes, target: target, extended: extended)
    }

    private static func readAttributes(_ reader: inout ByteReader) -> Attributes? {
        guard reader.read(UInt8.self) == PointFormat.format,
            let inode = reader.read(UInt64.self), let generation = reader.read(UInt32.self),
            let kind = reader.read(UInt8.self).flatMap({ FileKind(rawValue: $0) }),
            let permissions = reader.read(UInt16.self),
            let uid = reader.read(UInt32.self), let gid = reader.read(UInt32.self),
            let links = reader.read(UInt32.self), let size = reader.read(UInt64.self),
            let allocated = reader.read(UInt64.self),
            let accessed = readTime(&reader), let modified = readTime(&reader),
            let changed = readTime(&reader), let created = readTime(&reader),
            let change = reader.read(UInt64.self),
            let major = reader.read(UInt32.self), let minor = reader.read(UInt32.self),
            let parent = reader.read(UInt64.self), let project = reader.read(UInt32.self)
        else { return nil }
        return Attributes(
            inode: InodeNumber(rawValue: inode),
            generation: generation,
            kind: kind,
            permissions: permissions,
            uid: uid,
            gid: gid,
            links: links,
            size: size,
            allocated: allocated,
            accessed: accessed,
            modified: modified,
            changed: changed,
            created: created,
            change: change,
            device: DeviceNumber(major: major, minor: minor),
            parent: InodeNumber(rawValue: parent),
            project: project
        )
    }

    private static func readTime(_ reader: inout ByteReader) -> Timestamp? {
        guard let seconds = reader.read(Int64.self), let nanoseconds = reader.read(UInt32.self),
            nanoseconds < 1_000_000_000
        else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    private static func readExtended(
        _ reader: inout ByteReader,
        _ chunks: [ChunkReference]
    ) -> [Attribute]? {
        guard let count = reader.read(UInt32.self), count <= 65_536 else { return nil }
        var extended: [Attribute] = []
        for _ in 0..<count {
            guard let name = reader.readCounted(max: 255), let place = reader.read(UInt8.self)
            else { return nil }
            switch place {
            case 0:
                guard let bytes = reader.readCounted(max: 65_536) else { return nil }
                extended.append(Attribute(name: name, value: .inline(bytes)))
            case 1:
                guard let index = reader.read(UInt32.self), index < chunks.count else { return nil }
                extended.append(Attribute(name: name, value: .chunk(chunks[Int(index)])))
            default: return nil
            }
        }
        return extended
    }
}
