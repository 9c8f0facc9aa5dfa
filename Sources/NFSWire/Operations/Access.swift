/// What ACCESS asks about (RFC 8881 §18.1.1; the last three RFC 8276 §8).
package struct AccessRights: XDRFlags, Hashable {
    package static let name = "ACCESS4"

    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let read = AccessRights(rawValue: 0x001)
    package static let lookup = AccessRights(rawValue: 0x002)
    package static let modify = AccessRights(rawValue: 0x004)
    package static let extend = AccessRights(rawValue: 0x008)
    package static let delete = AccessRights(rawValue: 0x010)
    package static let execute = AccessRights(rawValue: 0x020)
    package static let xattrRead = AccessRights(rawValue: 0x040)
    package static let xattrWrite = AccessRights(rawValue: 0x080)
    package static let xattrList = AccessRights(rawValue: 0x100)
}

/// ACCESS (RFC 8881 §18.1): asks which of these the caller may do to the current object.
package struct AccessArguments: XDRValue {
    package var rights: AccessRights

    package init(rights: AccessRights) {
        self.rights = rights
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        rights = try AccessRights(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        rights.encode(to: &writer)
    }
}

/// Which rights the server knows, and which the caller has.
package struct AccessReply: XDRValue {
    package var supported: AccessRights
    package var granted: AccessRights

    package init(supported: AccessRights, granted: AccessRights) {
        self.supported = supported
        self.granted = granted
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        supported = try AccessRights(from: &reader)
        granted = try AccessRights(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        supported.encode(to: &writer)
        granted.encode(to: &writer)
    }
}
