private import CLinux
private import Glibc
package import VarveModel

/// Names made, read and removed.
extension HostDirectory {
    /// Makes a directory with permissions 0700; `.exists` when the name is taken.
    package func makeDirectory(_ name: FileName) throws(DiskError) {
        try check("make directory", name, varve_mkdirat(descriptor, name.cString, 0o700))
    }

    package func makeSymlink(_ name: FileName, to target: [UInt8]) throws(DiskError) {
        let target = target.map { CChar(bitPattern: $0) } + [0]
        try check("make symlink", name, varve_symlinkat(target, descriptor, name.cString))
    }

    /// Makes a FIFO, a socket or a device with permissions 0600.
    package func makeSpecial(
        _ name: FileName,
        _ kind: FileKind,
        device: DeviceNumber
    ) throws(DiskError) {
        let mode = UInt32(kind.rawValue) << 12 | 0o600
        let result = varve_mknodat(descriptor, name.cString, mode, device.major, device.minor)
        try check("make special file", name, result)
    }

    /// Gives a file of another directory a further name here.
    package func link(
        _ name: FileName,
        to existing: FileName,
        in directory: HostDirectory
    ) throws(DiskError) {
        let result = varve_linkat(
            directory.descriptor,
            existing.cString,
            descriptor,
            name.cString
        )
        try check("link", name, result)
    }

    /// Gives a name of this directory another one; `.exists` when that is taken.
    package func rename(_ name: FileName, toFree newName: FileName) throws(DiskError) {
        try check(
            "rename",
            name,
            varve_rename_new(descriptor, name.cString, newName.cString)
        )
    }

    /// Gives a name of this directory another one, in the place of what has that.
    package func rename(_ name: FileName, over newName: FileName) throws(DiskError) {
        let result = renameat(descriptor, name.cString, descriptor, newName.cString)
        try check("rename", name, result == 0 ? 0 : -errno)
    }

    /// The bytes that a symlink points to.
    package func symlinkTarget(_ name: FileName) throws(DiskError) -> [UInt8] {
        var failure: Int32 = 0
        let target = [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
            count = varve_readlinkat(descriptor, name.cString, buffer.baseAddress, buffer.count)
            failure = count < 0 ? Int32(-count) : 0
            count = max(count, 0)
        }
        guard failure == 0 else { throw DiskError(errno: failure, "read symlink '\(name)'") }
        return target
    }

    package func remove(_ name: FileName) throws(DiskError) {
        try check("remove", name, varve_unlinkat(descriptor, name.cString, 0))
    }

    /// Removes an empty directory.
    package func removeDirectory(_ name: FileName) throws(DiskError) {
        try check("remove directory", name, varve_unlinkat(descriptor, name.cString, 1))
    }

    /// Removes a name and all that is beneath it.
    package func removeTree(_ name: FileName) throws(DiskError) {
        guard try status(of: name).kind == .directory else { return try remove(name) }
        let directory = try directory(name)
        while true {
            let names = try directory.nextNames()
            if names.isEmpty { break }
            for name in names { try directory.removeTree(name) }
        }
        try removeDirectory(name)
    }
}
