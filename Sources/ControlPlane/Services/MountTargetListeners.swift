package import VarveModel

/// Lets clients in at mount targets: what the NFS front-end does for the daemon, which keeps the list of them.
package protocol MountTargetListeners: Sendable {
    /// Listens for a mount target from now on.
    ///
    /// - Parameters:
    ///   - target: Names it, and the clients that come there, for ever.
    ///   - fileSystem: What clients find at its root.
    ///   - host: A numeric address.
    ///   - port: Not 0.
    /// - Throws: What the socket refuses: nothing is open then.
    func open(
        _ target: MountTargetID,
        of fileSystem: FileSystemID,
        host: String,
        port: Int
    ) async throws

    /// Ends a mount target for ever, open or not: closes its connections and forgets what its clients held, durably.
    func remove(_ target: MountTargetID) async
}
