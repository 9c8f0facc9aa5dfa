package import NFSWire

/// One session of a client: its slots, and what its channels carry (RFC 8881 §2.10).
package struct Session: Sendable {
    package let id: SessionID
    package let client: ClientID
    /// As granted.
    package let foreChannel: ChannelAttributes
    package let backChannel: ChannelAttributes
    /// Where callbacks go, once there are some.
    package var callbackProgram: UInt32
    /// What its requests change is kept over a restart, with the answers (RFC 8881 §2.10.6.5).
    package let isPersistent: Bool
    package var slots: SlotTable

    /// Bytes of a reply at most, the RPC head included.
    package var replyBytesMax: Int { Int(foreChannel.replyBytesMax) }
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
}
