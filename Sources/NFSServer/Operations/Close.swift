import NFSWire

/// CLOSE and OPEN_DOWNGRADE (RFC 8881 §18.2, §18.18).
extension CompoundRun {
    /// The answer is the state id that is never valid, so that nobody goes on with the old one.
    ///
    /// It waits for nothing: the state is in memory, and an inode that ends with its last close does so behind it.
    func close(_ arguments: CloseArguments) throws(NFSStatus) -> OperationReply {
        let object = try inode(orElse: .badStateID)
        let client = try client()
        let stateID = try resolved(arguments.stateID)
        let status = changeNow { state, _ in
            state.close(stateID, of: client, on: object.key)
        }
        guard status == .ok else { throw status }
        currentStateID = .invalid
        return .close(.invalid)
    }

    func openDowngrade(_ arguments: OpenDowngradeArguments) async throws(NFSStatus)
        -> OperationReply
    {
        let object = try inode(orElse: .badStateID)
        let client = try client()
        guard let share = ShareRequest(arguments.access, arguments.deny) else { throw .invalid }
        let stateID = try resolved(arguments.stateID)
        let outcome = await store.change { state, _ in
            state.downgrade(
                stateID,
                of: client,
                on: object.key,
                access: share.access,
                deny: share.deny
            )
        }
        let downgraded = try outcome.get()
        currentStateID = downgraded
        return .openDowngrade(downgraded)
    }
}

/// Access and denial of an OPEN, checked (RFC 8881 §18.16.3).
struct ShareRequest: Sendable {
    let access: ShareAccess
    let deny: ShareDeny

    /// `nil`, NFS4ERR_INVAL, for no access and for bits that there are not.
    init?(_ access: ShareAccess, _ deny: ShareDeny) {
        let wants: UInt32 = 0x0003_FF00
        guard !access.access.isEmpty, access.rawValue & ~(wants | 3) == 0, deny.rawValue <= 3 else {
            return nil
        }
        self.access = access.access
        self.deny = deny
    }
}
