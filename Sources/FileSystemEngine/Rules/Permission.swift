package import VarveModel

/// Who may do what to an inode, from its mode, owner and group alone (POSIX.1-2017 XBD §4.5).
package enum Permission {
    /// All that `caller` may do to an inode.
    ///
    /// Root reads and writes everything, searches every directory, and executes what somebody may.
    package static func rights(of attributes: Attributes, for caller: Credentials) -> AccessRights {
        if caller.isRoot {
            let isExecutable =
                attributes.kind == .directory || attributes.permissions & Mode.anyExecute != 0
            return isExecutable ? [.read, .write, .execute] : [.read, .write]
        }
        let shift: UInt16 =
            if caller.uid == attributes.uid {
                6
            } else if caller.isMember(of: attributes.gid) {
                3
            } else {
                0
            }
        return AccessRights(rawValue: UInt8((attributes.permissions >> shift) & 7))
    }

    /// Refuses unless `caller` has all of `wanted`.
    ///
    /// - Throws: `.denied`.
    package static func require(
        _ wanted: AccessRights,
        of attributes: Attributes,
        for caller: Credentials
    ) throws(FileSystemError) {
        guard rights(of: attributes, for: caller).isSuperset(of: wanted) else {
            throw FileSystemError(
                .denied,
                "inode \(attributes.inode.rawValue): uid \(caller.uid) lacks \(wanted.words)"
            )
        }
    }

    /// Whether a name of `entry` may leave `directory`: write and search there, and the sticky bit's rule.
    ///
    /// - Throws: `.denied`; `.notPermitted` when the directory is sticky and neither it nor the entry
    ///   is the caller's.
    package static func requireRemoval(
        of entry: Attributes,
        from directory: Attributes,
        for caller: Credentials
    ) throws(FileSystemError) {
        try require([.write, .execute], of: directory, for: caller)
        guard directory.permissions & Mode.sticky != 0, !caller.isRoot else { return }
        guard caller.uid == entry.uid || caller.uid == directory.uid else {
            throw FileSystemError(
                .notPermitted,
                "inode \(entry.inode.rawValue): its directory is sticky and it is another's"
            )
        }
    }

    /// Refuses unless `caller` is root or owns the inode.
    ///
    /// - Throws: `.notPermitted`.
    package static func requireOwner(
        of attributes: Attributes,
        _ caller: Credentials
    ) throws(FileSystemError) {
        guard caller.isRoot || caller.uid == attributes.uid else {
            throw FileSystemError(
                .notPermitted,
                "inode \(attributes.inode.rawValue): only its owner or root may"
            )
        }
    }
}

/// Bits of `st_mode` below the file type.
package enum Mode {
    package static let setUserID: UInt16 = 0o4000
    package static let setGroupID: UInt16 = 0o2000
    package static let sticky: UInt16 = 0o1000
    package static let groupExecute: UInt16 = 0o010
    package static let anyExecute: UInt16 = 0o111
    package static let all: UInt16 = 0o7777
}

extension AccessRights {
    /// For messages: `read+write`.
    var words: String {
        [(AccessRights.read, "read"), (.write, "write"), (.execute, "execute")]
            .filter { contains($0.0) }.map(\.1).joined(separator: "+")
    }
}
