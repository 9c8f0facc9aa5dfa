import NIOCore
import NIOPosix
package import VarveModel

/// What speaks NFS for a whole daemon: the gateway and the mount targets, each a listener, and one state of opens and locks.
///
/// Requests that cannot be answered at once are answered by tasks on the event loops, which all listeners share: children of
/// `run`, so that a server that is told to stop takes nothing new and lets what is under way end.
package actor NFSServer {
    private let gateway: ServerParts
    private let lists: ExportLists
    private let queues = RequestQueues(MultiThreadedEventLoopGroup.singleton)
    private var gatewayListener: NFSListener?
    private var targets: [MountTargetID: OpenTarget] = [:]

    private struct OpenTarget {
        let parts: ServerParts
        let listener: NFSListener
    }

    /// - Parameters:
    ///   - gateway: What requests share; its exports are of all file systems, also where it does not listen.
    ///   - lists: What there is to offer.
    package init(_ gateway: ServerParts, _ lists: ExportLists) {
        self.gateway = gateway
        self.lists = lists
    }

    // MARK: Listeners

    /// Listens for the gateway.
    ///
    /// - Parameters:
    ///   - host: The address to listen on.
    ///   - port: 0 takes any that is free.
    /// - Returns: Where it listens.
    /// - Throws: What the socket refuses.
    package func openGateway(host: String, port: Int) async throws -> (host: String, port: Int) {
        let listener = try await NFSListener(gateway, queues, host: host, port: port)
        gatewayListener = listener
        return (listener.host, listener.port)
    }

    /// Listens for a mount target, whose root is a file system's.
    ///
    /// - Parameters:
    ///   - target: Names the realm of its clients, for ever.
    ///   - fileSystem: What clients find at `/`.
    ///   - host: A numeric address.
    ///   - port: 0 takes any that is free.
    /// - Returns: The port.
    /// - Throws: What the socket refuses.
    @discardableResult
    package func open(
        _ target: MountTargetID,
        of fileSystem: FileSystemID,
        host: String,
        port: Int
    ) async throws -> Int {
        precondition(targets[target] == nil, "a mount target is opened once")
        let exports = lists.add(target, of: fileSystem)
        let parts = ServerParts(Realm(target), beside: gateway, exports: exports)
        do {
            let listener = try await NFSListener(parts, queues, host: host, port: port)
            targets[target] = OpenTarget(parts: parts, listener: listener)
            return listener.port
        } catch {
            lists.remove(target)
            throw error
        }
    }

    /// Ends a mount target for ever: its connections are closed, and what its clients held is let go of.
    ///
    /// One that is not open has clients too, those that are remembered.
    package func remove(_ target: MountTargetID) async {
        if let open = targets.removeValue(forKey: target) { await open.listener.close() }
        lists.remove(target)
        await gateway.store.entering(Realm(target)).forgetRealm()
    }

    // MARK: Requests

    /// Answers requests until the task is cancelled; then those under way end, and the listeners are closed.
    package func run() async {
        let (queues, gateway) = (queues, gateway)
        await withTaskCancellationHandler {
            await Self.serve(gateway, queues)
        } onCancel: {
            queues.close()
        }
        for listener in listeners { await listener.close() }
    }

    private var listeners: [NFSListener] {
        (gatewayListener.map { [$0] } ?? []) + targets.values.map(\.listener)
    }

    /// Answers requests until the queues are closed; those under way end first.
    private static func serve(_ gateway: ServerParts, _ queues: RequestQueues) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await sweep(gateway) }
            group.addTask { await forgetReceipts(gateway) }
            for lane in queues.lanes {
                for _ in 0..<gateway.limits.requestsPerLoopMax {
                    group.addTask(executorPreference: lane.executor) { await work(lane.queue) }
                }
            }
        }
    }

    private static func work(_ queue: RequestQueue) async {
        while let request = await queue.next() { await request.answer() }
    }

    /// Ten seconds: how late a courtesy or a grace may end.
    private static let sweepInterval = Duration.seconds(10)

    /// Ends what time ends, for the clients of all listeners.
    private static func sweep(_ gateway: ServerParts) async {
        var known = gateway.exports.current
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: sweepInterval)
            } catch {
                return
            }
            await gateway.store.change { state, now in state.sweep(at: now) }
            let listing = gateway.exports.current
            guard listing.generation != known.generation else { continue }
            let offered = Set(listing.byKey.keys)
            await gateway.store.change { state, _ in state.keepOnly(offered) }
            for fileSystem in listing.sorted {
                guard let before = known.byKey[fileSystem.key], before.engine !== fileSystem.engine
                else { continue }
                await gateway.holdAnew(fileSystem)
            }
            known = listing
        }
    }

    /// An hour, to a day that they are kept.
    private static let receiptInterval = Duration.seconds(3_600)

    private static func forgetReceipts(_ gateway: ServerParts) async {
        while !Task.isCancelled {
            await gateway.forgetReceipts()
            do {
                try await Task.sleep(for: receiptInterval)
            } catch {
                return
            }
        }
    }
}
