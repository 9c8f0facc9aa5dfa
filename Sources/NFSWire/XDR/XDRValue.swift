/// A value with a form in bytes (RFC 4506).
package protocol XDRValue: Sendable, Equatable {
    /// Bytes that even the smallest value takes: what bounds a list's count.
    static var bytesMin: Int { get }

    /// Reads one value.
    init(from reader: inout XDRReader) throws(XDRError)

    /// Writes it as `init(from:)` reads it.
    func encode(to writer: inout XDRWriter)
}

extension XDRValue {
    package static var bytesMin: Int { 4 }
}

/// An enumeration of the protocol (RFC 4506 §4.3): a number that is none of its cases is an error.
package protocol XDREnumeration: XDRValue, RawRepresentable, CaseIterable where RawValue == UInt32 {
    /// Its name in the protocol's description, for errors.
    static var name: String { get }
}

extension XDREnumeration {
    package init(from reader: inout XDRReader) throws(XDRError) {
        let offset = reader.offset
        guard let value = Self(rawValue: try reader.uint32(Self.name)) else {
            throw XDRError(.badValue, Self.name, at: offset)
        }
        self = value
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(rawValue)
    }
}

/// Flags in a 32-bit word; unknown bits are kept.
package protocol XDRFlags: XDRValue, OptionSet where RawValue == UInt32, Element == Self {
    /// Its name in the protocol's description, for errors.
    static var name: String { get }

    init(rawValue: UInt32)
}

extension XDRFlags {
    package init(from reader: inout XDRReader) throws(XDRError) {
        self.init(rawValue: try reader.uint32(Self.name))
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(rawValue)
    }
}

extension UInt32: XDRValue {
    package init(from reader: inout XDRReader) throws(XDRError) {
        self = try reader.uint32("unsigned int")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(self)
    }
}

extension UInt64: XDRValue {
    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        self = try reader.uint64("unsigned hyper")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(self)
    }
}
