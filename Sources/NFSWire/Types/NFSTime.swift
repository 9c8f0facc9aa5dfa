package import VarveModel

/// A time as it is on the wire: nfstime4 (RFC 8881 §3.3.1).
///
/// It may be none: see `timestamp`.
package struct NFSTime: XDRValue, Hashable {
    /// Since 1970 UTC; negative before.
    package var seconds: Int64
    /// 0 to 999,999,999 in a valid time; any number in a message.
    package var nanoseconds: UInt32

    package init(seconds: Int64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package init(_ timestamp: Timestamp) {
        self.init(seconds: timestamp.seconds, nanoseconds: timestamp.nanoseconds)
    }

    /// The time; `nil`, NFS4ERR_INVAL, when the nanoseconds are over a second.
    package var timestamp: Timestamp? {
        guard nanoseconds < 1_000_000_000 else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        seconds = try reader.int64("nfstime4.seconds")
        nanoseconds = try reader.uint32("nfstime4.nseconds")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(seconds)
        writer.write(nanoseconds)
    }
}

/// Which time SETATTR sets: settime4 (RFC 8881 §5.8.2.38, §5.8.2.43).
package enum SetTime: XDRValue, Hashable {
    /// SET_TO_SERVER_TIME4.
    case now
    /// SET_TO_CLIENT_TIME4.
    case to(NFSTime)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("time_how4") {
        case 0: self = .now
        case 1: self = .to(try NFSTime(from: &reader))
        default: throw XDRError(.badValue, "time_how4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .now:
            writer.write(UInt32(0))
        case .to(let time):
            writer.write(UInt32(1))
            time.encode(to: &writer)
        }
    }
}
