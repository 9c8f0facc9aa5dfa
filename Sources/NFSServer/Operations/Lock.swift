import NFSWire
import VarveModel

/// LOCK, LOCKT and LOCKU (RFC 8881 §18.10 to §18.12); `ServerState` decides.
extension CompoundRun {
    func lock(_ arguments: LockArguments) async throws(NFSStatus) -> OperationReply {
        let object = try await lockable()
        let client = try client()
        var request = arguments
        switch arguments.locker {
        case .new(var new):
            new.openStateID = try resolved(new.openStateID)
            request.locker = .new(new)
        case .existing(var existing):
            existing.stateID = try resolved(existing.stateID)
            request.locker = .existing(existing)
        }
        let wanted = request
        let outcome = await store.change { state, now in
            state.lock(wanted, of: client, on: object.key, at: now)
        }
        switch outcome {
        case .granted(let stateID):
            currentStateID = stateID
            return .lock(stateID)
        case .denied(let denial): return .lockDenied(denial)
        case .refused(let status): throw status
        }
    }

    func lockTest(_ arguments: LockTestArguments) async throws(NFSStatus) -> OperationReply {
        let object = try await lockable()
        let client = try client()
        let outcome = await store.change { state, now in
            state.testLock(arguments, of: client, on: object.key, at: now)
        }
        guard let denial = try outcome.get() else { return .ok(.lockTest) }
        return .lockTestDenied(denial)
    }

    /// What is no file has no lock: the state id is wrong there (RFC 8881 §15.2).
    func unlock(_ arguments: UnlockArguments) async throws(NFSStatus) -> OperationReply {
        let object = try inode(orElse: .badStateID)
        let client = try client()
        var request = arguments
        request.stateID = try resolved(arguments.stateID)
        let wanted = request
        let outcome = await store.change { state, _ in
            state.unlock(wanted, of: client, on: object.key)
        }
        let stateID = try outcome.get()
        currentStateID = stateID
        return .unlock(stateID)
    }

    /// The current object, which must be a regular file (RFC 8881 §18.10.3).
    func lockable() async throws(NFSStatus) -> InodeObject {
        let object = try inode(orElse: .isDirectory)
        // What is open was found regular when it was opened.
        if store.read({ $0.files[object.key] != nil }) { return object }
        switch try await attributes(of: object).kind {
        case .regular: return object
        case .directory: throw .isDirectory
        case .symlink: throw .symlink
        case .fifo, .characterDevice, .blockDevice, .socket: throw .wrongType
        }
    }
}
