import NFSWire
import VarveModel

/// What a client of NFSv4.0 has where one of 4.1 has sessions: a name to confirm, and owners that count their requests
/// (RFC 7530 §9.1).
struct ClientV40: Sendable {
    /// What SETCLIENTID_CONFIRM has to give back, or gave.
    var confirmation: Verifier
    /// Where it would be called back.
    ///
    /// No delegation is ever given, so nobody calls; it is told to whoever wants the client's name.
    var callback: NetworkAddress
    /// What the same incarnation said anew, until that is confirmed too (RFC 7530 §16.33.5).
    var update: Introduction?
    var openOwners: [[UInt8]: StateOwnerRecord] = [:]
    /// Those that have a lock state id.
    var lockOwners: [[UInt8]: StateOwnerRecord] = [:]
    /// The opens that were closed by the last request of their owner: a repeated CLOSE finds it so.
    var closed: [StateKey: [UInt8]] = [:]

    struct Introduction: Sendable {
        let confirmation: Verifier
        let callback: NetworkAddress
    }

    subscript(kind: OwnerKind, name: [UInt8]) -> StateOwnerRecord? {
        get {
            switch kind {
            case .open: openOwners[name]
            case .lock: lockOwners[name]
            }
        }
        _modify {
            switch kind {
            case .open: yield &openOwners[name]
            case .lock: yield &lockOwners[name]
            }
        }
    }

    /// A lock state is gone; its owner's numbers go with the last one.
    mutating func dropped(_ lock: StateKey, of owner: [UInt8]) {
        lockOwners[owner]?.states.remove(lock)
        if lockOwners[owner]?.states.isEmpty == true { lockOwners[owner] = nil }
    }
}

/// The two kinds of owners, whose names have nothing to do with each other (RFC 7530 §9.1.5).
enum OwnerKind: Sendable, Hashable {
    case open
    case lock
}

/// An open owner or a lock owner of NFSv4.0: how far it has counted, and what it holds.
struct StateOwnerRecord: Sendable {
    var sequence: OwnerSequence
    /// An open owner's, by OPEN_CONFIRM (RFC 7530 §16.18).
    var isConfirmed: Bool
    /// When it last counted.
    var used: Timestamp
    /// Opens or lock states of it.
    var states: Set<StateKey> = []
    /// The open that its last request closed.
    var closed: StateKey?
}

/// How far an owner has counted, and its last reply (RFC 7530 §9.1.7).
///
/// Numbers go round: 0 follows 2^32 - 1.
struct OwnerSequence: Sendable, Equatable {
    enum Verdict: Sendable, Equatable {
        case next
        /// The last request once more.
        case replay(KeptReply)
        /// NFS4ERR_BAD_SEQID.
        case bad
    }

    /// Of the last request that counted.
    private(set) var last: UInt32
    private var fingerprint: RequestFingerprint
    private var reply: KeptReply

    init(_ last: UInt32, _ fingerprint: RequestFingerprint, _ reply: KeptReply) {
        self.last = last
        self.fingerprint = fingerprint
        self.reply = reply
    }

    /// What a request under this number is; another request under the last number is not the last one.
    func verdict(on sequence: UInt32, _ request: RequestFingerprint) -> Verdict {
        if sequence == last &+ 1 { return .next }
        return sequence == last && request == fingerprint ? .replay(reply) : .bad
    }
}

/// The last reply of an owner.
struct KeptReply: Sendable, Equatable {
    let reply: OperationReply
    /// What OPEN made the current object, for the operations behind it.
    let file: FileKey?

    init(_ reply: OperationReply, file: FileKey? = nil) {
        self.reply = reply
        self.file = file
    }
}
