import NFSWire
import NIOCore

/// One client's connection: bytes become requests, replies become bytes (RFC 5531 §11, RFC 8881 §2.9).
///
/// It belongs to its event loop, and nothing blocks there: COMPOUNDs that need nobody else are answered at once, the others are
/// handed on, and replies leave in any order. It stops reading while too many requests, or bytes of them, are under way, or while
/// the client does not take its replies.
final class NFSConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let parts: ServerParts
    /// Takes what is left of requests that must wait for somebody.
    private let queue: RequestQueue
    /// Tells that the connection is gone.
    private let ended: @Sendable () -> Void
    private var assembler: RecordAssembler
    private var context: ChannelHandlerContext?
    private var outbox: ReplyOutbox?
    /// Where its requests come from: asked once, for it takes a system call.
    private var sender: SocketAddress?
    private var requestsInFlight = 0
    private var bytesInFlight = 0
    /// The socket would be read, had there been room.
    private var isReadDue = false
    /// Requests that may be answered at once before other connections have their turn.
    private var turnsLeft = NFSConnection.turnsMax

    /// 64: some 2 ms; what more has come at one time goes through the queue.
    private static let turnsMax = 64

    init(parts: ServerParts, queue: RequestQueue, ended: @escaping @Sendable () -> Void) {
        self.parts = parts
        self.queue = queue
        self.ended = ended
        assembler = RecordAssembler(recordBytesMax: parts.limits.recordBytesMax)
    }

    private var limits: ServerLimits { parts.limits }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        outbox = ReplyOutbox(self, on: context.eventLoop)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        // The two refer to each other; requests under way keep the outbox until they are answered, to nobody.
        outbox = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        sender = context.remoteAddress
        if limits.requiresPrivilegedPorts, !Self.isPrivileged(sender) {
            let address = sender?.description ?? "nowhere"
            parts.log("\(address) is turned away: only ports below 1024 are served")
            context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    private static func isPrivileged(_ address: SocketAddress?) -> Bool {
        guard let port = address?.port else { return false }
        return port < 1_024
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A client that goes without a word is no event; it comes again and retries.
        context.close(promise: nil)
    }

    // MARK: In

    func read(context: ChannelHandlerContext) {
        if mayRead(context) {
            context.read()
        } else {
            isReadDue = true
        }
    }

    private func mayRead(_ context: ChannelHandlerContext) -> Bool {
        requestsInFlight < limits.requestsInFlightMax
            && bytesInFlight < limits.requestBytesInFlightMax && context.channel.isWritable
    }

    private func readIfDue(_ context: ChannelHandlerContext) {
        guard isReadDue, mayRead(context) else { return }
        isReadDue = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        readIfDue(context)
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        assembler.receive(unwrapInboundIn(data))
        while true {
            do throws(RecordAssembler.Failure) {
                guard let record = try assembler.next() else { return }
                guard take(record, context) else { return end(context, "is no RPC message") }
            } catch {
                return end(context, "record: \(error)")
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        turnsLeft = NFSConnection.turnsMax
        context.flush()
        context.fireChannelReadComplete()
    }

    /// Bytes that mean nothing: where the next record begins is not known any more.
    private func end(_ context: ChannelHandlerContext, _ reason: String) {
        let peer = context.channel.remoteAddress.map { "\($0)" } ?? "?"
        parts.log("connection of \(peer) is closed: what it sent \(reason)")
        assembler = RecordAssembler(recordBytesMax: limits.recordBytesMax)
        context.close(promise: nil)
    }

    /// Answers what RPC itself can, and hands on the rest; answers `false` when there is nobody to answer.
    private func take(_ record: ByteChain, _ context: ChannelHandlerContext) -> Bool {
        var reader = XDRReader(record)
        let message: RPCMessage
        do throws(XDRError) {
            message = try RPCMessage(from: &reader)
        } catch {
            return false
        }
        switch message {
        case .otherVersion(let transaction):
            let version = RPCCall.rpcVersion
            refuse(transaction, .rpcMismatch(low: version, high: version), context)
        case .reply: break  // Nothing is called back yet.
        case .call(let call): take(call, reader, record.count, context)
        }
        return true
    }

    private func take(
        _ call: RPCCall,
        _ reader: XDRReader,
        _ byteCount: Int,
        _ context: ChannelHandlerContext
    ) {
        let transaction = call.transaction
        guard call.program == NFSProgram.number else {
            return refuse(transaction, .programUnavailable, context)
        }
        guard call.version == NFSProgram.version else {
            let version = NFSProgram.version
            return refuse(transaction, .programMismatch(low: version, high: version), context)
        }
        if call.procedure == NFSProgram.null { return refuse(transaction, .success, context) }
        guard call.procedure == NFSProgram.compound else {
            return refuse(transaction, .procedureUnavailable, context)
        }
        if let refusal = call.credential.refusal {
            return refuse(transaction, .authenticationError(refusal), context)
        }
        answer(
            CompoundRequest(
                transaction: transaction,
                credential: call.credential,
                arguments: reader,
                byteCount: byteCount,
                sender: sender
            ),
            context
        )
    }

    /// Answers a COMPOUND that needs nobody else; a task does, or ends, any other.
    private func answer(_ request: CompoundRequest, _ context: ChannelHandlerContext) {
        guard let outbox, queue.begin() else { return }
        var rest: PendingRequest.Rest?
        if turnsLeft > 0, context.channel.isWritable {
            turnsLeft -= 1
            switch parts.begin(request) {
            case .answered(let reply): write(reply, context)
            case .waiting(let progress): rest = .progress(progress)
            case .ofV40(let reader): rest = .ofV40(reader)
            }
        } else {
            rest = .all
        }
        guard let rest else { return queue.end(nil) }
        requestsInFlight += 1
        bytesInFlight += request.byteCount
        queue.end(PendingRequest(parts: parts, request: request, rest: rest, outbox: outbox))
    }

    /// A reply without results: NULL's success, or RPC's own refusals.
    private func refuse(
        _ transaction: UInt32,
        _ outcome: RPCReply.Outcome,
        _ context: ChannelHandlerContext
    ) {
        write(ServerParts.refusal(transaction, outcome), context)
    }

    // MARK: Out

    /// Sends the replies that have gathered.
    func drain() {
        guard let outbox else { return }
        let (replies, requestBytes) = outbox.take()
        requestsInFlight -= replies.count
        bytesInFlight -= requestBytes
        guard let context else { return }
        for reply in replies { write(reply, context) }
        context.flush()
        readIfDue(context)
    }

    private func write(_ reply: ByteChain, _ context: ChannelHandlerContext) {
        reply.forEachPiece { context.write(wrapOutboundOut($0), promise: nil) }
    }
}

/// A request that waits for its answer.
struct PendingRequest: Sendable {
    /// What is still to be done.
    enum Rest: Sendable {
        case all
        case ofV40(CompoundReader)
        case progress(CompoundProgress)
    }

    /// Of the listener that it came to.
    let parts: ServerParts
    let request: CompoundRequest
    let rest: Rest
    let outbox: ReplyOutbox

    func answer() async {
        let reply =
            switch rest {
            case .all: await parts.answer(request)
            case .ofV40(let reader): await parts.answerV40(request, reader)
            case .progress(let progress): await progress.finish()
            }
        outbox.send(reply, answering: request.byteCount)
    }
}
