/// How one operation of a CB_COMPOUND went: nfs_cb_resop4 (RFC 8881 §20, RFC 7862 §16).
package enum CallbackReply: XDRValue {
    /// A success without results.
    case ok(CallbackCode)
    /// A failure; none has results.
    case failed(CallbackCode, NFSStatus)
    /// CB_GETATTR (RFC 8881 §20.1).
    case getAttributes(FileAttributes)
    /// CB_SEQUENCE (RFC 8881 §20.9).
    case sequence(CallbackSequenceReply)

    /// Which operation it answers.
    package var code: CallbackCode {
        switch self {
        case .ok(let code), .failed(let code, _): code
        case .getAttributes: .getAttributes
        case .sequence: .sequence
        }
    }

    /// How it ended.
    package var status: NFSStatus {
        if case .failed(_, let status) = self { status } else { .ok }
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        let code = try CallbackCode(from: &reader)
        let status = try NFSStatus(from: &reader)
        switch (code, status) {
        case (.illegal, .ok): throw XDRError(.badValue, "nfsstat4", at: reader.offset - 4)
        case (.getAttributes, .ok): self = .getAttributes(try FileAttributes(from: &reader))
        case (.sequence, .ok): self = .sequence(try CallbackSequenceReply(from: &reader))
        case (_, .ok): self = .ok(code)
        default: self = .failed(code, status)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(code.rawValue)
        writer.write(status.rawValue)
        switch self {
        case .ok, .failed: break
        case .getAttributes(let value): value.encode(to: &writer)
        case .sequence(let value): value.encode(to: &writer)
        }
    }
}
