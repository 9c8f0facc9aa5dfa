import Keyring
import NFSWire
import VarveModel

/// A file handle's bytes (RFC 8881 §4): 48 of the 128 that there may be.
///
/// | Offset | Bytes | |
/// |---|---|---|
/// | 0 | 1 | format, 1 |
/// | 1 | 1 | what it names: 0 the gateway's root (4 bytes in all), 1 an inode, 2 the directory of the past |
/// | 2 | 2 | zero |
/// | 4 | 16 | the file system's unique id |
/// | 20 | 8 | inode |
/// | 28 | 4 | generation, 1 |
/// | 32 | 8 | instant, 0 for the present |
/// | 40 | 8 | SipHash-2-4 of bytes 0 to 39 under a key of the file system's own |
///
/// Numbers are big-endian. Nothing in it changes with a rename or a restart; without the key none can be made up, so a client
/// reaches what it was given, and no more (NFS4ERR_BADHANDLE).
enum FileHandle {
    private static let format: UInt8 = 1
    private static let gatewayBytes: [UInt8] = [format, 0, 0, 0]
    private static let inodeBytes = 48
    private static let inodeKind: UInt8 = 1
    private static let snapshotsKind: UInt8 = 2

    static func handle(of object: NFSObject) -> NFSFileHandle {
        switch object {
        case .gateway, .snapshots: handle(of: SnapshotDirectory.inode, in: Place(object))
        case .inode(let inode): handle(of: inode.inode, in: Place(object))
        }
    }

    /// The handle of an inode, or of the gateway's root, which is in no place.
    static func handle(of inode: InodeNumber, in place: Place?) -> NFSFileHandle {
        guard let place else { return NFSFileHandle(bytes: gatewayBytes) }
        let bytes = [UInt8](unsafeUninitializedCapacity: inodeBytes) { buffer, count in
            place.put(inode, in: UnsafeMutableRawBufferPointer(buffer))
            count = inodeBytes
        }
        return NFSFileHandle(bytes: bytes)
    }

    /// All of a handle but its inode: the same for whatever is in one file system at one moment.
    ///
    /// It holds numbers alone: a listing makes a handle for each name, on several threads at once, and counts no references.
    struct Place: Sendable {
        private let kind: UInt8
        private let key: FileSystemKey
        private let instant: UInt64
        private let seal: SipHash

        /// `nil` for the gateway's root.
        init?(_ object: NFSObject) {
            switch object {
            case .gateway: return nil
            case .inode(let object): self.init(object.fileSystem, object.view, inodeKind)
            case .snapshots(let fileSystem): self.init(fileSystem, .live, snapshotsKind)
            }
        }

        private init(_ fileSystem: ExportedFileSystem, _ view: View, _ kind: UInt8) {
            self.kind = kind
            key = fileSystem.key
            seal = fileSystem.seal
            instant =
                switch view {
                case .live: 0
                case .past(let instant): instant.rawValue
                }
        }

        /// Writes an inode's handle as opaque data.
        func write(_ inode: InodeNumber, to writer: inout XDRWriter) {
            writer.write(opaqueBytes: inodeBytes) { put(inode, in: $0) }
        }

        // SAFETY: `handle` is of 48 bytes, each of which is stored here; the stores need no alignment.
        fileprivate func put(_ inode: InodeNumber, in handle: UnsafeMutableRawBufferPointer) {
            store(UInt32(format) << 24 | UInt32(kind) << 16, at: 0, of: handle)
            store(key.high, at: 4, of: handle)
            store(key.low, at: 12, of: handle)
            store(inode.rawValue, at: 20, of: handle)
            store(UInt32(1), at: 28, of: handle)
            store(instant, at: 32, of: handle)
            store(seal.hash(sealed(UnsafeRawBufferPointer(handle))), at: 40, of: handle)
        }
    }

    /// What the tag is about.
    private static func sealed(_ handle: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: handle[..<40])
    }

    private static func store<Number: FixedWidthInteger>(
        _ number: Number,
        at offset: Int,
        of handle: UnsafeMutableRawBufferPointer
    ) {
        handle.storeBytes(of: number.bigEndian, toByteOffset: offset, as: Number.self)
    }

    /// What a handle names here.
    ///
    /// - Throws: `.badHandle` for bytes that this server never gave; `.stale` for a file system that is not, or no longer,
    ///   offered.
    static func object(
        _ handle: NFSFileHandle,
        in exports: Exports
    ) throws(NFSStatus) -> NFSObject {
        let bytes = handle.bytes
        if bytes == gatewayBytes {
            guard exports.root == .gateway else { throw .badHandle }
            return .gateway
        }
        guard bytes.count == inodeBytes, bytes[0] == format,
            bytes[1] == inodeKind || bytes[1] == snapshotsKind
        else { throw .badHandle }
        let key = FileSystemKey(high: number(bytes, 4), low: number(bytes, 12))
        guard let fileSystem = exports.fileSystem(key) else { throw .stale }
        let tag = bytes.withUnsafeBytes { fileSystem.seal.hash(sealed($0)) }
        guard tag == number(bytes, 40) else { throw .badHandle }
        if bytes[1] == snapshotsKind { return .snapshots(fileSystem) }
        let instant = number(bytes, 32)
        return .inode(
            InodeObject(
                fileSystem,
                InodeNumber(rawValue: number(bytes, 20)),
                at: instant == 0 ? .live : .past(Epoch(rawValue: instant))
            )
        )
    }

    private static func number(_ bytes: [UInt8], _ start: Int) -> UInt64 {
        bytes.withUnsafeBytes {
            UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: start, as: UInt64.self))
        }
    }
}
