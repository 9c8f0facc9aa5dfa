private import CLinux
private import Glibc
package import VarveModel

/// Owners, permissions, times and extended attributes; a symlink's are its own.
extension HostDirectory {
    package func setOwner(_ name: FileName, uid: UInt32, gid: UInt32) throws(DiskError) {
        try check("chown", name, varve_chownat(descriptor, name.cString, uid, gid))
    }

    /// Sets the low 12 bits of the mode; a symlink has none.
    package func setPermissions(_ name: FileName, _ permissions: UInt16) throws(DiskError) {
        let result = varve_chmodat(descriptor, name.cString, UInt32(permissions))
        try check("chmod", name, result)
    }

    package func setTimes(
        _ name: FileName,
        accessed: Timestamp,
        modified: Timestamp
    ) throws(DiskError) {
        let result = varve_utimensat(
            descriptor,
            name.cString,
            accessed.seconds,
            accessed.nanoseconds,
            modified.seconds,
            modified.nanoseconds
        )
        try check("set times of", name, result)
    }

    /// The names of the extended attributes that we may see.
    ///
    /// A file system without any answers none.
    package func attributeNames(_ name: FileName) throws(DiskError) -> [[UInt8]] {
        let list = try grow("list attributes of", name, first: 1_024) { buffer in
            varve_listxattrat(descriptor, name.cString, buffer.baseAddress, buffer.count)
        }
        return (list ?? []).split(separator: 0).map { Array($0) }
    }

    /// A value; `nil` when the attribute is gone.
    package func attribute(
        _ attribute: [UInt8],
        of name: FileName
    ) throws(DiskError) -> [UInt8]? {
        let key = attribute.map { CChar(bitPattern: $0) } + [0]
        return try grow("read attribute of", name, first: 4_096) { buffer in
            varve_getxattrat(descriptor, name.cString, key, buffer.baseAddress, buffer.count)
        }
    }

    package func setAttribute(
        _ attribute: [UInt8],
        _ value: [UInt8],
        of name: FileName
    ) throws(DiskError) {
        let key = attribute.map { CChar(bitPattern: $0) } + [0]
        let result = varve_setxattrat(descriptor, name.cString, key, value, value.count)
        try check("set attribute of", name, result)
    }

    package func removeAttribute(_ attribute: [UInt8], of name: FileName) throws(DiskError) {
        let key = attribute.map { CChar(bitPattern: $0) } + [0]
        let result = varve_removexattrat(descriptor, name.cString, key)
        try check("remove attribute of", name, result)
    }

    /// Calls with a small buffer, then with one of 64 KiB, the most that Linux has.
    private func grow(
        _ call: String,
        _ name: FileName,
        first: Int,
        _ body: (UnsafeMutableBufferPointer<UInt8>) -> Int
    ) throws(DiskError) -> [UInt8]? {
        var failure: Int32 = 0
        for capacity in [first, 65_536] {
            let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                let result = body(buffer)
                failure = result < 0 ? Int32(-result) : 0
                count = max(result, 0)
            }
            if failure == 0 { return bytes }
            if failure == ENODATA || failure == EOPNOTSUPP { return nil }
            if failure != ERANGE { break }
        }
        throw DiskError(errno: failure, "\(call) '\(name)'")
    }
}
