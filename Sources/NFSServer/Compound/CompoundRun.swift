import FileSystemEngine
import NFSWire
import VarveModel

/// One COMPOUND under way: its file handles, its state ids, its session (RFC 8881 §16.2.3).
///
/// It belongs to the task that answers the request.
final class CompoundRun {
    let server: ServerParts
    let principal: Principal
    let caller: Credentials
    let version: MinorVersion
    var session: SessionContext?
    var current: NFSObject?
    var saved: NFSObject?
    /// The current object's attributes as an earlier operation found them, while this COMPOUND has changed nothing since.
    ///
    /// They were true after the request arrived, which is all that an answer to it promises; asking the engine once more for each of
    /// LOOKUP, ACCESS and GETATTR would triple their cost.
    private var known: Attributes?
    /// What the current state id stands for; `nil` is the anonymous one (RFC 8881 §16.2.3.1.2).
    var currentStateID: StateID?
    var savedStateID: StateID?
    /// Whether the operation is the last one: some must be.
    var isLast = false
    /// Bytes that the operation's result may take.
    var room = Int.max
    /// Whether the state's records must be written down before the reply leaves.
    var owesRecords = false
    /// Which operation of the COMPOUND it is; SEQUENCE is 0.
    var place = 0
    /// The request's changes, as they are kept; `nil` where they are not.
    lazy var ledger: Ledger? = newLedger()
    /// What a request did before the server restarted; `nil` for one that runs for the first time.
    var earlier: RequestReceipt?
    /// When it began: what does not wait takes no time of its own.
    let began: Timestamp
    /// The whole, by which its changes are known again; `nil` in 4.0.
    let request: CompoundRequest?

    init(
        _ server: ServerParts,
        principal: Principal,
        caller: Credentials,
        version: MinorVersion,
        request: CompoundRequest? = nil,
        at began: Timestamp? = nil
    ) {
        self.server = server
        self.principal = principal
        self.caller = caller
        self.version = version
        self.request = request
        self.began = began ?? server.store.now()
    }

    private func newLedger() -> Ledger? {
        guard let session, session.isPersistent, let request,
            let cached = session.cachedReplyBytesMax
        else { return nil }
        return Ledger(
            key: ReceiptKey(session.session, slot: session.slot),
            receipt: RequestReceipt(
                sequence: session.sequence,
                replyBytesMax: UInt32(min(cached, session.replyBytesMax)),
                digest: request.digest(for: server.identity)
            )
        )
    }

    /// Runs one operation.
    func perform(_ operation: OperationArguments) async -> CompoundAnswer {
        do throws(NFSStatus) {
            try requireVersion(operation)
            if let reply = try answerOfBefore(operation) { return .reply(reply) }
            return try await answer(operation)
        } catch {
            return .reply(failure(error, of: operation))
        }
    }

    // MARK: What operations ask for

    var store: StateStore { server.store }

    /// The session's client.
    func client() throws(NFSStatus) -> ClientID {
        guard let session else { throw .operationNotInSession }
        return session.client
    }

    func object() throws(NFSStatus) -> NFSObject {
        guard let current else { throw .noFileHandle }
        return current
    }

    /// The current inode; at a directory of ours, the operation is refused so.
    func inode(orElse refusal: NFSStatus) throws(NFSStatus) -> InodeObject {
        switch try object() {
        case .gateway, .snapshots: throw refusal
        case .inode(let object): return object
        }
    }

    /// An inode of the present, to be changed.
    func writable(_ object: NFSObject?) throws(NFSStatus) -> InodeObject {
        forgetKnown()
        switch object {
        case nil: throw .noFileHandle
        case .gateway, .snapshots: throw .readOnly
        case .inode(let object):
            guard object.view == .live else { throw .readOnly }
            return object
        }
    }

    /// Makes an object current; state ids of the one before do not follow it.
    func become(_ object: NFSObject, known attributes: Attributes? = nil) {
        current = object
        currentStateID = nil
        known = attributes
    }

    /// Notes what the current object's attributes are after a change.
    func noteKnown(_ attributes: Attributes) {
        known = attributes
    }

    /// Forgets what was found: the operation changes something.
    func forgetKnown() {
        known = nil
    }

    /// A state id as sent, the current one looked up; 4.0 has no current one.
    func resolved(_ stateID: StateID) throws(NFSStatus) -> StateID {
        guard stateID == .current, version > .v40 else { return stateID }
        return currentStateID ?? .anonymous
    }

    /// A name of one component (RFC 8881 §14, §15.1.7).
    func name(_ bytes: [UInt8]) throws(NFSStatus) -> FileName {
        guard !bytes.isEmpty else { throw .invalid }
        guard bytes.count <= FileName.bytesMax else { throw .nameTooLong }
        guard let name = FileName(bytes: bytes) else { throw .badCharacter }
        guard !name.isDot, !name.isDotDot else { throw .badName }
        return name
    }

    /// A name to be given in a directory; the root's `.snapshot` is taken.
    func newName(_ bytes: [UInt8], in directory: InodeObject) throws(NFSStatus) -> FileName {
        let name = try name(bytes)
        let isTaken = directory.inode == .root && name.bytes == SnapshotDirectory.name
        guard !isTaken else { throw .exists }
        return name
    }

    /// Changes the server's state without waiting; the reply waits for what must be written down first.
    @discardableResult
    func changeNow<Value: Sendable>(
        at time: Timestamp? = nil,
        _ body: (inout ServerState, Timestamp) -> Value
    ) -> Value {
        let (value, owesMore) = store.changeNow(at: time, body)
        owesRecords = owesRecords || owesMore
        return value
    }

    /// Asks the state whether a file may be read or written; what only expired clients deny may be.
    ///
    /// That a special state id may, because nobody denies it, is a change's answer too: whoever denied it may have been struck off
    /// a moment ago, and must not come back to it after a restart (RFC 8881 §8.4.2.1). So the reply waits for that.
    func verdict(
        on stateID: StateID,
        for access: ShareAccess,
        of file: FileKey,
        _ body: (inout ServerState) -> Result<Bool, NFSStatus>
    ) throws(NFSStatus) -> Bool {
        let (verdict, owesMore) = store.read { state in
            // So may have been the one whose grace is just over.
            if stateID.isSpecial { state.endGraceIfOver(at: store.now()) }
            return (body(&state), stateID.isSpecial && state.owesRecords)
        }
        owesRecords = owesRecords || owesMore
        guard verdict == .failure(.locked) else { return try verdict.get() }
        return try changeNow { state, now in
            state.endCourtesy(denying: access, on: file, to: stateID, at: now)
                ? body(&state) : verdict
        }.get()
    }

    /// Asks the engine; what it refuses becomes a status.
    func engine<Value>(_ body: () async throws -> Value) async throws(NFSStatus) -> Value {
        do {
            return try await body()
        } catch let error as FileSystemError {
            server.note(error)
            throw NFSStatus(error.code)
        } catch {
            server.log("an operation failed: \(error)")
            throw .serverFault
        }
    }

    /// An object's attributes.
    func attributes(of object: NFSObject) async throws(NFSStatus) -> Attributes {
        switch object {
        case .gateway: return .gateway(server)
        case .snapshots(let fileSystem):
            return SnapshotDirectory.attributes(
                try await snapshots(of: fileSystem),
                started: server.started
            )
        case .inode(let object): return try await attributes(of: object)
        }
    }

    func attributes(of object: InodeObject) async throws(NFSStatus) -> Attributes {
        let isCurrent = isCurrent(object)
        if isCurrent, let known { return known }
        let found = try await engine {
            try await object.fileSystem.engine.attributes(of: object.inode, at: object.view)
        }
        if isCurrent { known = found }
        return found
    }

    /// An object's attributes if they are known, or in the engine's memory.
    func attributesNow(of object: NFSObject) -> Attributes? {
        switch object {
        case .gateway: return .gateway(server)
        case .snapshots: return nil
        case .inode(let object):
            let isCurrent = isCurrent(object)
            if isCurrent, let known { return known }
            guard object.view == .live else { return nil }
            let found = object.fileSystem.engine.rememberedAttributes(of: object.inode)
            if isCurrent { known = found }
            return found
        }
    }

    private func isCurrent(_ object: InodeObject) -> Bool {
        guard case .inode(let here)? = current else { return false }
        return here.key == object.key
    }
}

extension Attributes {
    /// Of the gateway's root.
    static func gateway(_ server: ServerParts) -> Attributes {
        ObjectAttributes.gateway(server.exports.current, start: server.started)
    }
}

extension ChangeInfo {
    init(_ change: DirectoryChange) {
        self.init(isAtomic: true, before: change.before, after: change.after)
    }

    /// Of an operation that changed nothing.
    init(unchanged change: UInt64) {
        self.init(isAtomic: true, before: change, after: change)
    }
}
