/// What a message may hold at most: every length and count on the wire is checked against one of these.
///
/// The protocol leaves most of them open. They are wide enough for any client that means well, so that what is merely too
/// long for the file system (a name of 300 bytes) still decodes and gets its own status; beyond them a message is refused.
package enum NFSLimits {
    /// NFS4_FHSIZE (RFC 8881 §3.1).
    package static let fileHandleBytesMax = 128
    /// NFS4_OPAQUE_LIMIT (RFC 8881 §3.1): owners, scopes.
    package static let opaqueBytesMax = 1_024
    /// A COMPOUND's tag; echoed in the reply.
    package static let tagBytesMax = 1_024
    /// Operations in a COMPOUND or CB_COMPOUND; a session's ca_maxoperations is less.
    package static let operationsMax = 256
    /// A name, a symlink's target, a user's name: 64 KiB, far over what the file system takes (255 and 4,095).
    package static let nameBytesMax = 65_536
    /// Components of a pathname4.
    package static let pathComponentsMax = 256
    /// Words of a bitmap4; the highest attribute of NFSv4.2 and its extensions is in the third.
    package static let bitmapWordsMax = 8
    /// The values of a fattr4: an access control list is the longest.
    package static let attributeBytesMax = 262_144
    /// Entries of an access control list.
    package static let aceCountMax = 4_096
    /// The data of a READ or WRITE: 4 MiB, over the 1 MiB that we offer.
    package static let dataBytesMax = 4 << 20
    /// The value of an extended attribute: twice Linux's XATTR_SIZE_MAX, so that one too long gets NFS4ERR_XATTR2BIG.
    package static let xattrBytesMax = 131_072
    /// Names in a LISTXATTRS reply.
    package static let xattrNamesMax = 16_384
    /// Entries in a READDIR reply.
    package static let directoryEntriesMax = 65_536
    /// Segments of a READ_PLUS reply.
    package static let readPlusSegmentsMax = 4_096
    /// State ids in a TEST_STATEID.
    package static let stateIDsMax = 16_384
    /// callback_sec_parms4 in a CREATE_SESSION or BACKCHANNEL_CTL.
    package static let callbackSecurityMax = 16
    /// Supplementary groups in an AUTH_SYS credential (RFC 5531 appendix A).
    package static let authSysGroupsMax = 16
    /// The machine's name in an AUTH_SYS credential (RFC 5531 appendix A).
    package static let machineNameBytesMax = 255
    /// The body of an RPC credential or verifier (RFC 5531 §8.2).
    package static let authBodyBytesMax = 400
    /// Flavors in a SECINFO reply.
    package static let securityFlavorsMax = 64
    /// Bodies that we do not look into: layouts, device addresses, notifications, labels, digests.
    package static let bodyBytesMax = 65_536
    /// Servers, locations, layouts, device ids, algorithms, errors, notifications, referring calls: short lists all.
    package static let listMax = 1_024
    /// The two strings of a netaddr4.
    package static let addressBytesMax = 1_024
}
