private import CLinux
private import Glibc
private import VarveModel

/// The machine's own disk.
package struct HostDisk: Disk {
    package init() {}

    package func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        let flags: Int32 =
            switch mode {
            case .read: O_RDONLY
            case .readWrite: O_RDWR
            case .create: O_RDWR | O_CREAT
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        return HostFile(descriptor: try descriptor(path, flags), path: path)
    }

    package func status(of path: String) throws(DiskError) -> DiskStatus? {
        var found = stat()
        guard lstat(path, &found) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw DiskError(errno: errno, "stat '\(path)'")
        }
        let kind: DiskStatus.Kind =
            switch found.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            default: .other
            }
        return DiskStatus(
            kind: kind,
            size: UInt64(found.st_size),
            allocated: UInt64(found.st_blocks) * 512,
            modified: Timestamp(
                seconds: Int64(found.st_mtim.tv_sec),
                nanoseconds: UInt32(found.st_mtim.tv_nsec)
            )
        )
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        guard let stream = opendir(directory) else {
            throw DiskError(errno: errno, "list '\(directory)'")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    package func makeDirectory(_ path: String) throws(DiskError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw DiskError(errno: errno, "make directory '\(path)'")
        }
    }

    package func remove(_ path: String) throws(DiskError) {
        guard unlink(path) == 0 else { throw DiskError(errno: errno, "remove '\(path)'") }
    }

    package func removeDirectory(_ path: String) throws(DiskError) {
        guard rmdir(path) == 0 else { throw DiskError(errno: errno, "remove directory '\(path)'") }
    }

    package func rename(_ source: String, to target: String) throws(DiskError) {
        guard Glibc.rename(source, target) == 0 else {
            throw DiskError(errno: errno, "rename '\(source)' to '\(target)'")
        }
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        let directory = try descriptor(path, O_RDONLY | O_DIRECTORY)
        defer { Glibc.close(directory) }
        guard fsync(directory) == 0 else {
            throw DiskError(errno: errno, "sync directory '\(path)'")
        }
    }

    package func space(at path: String) throws(DiskError) -> DiskSpace {
        var found = statvfs()
        guard statvfs(path, &found) == 0 else {
            throw DiskError(errno: errno, "statvfs '\(path)'")
        }
        let block = UInt64(found.f_frsize)
        return DiskSpace(
            total: UInt64(found.f_blocks) * block,
            available: UInt64(found.f_bavail) * block
        )
    }

    package func lock(_ path: String) throws(DiskError) -> any DiskLock {
        let descriptor = try descriptor(path, O_RDWR | O_CREAT)
        let result = varve_lock_exclusive(descriptor)
        guard result == 0 else {
            Glibc.close(descriptor)
            throw DiskError(errno: -result, "lock '\(path)'")
        }
        return HostLock(descriptor: descriptor)
    }

    private func descriptor(_ path: String, _ flags: Int32) throws(DiskError) -> Int32 {
        let result = varve_open(path, flags, 0o600)
        guard result >= 0 else { throw DiskError(errno: -result, "open '\(path)'") }
        return result
    }
}

/// A flock, held as long as its descriptor is open.
private final class HostLock: DiskLock {
    private let descriptor: ClosingDescriptor

    init(descriptor: Int32) {
        self.descriptor = ClosingDescriptor(descriptor)
    }

    func release() {
        descriptor.close()
    }
}

extension DiskError {
    /// Translates what a system call left.
    package init(errno number: Int32, _ call: String) {
        let code: Code =
            switch number {
            case ENOENT, ENOTDIR: .notFound
            case EEXIST: .exists
            case EACCES, EPERM, EROFS: .denied
            case ENOSPC, EDQUOT: .noSpace
            case EWOULDBLOCK: .busy
            default: .failed
            }
        self.init(code, "\(call): \(String(cString: strerror(number)))", errno: number)
    }
}
