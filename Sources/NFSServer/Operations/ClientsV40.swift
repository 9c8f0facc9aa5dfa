import NFSWire

/// SETCLIENTID, SETCLIENTID_CONFIRM, RENEW, DELEGRETURN and SECINFO of NFSv4.0 (RFC 7530 §16.33, §16.34, §16.28, §16.6, §16.31).
extension CompoundRun {
    func setClientID(_ arguments: SetClientIDArguments) async throws(NFSStatus) -> OperationReply {
        let principal = principal
        let outcome = await store.change { state, now in
            state.setClientID(arguments, by: principal, at: now)
        }
        switch outcome {
        case .granted(let reply): return .setClientID(reply)
        case .inUse(let address): return .clientIDInUse(address)
        case .refused(let status): throw status
        }
    }

    func confirmClientID(_ arguments: SetClientIDReply) async throws(NFSStatus) -> OperationReply {
        let principal = principal
        let status = await store.change { state, now in
            state.confirmClientID(arguments, by: principal, at: now)
        }
        guard status == .ok else { throw status }
        return .ok(.setClientIDConfirm)
    }

    /// There are no callbacks whose path could be down.
    func renew(_ client: ClientID) throws(NFSStatus) -> OperationReply {
        let now = store.now()
        let status = store.read { $0.renew(client, at: now) }
        guard status == .ok else { throw status }
        return .ok(.renew)
    }

    /// There are no delegations to return.
    func returnDelegation(_ stateID: StateID) throws(NFSStatus) -> OperationReply {
        let object = try inode(orElse: .badStateID)
        throw store.read { $0.returnDelegation(stateID, on: object.key) }
    }

    /// The current object stays; 4.1 alone uses it up.
    func securityInfoV40(_ arguments: NameArguments) async throws(NFSStatus) -> OperationReply {
        let directory = try object()
        let reply = try await securityInfo(arguments)
        become(directory)
        return reply
    }
}
