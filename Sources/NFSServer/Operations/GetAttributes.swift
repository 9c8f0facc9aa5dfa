import FileSystemEngine
import NFSWire
import VarveModel

/// GETATTR (RFC 8881 §18.7).
extension CompoundRun {
    func getAttributes(
        _ arguments: GetAttributesArguments
    ) async throws(NFSStatus) -> CompoundAnswer {
        let requested = arguments.attributes
        guard requested.intersection(ObjectAttributes.writeOnly(in: version)).isEmpty else {
            throw .invalid
        }
        return .attributes(requested, try await described(try object(), for: requested))
    }

    /// An object with all that some attributes need.
    func described(
        _ object: NFSObject,
        for requested: Bitmap
    ) async throws(NFSStatus) -> ObjectAttributes {
        var described = ObjectAttributes(
            object: object,
            attributes: try await attributes(of: object),
            statistics: nil,
            limits: server.limits,
            version: version
        )
        guard !requested.intersection(ObjectAttributes.ofSpace).isEmpty else { return described }
        guard case .inode(let inode) = object else { return described }
        described.statistics = try await engine {
            try await inode.fileSystem.engine.statistics()
        }
        return described
    }
}
