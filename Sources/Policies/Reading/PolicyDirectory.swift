import FoundationEssentials
import Glibc

/// The policy files of a directory: `*.yaml`, `*.yml` and `*.json`, not those of its subdirectories.
enum PolicyDirectory {
    /// A file's bytes, or why they cannot be had.
    struct File {
        let path: String
        let content: Result<[UInt8], PolicyError>
        /// Why nothing that the file says is run: somebody other than root and the daemon's user could have written it.
        var distrust: String?
    }

    /// Files in a directory beyond this are a mistake.
    static let filesMax = 10_000

    /// Reads the directory; hidden files and all other endings are passed over.
    ///
    /// - Parameter directory: Without a slash at the end.
    /// - Returns: Its policy files by name.
    /// - Throws: `.unreadable` when it cannot be listed.
    static func files(of directory: String) throws(PolicyError) -> [File] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw PolicyError(
                .unreadable,
                "the policy directory '\(directory)' cannot be read: \(reason(error))",
                remedy: "Create it, or correct the settings 'Jobs' and 'Retention'."
            )
        }
        let wanted = names.filter { name in
            !name.hasPrefix(".")
                && [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
        }
        guard wanted.count <= filesMax else {
            throw PolicyError(
                .unreadable,
                "'\(directory)' holds \(wanted.count) policy files",
                remedy: "Keep at most \(filesMax) in one directory."
            )
        }
        let distrust = self.distrust(ofDirectory: directory)
        return wanted.sorted().map { name in
            var file = read(directory + "/" + name)
            file.distrust = distrust ?? file.distrust
            return file
        }
    }

    /// Why nothing in a directory is trusted: somebody else could have put it there.
    private static func distrust(ofDirectory directory: String) -> String? {
        var status = stat()
        guard stat(directory, &status) == 0 else { return "its directory cannot be looked at" }
        return distrust(owner: status.st_uid, mode: status.st_mode)
            .map { "of its directory: \($0)" }
    }

    private static func read(_ path: String) -> File {
        // A FIFO among the files does not keep the daemon waiting.
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK
        var descriptor = open(path, flags | O_NOFOLLOW)
        // A link is followed for what it says, and not trusted: who made it need not own what it leads to.
        let isLink = descriptor < 0 && errno == ELOOP
        if isLink { descriptor = open(path, flags) }
        guard descriptor >= 0 else { return unreadable(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        // Owner and bytes are those of one file, whatever the name comes to mean meanwhile.
        guard fstat(descriptor, &status) == 0 else { return unreadable(path, errno) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        // One byte past the limit is enough to refuse the file.
        while bytes.count <= PolicyText.bytesMax {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return unreadable(path, errno) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return File(
            path: path,
            content: .success(Array(bytes.prefix(PolicyText.bytesMax + 1))),
            distrust: isLink
                ? "it is a symbolic link" : distrust(owner: status.st_uid, mode: status.st_mode)
        )
    }

    /// Why a file of that owner and mode says nothing that the daemon runs; `nil` when it may.
    static func distrust(owner: uid_t, mode: mode_t, daemon: uid_t = geteuid()) -> String? {
        if owner != 0, owner != daemon { return "it belongs to uid \(owner)" }
        if mode & 0o022 != 0 {
            return "others may write it (mode \(String(mode & 0o7777, radix: 8)))"
        }
        return nil
    }

    private static func unreadable(_ path: String, _ number: Int32) -> File {
        let reason =
            switch number {
            case ENOENT: "it does not exist"
            case EACCES, EPERM: "permission denied"
            default: String(cString: strerror(number))
            }
        return File(
            path: path,
            content: .failure(
                PolicyError(
                    .unreadable,
                    "the file cannot be read: \(reason)",
                    remedy: "Give the daemon's user leave to read it.",
                    place: PolicyPlace(file: path, line: 1, column: 1)
                )
            )
        )
    }

    /// The system's reason in a few words.
    private static func reason(_ error: any Error) -> String {
        guard let error = error as? CocoaError else { return "\(error)" }
        return switch error.code {
        case .fileNoSuchFile, .fileReadNoSuchFile: "it does not exist"
        case .fileReadNoPermission: "permission denied"
        default: "error \(error.code.rawValue)"
        }
    }
}
