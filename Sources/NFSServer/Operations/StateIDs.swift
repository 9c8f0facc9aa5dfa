import NFSWire

/// TEST_STATEID and FREE_STATEID (RFC 8881 §18.48, §18.38).
extension CompoundRun {
    func testStateIDs(_ arguments: TestStateIDsArguments) throws(NFSStatus) -> OperationReply {
        let client = try client()
        let statuses = store.read { state in
            arguments.stateIDs.map { state.test($0, of: client) }
        }
        return .testStateIDs(TestStateIDsReply(statuses: statuses))
    }

    func freeStateID(_ stateID: StateID) async throws(NFSStatus) -> OperationReply {
        let client = try client()
        let resolved = try resolved(stateID)
        let status = await store.change { state, _ in state.free(resolved, of: client) }
        guard status == .ok else { throw status }
        return .ok(.freeStateID)
    }
}
