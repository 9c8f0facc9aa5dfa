import LocalAPI

/// The options of mount.nfs4(8) that a mount of Varve takes, as nfs(5) names them.
struct MountOptions: Sendable {
    /// Comma-separated, as `-o` takes them.
    let text: String

    /// - Parameters:
    ///   - nfs: Where the daemon serves.
    ///   - isPast: Whether a past moment is mounted, which nobody can write.
    ///   - more: The user's own; each replaces what is recommended in its stead.
    /// - Throws: `.usage` for one that the daemon would turn away.
    init(_ nfs: NFSDescription, isPast: Bool, more: [String]) throws(APIError) {
        let own = more.flatMap { $0.split(separator: ",").map(String.init) }
        if nfs.requiresPrivilegedPorts, own.contains("noresvport") {
            throw APIError(
                .usage,
                "the daemon lets in clients at ports below 1024 alone: 'noresvport' would be turned away",
                remedy: "Leave it out, or say 'nfsPorts: any' in varve.yaml."
            )
        }
        let replaced = Set(own.map(MountOptions.subject))
        let recommended = MountOptions.recommended(nfs, isPast: isPast)
            .filter { !replaced.contains(MountOptions.subject($0)) }
        text = (recommended + own).joined(separator: ",")
    }

    /// `hard`: an application waits for a server that is away, and loses nothing; `soft` would tell it of errors.
    ///
    /// 60 s (`timeo` counts tenths) before a request is sent again, which over TCP only a dead connection asks for; 1 MiB is the
    /// most that client and server take at once.
    private static func recommended(_ nfs: NFSDescription, isPast: Bool) -> [String] {
        let isIPv6 = nfs.host?.contains(":") == true
        var options = [
            "vers=4.1", "proto=\(isIPv6 ? "tcp6" : "tcp")", "port=\(nfs.port ?? 2_049)", "hard",
            "timeo=600", "retrans=2", "rsize=1048576", "wsize=1048576",
        ]
        // A new port with each connection comes back sooner after one that broke, where the server takes any.
        if !nfs.requiresPrivilegedPorts { options.append("noresvport") }
        if isPast { options.append("ro") }
        return options
    }

    /// What an option is about: of two that are about the same, one stands.
    private static func subject(_ option: String) -> String {
        let name = option.prefix { $0 != "=" }
        return switch name {
        case "vers", "nfsvers", "minorversion": "version"
        case "proto", "tcp", "rdma": "transport"
        case "hard", "soft", "softerr": "patience"
        case "ro", "rw": "access"
        case "resvport", "noresvport": "source port"
        default: String(name)
        }
    }
}
