import LocalAPI

/// Where a file system is mounted from: a mount target of its own, or the gateway.
struct WayIn: Sendable {
    let nfs: NFSDescription
    /// The mount target's id; `nil` for the gateway.
    let mountTarget: String?
    /// What leads to the file system's root from the server's.
    let root: [[UInt8]]

    /// The oldest mount target that is available; the gateway where there is none.
    ///
    /// - Throws: `.unavailable` where there is no gateway either.
    init(to fileSystem: String, _ client: Client) async throws {
        let gateway = try await client.call(Route.describeNFS, Nothing())
        let targets = try await client.call(
            Route.listMountTargets,
            OptionalFileSystem(fileSystem: fileSystem)
        )
        if let target = targets.first(where: { $0.state == "available" }) {
            nfs = NFSDescription(
                host: target.address,
                port: Int(target.port),
                requiresPrivilegedPorts: gateway.requiresPrivilegedPorts
            )
            mountTarget = target.id
            root = []
            return
        }
        guard gateway.host != nil else { throw Self.noWay(targets) }
        nfs = gateway
        mountTarget = nil
        root = [Array(fileSystem.utf8)]
    }

    /// In a few words.
    var words: String {
        mountTarget.map { "the mount target \($0)" } ?? "the gateway"
    }

    private static func noWay(_ targets: [MountTargetDescription]) -> APIError {
        if let target = targets.first {
            return APIError(
                .unavailable,
                "mount target \(target.id) is in state '\(target.state)', and there is no gateway ('nfs: off')",
                remedy: target.reason ?? "Try again."
            )
        }
        return APIError(
            .unavailable,
            "the daemon serves no NFS: its setting is 'nfs: off'",
            remedy:
                "Say 'nfs: 127.0.0.1:2049' in varve.yaml, or 'varved serve --nfs', and start it again; or make a mount target."
        )
    }
}
