import NFSWire

/// EXCHANGE_ID (RFC 8881 §18.35); which client it is decides `ServerState.exchangeID`.
extension CompoundRun {
    private static let knownFlags: ExchangeIDFlags = [
        .supportsMovedReferral, .supportsMovedMigration, .supportsFenceOperations,
        .bindPrincipalToStateID, .useNonPNFS, .usePNFSMetadata, .usePNFSData,
        .updateConfirmedRecord,
    ]

    func exchangeID(_ arguments: ExchangeIDArguments) async throws(NFSStatus) -> OperationReply {
        guard arguments.flags.isSubset(of: Self.knownFlags) else { throw .invalid }
        switch arguments.protection {
        case .none: break
        // Machine credentials are RPCSEC_GSS's (RFC 8881 §18.35.3).
        case .machineCredential: throw .invalid
        case .secret(let secret):
            guard !secret.hashAlgorithms.isEmpty, !secret.encryptionAlgorithms.isEmpty,
                secret.window > 0
            else { throw .invalid }
            throw .hashNotSupported
        }
        let principal = principal
        let outcome = await store.change { state, now in
            state.exchangeID(
                arguments.owner,
                by: principal,
                isUpdate: arguments.flags.contains(.updateConfirmedRecord),
                at: now
            )
        }
        let grant = try outcome.get()
        var flags: ExchangeIDFlags = [.useNonPNFS]
        if grant.isConfirmed { flags.insert(.confirmed) }
        return .exchangeID(
            ExchangeIDReply(
                client: grant.client,
                sequence: grant.sequence,
                flags: flags,
                protection: .none,
                serverOwner: ServerOwner(minorID: 0, majorID: server.identity),
                serverScope: server.identity,
                implementation: nil
            )
        )
    }

    /// DESTROY_CLIENTID (RFC 8881 §18.50).
    func destroyClientID(_ id: ClientID) async throws(NFSStatus) -> OperationReply {
        let status = await store.change { state, _ in state.destroy(client: id) }
        guard status == .ok else { throw status }
        return .ok(.destroyClientID)
    }

    /// RECLAIM_COMPLETE (RFC 8881 §18.51); no file system ever moves here, so that of one is nothing to note.
    func reclaimComplete(_ arguments: ReclaimCompleteArguments) async throws(NFSStatus)
        -> OperationReply
    {
        let client = try client()
        if arguments.oneFileSystem {
            _ = try object()
            return .ok(.reclaimComplete)
        }
        let status = await store.change { state, _ in state.reclaimComplete(client) }
        guard status == .ok else { throw status }
        return .ok(.reclaimComplete)
    }
}
