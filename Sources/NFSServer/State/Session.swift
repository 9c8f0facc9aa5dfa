package import NFSWire
import Synchronization
package import VarveModel

/// One session of a client: its slots, and what its channels carry (RFC 8881 §2.10).
///
/// Each request of it begins and ends here, behind a mutex of the session's own: the server's state, which all requests share, is asked only
/// by those that look at it or change it. A connection remembers the session of its last request, so that it need not be looked up.
package final class Session: Sendable {
    package let id: SessionID
    package let client: ClientID
    /// As granted.
    package let foreChannel: ChannelAttributes
    package let backChannel: ChannelAttributes
    /// What its requests change is kept over a restart, with the answers (RFC 8881 §2.10.6.5).
    package let isPersistent: Bool
    private let lease: Lease
    private let progress: Mutex<Progress>

    private struct Progress {
        var slots: SlotTable
        var callbackProgram: UInt32
        var isDestroyed = false
    }

    /// A new one; `lease` is its client's.
    init(
        id: SessionID,
        client: ClientID,
        lease: Lease,
        foreChannel: ChannelAttributes,
        backChannel: ChannelAttributes,
        callbackProgram: UInt32,
        isPersistent: Bool
    ) {
        self.id = id
        self.client = client
        self.lease = lease
        self.foreChannel = foreChannel
        self.backChannel = backChannel
        self.isPersistent = isPersistent
        let slots = SlotTable(count: Int(foreChannel.slotsMax))
        progress = Mutex(Progress(slots: slots, callbackProgram: callbackProgram))
    }

    /// Bytes of a reply at most, the RPC head included.
    package var replyBytesMax: Int { Int(foreChannel.replyBytesMax) }

    /// Where callbacks go, once there are some.
    package var callbackProgram: UInt32 {
        get { progress.withLock { $0.callbackProgram } }
        set { progress.withLock { $0.callbackProgram = newValue } }
    }

    // MARK: Requests

    /// What a SEQUENCE came to.
    package enum SequenceOutcome: Sendable, Equatable {
        case run(SequenceReply, SessionContext)
        case replay(ByteChain)
        /// Its reply was not kept: the SEQUENCE is answered, and whatever follows it is NFS4ERR_RETRY_UNCACHED_REP.
        case replayUncached(SequenceReply)
        case refuse(NFSStatus)
    }

    /// SEQUENCE (RFC 8881 §18.46); `.run` must be followed by `finish`.
    ///
    /// - Parameters:
    ///   - arguments: As sent, in this session.
    ///   - request: How the request is known again.
    ///   - operationCount: Operations of its COMPOUND.
    ///   - now: Renews the lease.
    /// - Returns: Whether the COMPOUND runs; `.badSession` once the session is destroyed.
    package func sequence(
        _ arguments: SequenceArguments,
        request: RequestFingerprint,
        operationCount: UInt32,
        at now: Timestamp
    ) -> SequenceOutcome {
        guard operationCount <= foreChannel.operationsMax else {
            return .refuse(.tooManyOperations)
        }
        guard request.byteCount <= Int(foreChannel.requestBytesMax) else {
            return .refuse(.requestTooBig)
        }
        let verdict = progress.withLock { progress in
            guard !progress.isDestroyed else { return SlotTable.Verdict.refuse(.badSession) }
            return progress.slots.begin(
                slot: arguments.slot,
                sequence: arguments.sequence,
                highestSlot: arguments.highestSlot,
                fingerprint: request
            )
        }
        if verdict != .refuse(.badSession) { lease.renew(at: now) }
        switch verdict {
        case .run: return .run(reply(to: arguments), SessionContext(self, arguments))
        case .replay(let chain): return .replay(chain)
        case .replayUncached: return .replayUncached(reply(to: arguments))
        case .refuse(let status): return .refuse(status)
        }
    }

    private func reply(to arguments: SequenceArguments) -> SequenceReply {
        let highestSlot = foreChannel.slotsMax - 1
        return SequenceReply(
            session: id,
            sequence: arguments.sequence,
            slot: arguments.slot,
            highestSlot: highestSlot,
            targetHighestSlot: highestSlot,
            status: []
        )
    }

    /// Ends a request that ran; the session may be destroyed by then.
    func finish(slot: UInt32, reply: ByteChain?) {
        progress.withLock { $0.slots.finish(slot: slot, reply: reply) }
    }

    /// Whether none of its requests runs.
    var isIdle: Bool { progress.withLock { $0.slots.running == 0 } }

    // MARK: Its end

    /// Destroys it, unless more requests than so many run.
    func destroy(running: Int) -> Bool {
        progress.withLock { progress in
            guard progress.slots.running <= running else { return false }
            progress.isDestroyed = true
            return true
        }
    }

    /// Destroys it with its client, whatever runs.
    func destroy() {
        progress.withLock { $0.isDestroyed = true }
    }
}

extension Session: Equatable {
    package static func == (left: Session, right: Session) -> Bool { left === right }
}

/// When a client was last heard of: each of its requests says so.
final class Lease: Sendable {
    private let state: Mutex<Timestamp>

    init(_ now: Timestamp) {
        state = Mutex(now)
    }

    var renewed: Timestamp { state.withLock { $0 } }

    func renew(at now: Timestamp) {
        state.withLock { $0 = now }
    }
}

extension ChannelAttributes {
    /// What is granted of what a client asks for (RFC 8881 §18.36.3); `nil`, NFS4ERR_TOOSMALL, when nothing useful fits.
    func granted(by limits: ServerLimits) -> ChannelAttributes? {
        let bytes = UInt32(limits.recordBytesMax)
        var granted = self
        granted.headerPadding = 0
        granted.requestBytesMax = min(requestBytesMax, bytes)
        granted.replyBytesMax = min(replyBytesMax, bytes)
        granted.cachedReplyBytesMax =
            min(cachedReplyBytesMax, UInt32(limits.cachedReplyBytesMax), granted.replyBytesMax)
        granted.operationsMax = min(operationsMax, UInt32(limits.operationsMax))
        granted.slotsMax = min(max(slotsMax, 1), UInt32(limits.slotsMax))
        granted.rdmaReadDepth = nil
        let least = UInt32(limits.channelBytesMin)
        guard granted.requestBytesMax >= least, granted.replyBytesMax >= least,
            granted.operationsMax >= 2
        else { return nil }
        return granted
    }

    /// Of a slot with nothing in it, and of a session without slots.
    private static let slotBytes = 128
    private static let sessionBytes = 1 << 10

    private var slotBytesMax: Int {
        Self.slotBytes + Self.replyStorageMax(Int(cachedReplyBytesMax))
    }

    /// What holds a kept reply of so many bytes: buffers have powers of two of them, and 2 KiB hold SEQUENCE's result, a failure and the
    /// longest tag, which are kept whatever was granted.
    static func replyStorageMax(_ bytes: Int) -> Int {
        max(2 << 10, 1 << (Int.bitWidth - max(bytes - 1, 1).leadingZeroBitCount))
    }

    /// What a session with this fore channel may keep at most.
    var keptBytesMax: Int { Self.sessionBytes + Int(slotsMax) * slotBytesMax }

    /// With slots for at most an eighth of the bytes that are left; `nil` where one does not fit.
    func within(_ bytesLeft: Int) -> ChannelAttributes? {
        var granted = self
        granted.slotsMax = min(slotsMax, UInt32(clamping: max(1, bytesLeft / 8 / slotBytesMax)))
        return granted.keptBytesMax <= bytesLeft ? granted : nil
    }
}
