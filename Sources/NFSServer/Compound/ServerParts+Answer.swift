import NFSWire
import VarveModel

/// A request becomes a reply (RFC 8881 §16.2, §2.10.6).
extension ServerParts {
    /// How far a request comes without waiting for anybody.
    enum Answering: Sendable {
        case answered(ByteChain)
        /// The rest is a task's.
        case waiting(CompoundProgress)
        /// NFSv4.0: all of it is a task's.
        case ofV40(CompoundReader)
    }

    /// Answers a COMPOUND as far as that takes no waiting; `finish` must follow where it is not all.
    ///
    /// - Parameters:
    ///   - request: As it came.
    ///   - lastSession: Of the connection's last request; becomes that of this one.
    /// - Returns: The reply, or what is left to do.
    func begin(_ request: CompoundRequest, _ lastSession: inout Session?) -> Answering {
        let reader: CompoundReader
        do throws(XDRError) {
            reader = try CompoundReader(request.arguments)
        } catch {
            return .answered(Self.refusal(request.transaction, .garbageArguments))
        }
        if reader.version == .v40 { return .ofV40(reader) }
        var reply = CompoundReplyWriter(Self.head(request.transaction), tag: reader.tag)
        guard let version = reader.version, version >= .v41 else {
            return .answered(reply.finish(status: .minorVersionMismatch).finishRecord())
        }
        var operations = reader
        guard let first = Self.next(&operations, &reply) else {
            return .answered(reply.finish().finishRecord())
        }
        let now = store.now()
        let run = CompoundRun(
            self,
            principal: Principal(request.credential) ?? .none,
            caller: Credentials(request.credential),
            version: version,
            request: request,
            at: now
        )
        switch begin(first, request, reader, &lastSession, at: now) {
        case .session(let context, let result):
            run.session = context
            reply.append(.sequence(result))
            return CompoundProgress(run, operations, reply).answering()
        case .alone:
            return CompoundProgress(run, operations, reply, next: first).answering()
        case .replay(let kept):
            return .answered(Self.repeated(kept, for: request.transaction))
        case .uncached(let result):
            reply.append(.sequence(result))
            if let second = Self.next(&operations, &reply) {
                reply.append(.failure(.retryUncachedReply, of: second.code))
            }
            return .answered(reply.finish().finishRecord())
        case .refuse(let status):
            reply.append(.failure(status, of: first.code))
            return .answered(reply.finish().finishRecord())
        case .ofEarlier(let arguments):
            return .waiting(CompoundProgress(run, operations, reply, ofEarlier: arguments))
        }
    }

    // MARK: The first operation

    private enum Beginning {
        case session(SessionContext, SequenceReply)
        /// An operation that stands for itself, outside any session.
        case alone
        case replay(ByteChain)
        case uncached(SequenceReply)
        case refuse(NFSStatus)
        /// In a session that was made before the server restarted.
        case ofEarlier(SequenceArguments)
    }

    /// SEQUENCE, or one of the few that may come without it and then alone (RFC 8881 §2.10.2.1, §18.46.3).
    private func begin(
        _ first: OperationArguments,
        _ request: CompoundRequest,
        _ reader: CompoundReader,
        _ lastSession: inout Session?,
        at now: Timestamp
    ) -> Beginning {
        switch first {
        case .sequence(let arguments):
            guard let session = session(arguments.session, lastSession) else {
                let isOfThisStart = store.read { $0.isOfThisStart(arguments.session) }
                return isOfThisStart ? .refuse(.badSession) : .ofEarlier(arguments)
            }
            lastSession = session
            let outcome = session.sequence(
                arguments,
                request: request.fingerprint,
                operationCount: reader.operationCount,
                at: now
            )
            return switch outcome {
            case .run(let result, let context): .session(context, result)
            case .replay(let chain): .replay(chain)
            case .replayUncached(let result): .uncached(result)
            case .refuse(let status): .refuse(status)
            }
        case .exchangeID, .createSession, .destroySession, .bindConnection, .destroyClientID:
            return reader.operationCount == 1 ? .alone : .refuse(.notOnlyOperation)
        case .illegal: return .refuse(.illegalOperation)
        default: return .refuse(.operationNotInSession)
        }
    }

    /// A session of this realm, mostly that of the connection's last request; a session's id is never used again.
    private func session(_ id: SessionID, _ last: Session?) -> Session? {
        if let last, last.id == id { return last }
        return store.read { $0.session(id) }
    }

    /// The next operation; one that does not decode is answered here, and the last.
    static func next(
        _ operations: inout CompoundReader,
        _ reply: inout CompoundReplyWriter
    ) -> OperationArguments? {
        do throws(XDRError) {
            return try operations.next()
        } catch {
            reply.append(.failure(NFSStatus(error), of: operations.undecoded))
            return nil
        }
    }

    /// The record's mark, which no session counts.
    static let markBytes = 4
    /// Bytes of the largest result of an operation that changes something: of OPEN 104, of RENAME 48, of CREATE_SESSION 92.
    static let resultBytes = 128
    /// 8 KiB: EXCHANGE_ID, the longest of those that stand alone, answers an owner and a scope of 1 KiB each at most.
    static let loneReplyBytesMax = 8 << 10

    // MARK: RPC

    /// A record begun, with the head of a success.
    static func head(_ transaction: UInt32) -> XDRWriter {
        var writer = XDRWriter.record()
        RPCReply(transaction: transaction, outcome: .success).encode(to: &writer)
        return writer
    }

    /// A reply without results.
    static func refusal(_ transaction: UInt32, _ outcome: RPCReply.Outcome) -> ByteChain {
        var writer = XDRWriter.record(capacity: 64)
        RPCReply(transaction: transaction, outcome: outcome).encode(to: &writer)
        return writer.finishRecord()
    }

    /// A reply that was kept, under the transaction number of the retry: bytes 4 to 7, behind the record's mark.
    private static func repeated(_ kept: ByteChain, for transaction: UInt32) -> ByteChain {
        var bytes = kept.bytes
        for index in 0..<4 {
            bytes[4 + index] = UInt8(truncatingIfNeeded: transaction >> UInt32(24 - 8 * index))
        }
        return ByteChain(copying: bytes)
    }
}

extension Credentials {
    /// 65534 to Linux: who comes without a name gets what everybody gets.
    static let nobody = Credentials(uid: 65_534, gid: 65_534)

    init(_ credential: RPCCredential) {
        switch credential {
        case .system(let parameters):
            self.init(uid: parameters.uid, gid: parameters.gid, groups: parameters.groups)
        case .none, .gss, .tls, .unknown, .malformed:
            self = .nobody
        }
    }
}
