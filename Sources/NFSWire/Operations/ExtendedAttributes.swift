/// setxattr_option4 (RFC 8276 §8.4.2).
package enum SetXattrOption: UInt32, XDREnumeration, Hashable {
    package static let name = "setxattr_option4"

    case either = 0
    /// It must not exist.
    case create = 1
    /// It must exist.
    case replace = 2
}

/// SETXATTR (RFC 8276 §8.4.2).
///
/// The reply is the file's change.
package struct SetXattrArguments: XDRValue {
    package var option: SetXattrOption
    package var name: [UInt8]
    package var value: [UInt8]

    package init(option: SetXattrOption, name: [UInt8], value: [UInt8]) {
        self.option = option
        self.name = name
        self.value = value
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        option = try SetXattrOption(from: &reader)
        name = try reader.opaque("sxa_key", max: NFSLimits.nameBytesMax)
        value = try reader.opaque("sxa_value", max: NFSLimits.xattrBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        option.encode(to: &writer)
        writer.write(opaque: name)
        writer.write(opaque: value)
    }
}

/// GETXATTR (RFC 8276 §8.4.1): a value.
package struct GetXattrReply: XDRValue {
    package var value: [UInt8]

    package init(value: [UInt8]) {
        self.value = value
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        value = try reader.opaque("gxr_value", max: NFSLimits.xattrBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: value)
    }
}

/// LISTXATTRS (RFC 8276 §8.4.3).
package struct ListXattrsArguments: XDRValue {
    /// 0 begins.
    package var cookie: UInt64
    package var bytesMax: UInt32

    package init(cookie: UInt64, bytesMax: UInt32) {
        self.cookie = cookie
        self.bytesMax = bytesMax
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        cookie = try reader.uint64("lxa_cookie")
        bytesMax = try reader.uint32("lxa_maxcount")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(cookie)
        writer.write(bytesMax)
    }
}

/// Names of extended attributes.
package struct ListXattrsReply: XDRValue {
    package var cookie: UInt64
    package var names: [PathComponent]
    package var isAtEnd: Bool

    package init(cookie: UInt64, names: [PathComponent], isAtEnd: Bool) {
        self.cookie = cookie
        self.names = names
        self.isAtEnd = isAtEnd
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        cookie = try reader.uint64("lxr_cookie")
        names = try reader.array("lxr_names", max: NFSLimits.xattrNamesMax)
        isAtEnd = try reader.bool("lxr_eof")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(cookie)
        writer.write(names)
        writer.write(isAtEnd)
    }
}
