/// How a copy ended: offload_info4 (RFC 7862 §16.1.1).
package enum OffloadOutcome: XDRValue {
    case done(WriteResponse)
    /// The status, which is not `.ok`, and the bytes copied before it.
    case failed(NFSStatus, bytesCopied: UInt64)

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        let status = try NFSStatus(from: &reader)
        if status == .ok {
            self = .done(try WriteResponse(from: &reader))
        } else {
            self = .failed(status, bytesCopied: try reader.uint64("coa_bytes_copied"))
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .done(let response):
            NFSStatus.ok.encode(to: &writer)
            response.encode(to: &writer)
        case .failed(let status, let bytesCopied):
            precondition(status != .ok, "a failure has a status of failure")
            status.encode(to: &writer)
            writer.write(bytesCopied)
        }
    }
}
