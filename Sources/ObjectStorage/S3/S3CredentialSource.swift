import Glibc

/// Where the credentials of a bucket are kept: never in the vault, and never in what is printed.
package enum S3CredentialSource: Sendable, Hashable {
    /// A file as AWS's tools write it, for its owner's eyes alone.
    case file(String)
    /// AWS_ACCESS_KEY_ID and so on; without them the file that AWS_SHARED_CREDENTIALS_FILE names; without that the role
    /// of an instance or a container.
    case environment

    /// For people.
    package var text: String {
        switch self {
        case .file(let path): path
        case .environment: "environment"
        }
    }

    /// Reads them anew.
    ///
    /// - Throws: `.denied` with what is wrong, and never what stands there.
    package func load() throws(S3Error) -> S3Credentials {
        switch self {
        case .file(let path): try S3CredentialSource.read(path)
        case .environment: try S3CredentialSource.readEnvironment()
        }
    }

    private static let names = [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    ]

    private static func readEnvironment() throws(S3Error) -> S3Credentials {
        var values: [String: String] = [:]
        for name in names { values[name] = variable(name) }
        if let found = S3Credentials(environment: values) { return found }
        if let path = variable("AWS_SHARED_CREDENTIALS_FILE") { return try read(path) }
        for name in InstanceCredentials.names { values[name] = variable(name) }
        let instance = InstanceCredentials(variables: values, transport: HTTPTransport())
        if let found = try instance.load() { return found }
        throw S3Error(
            .denied,
            "the daemon's environment has no credentials of an object store, and this machine has no role that gives any",
            remedy: "Name a file of them (--credentials FILE), or set AWS_ACCESS_KEY_ID and "
                + "AWS_SECRET_ACCESS_KEY for varved, and restart it."
        )
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// 64 KiB: a file of a dozen profiles has two.
    private static let bytesMax = 64 << 10

    private static func read(_ path: String) throws(S3Error) -> S3Credentials {
        // A FIFO does not keep the daemon waiting.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(path, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        // Owner and bytes are those of one file, whatever the name comes to mean meanwhile.
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw unreadable(path, "it is no file")
        }
        if let why = distrust(owner: status.st_uid, mode: status.st_mode) {
            throw S3Error(
                .denied,
                "the credentials in '\(path)' are not used: \(why)",
                remedy: "Give the file to root or to varved's user, and to nobody else: "
                    + "chown root '\(path)' && chmod 600 '\(path)'."
            )
        }
        let bytes = try bytes(of: descriptor, path)
        let profile = variable("AWS_PROFILE") ?? "default"
        guard let text = String(validating: bytes, as: UTF8.self),
            let found = S3Credentials(file: text, profile: profile)
        else {
            throw S3Error(
                .denied,
                "'\(path)' has no credentials of the profile '\(profile)'",
                remedy: "Write 'aws_access_key_id = …' and 'aws_secret_access_key = …' into it."
            )
        }
        return found
    }

    /// Why a file of that owner and mode holds no secret; `nil` when it may.
    static func distrust(owner: uid_t, mode: mode_t, daemon: uid_t = geteuid()) -> String? {
        if owner != 0, owner != daemon { return "they belong to uid \(owner)" }
        if mode & 0o077 != 0 {
            return "others may read them (mode \(String(mode & 0o7777, radix: 8)))"
        }
        return nil
    }

    private static func bytes(of descriptor: Int32, _ path: String) throws(S3Error) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(path, String(cString: strerror(errno))) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= bytesMax else {
                throw unreadable(path, "it is too long for credentials")
            }
        }
    }

    private static func unreadable(_ path: String, _ why: String) -> S3Error {
        S3Error(
            .denied,
            "the credentials in '\(path)' cannot be read: \(why)",
            remedy: "Write them there, or name another file (docs/operating.md, 'A vault in S3')."
        )
    }
}
