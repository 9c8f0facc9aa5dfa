/// An attribute with its value (RFC 8881 §5.8, §5.9 to §5.13).
package enum AttributeValue: Sendable, Equatable {
    case supportedAttributes(Bitmap)
    case type(NFSFileType)
    /// 0: handles persist.
    case fileHandleExpiry(UInt32)
    case change(UInt64)
    case size(UInt64)
    case linkSupport(Bool)
    case symlinkSupport(Bool)
    case hasNamedAttributes(Bool)
    case fileSystemID(FileSystemID)
    case uniqueHandles(Bool)
    case leaseSeconds(UInt32)
    /// Why READDIR could not get an entry's attributes.
    case readError(NFSStatus)
    case acl([AccessControlEntry])
    case aclSupport(UInt32)
    case archive(Bool)
    case canSetTime(Bool)
    case caseInsensitive(Bool)
    case casePreserving(Bool)
    case chownRestricted(Bool)
    case fileHandle(NFSFileHandle)
    case fileID(UInt64)
    case filesAvailable(UInt64)
    case filesFree(UInt64)
    case filesTotal(UInt64)
    case locations(FileSystemLocations)
    case hidden(Bool)
    case homogeneous(Bool)
    case fileSizeMax(UInt64)
    case linksMax(UInt32)
    case nameBytesMax(UInt32)
    case readBytesMax(UInt64)
    case writeBytesMax(UInt64)
    case mimeType([UInt8])
    case mode(UInt32)
    case noTruncation(Bool)
    case links(UInt32)
    case owner([UInt8])
    case ownerGroup([UInt8])
    case quotaAvailableHard(UInt64)
    case quotaAvailableSoft(UInt64)
    case quotaUsed(UInt64)
    case rawDevice(DeviceSpecification)
    case spaceAvailable(UInt64)
    case spaceFree(UInt64)
    case spaceTotal(UInt64)
    case spaceUsed(UInt64)
    case system(Bool)
    case accessed(NFSTime)
    case setAccessed(SetTime)
    case backedUp(NFSTime)
    case created(NFSTime)
    case timeDelta(NFSTime)
    case changed(NFSTime)
    case modified(NFSTime)
    case setModified(SetTime)
    case mountedOnFileID(UInt64)
    case directoryNotifyDelay(NFSTime)
    case entryNotifyDelay(NFSTime)
    case discretionaryACL(AccessControlList)
    case systemACL(AccessControlList)
    case changePolicy(ChangePolicy)
    indirect case status(FileSystemStatus)
    case fileSystemLayoutTypes([UInt32])
    case layoutHint(LayoutBody)
    case layoutTypes([UInt32])
    case layoutBlockSize(UInt32)
    case layoutAlignment(UInt32)
    indirect case locationsInfo(FileSystemLocationsInfo)
    case metadataThreshold([ThresholdItem])
    indirect case retention(Retention)
    case setRetention(SetRetention)
    indirect case eventRetention(Retention)
    case setEventRetention(SetRetention)
    case retentionHold(UInt64)
    case setModeMasked(MaskedMode)
    case exclusiveCreateAttributes(Bitmap)
    case charsetCapabilities(UInt32)
    case cloneBlockSize(UInt32)
    case spaceFreed(UInt64)
    case changeType(ChangeAttributeType)
    case securityLabel(SecurityLabel)
    case modeUmask(ModeUmask)
    case xattrSupport(Bool)

    /// Which attribute it is.
    package var attribute: Attribute {
        switch self {
        case .supportedAttributes: .supportedAttributes
        case .type: .type
        case .fileHandleExpiry: .fileHandleExpiry
        case .change: .change
        case .size: .size
        case .linkSupport: .linkSupport
        case .symlinkSupport: .symlinkSupport
        case .hasNamedAttributes: .hasNamedAttributes
        case .fileSystemID: .fileSystemID
        case .uniqueHandles: .uniqueHandles
        case .leaseSeconds: .leaseSeconds
        case .readError: .readError
        case .acl: .acl
        case .aclSupport: .aclSupport
        case .archive: .archive
        case .canSetTime: .canSetTime
        case .caseInsensitive: .caseInsensitive
        case .casePreserving: .casePreserving
        case .chownRestricted: .chownRestricted
        case .fileHandle: .fileHandle
        case .fileID: .fileID
        case .filesAvailable: .filesAvailable
        case .filesFree: .filesFree
        case .filesTotal: .filesTotal
        case .locations: .locations
        case .hidden: .hidden
        case .homogeneous: .homogeneous
        case .fileSizeMax: .fileSizeMax
        case .linksMax: .linksMax
        case .nameBytesMax: .nameBytesMax
        case .readBytesMax: .readBytesMax
        case .writeBytesMax: .writeBytesMax
        case .mimeType: .mimeType
        case .mode: .mode
        case .noTruncation: .noTruncation
        case .links: .links
        case .owner: .owner
        case .ownerGroup: .ownerGroup
        case .quotaAvailableHard: .quotaAvailableHard
        case .quotaAvailableSoft: .quotaAvailableSoft
        case .quotaUsed: .quotaUsed
        case .rawDevice: .rawDevice
        case .spaceAvailable: .spaceAvailable
        case .spaceFree: .spaceFree
        case .spaceTotal: .spaceTotal
        case .spaceUsed: .spaceUsed
        case .system: .system
        case .accessed: .accessed
        case .setAccessed: .setAccessed
        case .backedUp: .backedUp
        case .created: .created
        case .timeDelta: .timeDelta
        case .changed: .changed
        case .modified: .modified
        case .setModified: .setModified
        case .mountedOnFileID: .mountedOnFileID
        default: laterAttribute
        }
    }

    /// Of the attributes since NFSv4.1.
    private var laterAttribute: Attribute {
        switch self {
        case .directoryNotifyDelay: .directoryNotifyDelay
        case .entryNotifyDelay: .entryNotifyDelay
        case .discretionaryACL: .discretionaryACL
        case .systemACL: .systemACL
        case .changePolicy: .changePolicy
        case .status: .status
        case .fileSystemLayoutTypes: .fileSystemLayoutTypes
        case .layoutHint: .layoutHint
        case .layoutTypes: .layoutTypes
        case .layoutBlockSize: .layoutBlockSize
        case .layoutAlignment: .layoutAlignment
        case .locationsInfo: .locationsInfo
        case .metadataThreshold: .metadataThreshold
        case .retention: .retention
        case .setRetention: .setRetention
        case .eventRetention: .eventRetention
        case .setEventRetention: .setEventRetention
        case .retentionHold: .retentionHold
        case .setModeMasked: .setModeMasked
        case .exclusiveCreateAttributes: .exclusiveCreateAttributes
        case .charsetCapabilities: .charsetCapabilities
        case .cloneBlockSize: .cloneBlockSize
        case .spaceFreed: .spaceFreed
        case .changeType: .changeType
        case .securityLabel: .securityLabel
        case .modeUmask: .modeUmask
        case .xattrSupport: .xattrSupport
        default: preconditionFailure("an attribute of NFSv4.0")
        }
    }
}
