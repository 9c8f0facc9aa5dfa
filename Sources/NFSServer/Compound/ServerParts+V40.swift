import NFSWire
import VarveModel

/// A COMPOUND of NFSv4.0 becomes a reply (RFC 7530 §15.2): there is no session, and operations stand in any order.
extension ServerParts {
    func answerV40(_ request: CompoundRequest, _ reader: CompoundReader) async -> ByteChain {
        var reply = CompoundReplyWriter(Self.head(request.transaction), tag: reader.tag)
        var operations = reader
        let run = CompoundRun(
            self,
            principal: Principal(request.credential) ?? .none,
            caller: Credentials(request.credential),
            version: .v40
        )
        let retry = RetryWatch(request, replies)
        while reply.status == .ok, let operation = Self.next(&operations, &reply) {
            // What came before changed nothing, and may have been done twice.
            if operation.mustRunOnce, let kept = await retry.begin() { return kept }
            await perform(operation, run, &reply)
        }
        if run.owesRecords { await store.writeRecords() }
        let chain = reply.finish().finishRecord()
        retry.finish(chain)
        return chain
    }

    /// Runs one operation; the reply must not grow over what a record may hold.
    private func perform(
        _ operation: OperationArguments,
        _ run: CompoundRun,
        _ reply: inout CompoundReplyWriter
    ) async {
        let limit = limits.recordBytesMax
        run.room = limit - (reply.count - Self.markBytes)
        guard run.room >= Self.resultBytes, reply.resultCount < UInt32(limits.operationsMax) else {
            reply.append(.failure(.resource, of: operation.code))
            return
        }
        let before = reply.mark
        if let answer = run.performNow(operation) {
            reply.append(answer, bytesMax: run.room)
        } else {
            reply.append(await run.performV40(operation), bytesMax: run.room)
        }
        if reply.count - Self.markBytes > limit {
            reply.rollBack(to: before)
            reply.append(.failure(.resource, of: operation.code))
        }
    }
}

/// Sees to it that a request which changes something runs once; it belongs to the task that answers the request.
private final class RetryWatch {
    private let request: CompoundRequest
    private let replies: ReplyCache
    private var key: ReplyCache.Key?

    init(_ request: CompoundRequest, _ replies: ReplyCache) {
        self.request = request
        self.replies = replies
    }

    /// Before an operation that changes something: the reply to send instead, if the request has run already.
    func begin() async -> ByteChain? {
        guard key == nil, let sender = request.sender else { return nil }
        let new = ReplyCache.Key(
            transaction: request.transaction,
            fingerprint: request.fingerprint
        )
        if let kept = await replies.begin(new, from: sender) { return kept }
        key = new
        return nil
    }

    func finish(_ reply: ByteChain) {
        guard let key, let sender = request.sender else { return }
        replies.finish(key, from: sender, reply)
    }
}
