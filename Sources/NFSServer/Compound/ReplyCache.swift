import NFSWire
import NIOCore
import Synchronization

/// Keeps replies of NFSv4.0's requests that must not run twice: the duplicate request cache that RFC 7530 §16.33.5 takes for given.
///
/// 4.0 has no sessions. A client whose connection broke before a reply came sends the request again, under the same transaction
/// number and from the same port; run twice, a REMOVE that was done would be answered with NFS4ERR_NOENT. Requests that owners count
/// (OPEN, LOCK) are known again by their numbers, and those that change nothing may run twice.
///
/// Of every sender so many of the latest replies are kept, whatever the others do; over all there is a bound of bytes.
final class ReplyCache: Sendable {
    /// How a request is known again.
    struct Key: Hashable {
        let transaction: UInt32
        let fingerprint: RequestFingerprint
    }

    fileprivate typealias Waiter = UnsafeContinuation<ByteChain?, Never>

    fileprivate enum Entry {
        /// Its first sending still runs; others of it wait for its reply.
        case running([Waiter])
        case kept(ByteChain)
    }

    fileprivate struct Sender {
        var entries: [Key: Entry] = [:]
        /// Those that are kept, oldest first.
        var order = CircularBuffer<Key>()
        var runningCount = 0
        /// When it last sent something that is kept.
        var used: UInt64 = 0
    }

    fileprivate struct State {
        var senders: [SocketAddress: Sender] = [:]
        var byteCount = 0
        var now: UInt64 = 0
    }

    private let limits: ServerLimits
    private let state = Mutex(State())

    init(_ limits: ServerLimits) {
        self.limits = limits
    }

    /// Bytes of replies that are kept.
    var byteCount: Int { state.withLock { $0.byteCount } }

    /// Begins a request: `nil` when it is to run, and `finish` must follow; otherwise the reply that its first sending got.
    func begin(_ key: Key, from sender: SocketAddress) async -> ByteChain? {
        await withUnsafeContinuation { waiter in
            let (isDecided, reply) = state.withLock { $0.begin(key, sender, waiter, limits) }
            if isDecided { waiter.resume(returning: reply) }
        }
    }

    /// Keeps the reply of a request that ran, unless it is too long: then a retry runs again.
    func finish(_ key: Key, from sender: SocketAddress, _ reply: ByteChain) {
        let waiters = state.withLock { $0.finish(key, sender, reply, limits) }
        for waiter in waiters { waiter.resume(returning: reply) }
    }
}

extension ReplyCache.State {
    /// Whether it is decided, and the reply if there is one; else `waiter` is resumed by `finish`.
    fileprivate mutating func begin(
        _ key: ReplyCache.Key,
        _ address: SocketAddress,
        _ waiter: ReplyCache.Waiter,
        _ limits: ServerLimits
    ) -> (isDecided: Bool, reply: ByteChain?) {
        now += 1
        if senders[address] == nil { makeRoom(limits) }
        senders[address, default: ReplyCache.Sender()].used = now
        switch senders[address]?.entries[key] {
        case .kept(let reply)?: return (true, reply)
        case .running(let others)?:
            senders[address]?.entries[key] = .running(others + [waiter])
            return (false, nil)
        case nil:
            senders[address]?.entries[key] = .running([])
            senders[address]?.runningCount += 1
            return (true, nil)
        }
    }

    fileprivate mutating func finish(
        _ key: ReplyCache.Key,
        _ address: SocketAddress,
        _ reply: ByteChain,
        _ limits: ServerLimits
    ) -> [ReplyCache.Waiter] {
        guard case .running(let waiters)? = senders[address]?.entries.removeValue(forKey: key)
        else {
            preconditionFailure(
                "a request is finished once, and its sender is not forgotten before"
            )
        }
        senders[address]?.runningCount -= 1
        guard reply.count <= limits.cachedReplyBytesMax else { return waiters }
        senders[address]?.entries[key] = .kept(reply)
        senders[address]?.order.append(key)
        byteCount += reply.count
        while senders[address].map({ $0.order.count > limits.keptRepliesPerSenderMax }) == true {
            dropOldest(of: address)
        }
        while byteCount > limits.keptReplyBytesMax, dropLeastRecentSender() {}
        return waiters
    }

    private mutating func dropOldest(of address: SocketAddress) {
        guard let key = senders[address]?.order.popFirst(),
            case .kept(let reply)? = senders[address]?.entries.removeValue(forKey: key)
        else { return }
        byteCount -= reply.count
    }

    private mutating func makeRoom(_ limits: ServerLimits) {
        while senders.count >= limits.keptReplySendersMax, dropLeastRecentSender() {}
    }

    /// Forgets the sender that was silent for longest; one whose requests run stays.
    private mutating func dropLeastRecentSender() -> Bool {
        let idle = senders.lazy.filter { $0.value.runningCount == 0 }
        guard let oldest = idle.min(by: { $0.value.used < $1.value.used })?.key else {
            return false
        }
        while senders[oldest]?.order.isEmpty == false { dropOldest(of: oldest) }
        senders[oldest] = nil
        return true
    }
}
