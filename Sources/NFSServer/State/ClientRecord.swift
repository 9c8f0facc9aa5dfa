package import NFSWire
package import VarveModel

/// Who sent a request, as far as RPC says: clients may only be changed by the principal that made them.
package enum Principal: Sendable, Hashable {
    case none
    case system(uid: UInt32)

    /// `nil` for a credential that is refused.
    package init?(_ credential: RPCCredential) {
        switch credential {
        case .none: self = .none
        case .system(let parameters): self = .system(uid: parameters.uid)
        case .gss, .tls, .unknown, .malformed: return nil
        }
    }
}

/// What the server knows of a client (RFC 8881 §2.4, §18.35.4).
package struct ClientRecord: Sendable {
    package let id: ClientID
    package let name: ClientName
    /// Changes when the client restarts.
    package var verifier: Verifier
    package var principal: Principal
    /// By a CREATE_SESSION.
    package var isConfirmed = false
    /// The csa_sequence that was last processed; the next one is greater by one.
    package var createSequence: UInt32
    /// How that went: a retry is answered the same (RFC 8881 §18.36.4).
    package var createOutcome: Result<CreateSessionReply, NFSStatus> = .failure(.sequenceMisordered)
    package var sessions: Set<SessionID> = []
    /// Renewed by requests of its sessions beside everything else.
    let lease: Lease
    /// RECLAIM_COMPLETE was sent; 4.0 has none.
    package var hasReclaimed = false
    /// What one of NFSv4.0 has beside; `nil` for the others.
    var v40: ClientV40?
    var opens: Set<StateKey> = []
    /// Opens that are about to be, whose files are being made.
    var opensReserved = 0
    var locks: Set<StateKey> = []
    /// Of all files.
    var rangeCount = 0

    /// When it was last heard of.
    package var renewed: Timestamp { lease.renewed }

    /// Opens or locks are held.
    package var hasState: Bool { !opens.isEmpty || !locks.isEmpty }

    /// A client of sessions opens nothing new before it has said that it has reclaimed (RFC 8881 §18.51.3).
    var owesReclaimComplete: Bool { v40 == nil && !hasReclaimed }

    /// Whether another principal may take its name: it holds nothing, or its lease is over (RFC 8881 §18.35.4, RFC 7530 §16.33.5).
    func yields(at now: Timestamp, _ limits: ServerLimits) -> Bool {
        isExpired(at: now, limits) || (!hasState && sessions.isEmpty)
    }

    func isExpired(at now: Timestamp, _ limits: ServerLimits) -> Bool {
        renewed.adding(seconds: limits.leaseSeconds) < now
    }
}
