/// A COMPOUND's operations, read one at a time: a server answers each before it looks at the next (RFC 8881 §16.2).
///
/// What does not decode is thus an error of its own operation, NFS4ERR_BADXDR, behind those already done. Nothing is read
/// behind such an operation or an illegal one, since nobody knows where they end.
package struct CompoundReader: Sendable {
    /// Echoed in the reply.
    package let tag: [UInt8]
    /// As sent; over 2 it is NFS4ERR_MINOR_VERS_MISMATCH, and no operation may be read.
    package let minorVersion: UInt32
    /// How many operations the client says there are: any number.
    ///
    /// See `NFSLimits.operationsMax`.
    package let operationCount: UInt32

    /// Which operation did not decode: what its result is labelled with; `.illegal` when not even its number did.
    package private(set) var undecoded = OperationCode.illegal

    private var reader: XDRReader
    private var left: UInt32

    /// Reads the head; the reader stands behind the RPC head.
    package init(_ reader: XDRReader) throws(XDRError) {
        var reader = reader
        tag = try reader.opaque("COMPOUND4args.tag", max: NFSLimits.tagBytesMax)
        minorVersion = try reader.uint32("COMPOUND4args.minorversion")
        operationCount = try reader.uint32("COMPOUND4args.argarray")
        left = operationCount
        self.reader = reader
    }

    /// The minor version, when there is such a one.
    package var version: MinorVersion? { MinorVersion(rawValue: minorVersion) }

    /// Bytes from the start of the message to what is read next.
    package var offset: Int { reader.offset }

    /// The next operation; `nil` after the last one, and after one that was illegal or did not decode.
    package mutating func next() throws(XDRError) -> OperationArguments? {
        guard left > 0, let version else { return nil }
        left -= 1
        let code = reader.upcoming
        do throws(XDRError) {
            let operation = try OperationArguments(from: &reader, in: version)
            if case .illegal = operation { left = 0 }
            return operation
        } catch {
            left = 0
            let known = code.flatMap { OperationCode(rawValue: $0) }
            undecoded = known.flatMap { $0.isDefined(in: version) ? $0 : nil } ?? .illegal
            throw error
        }
    }
}
