import NFSWire
import NIOCore
import NIOPosix
import Synchronization

/// One listener that speaks NFSv4.0, 4.1 and 4.2 over TCP.
///
/// Connections live on NIO's event loops, and so do the tasks that answer their requests: children of `run`, so that a listener
/// that is told to stop takes nothing new and lets what is under way end.
package struct NFSServer: Sendable {
    private let parts: ServerParts
    private let host: String
    private let port: Int

    /// - Parameters:
    ///   - parts: What requests share.
    ///   - host: The address to listen on.
    ///   - port: 0 takes any that is free.
    package init(_ parts: ServerParts, host: String, port: Int) {
        self.parts = parts
        self.host = host
        self.port = port
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onReady: Told the address and the port that it listens on.
    /// - Throws: What the socket refuses.
    package func run(onReady: @Sendable (String, Int) -> Void = { _, _ in }) async throws {
        let connections = OpenConnections(max: parts.limits.connectionsMax)
        let queues = RequestQueues(MultiThreadedEventLoopGroup.singleton)
        let listener = try await bind(connections, queues)
        if let address = listener.localAddress {
            onReady(address.ipAddress ?? host, address.port ?? port)
        }
        await withTaskCancellationHandler {
            await serve(queues)
        } onCancel: {
            queues.close()
        }
        await close(listener, connections)
    }

    /// Answers requests until the queues are closed; those under way end first.
    private func serve(_ queues: RequestQueues) async {
        let parts = parts
        await withDiscardingTaskGroup { group in
            group.addTask { await Self.sweep(parts) }
            group.addTask { await Self.forgetReceipts(parts) }
            for lane in queues.lanes {
                for _ in 0..<parts.limits.requestsPerLoopMax {
                    group.addTask(executorPreference: lane.executor) {
                        await Self.work(lane.queue, parts)
                    }
                }
            }
        }
    }

    private static func work(_ queue: RequestQueue, _ parts: ServerParts) async {
        while let request = await queue.next() { await request.answer(parts) }
    }

    /// Ten seconds: how late a courtesy or a grace may end.
    private static let sweepInterval = Duration.seconds(10)

    private static func sweep(_ parts: ServerParts) async {
        var generation = parts.exports.generation
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: sweepInterval)
            } catch {
                return
            }
            await parts.store.change { state, now in state.sweep(at: now) }
            guard parts.exports.generation != generation else { continue }
            generation = parts.exports.generation
            let offered = Set(parts.exports.current.byKey.keys)
            await parts.store.change { state, _ in state.keepOnly(offered) }
        }
    }

    /// An hour, to a day that they are kept.
    private static let receiptInterval = Duration.seconds(3_600)

    private static func forgetReceipts(_ parts: ServerParts) async {
        while !Task.isCancelled {
            await parts.forgetReceipts()
            do {
                try await Task.sleep(for: receiptInterval)
            } catch {
                return
            }
        }
    }

    // MARK: Sockets

    private func bind(
        _ connections: OpenConnections,
        _ queues: RequestQueues
    ) async throws -> any Channel {
        let parts = parts
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 16)
            .childChannelOption(.recvAllocator, value: Self.receiveAllocator)
            .childChannelOption(.writeBufferWaterMark, value: Self.waterMark)
            .childChannelInitializer { channel in
                let queue = queues.queue(of: channel.eventLoop)
                return channel.eventLoop.makeCompletedFuture {
                    guard connections.add(channel) else {
                        parts.log("a connection is closed: \(parts.limits.connectionsMax) are open")
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
            .bind(host: host, port: port).get()
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

    private func close(_ listener: any Channel, _ connections: OpenConnections) async {
        // A socket that is closed already has nothing to say.
        try? await listener.close()
        for channel in connections.all { try? await channel.close() }
    }
}

/// The connections that a listener has open.
private final class OpenConnections: Sendable {
    private let max: Int
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    init(max: Int) {
        self.max = max
    }

    /// Notes one; `false` when there are too many.
    func add(_ channel: any Channel) -> Bool {
        channels.withLock { channels in
            guard channels.count < max else { return false }
            channels[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    func remove(_ channel: any Channel) {
        channels.withLock { $0[ObjectIdentifier(channel)] = nil }
    }

    var all: [any Channel] { channels.withLock { Array($0.values) } }
}
