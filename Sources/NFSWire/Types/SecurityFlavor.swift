/// A way to authenticate that a file may be reached with: secinfo4 (RFC 8881 §18.29.2).
package enum SecurityFlavor: XDRValue, Hashable {
    /// RPCSEC_GSS with a mechanism.
    case gss(GSSFlavor)
    /// Any other flavor by its number: AUTH_NONE 0, AUTH_SYS 1.
    case flavor(UInt32)

    package static let none = SecurityFlavor.flavor(RPCCredential.Flavor.none)
    package static let system = SecurityFlavor.flavor(RPCCredential.Flavor.system)

    package init(from reader: inout XDRReader) throws(XDRError) {
        let flavor = try reader.uint32("secinfo4.flavor")
        if flavor == RPCCredential.Flavor.gss {
            self = .gss(try GSSFlavor(from: &reader))
        } else {
            self = .flavor(flavor)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .gss(let info):
            writer.write(RPCCredential.Flavor.gss)
            info.encode(to: &writer)
        case .flavor(let number):
            writer.write(number)
        }
    }
}
