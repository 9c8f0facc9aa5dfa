/// An attribute of a file or file system, by its number in a bitmap (RFC 7530 §5, RFC 8881 §5, RFC 7862 §12, RFC 8275, RFC 8276).
package enum Attribute: Int, Sendable, Hashable, CaseIterable {
    /// FATTR4_SUPPORTED_ATTRS.
    case supportedAttributes = 0
    /// FATTR4_TYPE.
    case type = 1
    /// FATTR4_FH_EXPIRE_TYPE.
    case fileHandleExpiry = 2
    /// FATTR4_CHANGE.
    case change = 3
    /// FATTR4_SIZE.
    case size = 4
    /// FATTR4_LINK_SUPPORT.
    case linkSupport = 5
    /// FATTR4_SYMLINK_SUPPORT.
    case symlinkSupport = 6
    /// FATTR4_NAMED_ATTR.
    case hasNamedAttributes = 7
    /// FATTR4_FSID.
    case fileSystemID = 8
    /// FATTR4_UNIQUE_HANDLES.
    case uniqueHandles = 9
    /// FATTR4_LEASE_TIME.
    case leaseSeconds = 10
    /// FATTR4_RDATTR_ERROR.
    case readError = 11
    /// FATTR4_ACL.
    case acl = 12
    /// FATTR4_ACLSUPPORT.
    case aclSupport = 13
    /// FATTR4_ARCHIVE.
    case archive = 14
    /// FATTR4_CANSETTIME.
    case canSetTime = 15
    /// FATTR4_CASE_INSENSITIVE.
    case caseInsensitive = 16
    /// FATTR4_CASE_PRESERVING.
    case casePreserving = 17
    /// FATTR4_CHOWN_RESTRICTED.
    case chownRestricted = 18
    /// FATTR4_FILEHANDLE.
    case fileHandle = 19
    /// FATTR4_FILEID.
    case fileID = 20
    /// FATTR4_FILES_AVAIL.
    case filesAvailable = 21
    /// FATTR4_FILES_FREE.
    case filesFree = 22
    /// FATTR4_FILES_TOTAL.
    case filesTotal = 23
    /// FATTR4_FS_LOCATIONS.
    case locations = 24
    /// FATTR4_HIDDEN.
    case hidden = 25
    /// FATTR4_HOMOGENEOUS.
    case homogeneous = 26
    /// FATTR4_MAXFILESIZE.
    case fileSizeMax = 27
    /// FATTR4_MAXLINK.
    case linksMax = 28
    /// FATTR4_MAXNAME.
    case nameBytesMax = 29
    /// FATTR4_MAXREAD.
    case readBytesMax = 30
    /// FATTR4_MAXWRITE.
    case writeBytesMax = 31
    /// FATTR4_MIMETYPE.
    case mimeType = 32
    /// FATTR4_MODE.
    case mode = 33
    /// FATTR4_NO_TRUNC.
    case noTruncation = 34
    /// FATTR4_NUMLINKS.
    case links = 35
    /// FATTR4_OWNER.
    case owner = 36
    /// FATTR4_OWNER_GROUP.
    case ownerGroup = 37
    /// FATTR4_QUOTA_AVAIL_HARD.
    case quotaAvailableHard = 38
    /// FATTR4_QUOTA_AVAIL_SOFT.
    case quotaAvailableSoft = 39
    /// FATTR4_QUOTA_USED.
    case quotaUsed = 40
    /// FATTR4_RAWDEV.
    case rawDevice = 41
    /// FATTR4_SPACE_AVAIL.
    case spaceAvailable = 42
    /// FATTR4_SPACE_FREE.
    case spaceFree = 43
    /// FATTR4_SPACE_TOTAL.
    case spaceTotal = 44
    /// FATTR4_SPACE_USED.
    case spaceUsed = 45
    /// FATTR4_SYSTEM.
    case system = 46
    /// FATTR4_TIME_ACCESS.
    case accessed = 47
    /// FATTR4_TIME_ACCESS_SET.
    case setAccessed = 48
    /// FATTR4_TIME_BACKUP.
    case backedUp = 49
    /// FATTR4_TIME_CREATE.
    case created = 50
    /// FATTR4_TIME_DELTA.
    case timeDelta = 51
    /// FATTR4_TIME_METADATA.
    case changed = 52
    /// FATTR4_TIME_MODIFY.
    case modified = 53
    /// FATTR4_TIME_MODIFY_SET.
    case setModified = 54
    /// FATTR4_MOUNTED_ON_FILEID.
    case mountedOnFileID = 55
    /// FATTR4_DIR_NOTIF_DELAY.
    case directoryNotifyDelay = 56
    /// FATTR4_DIRENT_NOTIF_DELAY.
    case entryNotifyDelay = 57
    /// FATTR4_DACL.
    case discretionaryACL = 58
    /// FATTR4_SACL.
    case systemACL = 59
    /// FATTR4_CHANGE_POLICY.
    case changePolicy = 60
    /// FATTR4_FS_STATUS.
    case status = 61
    /// FATTR4_FS_LAYOUT_TYPES.
    case fileSystemLayoutTypes = 62
    /// FATTR4_LAYOUT_HINT.
    case layoutHint = 63
    /// FATTR4_LAYOUT_TYPES.
    case layoutTypes = 64
    /// FATTR4_LAYOUT_BLKSIZE.
    case layoutBlockSize = 65
    /// FATTR4_LAYOUT_ALIGNMENT.
    case layoutAlignment = 66
    /// FATTR4_FS_LOCATIONS_INFO.
    case locationsInfo = 67
    /// FATTR4_MDSTHRESHOLD.
    case metadataThreshold = 68
    /// FATTR4_RETENTION_GET.
    case retention = 69
    /// FATTR4_RETENTION_SET.
    case setRetention = 70
    /// FATTR4_RETENTEVT_GET.
    case eventRetention = 71
    /// FATTR4_RETENTEVT_SET.
    case setEventRetention = 72
    /// FATTR4_RETENTION_HOLD.
    case retentionHold = 73
    /// FATTR4_MODE_SET_MASKED.
    case setModeMasked = 74
    /// FATTR4_SUPPATTR_EXCLCREAT.
    case exclusiveCreateAttributes = 75
    /// FATTR4_FS_CHARSET_CAP.
    case charsetCapabilities = 76
    /// FATTR4_CLONE_BLKSIZE.
    case cloneBlockSize = 77
    /// FATTR4_SPACE_FREED.
    case spaceFreed = 78
    /// FATTR4_CHANGE_ATTR_TYPE.
    case changeType = 79
    /// FATTR4_SEC_LABEL.
    case securityLabel = 80
    /// FATTR4_MODE_UMASK.
    case modeUmask = 81
    /// FATTR4_XATTR_SUPPORT.
    case xattrSupport = 82

    /// All that have a form here.
    package static let known = Bitmap(allCases.map(\.rawValue))

    /// The minor version that brought it; RFC 8275 and RFC 8276 extend NFSv4.2.
    package var since: MinorVersion {
        switch rawValue {
        case ...55: .v40
        case ...76: .v41
        default: .v42
        }
    }

    /// All that a minor version has.
    package static func known(in version: MinorVersion) -> Bitmap {
        Bitmap(allCases.lazy.filter { $0.since <= version }.map(\.rawValue))
    }

    /// Those that SETATTR, CREATE and OPEN may set.
    package static let settable: Bitmap = [
        4, 12, 14, 25, 32, 33, 36, 37, 46, 48, 49, 50, 54, 58, 59, 63, 70, 72, 73, 74, 80, 81,
    ]

    /// Those that can be set and not read: GETATTR of them is NFS4ERR_INVAL (RFC 8881 §5.5).
    package static let writeOnly: Bitmap = [
        48, 54, 63, 70, 72, 74, 81,
    ]
}
