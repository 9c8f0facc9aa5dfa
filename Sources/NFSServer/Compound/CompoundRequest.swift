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

    /// 256 bytes tell requests apart that are not written to deceive; a client only deceives itself.
    private static let hashedBytesMax = 256

    /// What it is known again by when it is sent once more.
    var fingerprint: RequestFingerprint {
        var hasher = Hasher()
        hasher.combine(Principal(credential))
        arguments.withUpcoming(Self.hashedBytesMax) { hasher.combine(bytes: $0) }
        return RequestFingerprint(byteCount: byteCount, hash: hasher.finalize())
    }
}
