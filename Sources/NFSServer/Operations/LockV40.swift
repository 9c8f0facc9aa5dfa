import NFSWire

/// LOCK, LOCKT, LOCKU and RELEASE_LOCKOWNER of NFSv4.0 (RFC 7530 §16.10 to §16.12, §16.37); `ServerState` decides.
extension CompoundRun {
    func lockV40(_ arguments: LockArguments) async throws(NFSStatus) -> OperationReply {
        _ = try object()
        let refusal = await lockRefusal(.lock)
        let request =
            switch arguments.locker {
            case .new(let new):
                try sequenced(.lock(arguments), new.openStateID, new.openSequence)
            case .existing(let existing):
                try sequenced(.lock(arguments), existing.stateID, existing.sequence)
            }
        return await store.change { state, now in
            state.lockV40(arguments, request, refusal: refusal, at: now)
        }
    }

    func lockTestV40(_ arguments: LockTestArguments) async throws(NFSStatus) -> OperationReply {
        let object = try await lockable()
        let outcome = await store.change { state, now in
            state.testLockV40(arguments, on: object.key, at: now)
        }
        guard let denial = try outcome.get() else { return .ok(.lockTest) }
        return .lockTestDenied(denial)
    }

    func unlockV40(_ arguments: UnlockArguments) async throws(NFSStatus) -> OperationReply {
        _ = try object()
        let refusal = await lockRefusal(.unlock)
        let request = try sequenced(.unlock(arguments), arguments.stateID, arguments.sequence)
        return await store.change { state, now in
            state.unlockV40(arguments, request, refusal: refusal, at: now)
        }
    }

    /// What is said of a current object that is no regular file: its owner counts that too.
    private func lockRefusal(_ code: OperationCode) async -> NFSStatus {
        do throws(NFSStatus) {
            _ = try await lockable()
            return .ok
        } catch {
            return error.inV40(of: code)
        }
    }

    func releaseLockOwner(_ owner: StateOwner) async throws(NFSStatus) -> OperationReply {
        let status = await store.change { state, now in state.releaseLockOwner(owner, at: now) }
        guard status == .ok else { throw status }
        return .ok(.releaseLockOwner)
    }
}
