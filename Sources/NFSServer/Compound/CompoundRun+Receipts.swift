import FileSystemEngine
import NFSWire
import VarveModel

/// Changes are done once, also over a restart (RFC 8881 §2.10.6.5).
///
/// What changes names is kept with its answer in one transaction. A request that comes again in a session of before the restart runs
/// once more, with the kept answers in the place of its changes: what it looks at is looked at anew, and nothing else is done.
///
/// Not kept are changes that may be done twice without harm: WRITE, SETATTR, COPY and the like. Their client is told that its session is
/// gone, and sends them again in a new one.
extension CompoundRun {
    /// Changes of one request, as they are kept.
    struct Ledger: Sendable {
        let key: ReceiptKey
        var receipt: RequestReceipt
    }

    /// Answers the SEQUENCE of a session of before the restart, and notes what its request did then.
    func takeUp(_ arguments: SequenceArguments) async -> OperationReply {
        guard let request else { return .failure(.badSession, of: .sequence) }
        switch await server.receipt(of: arguments, request) {
        case .failure(let status): return .failure(status, of: .sequence)
        case .success(let receipt):
            session = SessionContext(ofEarlier: arguments, receipt)
            earlier = receipt
            return .sequence(SequenceReply(ofEarlier: arguments))
        }
    }

    /// How a change is kept with its answer; `nil` where it is not: in 4.0, in sessions that do not outlive the server, and where the client
    /// wants no reply kept.
    func keeping<Value>(
        _ describe: @escaping @Sendable (Value) -> DoneChange
    ) -> ReceiptMaker<Value>? {
        guard let ledger else { return nil }
        let place = place
        return { value in
            var receipt = ledger.receipt
            receipt.changes[place] = describe(value)
            return Receipt(key: ledger.key, value: receipt.bytes)
        }
    }

    /// Notes a change that was kept: later ones of the same request are kept beside it.
    func kept(_ change: DoneChange) {
        ledger?.receipt.changes[place] = change
    }

    /// How this operation was answered before the restart.
    var done: DoneChange? { earlier?.changes[place] }

    /// Whether the request did something behind this operation, which therefore succeeded.
    private var isBeforeChange: Bool { earlier?.changes.keys.contains { $0 > place } ?? false }

    /// How an operation fails.
    ///
    /// One that succeeded before the restart does not: the name that it looks up may have gone with the change (RFC 8881 §18.31.4 has a client
    /// look up and verify what it then removes), and nothing is current until the next handle. What must tell more than that cannot.
    func failure(_ status: NFSStatus, of operation: OperationArguments) -> OperationReply {
        guard isBeforeChange else {
            return .failure(ofSession(status, operation), of: operation.code)
        }
        switch operation {
        case .lookup, .lookupParent:
            current = nil
            return .ok(operation.code)
        default: return .failure(.deadSession, of: operation.code)
        }
    }

    /// What an operation says whose session's client has gone while it ran, with the session: only those that name a client have
    /// NFS4ERR_STALE_CLIENTID (RFC 8881 §15.1.13.5).
    private func ofSession(_ status: NFSStatus, _ operation: OperationArguments) -> NFSStatus {
        guard status == .staleClientID, version > .v40 else { return status }
        switch operation {
        case .createSession, .destroyClientID: return status
        default: return .deadSession
        }
    }

    /// What becomes of an operation of a request that was sent before the restart; `nil`: it runs.
    ///
    /// - Throws: `.deadSession` for what would change something now.
    func answerOfBefore(_ operation: OperationArguments) throws(NFSStatus) -> OperationReply? {
        guard let earlier, earlier.changes[place] == nil else { return nil }
        switch operation {
        // It let the change happen, which may be why it would fail now.
        case .verify, .verifyNot: return isBeforeChange ? .ok(operation.code) : nil
        case .access, .getAttributes, .getFileHandle, .lookup, .lookupParent, .putFileHandle,
            .putPublicFileHandle, .putRootFileHandle, .readDirectory, .readLink,
            .restoreFileHandle, .saveFileHandle, .securityInfo, .securityInfoNoName, .getXattr,
            .listXattrs:
            return nil
        default: throw .deadSession
        }
    }
}
