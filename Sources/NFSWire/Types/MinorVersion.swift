/// A minor version of NFSv4, as a COMPOUND names it.
package enum MinorVersion: UInt32, Sendable, Hashable, CaseIterable, Comparable {
    /// RFC 7530.
    case v40 = 0
    /// RFC 8881: sessions.
    case v41 = 1
    /// RFC 7862, and RFC 8276's extended attributes.
    case v42 = 2

    package static func < (left: MinorVersion, right: MinorVersion) -> Bool {
        left.rawValue < right.rawValue
    }
}
