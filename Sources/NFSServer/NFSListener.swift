import NIOCore
import NIOPosix
import Synchronization

/// One address that NFSv4.0, 4.1 and 4.2 are spoken at over TCP, with the connections to it.
///
/// Connections live on NIO's event loops. It has no tasks of its own: what its requests must wait for waits in the queues of the
/// `NFSServer` that it belongs to.
final class NFSListener: Sendable {
    let host: String
    let port: Int
    private let listener: any Channel
    private let connections: OpenConnections

    /// Listens from now on.
    ///
    /// - Parameters:
    ///   - parts: What the requests that come here share.
    ///   - queues: Where those wait that cannot be answered at once.
    ///   - host: The address to listen on.
    ///   - port: 0 takes any that is free.
    /// - Throws: `IOError` of socket(2), bind(2) and listen(2); what a name does not resolve to.
    init(_ parts: ServerParts, _ queues: RequestQueues, host: String, port: Int) async throws {
        let connections = OpenConnections(max: parts.limits.connectionsMax)
        listener = try await Self.bootstrap(parts, queues, connections)
            .bind(host: host, port: port).get()
        self.connections = connections
        self.host = listener.localAddress?.ipAddress ?? host
        self.port = listener.localAddress?.port ?? port
    }

    private static func bootstrap(
        _ parts: ServerParts,
        _ queues: RequestQueues,
        _ connections: OpenConnections
    ) -> ServerBootstrap {
        ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(.recvAllocator, value: Self.receiveAllocator)
            .childChannelOption(.writeBufferWaterMark, value: Self.waterMark)
            .childChannelInitializer { channel in
                let queue = queues.queue(of: channel.eventLoop)
                return channel.eventLoop.makeCompletedFuture {
                    guard connections.add(channel) else {
                        if !connections.isEnded {
                            parts.log(
                                "a connection is closed: \(parts.limits.connectionsMax) are open"
                            )
                        }
                        return channel.close(promise: nil)
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        NFSConnection(
                            parts: parts,
                            queue: queue,
                            ended: { connections.remove(channel) }
                        )
                    )
                }
            }
    }

    /// From 2 KiB for small requests to 256 KiB for a stream of writes, in which 1 MiB then lies in few pieces.
    private static var receiveAllocator: any RecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 2_048, initial: 16_384, maximum: 256 << 10)
    }

    /// Replies that a client does not take: 4 MiB, then its requests wait until 1 MiB is left.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(
        low: 1 << 20,
        high: 4 << 20
    )

    /// Takes no more connections, and closes those there are; what their requests are about ends, and nobody hears of it.
    func close() async {
        // Who is closed already, by its client or by an error, throws; the descriptor is gone whatever close(2) answers, so nothing
        // is left to do for any of them.
        try? await listener.close()
        for channel in connections.end() { try? await channel.close() }
    }
}

/// The connections that a listener has open.
private final class OpenConnections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isEnded = false
    }

    private let max: Int
    private let state = Mutex(State())

    init(max: Int) {
        self.max = max
    }

    /// Notes one; `false` when there are too many, or the listener is closed.
    func add(_ channel: any Channel) -> Bool {
        state.withLock { state in
            guard !state.isEnded, state.channels.count < max else { return false }
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    func remove(_ channel: any Channel) {
        state.withLock { $0.channels[ObjectIdentifier(channel)] = nil }
    }

    /// Whether the listener is closed.
    var isEnded: Bool { state.withLock { $0.isEnded } }

    /// Takes no more; answers those there are.
    func end() -> [any Channel] {
        state.withLock { state in
            state.isEnded = true
            return Array(state.channels.values)
        }
    }
}
