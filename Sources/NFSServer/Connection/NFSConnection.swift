import NFSWire
import NIOCore

/// One client's connection: bytes become requests, replies become bytes (RFC 5531 §11, RFC 8881 §2.9).
///
/// It belongs to its event loop, and nothing blocks there: COMPOUNDs that need nobody else are answered at once, the others are
/// handed on, and replies leave in any order. It takes no more requests, and then reads no more, while too many are under way, or
/// bytes of them and of what they may answer, or while the client does not take its replies.
final class NFSConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let parts: ServerParts
    /// Takes what is left of requests that must wait for somebody.
    private let queue: RequestQueue
    /// Told of whatever comes.
    private let heard: LastHeard
    /// Told where the connection comes from; answers why it is to be closed.
    private let began: @Sendable (SocketAddress?) -> String?
    /// Tells that the connection is gone.
    private let ended: @Sendable () -> Void
    private var assembler: RecordAssembler
    private var context: ChannelHandlerContext?
    private var outbox: ReplyOutbox?
    /// Where its requests come from: asked once, for it takes a system call.
    private var sender: SocketAddress?
    /// Of its last request, and most likely of the next.
    private var lastSession: Session?
    private var requestsInFlight = 0
    /// Of requests that run or wait, and of the replies that they may have.
    private var bytesInFlight = 0
    /// Of replies, while the client does not take them.
    private var bytesUnsent = 0
    /// What came behind the record that is being assembled: what one read of the socket brings, at most.
    private var arrived = CircularBuffer<ByteBuffer>()
    /// Of what has arrived: how much there is, and how much of it is counted.
    private var bytesArrived = (all: 0, counted: 0)
    /// There may be requests among what has arrived, for which there was no room or no turn.
    private var isBehind = false
    /// The socket would be read, had there been room.
    private var isReadDue = false
    /// As the channel last said: asking it takes several calls, and this is looked at for each request.
    private var isWritable = true
    /// Requests that may be taken before other connections have their turn.
    private var turnsLeft = NFSConnection.turnsMax
    private var isTurnDue = false

    /// 64: some 2 ms.
    private static let turnsMax = 64

    init(
        parts: ServerParts,
        queue: RequestQueue,
        heard: LastHeard = LastHeard(),
        began: @escaping @Sendable (SocketAddress?) -> String? = { _ in nil },
        ended: @escaping @Sendable () -> Void
    ) {
        self.parts = parts
        self.queue = queue
        self.heard = heard
        self.began = began
        self.ended = ended
        assembler = RecordAssembler(recordBytesMax: parts.limits.recordBytesMax)
    }

    private var limits: ServerLimits { parts.limits }

    private var memory: RequestMemory { parts.memory }

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
        } else if let reason = began(sender) {
            parts.log("a connection is closed: \(reason)")
            context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    private static func isPrivileged(_ address: SocketAddress?) -> Bool {
        guard let port = address?.port else { return false }
        return port < 1_024
    }

    func channelInactive(context: ChannelHandlerContext) {
        isWritable = false
        memory.give(bytesUnsent)
        bytesUnsent = 0
        forgetArrived()
        ended()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A client that goes without a word is no event; it comes again and retries.
        context.close(promise: nil)
    }

    // MARK: In

    func read(context: ChannelHandlerContext) {
        if mayRead {
            context.read()
        } else {
            isReadDue = true
        }
    }

    private var mayRead: Bool {
        !isBehind && hasRoom
    }

    /// Whether one more request may be under way.
    private var hasRoom: Bool {
        let held = bytesInFlight + bytesUnsent
        return requestsInFlight < limits.requestsInFlightMax
            && held < limits.requestBytesInFlightMax && (held == 0 || memory.hasRoom)
            && isWritable
    }

    /// Goes on where there was no room, or no turn.
    private func goOn(_ context: ChannelHandlerContext) {
        takeArrived(context)
        context.flush()
        noteUnsent(context)
        guard isReadDue, mayRead else { return }
        isReadDue = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        noteUnsent(context)
        if isWritable { goOn(context) }
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        heard.note()
        bytesArrived.all += bytes.readableBytes
        arrived.append(bytes)
        takeArrived(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !isTurnDue { turnsLeft = NFSConnection.turnsMax }
        context.flush()
        noteUnsent(context)
        context.fireChannelReadComplete()
    }

    /// Takes requests out of what has arrived, as far as there is room for them.
    private func takeArrived(_ context: ChannelHandlerContext) {
        isBehind = true
        defer { noteArrived() }
        while hasRoom, hasTurn(context) {
            do throws(RecordAssembler.Failure) {
                if let record = try assembler.next() {
                    guard take(record, context) else { return end(context, "is no RPC message") }
                } else if let bytes = arrived.popFirst() {
                    bytesArrived.all -= bytes.readableBytes
                    assembler.receive(bytes)
                } else {
                    isBehind = false
                    return
                }
            } catch {
                return end(context, "record: \(error)")
            }
        }
    }

    /// Whether it is this connection's turn; if not it will be, behind what the loop has to do for others.
    private func hasTurn(_ context: ChannelHandlerContext) -> Bool {
        guard turnsLeft == 0 else { return true }
        guard !isTurnDue else { return false }
        isTurnDue = true
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute { connection.value.takeTurn() }
        return false
    }

    private func takeTurn() {
        isTurnDue = false
        turnsLeft = NFSConnection.turnsMax
        if let context { goOn(context) }
    }

    /// Bytes that mean nothing: where the next record begins is not known any more.
    private func end(_ context: ChannelHandlerContext, _ reason: String) {
        let peer = context.channel.remoteAddress.map { "\($0)" } ?? "?"
        parts.log("connection of \(peer) is closed: what it sent \(reason)")
        assembler = RecordAssembler(recordBytesMax: limits.recordBytesMax)
        forgetArrived()
        context.close(promise: nil)
    }

    private func forgetArrived() {
        arrived.removeAll()
        bytesArrived.all = 0
        noteArrived()
    }

    /// Counts what is left of what has arrived: mostly nothing, which asks no memory that others share.
    private func noteArrived() {
        guard bytesArrived.all != bytesArrived.counted else { return }
        memory.take(bytesArrived.all)
        memory.give(bytesArrived.counted)
        bytesArrived.counted = bytesArrived.all
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
        turnsLeft -= 1
        let rest: PendingRequest.Rest
        switch parts.begin(request, &lastSession) {
        case .answered(let reply):
            write(reply, context)
            return queue.end(nil)
        case .waiting(let progress): rest = .progress(progress)
        case .ofV40(let reader): rest = .ofV40(reader)
        }
        let pending = PendingRequest(
            parts: parts,
            request: request,
            rest: rest,
            bytes: request.byteCount + rest.replyBytesMax(limits),
            outbox: outbox
        )
        requestsInFlight += 1
        bytesInFlight += pending.bytes
        memory.take(pending.bytes)
        queue.end(pending)
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
    func drain(_ outbox: ReplyOutbox) {
        let (replies, bytes) = outbox.take()
        requestsInFlight -= replies.count
        bytesInFlight -= bytes
        memory.give(bytes)
        guard let context else { return }
        for reply in replies { write(reply, context) }
        goOn(context)
    }

    /// Counts replies that the client does not take.
    private func noteUnsent(_ context: ChannelHandlerContext) {
        guard bytesUnsent > 0 || !isWritable else { return }
        // Only a closed channel does not say (ChannelError.ioOnClosedChannel); it has let go of its replies, so nothing is counted.
        let buffered = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
        let bytes = isWritable ? 0 : buffered ?? 0
        memory.take(bytes)
        memory.give(bytesUnsent)
        bytesUnsent = bytes
    }

    private func write(_ reply: ByteChain, _ context: ChannelHandlerContext) {
        reply.forEachPiece { context.write(wrapOutboundOut($0), promise: nil) }
    }
}

/// A request that waits for its answer.
struct PendingRequest: Sendable {
    /// What is still to be done.
    enum Rest: Sendable {
        case ofV40(CompoundReader)
        case progress(CompoundProgress)

        /// How long the reply may become.
        func replyBytesMax(_ limits: ServerLimits) -> Int {
            switch self {
            case .ofV40: limits.recordBytesMax
            case .progress(let progress): min(progress.replyBytesMax, limits.recordBytesMax)
            }
        }
    }

    /// Of the listener that it came to.
    let parts: ServerParts
    let request: CompoundRequest
    let rest: Rest
    /// Of the request, and of the reply at most.
    let bytes: Int
    let outbox: ReplyOutbox

    func answer() async {
        let reply =
            switch rest {
            case .ofV40(let reader): await parts.answerV40(request, reader)
            case .progress(let progress): await progress.finish()
            }
        outbox.send(reply, releasing: bytes)
    }
}
