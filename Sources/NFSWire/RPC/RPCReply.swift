/// The head of a reply; on success the results follow (RFC 5531 §9).
package struct RPCReply: Sendable, Hashable {
    /// How the call went, as far as RPC is concerned.
    package enum Outcome: Sendable, Hashable {
        /// SUCCESS: the results follow.
        case success
        /// PROG_UNAVAIL.
        case programUnavailable
        /// PROG_MISMATCH, and the versions that there are.
        case programMismatch(low: UInt32, high: UInt32)
        /// PROC_UNAVAIL.
        case procedureUnavailable
        /// GARBAGE_ARGS: the arguments do not decode.
        case garbageArguments
        /// SYSTEM_ERR.
        case systemError
        /// RPC_MISMATCH, and the versions of RPC that there are.
        case rpcMismatch(low: UInt32, high: UInt32)
        /// AUTH_ERROR.
        case authenticationError(RPCAuthStatus)
    }

    package var transaction: UInt32
    package var outcome: Outcome

    package init(transaction: UInt32, outcome: Outcome) {
        self.transaction = transaction
        self.outcome = outcome
    }

    /// Writes the head; the results of a success come next.
    package func encode(to writer: inout XDRWriter) {
        writer.write(transaction)
        writer.write(RPCMessage.replyType)
        switch outcome {
        case .success:
            writeAccepted(0, to: &writer)
        case .programUnavailable:
            writeAccepted(1, to: &writer)
        case .programMismatch(let low, let high):
            writeAccepted(2, to: &writer)
            writer.write(low)
            writer.write(high)
        case .procedureUnavailable:
            writeAccepted(3, to: &writer)
        case .garbageArguments:
            writeAccepted(4, to: &writer)
        case .systemError:
            writeAccepted(5, to: &writer)
        case .rpcMismatch(let low, let high):
            writer.write(UInt32(1))
            writer.write(UInt32(0))
            writer.write(low)
            writer.write(high)
        case .authenticationError(let status):
            writer.write(UInt32(1))
            writer.write(UInt32(1))
            status.encode(to: &writer)
        }
    }

    /// MSG_ACCEPTED, the verifier AUTH_NONE, and accept_stat.
    private func writeAccepted(_ status: UInt32, to writer: inout XDRWriter) {
        writer.write(UInt32(0))
        RPCCredential.none.encode(to: &writer)
        writer.write(status)
    }

    /// Reads what follows the message's type.
    init(transaction: UInt32, from reader: inout XDRReader) throws(XDRError) {
        self.transaction = transaction
        switch try reader.uint32("reply_stat") {
        case 0: outcome = try Self.readAccepted(from: &reader)
        case 1: outcome = try Self.readDenied(from: &reader)
        default: throw XDRError(.badValue, "reply_stat", at: reader.offset - 4)
        }
    }

    private static func readAccepted(from reader: inout XDRReader) throws(XDRError) -> Outcome {
        _ = try reader.uint32("accepted_reply.verf")
        _ = try reader.opaque("accepted_reply.verf", max: NFSLimits.authBodyBytesMax)
        switch try reader.uint32("accept_stat") {
        case 0: return .success
        case 1: return .programUnavailable
        case 2:
            let low = try reader.uint32("mismatch_info.low")
            return .programMismatch(low: low, high: try reader.uint32("mismatch_info.high"))
        case 3: return .procedureUnavailable
        case 4: return .garbageArguments
        case 5: return .systemError
        default: throw XDRError(.badValue, "accept_stat", at: reader.offset - 4)
        }
    }

    private static func readDenied(from reader: inout XDRReader) throws(XDRError) -> Outcome {
        switch try reader.uint32("reject_stat") {
        case 0:
            let low = try reader.uint32("mismatch_info.low")
            return .rpcMismatch(low: low, high: try reader.uint32("mismatch_info.high"))
        case 1: return .authenticationError(try RPCAuthStatus(from: &reader))
        default: throw XDRError(.badValue, "reject_stat", at: reader.offset - 4)
        }
    }
}

/// Why a caller was not believed: auth_stat (RFC 5531 §9).
package enum RPCAuthStatus: UInt32, XDREnumeration, Hashable {
    package static let name = "auth_stat"

    case ok = 0
    /// AUTH_BADCRED.
    case badCredential = 1
    /// AUTH_REJECTEDCRED.
    case rejectedCredential = 2
    /// AUTH_BADVERF.
    case badVerifier = 3
    /// AUTH_REJECTEDVERF.
    case rejectedVerifier = 4
    /// AUTH_TOOWEAK.
    case tooWeak = 5
    /// AUTH_INVALIDRESP.
    case invalidResponse = 6
    /// AUTH_FAILED.
    case failed = 7
    /// AUTH_KERB_GENERIC.
    case kerberosGeneric = 8
    /// AUTH_TIMEEXPIRE.
    case timeExpired = 9
    /// AUTH_TKT_FILE.
    case ticketFile = 10
    /// AUTH_DECODE.
    case decode = 11
    /// AUTH_NET_ADDR.
    case networkAddress = 12
    /// RPCSEC_GSS_CREDPROBLEM.
    case gssCredentialProblem = 13
    /// RPCSEC_GSS_CTXPROBLEM.
    case gssContextProblem = 14
}
