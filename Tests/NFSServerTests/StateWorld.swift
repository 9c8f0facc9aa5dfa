import NFSWire
import Synchronization
import VarveModel

@testable import NFSServer

/// The server's state with clients that are confirmed and have reclaimed; it counts the files that are let go of.
struct StateWorld {
    var state: ServerState
    var now = Timestamp(seconds: 1_000_000)
    let released = Counter()

    final class Counter: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func add() { count.withLock { $0 += 1 } }
    }

    static let file = FileKey(
        fileSystem: FileSystemKey(high: 1, low: 2),
        inode: InodeNumber(rawValue: 10)
    )
    static let other = FileKey(
        fileSystem: FileSystemKey(high: 1, low: 2),
        inode: InodeNumber(rawValue: 11)
    )

    init(limits: ServerLimits = ServerLimits(), remembered: Set<ClientName> = []) {
        state = ServerState(start: 7, limits: limits, remembered: remembered, at: now)
    }

    /// A client with a session.
    mutating func client(_ name: String, reclaims: Bool = true) throws -> ClientID {
        let owner = ClientOwner(verifier: Verifier(rawValue: 1), owner: Array(name.utf8))
        let grant = try state.exchangeID(
            owner,
            by: .system(uid: 0),
            isUpdate: false,
            at: now
        ).get()
        _ = try state.createSession(
            CreateSessionArguments(
                client: grant.client,
                sequence: grant.sequence,
                flags: [],
                foreChannel: WireClient.channel(),
                backChannel: WireClient.channel(),
                callbackProgram: 1,
                callbackSecurity: [.none]
            ),
            by: .system(uid: 0),
            at: now
        ).get()
        if reclaims { _ = state.reclaimComplete(grant.client) }
        return grant.client
    }

    mutating func open(
        _ client: ClientID,
        _ access: ShareAccess = .both,
        _ deny: ShareDeny = [],
        owner: String = "o",
        reclaim: Bool = false,
        on file: FileKey = StateWorld.file
    ) -> Result<StateID, NFSStatus> {
        let counter = released
        return state.open(
            ServerState.OpenRequest(
                client: client,
                owner: Array(owner.utf8),
                file: file,
                access: access,
                deny: deny,
                isReclaim: reclaim
            ),
            holding: HeldFile { counter.add() },
            at: now
        )
    }

    /// Locks as a new owner of an open, or as the owner of a lock state id.
    mutating func lock(
        _ client: ClientID,
        _ open: StateID,
        _ type: LockType = .write,
        _ offset: UInt64 = 0,
        _ length: UInt64 = 10,
        owner: String? = "l",
        reclaim: Bool = false,
        on file: FileKey = StateWorld.file
    ) -> ServerState.LockOutcome {
        let locker: Locker =
            if let owner {
                .new(
                    NewLockOwner(
                        openSequence: 0,
                        openStateID: open,
                        lockSequence: 0,
                        owner: StateOwner(client: client, owner: Array(owner.utf8))
                    )
                )
            } else {
                .existing(ExistingLockOwner(stateID: open, sequence: 0))
            }
        return state.lock(
            LockArguments(
                type: type,
                isReclaim: reclaim,
                offset: offset,
                length: length,
                locker: locker
            ),
            of: client,
            on: file,
            at: now
        )
    }

    mutating func unlock(
        _ client: ClientID,
        _ lock: StateID,
        _ offset: UInt64 = 0,
        _ length: UInt64 = .max
    ) -> Result<StateID, NFSStatus> {
        state.unlock(
            UnlockArguments(
                type: .write,
                sequence: 0,
                stateID: lock,
                offset: offset,
                length: length
            ),
            of: client,
            on: StateWorld.file
        )
    }

    /// Lets go of what was dropped, as the store does.
    mutating func settle() {
        for file in state.takeReleased() { file.close() }
    }

    /// Says that a client was heard of.
    mutating func renew(_ client: ClientID) {
        state.clients[client]?.lease.renew(at: now)
    }
}

extension ServerState.LockOutcome {
    var granted: StateID? {
        if case .granted(let stateID) = self { stateID } else { nil }
    }

    var denied: LockDenied? {
        if case .denied(let denial) = self { denial } else { nil }
    }
}

extension ClientName {
    /// A client that came to the gateway.
    static func gateway(_ owner: String) -> ClientName {
        ClientName(Array(owner.utf8), in: .gateway)
    }
}
