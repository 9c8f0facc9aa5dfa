/// One name: LOOKUP, REMOVE, LINK and SECINFO (RFC 8881 §18.13, §18.25, §18.9, §18.29), GETXATTR and REMOVEXATTR
/// (RFC 8276 §8.4.1, §8.4.4).
package struct NameArguments: XDRValue {
    package var name: [UInt8]

    package init(name: [UInt8]) {
        self.name = name
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        name = try reader.opaque("component4", max: NFSLimits.nameBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: name)
    }
}

/// RENAME (RFC 8881 §18.26): from the saved directory to the current one.
package struct RenameArguments: XDRValue {
    package var oldName: [UInt8]
    package var newName: [UInt8]

    package init(oldName: [UInt8], newName: [UInt8]) {
        self.oldName = oldName
        self.newName = newName
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        oldName = try reader.opaque("oldname", max: NFSLimits.nameBytesMax)
        newName = try reader.opaque("newname", max: NFSLimits.nameBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: oldName)
        writer.write(opaque: newName)
    }
}

/// The changes of both directories.
package struct RenameReply: XDRValue {
    package var source: ChangeInfo
    package var target: ChangeInfo

    package init(source: ChangeInfo, target: ChangeInfo) {
        self.source = source
        self.target = target
    }

    package static var bytesMin: Int { 40 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        source = try ChangeInfo(from: &reader)
        target = try ChangeInfo(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        source.encode(to: &writer)
        target.encode(to: &writer)
    }
}

/// READLINK (RFC 8881 §18.24): a symlink's target.
package struct ReadLinkReply: XDRValue {
    package var target: [UInt8]

    package init(target: [UInt8]) {
        self.target = target
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        target = try reader.opaque("link", max: NFSLimits.nameBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: target)
    }
}
