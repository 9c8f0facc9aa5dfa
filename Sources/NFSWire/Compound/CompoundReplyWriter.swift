/// A COMPOUND's reply, written one result at a time: COMPOUND4res (RFC 8881 §16.2).
///
/// The status is that of the last result, and their number is filled in at the end.
package struct CompoundReplyWriter: ~Copyable, Sendable {
    private var writer: XDRWriter
    private let statusMark: XDRWriter.Mark
    private let countMark: XDRWriter.Mark
    /// Of the last result, or what `finish(status:)` is told.
    package private(set) var status = NFSStatus.ok
    /// Results written.
    package private(set) var resultCount: UInt32 = 0

    /// Begins behind what the writer holds: the RPC head.
    package init(_ writer: consuming XDRWriter, tag: [UInt8]) {
        statusMark = writer.mark
        writer.write(NFSStatus.ok.rawValue)
        writer.write(opaque: tag)
        countMark = writer.mark
        writer.write(UInt32(0))
        self.writer = writer
    }

    /// Bytes written, the RPC head included: what a session's limits are held against.
    package var count: Int { writer.count }

    /// Adds a result.
    package mutating func append(_ reply: OperationReply) {
        reply.encode(to: &writer)
        status = reply.status
        resultCount += 1
    }

    /// Adds a success whose results `body` writes itself: READDIR entry by entry, GETATTR without a list.
    package mutating func append<Value>(
        _ code: OperationCode,
        _ body: (inout XDRWriter) -> Value
    ) -> Value {
        writer.write(code.rawValue)
        writer.write(NFSStatus.ok.rawValue)
        status = .ok
        resultCount += 1
        return body(&writer)
    }

    /// A place to go back to: the result that follows may turn out too big.
    package struct Mark: Sendable {
        fileprivate let writer: XDRWriter.Mark
        fileprivate let status: NFSStatus
        fileprivate let resultCount: UInt32
    }

    package var mark: Mark {
        Mark(writer: writer.mark, status: status, resultCount: resultCount)
    }

    /// Takes back the results since.
    package mutating func rollBack(to mark: Mark) {
        writer.rollBack(to: mark.writer)
        status = mark.status
        resultCount = mark.resultCount
    }

    /// The reply as written; `status` is for a COMPOUND that was refused whole.
    package consuming func finish(status refusal: NFSStatus? = nil) -> XDRWriter {
        writer.patch((refusal ?? status).rawValue, at: statusMark)
        writer.patch(resultCount, at: countMark)
        return writer
    }
}
