import FileSystemEngine
import NFSWire
import VarveModel

/// All that GETATTR, READDIR and VERIFY may be asked of one object (RFC 8881 §5.6 to §5.8).
///
/// A listing copies it for each name, on several threads at once: but for `room` it holds numbers alone, and no
/// reference to be counted.
struct ObjectAttributes: Sendable {
    /// Of the object; in a listing, of one entry after another of the same file system and moment.
    var attributes: Attributes
    /// Where an attribute of space or of numbers of files is asked for.
    var room: FileSystemRoom?
    /// Of the COMPOUND: it decides which attributes there are.
    let version: MinorVersion
    private let place: FileHandle.Place?
    private let fileSystemID: NFSWire.FileSystemID
    /// What a file system's root hides: a mount target's itself (RFC 8881 §5.8.2.23); `nil` for an object of ours, which is no root.
    private let hiddenByRoot: UInt64?
    private let fileSizeMax: UInt64
    private let linksMax: UInt32
    // Not the limits whole, as above.
    private let leaseSeconds: Int64
    private let dataBytesMax: Int

    init(
        object: NFSObject,
        attributes: Attributes,
        room: FileSystemRoom? = nil,
        limits: ServerLimits,
        version: MinorVersion
    ) {
        self.attributes = attributes
        self.room = room
        self.version = version
        place = FileHandle.Place(object)
        fileSystemID = Self.fileSystemID(of: object)
        if case .inode(let object) = object {
            let hidesNothing = object.fileSystem.isTop && object.view == .live
            hiddenByRoot = hidesNothing ? InodeNumber.root.rawValue : object.fileSystem.cookie
        } else {
            hiddenByRoot = nil
        }
        let engineLimits = Self.engineLimits(of: object)
        fileSizeMax = engineLimits.fileBytesMax
        linksMax = engineLimits.linksMax
        leaseSeconds = limits.leaseSeconds
        dataBytesMax = limits.dataBytesMax
    }

    /// What the gateway's root is: a directory that changes when file systems come and go.
    static func gateway(_ listing: Exports.Listing, start: Timestamp) -> Attributes {
        Attributes(
            inode: .root,
            kind: .directory,
            permissions: 0o555,
            uid: 0,
            gid: 0,
            links: UInt32(clamping: listing.sorted.count + 2),
            size: 0,
            allocated: 0,
            accessed: start,
            modified: start,
            changed: start,
            created: start,
            // Seconds of the start above, so that a list of an earlier start is never taken for this one.
            change: UInt64(max(0, start.seconds)) << 24 | listing.generation,
            parent: .root
        )
    }

    /// The attributes that have a value here in NFSv4.1.
    static let supported: Bitmap = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23, 26, 27, 28,
        29,
        30, 31, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 47, 48, 50, 51, 52, 53, 54, 55, 74, 75,
    ]

    /// With those of NFSv4.2: clone_blksize and change_attr_type (RFC 7862 §12.2), mode_umask (RFC 8275), xattr_support (RFC 8276).
    static let supportedInAll = supported.union([77, 79, 81, 82])

    /// The attributes that have a value here in a minor version.
    static func supported(in version: MinorVersion) -> Bitmap {
        switch version {
        case .v40: supportedInV40
        case .v41: supported
        case .v42: supportedInAll
        }
    }

    private static let supportedInV40 = supported.intersection(Attribute.known(in: .v40))

    /// Those of them that can be set and not read; of what is not supported nothing is said (RFC 8881 §18.7.3).
    static let writeOnly = supported.intersection(Attribute.writeOnly)

    /// The same of a minor version.
    static func writeOnly(in version: MinorVersion) -> Bitmap {
        version == .v42 ? writeOnlyInAll : writeOnly
    }

    private static let writeOnlyInAll = supportedInAll.intersection(Attribute.writeOnly)

    /// Those that OPEN may set in an exclusive create: the times hold the verifier (RFC 8881 §5.8.1.14).
    ///
    /// `mode_umask` is of NFSv4.2 alone: in a COMPOUND of an earlier version it comes no further than `requireVersion`.
    static let exclusiveCreate: Bitmap = [4, 33, 36, 37, 81]

    /// Those that need `room`.
    static let ofSpace: Bitmap = [21, 22, 23, 42, 43, 44]

    /// Writes an attribute's value, where it has one here; the same as ``value(_:)`` answers.
    ///
    /// Those that clients ask for of each name of a listing are written as they are: a value that may be of any
    /// attribute costs more than the few bytes that it becomes.
    func write(_ attribute: Attribute, to writer: inout XDRWriter) -> Bool {
        switch attribute {
        case .type: writer.write(NFSFileType(attributes.kind).rawValue)
        case .change: writer.write(attributes.change)
        case .size: writer.write(attributes.size)
        case .fileSystemID: fileSystemID.encode(to: &writer)
        case .readError: writer.write(NFSStatus.ok.rawValue)
        case .fileID: writer.write(attributes.inode.rawValue)
        case .mode: writer.write(UInt32(attributes.permissions))
        case .links: writer.write(attributes.links)
        case .owner: NumericOwner.write(attributes.uid, to: &writer)
        case .ownerGroup: NumericOwner.write(attributes.gid, to: &writer)
        case .rawDevice: rawDevice.encode(to: &writer)
        case .spaceUsed: writer.write(attributes.allocated)
        case .accessed: NFSTime(attributes.accessed).encode(to: &writer)
        case .changed: NFSTime(attributes.changed).encode(to: &writer)
        case .modified: NFSTime(attributes.modified).encode(to: &writer)
        case .mountedOnFileID: writer.write(mountedOnFileID)
        default: return writeOther(attribute, to: &writer)
        }
        return true
    }

    private func writeOther(_ attribute: Attribute, to writer: inout XDRWriter) -> Bool {
        if attribute == .fileHandle, let place {
            place.write(attributes.inode, to: &writer)
            return true
        }
        guard let value = value(attribute) else { return false }
        precondition(value.attribute == attribute, "a value answers its attribute")
        value.encode(to: &writer)
        return true
    }

    func value(_ attribute: Attribute) -> AttributeValue? {
        switch attribute {
        case .supportedAttributes: .supportedAttributes(Self.supported(in: version))
        case .type: .type(NFSFileType(attributes.kind))
        case .change: .change(attributes.change)
        case .size: .size(attributes.size)
        case .fileSystemID: .fileSystemID(fileSystemID)
        case .fileHandle: .fileHandle(FileHandle.handle(of: attributes.inode, in: place))
        case .fileID: .fileID(attributes.inode.rawValue)
        case .mode: .mode(UInt32(attributes.permissions))
        case .links: .links(attributes.links)
        case .owner: .owner(NumericOwner.text(attributes.uid))
        case .ownerGroup: .ownerGroup(NumericOwner.text(attributes.gid))
        case .rawDevice: .rawDevice(rawDevice)
        case .spaceUsed: .spaceUsed(attributes.allocated)
        case .accessed: .accessed(NFSTime(attributes.accessed))
        case .created: .created(NFSTime(attributes.created))
        case .changed: .changed(NFSTime(attributes.changed))
        case .modified: .modified(NFSTime(attributes.modified))
        case .mountedOnFileID: .mountedOnFileID(mountedOnFileID)
        case .readError: .readError(.ok)
        case .filesAvailable, .filesFree, .filesTotal, .spaceAvailable, .spaceFree, .spaceTotal:
            space(attribute)
        case .cloneBlockSize, .changeType, .xattrSupport: newest(attribute)
        default: constant(attribute)
        }
    }

    /// Of NFSv4.2.
    private func newest(_ attribute: Attribute) -> AttributeValue? {
        guard version == .v42 else { return nil }
        return switch attribute {
        // Slices begin and end at any byte.
        case .cloneBlockSize: .cloneBlockSize(1)
        // An inode's rises with each change; that of `.snapshot`, which has the same fsid, only differs.
        case .changeType: .changeType(.undefined)
        case .xattrSupport: .xattrSupport(hiddenByRoot != nil)
        default: nil
        }
    }

    /// What is the same for every object.
    private func constant(_ attribute: Attribute) -> AttributeValue? {
        switch attribute {
        case .fileHandleExpiry: .fileHandleExpiry(0)  // FH4_PERSISTENT
        case .linkSupport: .linkSupport(true)
        case .symlinkSupport: .symlinkSupport(true)
        case .hasNamedAttributes: .hasNamedAttributes(false)
        case .uniqueHandles: .uniqueHandles(true)
        case .leaseSeconds: .leaseSeconds(UInt32(clamping: leaseSeconds))
        case .aclSupport: .aclSupport(0)
        case .canSetTime: .canSetTime(true)
        case .caseInsensitive: .caseInsensitive(false)
        case .casePreserving: .casePreserving(true)
        case .chownRestricted: .chownRestricted(true)
        case .homogeneous: .homogeneous(true)
        case .fileSizeMax: .fileSizeMax(fileSizeMax)
        case .linksMax: .linksMax(linksMax)
        case .nameBytesMax: .nameBytesMax(UInt32(FileName.bytesMax))
        case .readBytesMax: .readBytesMax(UInt64(dataBytesMax))
        case .writeBytesMax: .writeBytesMax(UInt64(dataBytesMax))
        case .noTruncation: .noTruncation(true)
        case .timeDelta: .timeDelta(NFSTime(seconds: 0, nanoseconds: 1))
        case .exclusiveCreateAttributes:
            .exclusiveCreateAttributes(
                Self.exclusiveCreate.intersection(Self.supported(in: version))
            )
        default: nil
        }
    }

    private func space(_ attribute: Attribute) -> AttributeValue? {
        // The gateway's root has no room of its own.
        let total = room?.diskTotalBytes ?? 0
        let free = room?.diskAvailableBytes ?? 0
        let inodes = room?.inodes ?? 0
        // Numbers of inodes do not run out: a file takes 1 KiB of metadata, say.
        let files = free >> 10
        return switch attribute {
        case .filesAvailable: .filesAvailable(files)
        case .filesFree: .filesFree(files)
        case .filesTotal: .filesTotal(inodes + files)
        case .spaceAvailable: .spaceAvailable(free)
        case .spaceFree: .spaceFree(free)
        case .spaceTotal: .spaceTotal(total)
        default: nil
        }
    }

    private static func engineLimits(of object: NFSObject) -> FileSystemLimits {
        switch object {
        case .gateway: FileSystemLimits()
        case .snapshots(let fileSystem): fileSystem.engine.limits
        case .inode(let object): object.fileSystem.engine.limits
        }
    }

    private static func fileSystemID(of object: NFSObject) -> NFSWire.FileSystemID {
        switch object {
        case .gateway: NFSWire.FileSystemID(major: 0, minor: 0)
        case .snapshots(let fileSystem): fileSystem.fileSystemID(at: .live)
        case .inode(let object): object.fileSystem.fileSystemID(at: object.view)
        }
    }

    private var rawDevice: DeviceSpecification {
        DeviceSpecification(major: attributes.device.major, minor: attributes.device.minor)
    }

    /// Of a file system's root the number of the directory that it hides.
    private var mountedOnFileID: UInt64 {
        guard let hiddenByRoot, attributes.inode == .root else { return attributes.inode.rawValue }
        return hiddenByRoot
    }
}

extension NFSFileType {
    init(_ kind: FileKind) {
        self =
            switch kind {
            case .regular: .regular
            case .directory: .directory
            case .symlink: .symlink
            case .fifo: .fifo
            case .socket: .socket
            case .characterDevice: .characterDevice
            case .blockDevice: .blockDevice
            }
    }
}
