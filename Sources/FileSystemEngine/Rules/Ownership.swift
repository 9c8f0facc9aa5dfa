package import VarveModel

/// Owners and mode bits of what is made, changed and written.
package enum Ownership {
    /// Owner, group and mode of a new inode.
    package struct Birth: Sendable, Hashable {
        package let uid: UInt32
        package let gid: UInt32
        package let permissions: UInt16
    }

    /// A new inode's owner, group and mode.
    ///
    /// In a set-group-id directory the group is the directory's, and a new directory inherits the bit.
    /// An executable file loses set-group-id when its maker is not of the group (Linux `mode_strip_sgid`).
    ///
    /// - Throws: `.notPermitted` for an owner that the caller may not give.
    package static func birth(
        of new: NewInode,
        in directory: Attributes,
        for caller: Credentials
    ) throws(FileSystemError) -> Birth {
        if let uid = new.uid, uid != caller.uid, !caller.isRoot {
            throw FileSystemError(.notPermitted, "only root may create for uid \(uid)")
        }
        let inherits = directory.permissions & Mode.setGroupID != 0
        if let gid = new.gid, !caller.isRoot, !caller.isMember(of: gid) {
            throw FileSystemError(.notPermitted, "uid \(caller.uid) is not of group \(gid)")
        }
        let gid = new.gid ?? (inherits ? directory.gid : caller.gid)
        var permissions = new.permissions & Mode.all
        if case .symlink = new.kind { permissions = 0o777 }
        if new.kind.fileKind == .directory {
            if inherits { permissions |= Mode.setGroupID }
        } else if permissions & Mode.setGroupID != 0, !caller.isRoot, !caller.isMember(of: gid) {
            permissions &= ~Mode.setGroupID
        }
        return Birth(uid: new.uid ?? caller.uid, gid: gid, permissions: permissions)
    }

    /// Refuses device special files to all but root (mknod(2), CAP_MKNOD).
    ///
    /// - Throws: `.notPermitted`.
    package static func requireMayMake(
        _ kind: NewInode.Kind,
        for caller: Credentials
    ) throws(FileSystemError) {
        switch kind {
        case .regular, .directory, .symlink, .fifo, .socket: return
        case .characterDevice, .blockDevice:
            guard caller.isRoot else {
                throw FileSystemError(.notPermitted, "only root may make device special files")
            }
        }
    }

    /// The mode after a write or truncate by `caller`: set-user-id goes, and set-group-id of executables.
    package static func permissionsAfterWrite(
        _ attributes: Attributes,
        by caller: Credentials
    ) -> UInt16 {
        guard attributes.kind == .regular, !caller.isRoot else { return attributes.permissions }
        return withoutSetID(attributes.permissions)
    }

    /// What `setAttributes` makes of mode, owner and group, size and times aside.
    ///
    /// - Throws: `.notPermitted`.
    package static func changed(
        _ attributes: Attributes,
        by changes: AttributeChanges,
        for caller: Credentials
    ) throws(FileSystemError) -> Birth {
        let uid = changes.uid ?? attributes.uid
        let gid = changes.gid ?? attributes.gid
        if uid != attributes.uid, !caller.isRoot {
            throw FileSystemError(
                .notPermitted,
                "inode \(attributes.inode.rawValue): only root may give a file away"
            )
        }
        if changes.uid != nil || changes.gid != nil || changes.permissions != nil {
            try Permission.requireOwner(of: attributes, caller)
        }
        if gid != attributes.gid, !caller.isRoot, !caller.isMember(of: gid) {
            throw FileSystemError(
                .notPermitted,
                "inode \(attributes.inode.rawValue): uid \(caller.uid) is not of group \(gid)"
            )
        }
        var permissions = attributes.permissions
        let isChown = changes.uid != nil || changes.gid != nil
        if isChown, attributes.kind != .directory {
            permissions = withoutSetID(permissions)
        }
        if let wanted = changes.permissions {
            permissions = wanted & Mode.all
            if !caller.isRoot {
                if !caller.isMember(of: gid) { permissions &= ~Mode.setGroupID }
                if isChown, attributes.kind != .directory {
                    permissions = withoutSetID(permissions)
                }
            }
        }
        if attributes.kind == .symlink { permissions = 0o777 }
        return Birth(uid: uid, gid: gid, permissions: permissions)
    }

    /// Set-group-id without group execute means mandatory locking of old, not identity: it stays.
    private static func withoutSetID(_ permissions: UInt16) -> UInt16 {
        var left = permissions & ~Mode.setUserID
        if left & Mode.groupExecute != 0 { left &= ~Mode.setGroupID }
        return left
    }

    /// Whether `caller` may set these times and this size (POSIX utimensat(2), truncate(2)).
    ///
    /// - Throws: `.denied`, `.notPermitted`.
    package static func requireTimesAndSize(
        _ changes: AttributeChanges,
        of attributes: Attributes,
        for caller: Credentials
    ) throws(FileSystemError) {
        if changes.size != nil {
            try Permission.require(.write, of: attributes, for: caller)
        }
        guard changes.accessed != nil || changes.modified != nil else { return }
        if caller.isRoot || caller.uid == attributes.uid { return }
        let isNowOnly = [changes.accessed, changes.modified].allSatisfy { $0 == nil || $0 == .now }
        guard isNowOnly else {
            throw FileSystemError(
                .notPermitted,
                "inode \(attributes.inode.rawValue): only its owner or root may set times"
            )
        }
        try Permission.require(.write, of: attributes, for: caller)
    }
}
