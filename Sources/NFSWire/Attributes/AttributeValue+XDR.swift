extension AttributeValue {
    /// Reads the value of an attribute, which does not name itself.
    package init(_ attribute: Attribute, from reader: inout XDRReader) throws(XDRError) {
        self =
            attribute.since == .v40
            ? try Self.original(attribute, from: &reader) : try Self.later(attribute, from: &reader)
    }

    /// Of NFSv4.0.
    private static func original(
        _ attribute: Attribute,
        from reader: inout XDRReader
    ) throws(XDRError) -> AttributeValue {
        switch attribute {
        case .supportedAttributes: return .supportedAttributes(try Bitmap(from: &reader))
        case .type: return .type(try NFSFileType(from: &reader))
        case .fileHandleExpiry: return .fileHandleExpiry(try reader.uint32("fattr4_fh_expire_type"))
        case .change: return .change(try reader.uint64("fattr4_change"))
        case .size: return .size(try reader.uint64("fattr4_size"))
        case .linkSupport: return .linkSupport(try reader.bool("fattr4_link_support"))
        case .symlinkSupport: return .symlinkSupport(try reader.bool("fattr4_symlink_support"))
        case .hasNamedAttributes: return .hasNamedAttributes(try reader.bool("fattr4_named_attr"))
        case .fileSystemID: return .fileSystemID(try FileSystemID(from: &reader))
        case .uniqueHandles: return .uniqueHandles(try reader.bool("fattr4_unique_handles"))
        case .leaseSeconds: return .leaseSeconds(try reader.uint32("fattr4_lease_time"))
        case .readError: return .readError(try NFSStatus(from: &reader))
        case .acl: return .acl(try reader.array("fattr4_acl", max: NFSLimits.aceCountMax))
        case .aclSupport: return .aclSupport(try reader.uint32("fattr4_aclsupport"))
        case .archive: return .archive(try reader.bool("fattr4_archive"))
        case .canSetTime: return .canSetTime(try reader.bool("fattr4_cansettime"))
        case .caseInsensitive: return .caseInsensitive(try reader.bool("fattr4_case_insensitive"))
        case .casePreserving: return .casePreserving(try reader.bool("fattr4_case_preserving"))
        case .chownRestricted: return .chownRestricted(try reader.bool("fattr4_chown_restricted"))
        case .fileHandle: return .fileHandle(try NFSFileHandle(from: &reader))
        case .fileID: return .fileID(try reader.uint64("fattr4_fileid"))
        case .filesAvailable: return .filesAvailable(try reader.uint64("fattr4_files_avail"))
        case .filesFree: return .filesFree(try reader.uint64("fattr4_files_free"))
        case .filesTotal: return .filesTotal(try reader.uint64("fattr4_files_total"))
        case .locations: return .locations(try FileSystemLocations(from: &reader))
        case .hidden: return .hidden(try reader.bool("fattr4_hidden"))
        case .homogeneous: return .homogeneous(try reader.bool("fattr4_homogeneous"))
        case .fileSizeMax: return .fileSizeMax(try reader.uint64("fattr4_maxfilesize"))
        case .linksMax: return .linksMax(try reader.uint32("fattr4_maxlink"))
        case .nameBytesMax: return .nameBytesMax(try reader.uint32("fattr4_maxname"))
        case .readBytesMax: return .readBytesMax(try reader.uint64("fattr4_maxread"))
        case .writeBytesMax: return .writeBytesMax(try reader.uint64("fattr4_maxwrite"))
        case .mimeType:
            return .mimeType(try reader.opaque("fattr4_mimetype", max: NFSLimits.nameBytesMax))
        case .mode: return .mode(try reader.uint32("fattr4_mode"))
        case .noTruncation: return .noTruncation(try reader.bool("fattr4_no_trunc"))
        case .links: return .links(try reader.uint32("fattr4_numlinks"))
        case .owner: return .owner(try reader.opaque("fattr4_owner", max: NFSLimits.nameBytesMax))
        case .ownerGroup:
            return .ownerGroup(try reader.opaque("fattr4_owner_group", max: NFSLimits.nameBytesMax))
        case .quotaAvailableHard:
            return .quotaAvailableHard(try reader.uint64("fattr4_quota_avail_hard"))
        case .quotaAvailableSoft:
            return .quotaAvailableSoft(try reader.uint64("fattr4_quota_avail_soft"))
        case .quotaUsed: return .quotaUsed(try reader.uint64("fattr4_quota_used"))
        case .rawDevice: return .rawDevice(try DeviceSpecification(from: &reader))
        case .spaceAvailable: return .spaceAvailable(try reader.uint64("fattr4_space_avail"))
        case .spaceFree: return .spaceFree(try reader.uint64("fattr4_space_free"))
        case .spaceTotal: return .spaceTotal(try reader.uint64("fattr4_space_total"))
        case .spaceUsed: return .spaceUsed(try reader.uint64("fattr4_space_used"))
        case .system: return .system(try reader.bool("fattr4_system"))
        case .accessed: return .accessed(try NFSTime(from: &reader))
        case .setAccessed: return .setAccessed(try SetTime(from: &reader))
        case .backedUp: return .backedUp(try NFSTime(from: &reader))
        case .created: return .created(try NFSTime(from: &reader))
        case .timeDelta: return .timeDelta(try NFSTime(from: &reader))
        case .changed: return .changed(try NFSTime(from: &reader))
        case .modified: return .modified(try NFSTime(from: &reader))
        case .setModified: return .setModified(try SetTime(from: &reader))
        case .mountedOnFileID:
            return .mountedOnFileID(try reader.uint64("fattr4_mounted_on_fileid"))
        default: preconditionFailure("an attribute since NFSv4.1")
        }
    }

    /// Since NFSv4.1.
    private static func later(
        _ attribute: Attribute,
        from reader: inout XDRReader
    ) throws(XDRError) -> AttributeValue {
        switch attribute {
        case .directoryNotifyDelay: return .directoryNotifyDelay(try NFSTime(from: &reader))
        case .entryNotifyDelay: return .entryNotifyDelay(try NFSTime(from: &reader))
        case .discretionaryACL: return .discretionaryACL(try AccessControlList(from: &reader))
        case .systemACL: return .systemACL(try AccessControlList(from: &reader))
        case .changePolicy: return .changePolicy(try ChangePolicy(from: &reader))
        case .status: return .status(try FileSystemStatus(from: &reader))
        case .fileSystemLayoutTypes:
            return .fileSystemLayoutTypes(
                try reader.array("fattr4_fs_layout_types", max: NFSLimits.listMax)
            )
        case .layoutHint: return .layoutHint(try LayoutBody(from: &reader))
        case .layoutTypes:
            return .layoutTypes(try reader.array("fattr4_layout_types", max: NFSLimits.listMax))
        case .layoutBlockSize: return .layoutBlockSize(try reader.uint32("fattr4_layout_blksize"))
        case .layoutAlignment: return .layoutAlignment(try reader.uint32("fattr4_layout_alignment"))
        case .locationsInfo: return .locationsInfo(try FileSystemLocationsInfo(from: &reader))
        case .metadataThreshold:
            return .metadataThreshold(
                try reader.array("fattr4_mdsthreshold", max: NFSLimits.listMax)
            )
        case .retention: return .retention(try Retention(from: &reader))
        case .setRetention: return .setRetention(try SetRetention(from: &reader))
        case .eventRetention: return .eventRetention(try Retention(from: &reader))
        case .setEventRetention: return .setEventRetention(try SetRetention(from: &reader))
        case .retentionHold: return .retentionHold(try reader.uint64("fattr4_retention_hold"))
        case .setModeMasked: return .setModeMasked(try MaskedMode(from: &reader))
        case .exclusiveCreateAttributes:
            return .exclusiveCreateAttributes(try Bitmap(from: &reader))
        case .charsetCapabilities:
            return .charsetCapabilities(try reader.uint32("fattr4_fs_charset_cap"))
        case .cloneBlockSize: return .cloneBlockSize(try reader.uint32("fattr4_clone_blksize"))
        case .spaceFreed: return .spaceFreed(try reader.uint64("fattr4_space_freed"))
        case .changeType: return .changeType(try ChangeAttributeType(from: &reader))
        case .securityLabel: return .securityLabel(try SecurityLabel(from: &reader))
        case .modeUmask: return .modeUmask(try ModeUmask(from: &reader))
        case .xattrSupport: return .xattrSupport(try reader.bool("fattr4_xattr_support"))
        default: preconditionFailure("an attribute of NFSv4.0")
        }
    }

    /// Writes the value alone.
    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .supportedAttributes(let value): value.encode(to: &writer)
        case .type(let value): value.encode(to: &writer)
        case .fileHandleExpiry(let value),
            .leaseSeconds(let value),
            .aclSupport(let value),
            .linksMax(let value),
            .nameBytesMax(let value):
            writer.write(value)
        case .change(let value),
            .size(let value),
            .fileID(let value),
            .filesAvailable(let value),
            .filesFree(let value),
            .filesTotal(let value),
            .fileSizeMax(let value),
            .readBytesMax(let value),
            .writeBytesMax(let value):
            writer.write(value)
        case .linkSupport(let value),
            .symlinkSupport(let value),
            .hasNamedAttributes(let value),
            .uniqueHandles(let value),
            .archive(let value),
            .canSetTime(let value),
            .caseInsensitive(let value),
            .casePreserving(let value),
            .chownRestricted(let value),
            .hidden(let value),
            .homogeneous(let value):
            writer.write(value)
        case .fileSystemID(let value): value.encode(to: &writer)
        case .readError(let value): value.encode(to: &writer)
        case .acl(let value): writer.write(value)
        case .fileHandle(let value): value.encode(to: &writer)
        case .locations(let value): value.encode(to: &writer)
        default: encodeMiddle(to: &writer)
        }
    }

    private func encodeMiddle(to writer: inout XDRWriter) {
        switch self {
        case .mimeType(let value),
            .owner(let value),
            .ownerGroup(let value):
            writer.write(opaque: value)
        case .mode(let value),
            .links(let value):
            writer.write(value)
        case .noTruncation(let value),
            .system(let value):
            writer.write(value)
        case .quotaAvailableHard(let value),
            .quotaAvailableSoft(let value),
            .quotaUsed(let value),
            .spaceAvailable(let value),
            .spaceFree(let value),
            .spaceTotal(let value),
            .spaceUsed(let value),
            .mountedOnFileID(let value):
            writer.write(value)
        case .rawDevice(let value): value.encode(to: &writer)
        case .accessed(let value),
            .backedUp(let value),
            .created(let value),
            .timeDelta(let value),
            .changed(let value),
            .modified(let value):
            value.encode(to: &writer)
        case .setAccessed(let value),
            .setModified(let value):
            value.encode(to: &writer)
        default: encodeLater(to: &writer)
        }
    }

    private func encodeLater(to writer: inout XDRWriter) {
        switch self {
        case .directoryNotifyDelay(let value),
            .entryNotifyDelay(let value):
            value.encode(to: &writer)
        case .discretionaryACL(let value),
            .systemACL(let value):
            value.encode(to: &writer)
        case .changePolicy(let value): value.encode(to: &writer)
        case .status(let value): value.encode(to: &writer)
        case .fileSystemLayoutTypes(let value),
            .layoutTypes(let value):
            writer.write(value)
        case .layoutHint(let value): value.encode(to: &writer)
        case .layoutBlockSize(let value),
            .layoutAlignment(let value),
            .charsetCapabilities(let value),
            .cloneBlockSize(let value):
            writer.write(value)
        case .locationsInfo(let value): value.encode(to: &writer)
        case .metadataThreshold(let value): writer.write(value)
        case .retention(let value),
            .eventRetention(let value):
            value.encode(to: &writer)
        case .setRetention(let value),
            .setEventRetention(let value):
            value.encode(to: &writer)
        case .retentionHold(let value),
            .spaceFreed(let value):
            writer.write(value)
        case .setModeMasked(let value): value.encode(to: &writer)
        case .exclusiveCreateAttributes(let value): value.encode(to: &writer)
        case .changeType(let value): value.encode(to: &writer)
        case .securityLabel(let value): value.encode(to: &writer)
        case .modeUmask(let value): value.encode(to: &writer)
        case .xattrSupport(let value): writer.write(value)
        default: preconditionFailure("an attribute of NFSv4.0")
        }
    }
}
