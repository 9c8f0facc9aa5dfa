import NFSWire
import NIOCore
import VarveModel

@testable import NFSServer

/// A client of NFSv4.0 in `NFSWire`'s values, straight to what answers requests: it counts for its owners, as RFC 7530 §9.1.7
/// asks.
final class WireClientV40 {
    let wire: WireClient
    private(set) var id = ClientID(rawValue: 0)
    /// The last number of each owner, open owners and lock owners apart by their names.
    var sequences: [String: UInt32] = [:]

    /// An open, as its owner goes on with it.
    struct Open {
        var stateID: StateID
        let handle: NFSFileHandle
        let owner: String
        let needsConfirmation: Bool

        var file: OperationArguments { .putFileHandle(handle) }
    }

    init(_ parts: ServerParts, uid: UInt32 = 0) {
        wire = WireClient(parts, uid: uid)
    }

    func send(_ operations: [OperationArguments]) async throws -> CompoundReply {
        try await wire.send(operations, version: .v40)
    }

    func status(_ operations: [OperationArguments]) async throws -> NFSStatus {
        try await send(operations).status
    }

    /// Runs operations and answers the last one's result, which the others must let happen.
    func last(_ operations: [OperationArguments]) async throws -> OperationReply {
        let results = try await send(operations).results
        guard results.count == operations.count, let last = results.last else {
            throw results.last?.status ?? .serverFault
        }
        return last
    }

    static func introduction(_ owner: String, _ verifier: UInt64 = 1) -> SetClientIDArguments {
        SetClientIDArguments(
            client: ClientOwner(
                verifier: Verifier(rawValue: verifier),
                owner: Array(owner.utf8)
            ),
            callback: CallbackClient(
                program: 0x4000_0000,
                location: NetworkAddress(
                    networkID: Array("tcp".utf8),
                    address: Array("127.0.0.1.3.1".utf8)
                )
            ),
            callbackIdentifier: 1
        )
    }

    /// SETCLIENTID and SETCLIENTID_CONFIRM: what every client begins with.
    func connect(owner: String = "client", verifier: UInt64 = 1) async throws {
        let reply = try await last([.setClientID(Self.introduction(owner, verifier))])
        guard case .setClientID(let known) = reply else { throw reply.status }
        _ = try await last([.setClientIDConfirm(known)])
        id = known.client
        sequences = [:]
    }

    func owner(_ name: String) -> StateOwner { StateOwner(client: id, owner: Array(name.utf8)) }

    /// The number of an owner's next request.
    func next(_ owner: String) -> UInt32 {
        let next = sequences[owner].map { $0 &+ 1 } ?? 100
        sequences[owner] = next
        return next
    }

    func openArguments(
        _ name: String,
        by owner: String = "o",
        _ access: ShareAccess = .both,
        _ deny: ShareDeny = [],
        _ creation: OpenCreation? = nil
    ) -> OpenArguments {
        OpenArguments(
            sequence: next(owner),
            access: access,
            deny: deny,
            owner: self.owner(owner),
            creation: creation,
            claim: .name(Array(name.utf8))
        )
    }

    /// Opens a name below the root, without OPEN_CONFIRM.
    func openOnly(
        _ name: String,
        by owner: String = "o",
        _ access: ShareAccess = .both,
        _ deny: ShareDeny = [],
        _ creation: OpenCreation? = nil
    ) async throws -> Open {
        let arguments = openArguments(name, by: owner, access, deny, creation)
        let results = try await send([.putRootFileHandle, .open(arguments), .getFileHandle]).results
        guard results.count == 3, case .open(let open) = results[1],
            case .getFileHandle(let handle) = results[2]
        else { throw results.last?.status ?? .serverFault }
        return Open(
            stateID: open.stateID,
            handle: handle,
            owner: owner,
            needsConfirmation: open.flags.contains(.confirm)
        )
    }

    /// Opens a name below the root, and confirms where that is asked.
    func open(
        _ name: String,
        by owner: String = "o",
        _ access: ShareAccess = .both,
        _ deny: ShareDeny = [],
        _ creation: OpenCreation? = nil
    ) async throws -> Open {
        var open = try await openOnly(name, by: owner, access, deny, creation)
        guard open.needsConfirmation else { return open }
        let reply = try await last([open.file, confirm(open)])
        guard case .openConfirm(let stateID) = reply else { throw reply.status }
        open.stateID = stateID
        return open
    }

    func make(_ name: String, by owner: String = "o") async throws -> Open {
        try await open(name, by: owner, .both, [], .guarded(FileAttributes([.mode(0o666)])))
    }

    func confirm(_ open: Open) -> OperationArguments {
        .openConfirm(OpenConfirmArguments(stateID: open.stateID, sequence: next(open.owner)))
    }

    func close(_ open: Open) -> OperationArguments {
        .close(CloseArguments(sequence: next(open.owner), stateID: open.stateID))
    }

    /// LOCK by an owner that has none on the file yet.
    func lock(
        _ open: Open,
        by owner: String = "l",
        _ type: LockType = .write,
        _ offset: UInt64 = 0,
        _ length: UInt64 = 10,
        reclaim: Bool = false
    ) -> OperationArguments {
        .lock(
            LockArguments(
                type: type,
                isReclaim: reclaim,
                offset: offset,
                length: length,
                locker: .new(
                    NewLockOwner(
                        openSequence: next(open.owner),
                        openStateID: open.stateID,
                        lockSequence: next(owner),
                        owner: self.owner(owner)
                    )
                )
            )
        )
    }

    /// LOCK by an owner that has a lock state id.
    func lockAgain(
        _ stateID: StateID,
        by owner: String = "l",
        _ type: LockType = .write,
        _ offset: UInt64,
        _ length: UInt64 = 10
    ) -> OperationArguments {
        .lock(
            LockArguments(
                type: type,
                isReclaim: false,
                offset: offset,
                length: length,
                locker: .existing(
                    ExistingLockOwner(stateID: stateID, sequence: next(owner))
                )
            )
        )
    }

    func unlock(
        _ stateID: StateID,
        by owner: String = "l",
        _ offset: UInt64 = 0,
        _ length: UInt64 = .max
    ) -> OperationArguments {
        .unlock(
            UnlockArguments(
                type: .write,
                sequence: next(owner),
                stateID: stateID,
                offset: offset,
                length: length
            )
        )
    }

    /// The lock state id of a LOCK that must be granted.
    func locked(_ open: Open, _ lock: OperationArguments) async throws -> StateID {
        let reply = try await last([open.file, lock])
        guard case .lock(let stateID) = reply else { throw reply.status }
        return stateID
    }
}
