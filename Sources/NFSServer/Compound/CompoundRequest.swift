package import NFSWire
package import NIOCore

/// A COMPOUND as it came off the wire, its RPC head read.
package struct CompoundRequest: Sendable {
    package let transaction: UInt32
    package let credential: RPCCredential
    /// At COMPOUND4args.
    package let arguments: XDRReader
    /// Of the record.
    package let byteCount: Int
    /// Where it came from; `nil` keeps no replies of 4.0.
    package let sender: SocketAddress?

    package init(
        transaction: UInt32,
        credential: RPCCredential,
        arguments: XDRReader,
        byteCount: Int,
        sender: SocketAddress? = nil
    ) {
        self.transaction = transaction
        self.credential = credential
        self.arguments = arguments
        self.byteCount = byteCount
        self.sender = sender
    }

    /// The part that a client sends again as it was: behind sa_highest_slotid, which Linux's client sets anew for each sending.
    ///
    /// What stands before it, session, slot and sequence, is compared by itself. Of a request without a SEQUENCE it is all.
    var repeated: XDRReader {
        var rest = arguments
        do throws(XDRError) {
            _ = try rest.opaque("tag", max: NFSLimits.tagBytesMax)
            // minorversion, and how many operations there are.
            _ = try rest.uint64("minorversion")
            guard try rest.uint32("argop") == OperationCode.sequence.rawValue else {
                return arguments
            }
            // sa_sessionid, sa_sequenceid with sa_slotid, sa_highest_slotid.
            for _ in 0..<3 { _ = try rest.uint64("sa_sessionid") }
            _ = try rest.uint32("sa_highest_slotid")
            return rest
        } catch {
            return arguments
        }
    }

    /// 256 bytes tell requests apart that are not written to deceive; a client only deceives itself.
    private static let hashedBytesMax = 256

    /// What it is known again by when it is sent once more.
    var fingerprint: RequestFingerprint {
        var hasher = Hasher()
        hasher.combine(Principal(credential))
        repeated.withUpcoming(Self.hashedBytesMax) { hasher.combine(bytes: $0) }
        return RequestFingerprint(byteCount: byteCount, hash: hasher.finalize())
    }
}
