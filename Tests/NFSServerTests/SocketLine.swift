import NFSWire
import NIOCore
import NIOPosix

/// A connection to a real server, over which a ``WireClient`` speaks: one request after the other.
final class SocketLine {
    /// The server hung up, or answered something that is no record.
    struct Broken: Error {}

    private let channel: any Channel
    private let records: AsyncStream<ByteChain>

    init(to address: SocketAddress) async throws {
        let (records, sink) = AsyncStream<ByteChain>.makeStream()
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RecordReader(sink))
                }
            }
            .connect(to: address).get()
        self.records = records
    }

    /// A client that speaks over it.
    func client() -> WireClient {
        WireClient { transaction, credential, arguments in
            try await self.exchange(transaction, credential, arguments)
        }
    }

    func close() async throws {
        try await channel.close()
    }

    private func exchange(
        _ transaction: UInt32,
        _ credential: RPCCredential,
        _ arguments: ByteChain
    ) async throws -> ByteChain {
        var writer = XDRWriter()
        RPCCall(
            transaction: transaction,
            program: NFSProgram.number,
            version: 4,
            procedure: 1,
            credential: credential
        ).encode(to: &writer)
        let head = writer.finish()
        // One fragment, the last (RFC 5531 §11).
        var record = ByteBuffer(integer: UInt32(head.count + arguments.count) | 0x8000_0000)
        for piece in head.pieces + arguments.pieces { record.writeImmutableBuffer(piece) }
        try await channel.writeAndFlush(record).get()
        for await answer in records { return answer }
        throw Broken()
    }
}

/// Cuts records out of what a connection receives.
final class RecordReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private var assembler = RecordAssembler(recordBytesMax: 4 << 20)
    private let sink: AsyncStream<ByteChain>.Continuation

    init(_ sink: AsyncStream<ByteChain>.Continuation) {
        self.sink = sink
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        assembler.receive(unwrapInboundIn(data))
        do {
            while let record = try assembler.next() { sink.yield(record) }
        } catch {
            // Whoever waits for an answer then hears that the line is broken.
            sink.finish()
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        sink.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
