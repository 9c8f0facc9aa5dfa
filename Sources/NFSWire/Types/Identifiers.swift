/// Names a file system object: nfs_fh4, up to 128 bytes that only the server understands (RFC 8881 §4).
package struct NFSFileHandle: XDRValue, Hashable {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        bytes = try reader.opaque("nfs_fh4", max: NFSLimits.fileHandleBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: bytes)
    }
}

/// Names an open, a lock, a delegation or a layout: stateid4 (RFC 8881 §8.2).
package struct StateID: XDRValue, Hashable {
    /// Counts changes of the state; 0 means the newest, in 4.1 and later.
    package var sequence: UInt32
    /// Bytes 0 to 7 of `other`, most significant first.
    package var otherHigh: UInt64
    /// Bytes 8 to 11 of `other`, most significant first.
    package var otherLow: UInt32

    package init(sequence: UInt32, otherHigh: UInt64, otherLow: UInt32) {
        self.sequence = sequence
        self.otherHigh = otherHigh
        self.otherLow = otherLow
    }

    /// All zeros: READ and WRITE without an open (RFC 8881 §8.2.3).
    package static let anonymous = StateID(sequence: 0, otherHigh: 0, otherLow: 0)
    /// All ones: a READ that passes locks by (RFC 8881 §8.2.3).
    package static let readBypass = StateID(sequence: .max, otherHigh: .max, otherLow: .max)
    /// The state id that the COMPOUND before this operation left (RFC 8881 §8.2.3).
    package static let current = StateID(sequence: 1, otherHigh: 0, otherLow: 0)
    /// Never valid (RFC 8881 §8.2.3).
    package static let invalid = StateID(sequence: .max, otherHigh: 0, otherLow: 0)

    /// `other` is all zeros or all ones: the sequence number says which special one it is.
    package var isSpecial: Bool {
        (otherHigh == 0 && otherLow == 0) || (otherHigh == .max && otherLow == .max)
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        sequence = try reader.uint32("stateid4.seqid")
        otherHigh = try reader.uint64("stateid4.other")
        otherLow = try reader.uint32("stateid4.other")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(sequence)
        writer.write(otherHigh)
        writer.write(otherLow)
    }
}

/// Names a session: sessionid4, 16 bytes (RFC 8881 §2.10.3).
package struct SessionID: XDRValue, Hashable {
    /// Bytes 0 to 7, most significant first.
    package let high: UInt64
    /// Bytes 8 to 15, most significant first.
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        high = try reader.uint64("sessionid4")
        low = try reader.uint64("sessionid4")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(high)
        writer.write(low)
    }
}

/// Names a client for as long as its lease lives: clientid4 (RFC 8881 §2.4).
package struct ClientID: XDRValue, Hashable, RawRepresentable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        rawValue = try reader.uint64("clientid4")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(rawValue)
    }
}

/// Eight bytes that are compared and never understood: verifier4.
///
/// As a number, most significant byte first.
package struct Verifier: XDRValue, Hashable, RawRepresentable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static let zero = Verifier(rawValue: 0)

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        rawValue = try reader.uint64("verifier4")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(rawValue)
    }
}

/// Names a device of a layout: deviceid4, 16 bytes (RFC 8881 §3.3.14).
package struct DeviceID: XDRValue, Hashable {
    /// Bytes 0 to 7, most significant first.
    package let high: UInt64
    /// Bytes 8 to 15, most significant first.
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        high = try reader.uint64("deviceid4")
        low = try reader.uint64("deviceid4")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(high)
        writer.write(low)
    }
}
