/// READ (RFC 8881 §18.22) and READ_PLUS (RFC 7862 §15.10), which take the same.
package struct ReadArguments: XDRValue {
    package var stateID: StateID
    package var offset: UInt64
    package var count: UInt32

    package init(stateID: StateID, offset: UInt64, count: UInt32) {
        self.stateID = stateID
        self.offset = offset
        self.count = count
    }

    package static var bytesMin: Int { 28 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        offset = try reader.uint64("offset")
        count = try reader.uint32("count")
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(offset)
        writer.write(count)
    }
}

/// Bytes of a file, and whether they reach its end (RFC 8881 §18.22.2).
package struct ReadReply: XDRValue {
    package var isAtEnd: Bool
    /// Goes out uncopied.
    package var data: ByteChain

    package init(isAtEnd: Bool, data: ByteChain) {
        self.isAtEnd = isAtEnd
        self.data = data
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        isAtEnd = try reader.bool("eof")
        data = try reader.payload("data", max: NFSLimits.dataBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(isAtEnd)
        writer.write(payload: data)
    }
}

/// A stretch of data: data4 (RFC 7862 §15.10.2).
package struct ReadPlusData: XDRValue {
    package var offset: UInt64
    package var data: ByteChain

    package init(offset: UInt64, data: ByteChain) {
        self.offset = offset
        self.data = data
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        offset = try reader.uint64("d_offset")
        data = try reader.payload("d_data", max: NFSLimits.dataBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(offset)
        writer.write(payload: data)
    }
}

/// A stretch of zeros: data_info4 (RFC 7862 §15.10.2).
package struct ReadPlusHole: XDRValue {
    package var offset: UInt64
    package var length: UInt64

    package init(offset: UInt64, length: UInt64) {
        self.offset = offset
        self.length = length
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        offset = try reader.uint64("di_offset")
        length = try reader.uint64("di_length")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(offset)
        writer.write(length)
    }
}

/// Data or a hole: read_plus_content (RFC 7862 §15.10.2).
package enum ReadPlusSegment: XDRValue {
    case data(ReadPlusData)
    case hole(ReadPlusHole)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("data_content4") {
        case 0: self = .data(try ReadPlusData(from: &reader))
        case 1: self = .hole(try ReadPlusHole(from: &reader))
        default: throw XDRError(.badValue, "data_content4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .data(let value):
            writer.write(UInt32(0))
            value.encode(to: &writer)
        case .hole(let value):
            writer.write(UInt32(1))
            value.encode(to: &writer)
        }
    }
}

/// Data and holes of a file, and whether they reach its end: read_plus_res4 (RFC 7862 §15.10.2).
package struct ReadPlusReply: XDRValue {
    package var isAtEnd: Bool
    package var segments: [ReadPlusSegment]

    package init(isAtEnd: Bool, segments: [ReadPlusSegment]) {
        self.isAtEnd = isAtEnd
        self.segments = segments
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        isAtEnd = try reader.bool("rpr_eof")
        segments = try reader.array("rpr_contents", max: NFSLimits.readPlusSegmentsMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(isAtEnd)
        writer.write(segments)
    }
}

/// SEEK (RFC 7862 §15.11): where the next data or hole begins.
package struct SeekArguments: XDRValue {
    package var stateID: StateID
    package var offset: UInt64
    package var what: DataContent

    package init(stateID: StateID, offset: UInt64, what: DataContent) {
        self.stateID = stateID
        self.offset = offset
        self.what = what
    }

    package static var bytesMin: Int { 28 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        offset = try reader.uint64("sa_offset")
        what = try DataContent(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(offset)
        what.encode(to: &writer)
    }
}

/// Where it begins, or that the file ends first.
package struct SeekReply: XDRValue {
    package var isAtEnd: Bool
    package var offset: UInt64

    package init(isAtEnd: Bool, offset: UInt64) {
        self.isAtEnd = isAtEnd
        self.offset = offset
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        isAtEnd = try reader.bool("sr_eof")
        offset = try reader.uint64("sr_offset")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(isAtEnd)
        writer.write(offset)
    }
}

/// Hints of IO_ADVISE: IO_ADVISE_type4 (RFC 7862 §15.5.1), the numbers of its bitmaps.
package enum IOAdvice: UInt32, XDREnumeration, Hashable {
    package static let name = "IO_ADVISE_type4"

    case normal = 0
    case sequential = 1
    case sequentialBackwards = 2
    case random = 3
    case willNeed = 4
    case willNeedOpportunistic = 5
    case dontNeed = 6
    case noReuse = 7
    case read = 8
    case write = 9
    case initProximity = 10
}

/// IO_ADVISE (RFC 7862 §15.5): how a file will be used.
///
/// The reply is the hints that were heard.
package struct IOAdviseArguments: XDRValue {
    package var stateID: StateID
    package var offset: UInt64
    package var count: UInt64
    package var hints: Bitmap

    package init(stateID: StateID, offset: UInt64, count: UInt64, hints: Bitmap) {
        self.stateID = stateID
        self.offset = offset
        self.count = count
        self.hints = hints
    }

    package static var bytesMin: Int { 36 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &reader)
        offset = try reader.uint64("iaa_offset")
        count = try reader.uint64("iaa_count")
        hints = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        stateID.encode(to: &writer)
        writer.write(offset)
        writer.write(count)
        hints.encode(to: &writer)
    }
}
