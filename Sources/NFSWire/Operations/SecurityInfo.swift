/// Of what SECINFO_NO_NAME asks: secinfo_style4 (RFC 8881 §18.45.1).
package enum SecurityInfoStyle: UInt32, XDREnumeration, Hashable {
    package static let name = "secinfo_style4"

    case current = 0
    case parent = 1
}
