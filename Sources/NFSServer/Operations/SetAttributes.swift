import FileSystemEngine
import NFSWire
import VarveModel

/// SETATTR (RFC 8881 §18.30).
extension CompoundRun {
    func setAttributes(_ arguments: SetAttributesArguments) async throws(NFSStatus)
        -> OperationReply
    {
        let object = try writable(try object())
        // A umask is for what is made (RFC 8275 §4).
        guard arguments.attributes[.modeUmask] == nil else { throw .invalid }
        var permissions: UInt16?
        if arguments.attributes.mask.contains(Attribute.setModeMasked.rawValue) {
            permissions = try await attributes(of: object).permissions
        }
        let requested = try RequestedAttributes(arguments.attributes, permissions: permissions)
        var isOpened = false
        if requested.changes.size != nil {
            isOpened = try mayUse(arguments.stateID, on: object, for: .write)
        }
        do {
            let changed = try await apply(requested.changes, to: object, isOpened: isOpened)
            if let changed { noteKnown(changed) }
            return .setAttributes(
                SetAttributesReply(status: .ok, attributesSet: requested.mask)
            )
        } catch {
            throw ofSize(error)
        }
    }

    /// SETATTR has one status for a size of what is no file, whatever it is (RFC 8881 §15.2); in 4.0 a directory has its own.
    private func ofSize(_ status: NFSStatus) -> NFSStatus {
        switch status {
        case .isDirectory where version > .v40, .symlink: .wrongType
        default: status
        }
    }

    /// Sets attributes, and answers what they are then; none is no change.
    func apply(
        _ changes: AttributeChanges,
        to object: InodeObject,
        isOpened: Bool
    ) async throws(NFSStatus) -> Attributes? {
        guard changes != AttributeChanges() else { return nil }
        let caller = caller
        do {
            return try await engine {
                try await object.fileSystem.engine.setAttributes(
                    object.inode,
                    changes,
                    as: caller,
                    isOpenForWriting: isOpened
                )
            }
        } catch {
            throw try await refined(error, on: object)
        }
    }
}
