import VarveModel

/// POSIX ACLs as Linux keeps them in extended attributes (linux/posix_acl_xattr.h), for the `SCHILY.acl` records of pax.
///
/// The attributes themselves are archived too; `tar --acls` and bsdtar look at these records alone.
enum ArchiveACL {
    enum Tag: UInt16 {
        case owner = 0x01
        case user = 0x02
        case owningGroup = 0x04
        case group = 0x08
        case mask = 0x10
        case other = 0x20
    }

    struct Line: Hashable {
        let isDefault: Bool
        let tag: Tag
        /// 4 read, 2 write, 1 execute.
        let permissions: UInt16
        /// A uid or gid where the tag has one.
        let id: UInt32
    }

    private static let access = Array("system.posix_acl_access".utf8)
    private static let standard = Array("system.posix_acl_default".utf8)
    private static let version: UInt32 = 2

    static func isAny(_ attributes: [TreeDetails.Attribute]) -> Bool {
        attributes.contains { !lines($0).isEmpty }
    }

    /// A file's permissions as stat(2) has them: with an ACL that has a mask, the mask is the group's part (acl(5)).
    ///
    /// libarchive answers the owning group's there once it has read an ACL record.
    static func permissions(
        _ mode: UInt16,
        _ attributes: [TreeDetails.Attribute]
    ) -> UInt16 {
        let found = attributes.flatMap { ArchiveACL.lines($0) }
        guard let mask = found.first(where: { $0.tag == .mask && !$0.isDefault }) else {
            return mode
        }
        return mode & ~0o070 | mask.permissions << 3
    }

    /// The lines of an attribute; none when it is no ACL, or not one that we understand whole.
    static func lines(_ attribute: TreeDetails.Attribute) -> [Line] {
        guard attribute.name == access || attribute.name == standard else { return [] }
        var reader = ByteReader(attribute.value)
        guard reader.read(UInt32.self) == version else { return [] }
        var lines: [Line] = []
        while reader.remaining > 0 {
            guard let tag = reader.read(UInt16.self).flatMap(Tag.init(rawValue:)),
                let permissions = reader.read(UInt16.self), permissions <= 7,
                let id = reader.read(UInt32.self)
            else { return [] }
            let hasID = tag == .user || tag == .group
            lines.append(
                Line(
                    isDefault: attribute.name == standard,
                    tag: tag,
                    permissions: permissions,
                    id: hasID ? id : .max
                )
            )
        }
        return lines
    }
}

extension [UInt8] {
    /// Writes a mode into the header of the entry that begins at `start`.
    ///
    /// libarchive writes the owning group's bits of an ACL there; stat(2), GNU tar and Linux have the mask's, and whoever
    /// sets the mode of a file with an ACL sets its mask.
    mutating func setTarMode(_ mode: UInt16, from start: Int) {
        var at = start
        // A pax header of the entry's own comes first: one block, and its records in as many as they need.
        if at + 512 <= count, self[at + 156] == UInt8(ascii: "x") {
            at += 512 + (octal(at + 124, digits: 11) + 511) / 512 * 512
        }
        guard at + 512 <= count else { return }
        let digits = Array(String(mode, radix: 8).utf8)
        let new = Array(repeating: UInt8(ascii: "0"), count: 6 - digits.count) + digits
        let old = self[(at + 100)..<(at + 106)].reduce(0) { $0 + Int($1) }
        let sum = octal(at + 148, digits: 6) - old + new.reduce(0) { $0 + Int($1) }
        replaceSubrange((at + 100)..<(at + 106), with: new)
        let sumDigits = Array(String(sum, radix: 8).utf8)
        let padding = Array(repeating: UInt8(ascii: "0"), count: 6 - sumDigits.count)
        replaceSubrange((at + 148)..<(at + 154), with: padding + sumDigits)
    }

    private func octal(_ offset: Int, digits: Int) -> Int {
        self[offset..<offset + digits].prefix { (48...55).contains($0) }
            .reduce(0) { $0 << 3 | Int($1 - 48) }
    }
}
