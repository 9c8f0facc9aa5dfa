/// layoutiomode4 (RFC 8881 §3.3.20).
package enum LayoutIOMode: UInt32, XDREnumeration, Hashable {
    package static let name = "layoutiomode4"

    case read = 1
    case readWrite = 2
    case any = 3
}

/// A layout type and a body that only this type understands: layout_content4, layouthint4, layoutupdate4 and device_addr4
/// (RFC 8881 §3.3.13 to §3.3.19), which are the same on the wire.
package struct LayoutBody: XDRValue, Hashable {
    /// LAYOUT4_NFSV4_1_FILES 1, OSD2_OBJECTS 2, BLOCK_VOLUME 3, FLEX_FILES 4 (RFC 8435); others may come.
    package var type: UInt32
    package var body: [UInt8]

    package init(type: UInt32, body: [UInt8]) {
        self.type = type
        self.body = body
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        type = try reader.uint32("layouttype4")
        body = try reader.opaque("loc_body", max: NFSLimits.bodyBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(type)
        writer.write(opaque: body)
    }
}

/// A stretch of a file and where its bytes are: layout4 (RFC 8881 §3.3.16).
package struct Layout: XDRValue, Hashable {
    package var offset: UInt64
    package var length: UInt64
    package var mode: LayoutIOMode
    package var content: LayoutBody

    package init(
        offset: UInt64,
        length: UInt64,
        mode: LayoutIOMode,
        content: LayoutBody
    ) {
        self.offset = offset
        self.length = length
        self.mode = mode
        self.content = content
    }

    package static var bytesMin: Int { 28 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        offset = try reader.uint64("lo_offset")
        length = try reader.uint64("lo_length")
        mode = try LayoutIOMode(from: &reader)
        content = try LayoutBody(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(offset)
        writer.write(length)
        mode.encode(to: &writer)
        content.encode(to: &writer)
    }
}

/// layoutreturn_file4 (RFC 8881 §18.44.1).
package struct LayoutReturnFile: XDRValue, Hashable {
    package var offset: UInt64
    package var length: UInt64
    package var stateID: StateID
    package var body: [UInt8]

    package init(offset: UInt64, length: UInt64, stateID: StateID, body: [UInt8]) {
        self.offset = offset
        self.length = length
        self.stateID = stateID
        self.body = body
    }

    package static var bytesMin: Int { 36 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        offset = try reader.uint64("lrf_offset")
        length = try reader.uint64("lrf_length")
        stateID = try StateID(from: &reader)
        body = try reader.opaque("lrf_body", max: NFSLimits.bodyBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(offset)
        writer.write(length)
        stateID.encode(to: &writer)
        writer.write(opaque: body)
    }
}

/// What LAYOUTRETURN gives back: layoutreturn4 (RFC 8881 §18.44.1).
package enum LayoutReturn: XDRValue, Hashable {
    case file(LayoutReturnFile)
    case fileSystem
    case all

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("layoutreturn_type4") {
        case 1: self = .file(try LayoutReturnFile(from: &reader))
        case 2: self = .fileSystem
        case 3: self = .all
        default: throw XDRError(.badValue, "layoutreturn_type4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .file(let value):
            writer.write(UInt32(1))
            value.encode(to: &writer)
        case .fileSystem:
            writer.write(UInt32(2))
        case .all:
            writer.write(UInt32(3))
        }
    }
}

/// One failed operation on a device: device_error4 (RFC 7862 §15.6.1).
package struct DeviceError: XDRValue, Hashable {
    package var device: DeviceID
    package var status: NFSStatus
    package var operation: UInt32

    package init(device: DeviceID, status: NFSStatus, operation: UInt32) {
        self.device = device
        self.status = status
        self.operation = operation
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        device = try DeviceID(from: &reader)
        status = try NFSStatus(from: &reader)
        operation = try reader.uint32("de_opnum")
    }

    package func encode(to writer: inout XDRWriter) {
        device.encode(to: &writer)
        status.encode(to: &writer)
        writer.write(operation)
    }
}

/// Operations and bytes: io_info4 (RFC 7862 §15.7.1).
package struct InputOutputInfo: XDRValue, Hashable {
    package var count: UInt64
    package var bytes: UInt64

    package init(count: UInt64, bytes: UInt64) {
        self.count = count
        self.bytes = bytes
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        count = try reader.uint64("ii_count")
        bytes = try reader.uint64("ii_bytes")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(count)
        writer.write(bytes)
    }
}
