/// The head of a record: a call, or, on a connection that carries callbacks too, a reply (RFC 5531 §9).
package enum RPCMessage: Sendable, Hashable {
    case call(RPCCall)
    case reply(RPCReply)
    /// A call of another version of RPC, to be answered RPC_MISMATCH.
    case otherVersion(transaction: UInt32)

    /// msg_type CALL.
    static let callType: UInt32 = 0
    /// msg_type REPLY.
    static let replyType: UInt32 = 1

    /// Reads the head; arguments or results are what the reader has left.
    package init(from reader: inout XDRReader) throws(XDRError) {
        let transaction = try reader.uint32("rpc_msg.xid")
        switch try reader.uint32("msg_type") {
        case Self.callType:
            if try reader.uint32("call_body.rpcvers") == RPCCall.rpcVersion {
                self = .call(try RPCCall(transaction: transaction, from: &reader))
            } else {
                self = .otherVersion(transaction: transaction)
            }
        case Self.replyType:
            self = .reply(try RPCReply(transaction: transaction, from: &reader))
        default:
            throw XDRError(.badValue, "msg_type", at: reader.offset - 4)
        }
    }
}
