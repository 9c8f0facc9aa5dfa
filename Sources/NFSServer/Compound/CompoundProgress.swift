import NFSWire
import VarveModel

/// A COMPOUND of NFSv4.1 or later on its way: what is answered of it, and which operation comes next (RFC 8881 §16.2.3).
///
/// It runs as far as it can without waiting, which for most requests is to the end; a task does the rest.
// SAFETY: it belongs to the event loop that begins it, and from then on to the one task that finishes it; the queue's mutex, by
// which it goes from one to the other, orders what they do.
final class CompoundProgress: @unchecked Sendable {
    private let run: CompoundRun
    private var operations: CompoundReader
    /// `nil` once it is finished.
    private var reply: CompoundReplyWriter?
    /// Decoded, and not run yet.
    private var next: OperationArguments?
    /// The SEQUENCE in a session of before a restart: what was kept of the request is looked up before anything runs.
    private var ofEarlier: SequenceArguments?
    private let count: UInt32

    /// - Parameters:
    ///   - run: What the operations work on; its session's slot is finished with the reply.
    ///   - operations: Behind what was read of them.
    ///   - reply: Behind what was written of it.
    ///   - next: Read, and to be run first.
    ///   - ofEarlier: Read, and not answered yet; only `finish` may follow.
    init(
        _ run: CompoundRun,
        _ operations: CompoundReader,
        _ reply: consuming CompoundReplyWriter,
        next: OperationArguments? = nil,
        ofEarlier: SequenceArguments? = nil
    ) {
        self.run = run
        self.operations = operations
        self.reply = consume reply
        self.next = next
        self.ofEarlier = ofEarlier
        count = operations.operationCount
    }

    /// Runs what needs no waiting.
    func answering() -> ServerParts.Answering {
        advance() && !run.owesRecords ? .answered(end()) : .waiting(self)
    }

    /// Runs the rest; nothing may be asked of it afterwards.
    func finish() async -> ByteChain {
        if let sequence = ofEarlier.take() {
            let result = await run.takeUp(sequence)
            withReply { $0.append(result) }
            _ = advance()
        }
        while let operation = next.take() {
            add(await run.perform(operation), to: operation)
            _ = advance()
        }
        if run.owesRecords { await run.store.writeRecords() }
        return end()
    }

    /// Runs operations until one must wait, and becomes `next`; answers `true` when one has failed or all are done.
    private func advance() -> Bool {
        while let operation = next.take() ?? decoded() {
            guard prepare(operation) else { return true }
            guard let answer = run.performNow(operation) else {
                next = operation
                return false
            }
            add(answer, to: operation)
        }
        return true
    }

    // MARK: The reply

    /// How long the reply may become: what its session allows, as far as that is known, or the short one of an operation that
    /// stands alone.
    var replyBytesMax: Int {
        let isAlone = run.session == nil && ofEarlier == nil
        return isAlone ? ServerParts.loneReplyBytesMax : Self.limit(run.session).bytes
    }

    /// The next operation; `nil` behind the last one, and behind one that has failed.
    private func decoded() -> OperationArguments? {
        guard status == .ok else { return nil }
        return withReply { ServerParts.next(&operations, &$0) }
    }

    private var status: NFSStatus { withReply { $0.status } }

    /// Tells an operation what room it has; `false`, and a failure in its place, when there is none.
    private func prepare(_ operation: OperationArguments) -> Bool {
        let (limit, status) = Self.limit(run.session)
        return withReply { reply in
            run.isLast = reply.resultCount + 1 == count
            run.place = Int(reply.resultCount)
            run.room = limit - (reply.count - ServerParts.markBytes)
            // What changes something must not be done when its result could not be told.
            guard run.room < ServerParts.resultBytes else { return true }
            reply.append(.failure(status, of: operation.code))
            return false
        }
    }

    /// Adds an operation's result, or that it is too long.
    private func add(_ answer: CompoundAnswer, to operation: OperationArguments) {
        let (limit, status) = Self.limit(run.session)
        withReply { reply in
            let before = reply.mark
            reply.append(answer, bytesMax: run.room)
            guard reply.count - ServerParts.markBytes > limit else { return }
            reply.rollBack(to: before)
            reply.append(.failure(status, of: operation.code))
        }
    }

    /// The record to send; the slot keeps it where that was asked.
    private func end() -> ByteChain {
        guard let reply = reply.take() else { preconditionFailure("a COMPOUND ends once") }
        let record = reply.finish().finishRecord()
        run.session?.finish(record)
        return record
    }

    private func withReply<Value>(_ body: (inout CompoundReplyWriter) -> Value) -> Value {
        guard var taken = reply.take() else { preconditionFailure("a COMPOUND ends once") }
        let value = body(&taken)
        reply = consume taken
        return value
    }

    /// How long the reply may be, and what is said when it would be longer (RFC 8881 §2.10.6.4).
    private static func limit(_ session: SessionContext?) -> (bytes: Int, status: NFSStatus) {
        guard let session else { return (.max, .replyTooBig) }
        if let cached = session.cachedReplyBytesMax, cached < session.replyBytesMax {
            return (cached, .replyTooBigToCache)
        }
        return (session.replyBytesMax, .replyTooBig)
    }
}
