/// Allow, deny, audit or alarm: acetype4 (RFC 8881 §6.2.1.1).
package enum ACEType: UInt32, XDREnumeration, Hashable {
    package static let name = "acetype4"

    case allow = 0
    case deny = 1
    case audit = 2
    case alarm = 3
}

/// How an entry is inherited and whom it names: aceflag4 (RFC 8881 §6.2.1.4).
package struct ACEFlags: XDRFlags, Hashable {
    package static let name = "aceflag4"

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let fileInherit = ACEFlags(rawValue: 0x01)
    package static let directoryInherit = ACEFlags(rawValue: 0x02)
    package static let noPropagateInherit = ACEFlags(rawValue: 0x04)
    package static let inheritOnly = ACEFlags(rawValue: 0x08)
    package static let successfulAccess = ACEFlags(rawValue: 0x10)
    package static let failedAccess = ACEFlags(rawValue: 0x20)
    package static let identifierGroup = ACEFlags(rawValue: 0x40)
    package static let inherited = ACEFlags(rawValue: 0x80)
}

/// What an entry is about: acemask4 (RFC 8881 §6.2.1.3).
package struct ACEMask: XDRFlags, Hashable {
    package static let name = "acemask4"

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// LIST_DIRECTORY of a directory.
    package static let readData = ACEMask(rawValue: 0x0000_0001)
    /// ADD_FILE of a directory.
    package static let writeData = ACEMask(rawValue: 0x0000_0002)
    /// ADD_SUBDIRECTORY of a directory.
    package static let appendData = ACEMask(rawValue: 0x0000_0004)
    package static let readNamedAttributes = ACEMask(rawValue: 0x0000_0008)
    package static let writeNamedAttributes = ACEMask(rawValue: 0x0000_0010)
    package static let execute = ACEMask(rawValue: 0x0000_0020)
    package static let deleteChild = ACEMask(rawValue: 0x0000_0040)
    package static let readAttributes = ACEMask(rawValue: 0x0000_0080)
    package static let writeAttributes = ACEMask(rawValue: 0x0000_0100)
    package static let writeRetention = ACEMask(rawValue: 0x0000_0200)
    package static let writeRetentionHold = ACEMask(rawValue: 0x0000_0400)
    package static let delete = ACEMask(rawValue: 0x0001_0000)
    package static let readACL = ACEMask(rawValue: 0x0002_0000)
    package static let writeACL = ACEMask(rawValue: 0x0004_0000)
    package static let writeOwner = ACEMask(rawValue: 0x0008_0000)
    package static let synchronize = ACEMask(rawValue: 0x0010_0000)
}

/// One entry of an access control list: nfsace4 (RFC 8881 §6.2.1).
package struct AccessControlEntry: XDRValue, Hashable {
    package var type: ACEType
    package var flags: ACEFlags
    package var mask: ACEMask
    /// `OWNER@`, `GROUP@`, `EVERYONE@`, or a user or group.
    package var who: [UInt8]

    package init(type: ACEType, flags: ACEFlags, mask: ACEMask, who: [UInt8]) {
        self.type = type
        self.flags = flags
        self.mask = mask
        self.who = who
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        type = try ACEType(from: &reader)
        flags = try ACEFlags(from: &reader)
        mask = try ACEMask(from: &reader)
        who = try reader.opaque("who", max: NFSLimits.nameBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        type.encode(to: &writer)
        flags.encode(to: &writer)
        mask.encode(to: &writer)
        writer.write(opaque: who)
    }
}

/// A list with flags: nfsacl41 (RFC 8881 §6.2.2, §6.2.3).
package struct AccessControlList: XDRValue, Hashable {
    /// ACL4_AUTO_INHERIT 1, ACL4_PROTECTED 2, ACL4_DEFAULTED 4.
    package var flags: UInt32
    package var entries: [AccessControlEntry]

    package init(flags: UInt32, entries: [AccessControlEntry]) {
        self.flags = flags
        self.entries = entries
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        flags = try reader.uint32("na41_flag")
        entries = try reader.array("na41_aces", max: NFSLimits.aceCountMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(flags)
        writer.write(entries)
    }
}
