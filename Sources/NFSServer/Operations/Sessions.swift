import NFSWire

/// CREATE_SESSION, DESTROY_SESSION, BIND_CONN_TO_SESSION and BACKCHANNEL_CTL (RFC 8881 §18.36, §18.37, §18.34, §18.33).
extension CompoundRun {
    func createSession(_ arguments: CreateSessionArguments) async throws(NFSStatus)
        -> OperationReply
    {
        guard Self.isUsable(arguments.callbackSecurity) else { throw .noEntry }
        let principal = principal
        let outcome = await store.change { state, now in
            state.createSession(arguments, by: principal, at: now)
        }
        return .createSession(try outcome.get())
    }

    /// The session that the COMPOUND itself runs in may only be destroyed at its end (RFC 8881 §18.37.3).
    func destroySession(_ id: SessionID) async throws(NFSStatus) -> OperationReply {
        let isOwn = session?.session == id
        guard !isOwn || isLast else { throw .notOnlyOperation }
        let status = await store.change { state, _ in
            state.destroy(session: id, running: isOwn ? 1 : 0)
        }
        guard status == .ok else { throw status }
        return .ok(.destroySession)
    }

    /// Any connection may carry any session of SP4_NONE; binding says no more than that the back channel may use it.
    func bindConnection(_ arguments: BindConnectionArguments) throws(NFSStatus) -> OperationReply {
        guard session == nil else { throw .notOnlyOperation }
        guard store.read({ $0.session(arguments.session) != nil }) else { throw .badSession }
        let direction: ChannelDirection =
            switch arguments.direction {
            case .fore: .fore
            case .back: .back
            case .foreOrBoth, .backOrBoth: .both
            }
        return .bindConnection(
            BindConnectionReply(session: arguments.session, direction: direction, useRDMA: false)
        )
    }

    func backChannelControl(_ arguments: BackChannelControlArguments) throws(NFSStatus)
        -> OperationReply
    {
        guard let session else { throw .operationNotInSession }
        guard Self.isUsable(arguments.callbackSecurity) else { throw .noEntry }
        session.setCallback(program: arguments.callbackProgram)
        return .ok(.backChannelControl)
    }

    /// Whether callbacks could go by AUTH_NONE or AUTH_SYS: handles of RPCSEC_GSS are nothing here (RFC 8881 §18.33.3, §18.36.3).
    private static func isUsable(_ securities: [CallbackSecurity]) -> Bool {
        securities.isEmpty
            || securities.contains { security in
                if case .gss = security { false } else { true }
            }
    }
}
