private import CLinux
private import Glibc
package import VarveModel

/// An open directory of the host, whose names are reached through its descriptor.
///
/// No path is ever resolved twice, so neither depth nor a symlink that somebody puts in the way
/// leads elsewhere. Names are bytes. The name `.` stands for the directory itself.
package final class HostDirectory: Sendable {
    private let owned: ClosingDescriptor

    /// The directory itself, for calls that take a name.
    package static let itself = FileName(checked: [UInt8(ascii: ".")])

    var descriptor: Int32 { owned.value }

    init(descriptor: Int32) {
        owned = ClosingDescriptor(descriptor)
    }

    /// Opens by path, following symlinks: a person chose it.
    package static func open(_ path: String) throws(DiskError) -> HostDirectory {
        try open(bytes: Array(path.utf8))
    }

    /// Opens the same, by a path that need not be UTF-8.
    package static func open(bytes path: [UInt8]) throws(DiskError) -> HostDirectory {
        let text = path.map { CChar(bitPattern: $0) } + [0]
        let result = varve_open(text, O_RDONLY | O_DIRECTORY, 0)
        guard result >= 0 else {
            throw DiskError(errno: -result, "open '\(String(decoding: path, as: UTF8.self))'")
        }
        return HostDirectory(descriptor: result)
    }

    /// Opens one level down; a symlink is refused.
    package func directory(_ name: FileName) throws(DiskError) -> HostDirectory {
        HostDirectory(descriptor: try openat(name, O_RDONLY | O_DIRECTORY))
    }

    /// Opens many levels down.
    package func directory(at path: [FileName]) throws(DiskError) -> HostDirectory {
        var current = self
        for name in path { current = try current.directory(name) }
        return current
    }

    package func status(of name: FileName) throws(DiskError) -> HostStatus {
        var found = varve_status()
        try check("stat", name, varve_statat(descriptor, name.cString, &found))
        guard let kind = FileKind(rawValue: UInt8(truncatingIfNeeded: found.mode >> 12)) else {
            throw DiskError(.failed, "stat '\(name)': unknown kind of file")
        }
        return HostStatus(
            identity: HostIdentity(device: found.device, inode: found.inode),
            kind: kind,
            permissions: UInt16(found.mode & 0o7777),
            uid: found.uid,
            gid: found.gid,
            links: UInt32(clamping: found.links),
            size: found.size,
            accessed: Timestamp(seconds: found.accessed, nanoseconds: found.accessed_nanoseconds),
            modified: Timestamp(seconds: found.modified, nanoseconds: found.modified_nanoseconds),
            device: DeviceNumber(major: found.device_major, minor: found.device_minor)
        )
    }

    /// The next names, in the host's order, without `.` and `..`; empty at the end.
    ///
    /// The position belongs to this object: one reader at a time.
    package func nextNames() throws(DiskError) -> [FileName] {
        var names: [FileName] = []
        var failure: Int32 = 0
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            repeat {
                let count = varve_list(descriptor, buffer.baseAddress, buffer.count)
                guard count > 0 else {
                    failure = Int32(-count)
                    return
                }
                HostDirectory.parse(UnsafeRawBufferPointer(rebasing: buffer[..<count]), &names)
            } while names.isEmpty
        }
        guard failure == 0 else { throw DiskError(errno: failure, "list directory") }
        return names
    }

    /// Takes the names out of `struct linux_dirent64`: u64 ino, i64 off, u16 length, u8 type, name, NUL.
    private static func parse(_ entries: UnsafeRawBufferPointer, _ names: inout [FileName]) {
        var at = 0
        while at + 19 < entries.count {
            let length = Int(entries.loadUnaligned(fromByteOffset: at + 16, as: UInt16.self))
            guard length > 19, at + length <= entries.count else { return }
            let bytes = entries[at + 19..<at + length].prefix { $0 != 0 }
            if let name = FileName(bytes: Array(bytes)), !name.isDot, !name.isDotDot {
                names.append(name)
            }
            at += length
        }
    }

    /// Opens a regular file; a symlink, and anything that is not regular, is refused.
    package func openFile(_ name: FileName) throws(DiskError) -> HostFile {
        // O_NONBLOCK: should a FIFO stand here by now, opening it must not wait for a writer.
        let file = HostFile(
            descriptor: try openat(name, O_RDONLY | O_NONBLOCK),
            path: name.description
        )
        guard try file.isRegular() else {
            throw DiskError(.failed, "open '\(name)': not a regular file", errno: EINVAL)
        }
        return file
    }

    /// Makes a regular file with permissions 0600, or others less the umask; `.exists` when the name is taken.
    package func createFile(
        _ name: FileName,
        permissions: UInt32 = 0o600
    ) throws(DiskError) -> HostFile {
        HostFile(
            descriptor: try openat(name, O_RDWR | O_CREAT | O_EXCL, permissions),
            path: name.description
        )
    }

    /// Makes the names in it durable.
    package func sync() throws(DiskError) {
        guard fsync(descriptor) == 0 else { throw DiskError(errno: errno, "sync the directory") }
    }

    private func openat(
        _ name: FileName,
        _ flags: Int32,
        _ mode: UInt32 = 0
    ) throws(DiskError) -> Int32 {
        let result = varve_openat(descriptor, name.cString, flags, mode)
        guard result >= 0 else { throw DiskError(errno: -result, "open '\(name)'") }
        return result
    }

    /// Turns a result of a shim into an error that names the call.
    func check(_ call: String, _ name: FileName, _ result: Int32) throws(DiskError) {
        guard result >= 0 else { throw DiskError(errno: -result, "\(call) '\(name)'") }
    }
}

extension FileName {
    /// For names that stand in this file.
    init(checked bytes: [UInt8]) {
        guard let name = FileName(bytes: bytes) else { preconditionFailure("not a name") }
        self = name
    }

    /// The bytes and a NUL.
    var cString: [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }
}
