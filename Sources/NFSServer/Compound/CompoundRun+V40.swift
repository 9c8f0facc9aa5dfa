import NFSWire
import NIOCore

/// Which method answers which operation of NFSv4.0; what it has in common with 4.1 is answered by the same ones.
extension CompoundRun {
    /// Runs one operation of NFSv4.0.
    func performV40(_ operation: OperationArguments) async -> CompoundAnswer {
        do throws(NFSStatus) {
            return try await answerV40(operation)
        } catch {
            return .reply(.failure(error.inV40(of: operation.code), of: operation.code))
        }
    }

    private func answerV40(_ operation: OperationArguments) async throws(NFSStatus)
        -> CompoundAnswer
    {
        switch operation {
        case .getAttributes(var arguments):
            arguments.attributes = arguments.attributes.intersection(Self.knownInV40)
            return try await getAttributes(arguments)
        case .readDirectory(var arguments):
            arguments.attributes = arguments.attributes.intersection(Self.knownInV40)
            return try await readDirectory(arguments)
        case .setClientID, .setClientIDConfirm, .renew, .delegationReturn, .securityInfo:
            return .reply(try await clientV40(operation))
        case .open, .openConfirm, .openDowngrade, .close, .lock, .lockTest, .unlock,
            .releaseLockOwner:
            return .reply(try await stateV40(operation))
        default:
            guard operation.attributesToSet?.isIn(.v40) != false else {
                throw .attributeNotSupported
            }
            return .reply(try await file(operation))
        }
    }

    /// What a server does not know it does not answer (RFC 7530 §16.7.4): of 4.0 nothing is known beyond its own.
    static let knownInV40 = Attribute.known(in: .v40)

    private func clientV40(_ operation: OperationArguments) async throws(NFSStatus)
        -> OperationReply
    {
        switch operation {
        case .setClientID(let arguments): return try await setClientID(arguments)
        case .setClientIDConfirm(let arguments): return try await confirmClientID(arguments)
        case .renew(let client): return try renew(client)
        case .delegationReturn(let stateID): return try returnDelegation(stateID)
        case .securityInfo(let arguments): return try await securityInfoV40(arguments)
        default: throw .notSupported
        }
    }

    private func stateV40(_ operation: OperationArguments) async throws(NFSStatus)
        -> OperationReply
    {
        switch operation {
        case .open(let arguments): return try await openV40(arguments)
        case .openConfirm(let arguments): return try await confirmOpen(arguments)
        case .openDowngrade(let arguments): return try await downgradeV40(arguments)
        case .close(let arguments): return try await closeV40(arguments)
        case .lock(let arguments): return try await lockV40(arguments)
        case .lockTest(let arguments): return try await lockTestV40(arguments)
        case .unlock(let arguments): return try await unlockV40(arguments)
        case .releaseLockOwner(let owner): return try await releaseLockOwner(owner)
        default: throw .notSupported
        }
    }

    // MARK: What they ask for

    /// A request that an owner counts, on the current object.
    func sequenced(
        _ operation: OperationArguments,
        _ stateID: StateID,
        _ sequence: UInt32
    ) throws(NFSStatus) -> ServerState.SequencedRequest {
        let object = try inode(orElse: .badStateID)
        return ServerState.SequencedRequest(
            operation.code,
            stateID,
            sequence,
            on: object.key,
            RequestFingerprint(operation, on: .inode(object))
        )
    }

    /// Whether a state id was opened for this access; special ones only where nobody denies it (RFC 7530 §9.1.4.3, §9.1.6).
    func mayUseV40(
        _ stateID: StateID,
        on object: InodeObject,
        for access: ShareAccess
    ) throws(NFSStatus) -> Bool {
        let now = store.now()
        return try verdict(on: stateID, for: access, of: object.key) { state in
            state.mayUseV40(stateID, on: object.key, for: access, at: now)
        }
    }
}

extension OperationArguments {
    /// Attributes that it sets or compares.
    fileprivate var attributesToSet: FileAttributes? {
        switch self {
        case .setAttributes(let arguments): arguments.attributes
        case .create(let arguments): arguments.attributes
        case .verify(let arguments), .verifyNot(let arguments): arguments.attributes
        default: nil
        }
    }

    /// Whether it changes what it finds, so that it must not run twice, and is not counted by an owner, which sees to that.
    var mustRunOnce: Bool {
        switch self {
        case .create, .link, .remove, .rename, .setAttributes, .setClientID, .setClientIDConfirm:
            true
        default: false
        }
    }
}

extension FileAttributes {
    /// Whether a minor version has all of them.
    func isIn(_ version: MinorVersion) -> Bool {
        mask.subtracting(Attribute.known(in: version)).isEmpty
    }
}

extension RequestFingerprint {
    /// Of an operation with its arguments, and the object that it is about.
    init(_ operation: OperationArguments, on object: NFSObject) {
        var writer = XDRWriter()
        operation.encode(to: &writer)
        let bytes = writer.finish()
        var hasher = Hasher()
        hasher.combine(FileHandle.handle(of: object))
        bytes.forEachPiece { piece in
            piece.withUnsafeReadableBytes { hasher.combine(bytes: $0) }
        }
        self.init(byteCount: bytes.count, hash: hasher.finalize())
    }
}
