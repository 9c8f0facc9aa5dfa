package import NFSWire
import VarveModel

/// A request becomes a reply (RFC 8881 §16.2, §2.10.6).
extension ServerParts {
    /// Answers a COMPOUND.
    ///
    /// - Parameter request: Its credential is one that is not refused.
    /// - Returns: The record to send.
    package func answer(_ request: CompoundRequest) async -> ByteChain {
        let reader: CompoundReader
        do throws(XDRError) {
            reader = try CompoundReader(request.arguments)
        } catch {
            return Self.refusal(request.transaction, .garbageArguments)
        }
        if reader.version == .v40 { return await answerV40(request, reader) }
        var reply = CompoundReplyWriter(Self.head(request.transaction), tag: reader.tag)
        guard let version = reader.version, version >= .v41 else {
            return reply.finish(status: .minorVersionMismatch).finishRecord()
        }
        var operations = reader
        guard let first = Self.next(&operations, &reply) else {
            return reply.finish().finishRecord()
        }
        let run = CompoundRun(
            self,
            principal: Principal(request.credential) ?? .none,
            caller: Credentials(request.credential),
            version: version
        )
        switch begin(first, request, reader) {
        case .session(let context, let result):
            run.session = context
            reply.append(.sequence(result))
            await perform(&operations, run, &reply, count: reader.operationCount)
            let chain = reply.finish().finishRecord()
            finish(context, chain)
            return chain
        case .alone:
            run.isLast = true
            reply.append(await run.perform(first), bytesMax: limits.recordBytesMax)
            return reply.finish().finishRecord()
        case .replay(let kept):
            return Self.repeated(kept, for: request.transaction)
        case .uncached(let result):
            reply.append(.sequence(result))
            if let second = Self.next(&operations, &reply) {
                reply.append(.failure(.retryUncachedReply, of: second.code))
            }
            return reply.finish().finishRecord()
        case .refuse(let status):
            reply.append(.failure(status, of: first.code))
            return reply.finish().finishRecord()
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
    }

    /// SEQUENCE, or one of the few that may come without it and then alone (RFC 8881 §2.10.2.1, §18.46.3).
    private func begin(
        _ first: OperationArguments,
        _ request: CompoundRequest,
        _ reader: CompoundReader
    ) -> Beginning {
        switch first {
        case .sequence(let arguments):
            let now = store.now()
            let outcome = store.read { state in
                state.sequence(
                    arguments,
                    request: request.fingerprint,
                    operationCount: reader.operationCount,
                    at: now
                )
            }
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

    // MARK: The others

    /// Runs operations until one fails or all are done.
    private func perform(
        _ operations: inout CompoundReader,
        _ run: CompoundRun,
        _ reply: inout CompoundReplyWriter,
        count: UInt32
    ) async {
        while reply.status == .ok, let operation = Self.next(&operations, &reply) {
            run.isLast = reply.resultCount + 1 == count
            let (limit, status) = Self.limit(run.session)
            run.room = limit - (reply.count - Self.markBytes)
            // What changes something must not be done when its result could not be told.
            if run.room < Self.resultBytes {
                reply.append(.failure(status, of: operation.code))
                return
            }
            let before = reply.mark
            reply.append(await run.perform(operation), bytesMax: run.room)
            if reply.count - Self.markBytes > limit {
                reply.rollBack(to: before)
                reply.append(.failure(status, of: operation.code))
            }
        }
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

    /// How long the reply may be, and what is said when it would be longer (RFC 8881 §2.10.6.4).
    private static func limit(_ session: SessionContext?) -> (bytes: Int, status: NFSStatus) {
        guard let session else { return (.max, .replyTooBig) }
        if let cached = session.cachedReplyBytesMax, cached < session.replyBytesMax {
            return (cached, .replyTooBigToCache)
        }
        return (session.replyBytesMax, .replyTooBig)
    }

    private func finish(_ context: SessionContext, _ chain: ByteChain) {
        let kept = context.cachedReplyBytesMax == nil ? nil : chain
        store.read { $0.finish(context, reply: kept) }
    }

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
