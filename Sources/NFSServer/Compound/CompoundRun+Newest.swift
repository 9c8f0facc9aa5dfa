import NFSWire

/// Which method answers which operation of NFSv4.2; what is not offered ends here.
extension CompoundRun {
    func newest(_ operation: OperationArguments) async throws(NFSStatus) -> OperationReply {
        switch operation {
        case .seek(let arguments): return try await seek(arguments)
        case .readPlus(let arguments): return try await readPlus(arguments)
        case .deallocate(let arguments): return try await deallocate(arguments)
        case .copy(let arguments): return try await copy(arguments)
        case .clone(let arguments): return try await clone(arguments)
        case .ioAdvise(let arguments): return try await ioAdvise(arguments)
        // Every COPY is done when it is answered: none goes on that could be asked for (RFC 7862 §15.8.3, §15.9.3).
        case .offloadCancel, .offloadStatus: throw .badStateID
        case .getXattr(let arguments): return try await getXattr(arguments)
        case .setXattr(let arguments): return try await setXattr(arguments)
        case .listXattrs(let arguments): return try await listXattrs(arguments)
        case .removeXattr(let arguments): return try await removeXattr(arguments)
        // ALLOCATE among them: space that is promised would have to be kept (docs/decisions/0022).
        default: throw .notSupported
        }
    }

    /// Refuses to set an attribute that the COMPOUND's minor version does not have.
    func requireVersion(_ operation: OperationArguments) throws(NFSStatus) {
        guard version < .v42 else { return }
        let asked: FileAttributes? =
            switch operation {
            case .create(let arguments): arguments.attributes
            case .open(let arguments): arguments.creation?.attributes
            case .setAttributes(let arguments): arguments.attributes
            default: nil
            }
        let isNewer = asked?.values.contains { $0.attribute.since == .v42 }
        guard isNewer != true else { throw .attributeNotSupported }
    }
}

extension OpenCreation {
    /// What is to be set.
    fileprivate var attributes: FileAttributes? {
        switch self {
        case .unchecked(let attributes), .guarded(let attributes): attributes
        case .exclusive: nil
        case .exclusiveWithAttributes(let wanted): wanted.attributes
        }
    }
}
