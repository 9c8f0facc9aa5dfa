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

    /// GETATTR of what is in memory; attributes of space are asked of the engine's threads.
    func getAttributesNow(
        _ arguments: GetAttributesArguments
    ) throws(NFSStatus) -> CompoundAnswer? {
        var requested = arguments.attributes
        if version == .v40 { requested = requested.intersection(Self.knownInV40) }
        guard requested.intersection(ObjectAttributes.writeOnly(in: version)).isEmpty else {
            throw .invalid
        }
        let object = try object()
        guard requested.intersection(ObjectAttributes.ofSpace).isEmpty,
            let attributes = attributesNow(of: object)
        else { return nil }
        return .attributes(requested, described(object, attributes))
    }

    func described(_ object: NFSObject, _ attributes: Attributes) -> ObjectAttributes {
        ObjectAttributes(
            object: object,
            attributes: attributes,
            limits: server.limits,
            version: version
        )
    }

    /// An object with all that some attributes need.
    func described(
        _ object: NFSObject,
        for requested: Bitmap
    ) async throws(NFSStatus) -> ObjectAttributes {
        var described = described(object, try await attributes(of: object))
        if case .inode(let inode) = object {
            described.room = try await room(of: inode, for: requested)
        }
        return described
    }

    /// What attributes of space need; `nil` where none of them is asked for.
    func room(
        of object: InodeObject,
        for requested: Bitmap
    ) async throws(NFSStatus) -> FileSystemRoom? {
        guard !requested.intersection(ObjectAttributes.ofSpace).isEmpty else { return nil }
        return try await engine { try await object.fileSystem.engine.room() }
    }
}
