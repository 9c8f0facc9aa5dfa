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
        let connections = OpenConnections(parts.limits)
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
                    let heard = LastHeard()
                    switch connections.add(channel, heard) {
                    case .added(let silent):
                        if let silent {
                            parts.log("a silent connection makes room for a new one")
                            silent.close(promise: nil)
                        }
                    case .refused(let reason):
                        if let reason { parts.log("a connection is closed: \(reason)") }
                        return channel.close(promise: nil)
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        NFSConnection(
                            parts: parts,
                            queue: queue,
                            heard: heard,
                            began: { connections.came(channel, from: $0) },
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

/// When a connection last brought anything: its loop says so, whoever wants its place asks.
final class LastHeard: Sendable {
    private let nanoseconds = Atomic(NIODeadline.now().uptimeNanoseconds)

    func note() {
        nanoseconds.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
    }

    var time: NIODeadline {
        .uptimeNanoseconds(nanoseconds.load(ordering: .relaxed))
    }
}

/// The connections that a listener has open.
private final class OpenConnections: Sendable {
    private struct Open {
        let channel: any Channel
        let heard: LastHeard
        /// Known once the connection is active.
        var address: String?
    }

    private struct State {
        var open: [ObjectIdentifier: Open] = [:]
        var countOfAddress: [String: Int] = [:]
        var isEnded = false

        mutating func remove(_ id: ObjectIdentifier) {
            guard let gone = open.removeValue(forKey: id), let address = gone.address else {
                return
            }
            let left = (countOfAddress[address] ?? 1) - 1
            countOfAddress[address] = left == 0 ? nil : left
        }
    }

    enum Addition {
        /// Noted; a silent one, which gave its place, is to be closed.
        case added(instead: (any Channel)?)
        /// With what an operator should know.
        case refused(String?)
    }

    private let limits: ServerLimits
    private let state = Mutex(State())

    init(_ limits: ServerLimits) {
        self.limits = limits
    }

    /// Notes one, unless there are too many or the listener is closed.
    func add(_ channel: any Channel, _ heard: LastHeard) -> Addition {
        state.withLock { state in
            guard !state.isEnded else { return .refused(nil) }
            var silent: Open?
            if state.open.count >= limits.connectionsMax {
                let longest = state.open.min { $0.value.heard.time < $1.value.heard.time }
                let idle = NIODeadline.now() - .seconds(limits.connectionIdleSeconds)
                guard let longest, longest.value.heard.time <= idle else {
                    return .refused("\(limits.connectionsMax) are open")
                }
                silent = longest.value
                state.remove(longest.key)
            }
            state.open[ObjectIdentifier(channel)] = Open(channel: channel, heard: heard)
            return .added(instead: silent?.channel)
        }
    }

    /// Notes where one comes from; answers why it is one too many.
    func came(_ channel: any Channel, from address: SocketAddress?) -> String? {
        // A socket of this machine's own has none.
        guard let address = address?.ipAddress else { return nil }
        return state.withLock { state in
            let count = state.countOfAddress[address] ?? 0
            guard count < limits.connectionsPerAddressMax else {
                return "\(count) of \(address) are open"
            }
            guard state.open[ObjectIdentifier(channel)] != nil else { return nil }
            state.open[ObjectIdentifier(channel)]?.address = address
            state.countOfAddress[address] = count + 1
            return nil
        }
    }

    func remove(_ channel: any Channel) {
        state.withLock { $0.remove(ObjectIdentifier(channel)) }
    }

    /// Takes no more; answers those there are.
    func end() -> [any Channel] {
        state.withLock { state in
            state.isEnded = true
            return state.open.values.map(\.channel)
        }
    }
}
