import NFSWire

/// Which method answers which operation.
extension CompoundRun {
    func answer(_ operation: OperationArguments) async throws(NFSStatus) -> CompoundAnswer {
        switch operation {
        case .getAttributes(let arguments): return try await getAttributes(arguments)
        case .readDirectory(let arguments): return try await readDirectory(arguments)
        case .exchangeID, .createSession, .destroySession, .destroyClientID, .bindConnection,
            .sequence, .backChannelControl, .reclaimComplete, .testStateIDs, .freeStateID,
            .setStateSecret:
            return .reply(try await session(operation))
        case .open, .close, .openDowngrade, .lock, .lockTest, .unlock:
            return .reply(try await state(operation))
        default:
            return .reply(try await file(operation))
        }
    }

    /// Operations on clients, sessions and state ids as such.
    private func session(_ operation: OperationArguments) async throws(NFSStatus) -> OperationReply
    {
        switch operation {
        case .exchangeID(let arguments): return try await exchangeID(arguments)
        case .createSession(let arguments): return try await createSession(arguments)
        case .destroySession(let id): return try await destroySession(id)
        case .destroyClientID(let id): return try await destroyClientID(id)
        case .bindConnection(let arguments): return try bindConnection(arguments)
        case .sequence: throw .sequencePosition
        case .backChannelControl(let arguments): return try backChannelControl(arguments)
        case .reclaimComplete(let arguments): return try await reclaimComplete(arguments)
        case .testStateIDs(let arguments): return try testStateIDs(arguments)
        case .freeStateID(let stateID): return try await freeStateID(stateID)
        // There is no SP4_SSV here (RFC 8881 §18.47.3).
        case .setStateSecret: throw .invalid
        default: throw .notSupported
        }
    }

    /// Operations that hold state.
    private func state(_ operation: OperationArguments) async throws(NFSStatus) -> OperationReply {
        switch operation {
        case .open(let arguments): return try await open(arguments)
        case .close(let arguments): return try close(arguments)
        case .openDowngrade(let arguments): return try await openDowngrade(arguments)
        case .lock(let arguments): return try await lock(arguments)
        case .lockTest(let arguments): return try await lockTest(arguments)
        case .unlock(let arguments): return try await unlock(arguments)
        default: throw .notSupported
        }
    }

    /// Operations on files and names; what is not offered ends here.
    func file(_ operation: OperationArguments) async throws(NFSStatus) -> OperationReply {
        switch operation {
        case .illegal: throw .illegalOperation
        case .access(let arguments): return try await access(arguments)
        case .commit(let arguments): return try await commit(arguments)
        case .create(let arguments): return try await create(arguments)
        case .getFileHandle: return .getFileHandle(FileHandle.handle(of: try object()))
        case .link(let arguments): return try await link(arguments)
        case .lookup(let arguments): return try await lookup(arguments)
        case .lookupParent: return try await lookupParent()
        case .verify(let arguments): return try await verify(arguments)
        case .verifyNot(let arguments): return try await verifyNot(arguments)
        case .putFileHandle(let handle): return try putFileHandle(handle)
        case .putRootFileHandle: return try putRootFileHandle(.putRootFileHandle)
        case .putPublicFileHandle: return try putRootFileHandle(.putPublicFileHandle)
        case .read(let arguments): return try await read(arguments)
        case .readLink: return try await readLink()
        case .remove(let arguments): return try await remove(arguments)
        case .rename(let arguments): return try await rename(arguments)
        case .saveFileHandle: return try saveFileHandle()
        case .restoreFileHandle: return try restoreFileHandle()
        case .securityInfo(let arguments): return try await securityInfo(arguments)
        case .securityInfoNoName(let style): return try await securityInfoNoName(style)
        case .setAttributes(let arguments): return try await setAttributes(arguments)
        case .write(let arguments): return try await write(arguments)
        // There are no delegations to return (RFC 8881 §18.6.3).
        case .delegationReturn: throw .badStateID
        default: return try await newest(operation)
        }
    }
}
