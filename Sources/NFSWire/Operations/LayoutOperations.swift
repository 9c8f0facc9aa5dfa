/// LAYOUTCOMMIT (RFC 8881 §18.42).
///
/// The reply is the new size, if it changed.
package struct LayoutCommitArguments: XDRValue {
    package var offset: UInt64
    package var length: UInt64
    package var isReclaim: Bool
    package var stateID: StateID
    package var lastWriteOffset: UInt64?
    package var modified: NFSTime?
    package var update: LayoutBody

    package init(
        offset: UInt64,
        length: UInt64,
        isReclaim: Bool,
        stateID: StateID,
        lastWriteOffset: UInt64?,
        modified: NFSTime?,
        update: LayoutBody
    ) {
        self.offset = offset
        self.length = length
        self.isReclaim = isReclaim
        self.stateID = stateID
        self.lastWriteOffset = lastWriteOffset
        self.modified = modified
        self.update = update
    }

    package static var bytesMin: Int { 52 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        offset = try reader.uint64("loca_offset")
        length = try reader.uint64("loca_length")
        isReclaim = try reader.bool("loca_reclaim")
        stateID = try StateID(from: &reader)
        lastWriteOffset = try reader.optional("loca_last_write_offset")
        modified = try reader.optional("loca_time_modify")
        update = try LayoutBody(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(offset)
        writer.write(length)
        writer.write(isReclaim)
        stateID.encode(to: &writer)
        writer.write(optional: lastWriteOffset)
        writer.write(optional: modified)
        update.encode(to: &writer)
    }
}

/// The file's size, if it changed.
package struct LayoutCommitReply: XDRValue {
    package var size: UInt64?

    package init(size: UInt64?) {
        self.size = size
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        size = try reader.optional("locr_newsize")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(optional: size)
    }
}

/// LAYOUTGET (RFC 8881 §18.43).
package struct LayoutGetArguments: XDRValue {
    package var signalWhenAvailable: Bool
    package var layoutType: UInt32
    package var mode: LayoutIOMode
    package var offset: UInt64
    package var length: UInt64
    package var lengthMin: UInt64
    package var stateID: StateID
    package var bytesMax: UInt32

    package init(
        signalWhenAvailable: Bool,
        layoutType: UInt32,
        mode: LayoutIOMode,
        offset: UInt64,
        length: UInt64,
        lengthMin: UInt64,
        stateID: StateID,
        bytesMax: UInt32
    ) {
        self.signalWhenAvailable = signalWhenAvailable
        self.layoutType = layoutType
        self.mode = mode
        self.offset = offset
        self.length = length
        self.lengthMin = lengthMin
        self.stateID = stateID
        self.bytesMax = bytesMax
    }

    package static var bytesMin: Int { 56 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        signalWhenAvailable = try reader.bool("loga_signal_layout_avail")
        layoutType = try reader.uint32("loga_layout_type")
        mode = try LayoutIOMode(from: &reader)
        offset = try reader.uint64("loga_offset")
        length = try reader.uint64("loga_length")
        lengthMin = try reader.uint64("loga_minlength")
        stateID = try StateID(from: &reader)
        bytesMax = try reader.uint32("loga_maxcount")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(signalWhenAvailable)
        writer.write(layoutType)
        mode.encode(to: &writer)
        writer.write(offset)
        writer.write(length)
        writer.write(lengthMin)
        stateID.encode(to: &writer)
        writer.write(bytesMax)
    }
}

/// Layouts.
package struct LayoutGetReply: XDRValue {
    package var returnOnClose: Bool
    package var stateID: StateID
    package var layouts: [Layout]

    package init(returnOnClose: Bool, stateID: StateID, layouts: [Layout]) {
        self.returnOnClose = returnOnClose
        self.stateID = stateID
        self.layouts = layouts
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        returnOnClose = try reader.bool("logr_return_on_close")
        stateID = try StateID(from: &reader)
        layouts = try reader.array("logr_layout", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(returnOnClose)
        stateID.encode(to: &writer)
        writer.write(layouts)
    }
}

/// LAYOUTRETURN (RFC 8881 §18.44).
package struct LayoutReturnArguments: XDRValue {
    package var isReclaim: Bool
    package var layoutType: UInt32
    package var mode: LayoutIOMode
    package var what: LayoutReturn

    package init(
        isReclaim: Bool,
        layoutType: UInt32,
        mode: LayoutIOMode,
        what: LayoutReturn
    ) {
        self.isReclaim = isReclaim
        self.layoutType = layoutType
        self.mode = mode
        self.what = what
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        isReclaim = try reader.bool("lora_reclaim")
        layoutType = try reader.uint32("lora_layout_type")
        mode = try LayoutIOMode(from: &reader)
        what = try LayoutReturn(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(isReclaim)
        writer.write(layoutType)
        mode.encode(to: &writer)
        what.encode(to: &writer)
    }
}

/// The layout's state id, while there is one.
package struct LayoutReturnReply: XDRValue {
    package var stateID: StateID?

    package init(stateID: StateID?) {
        self.stateID = stateID
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        stateID = try reader.optional("lorr_stateid")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(optional: stateID)
    }
}

/// LAYOUTERROR (RFC 7862 §15.6).
package struct LayoutErrorArguments: XDRValue {
    package var offset: UInt64
    package var length: UInt64
    package var stateID: StateID
    package var errors: [DeviceError]

    package init(
        offset: UInt64,
        length: UInt64,
        stateID: StateID,
        errors: [DeviceError]
    ) {
        self.offset = offset
        self.length = length
        self.stateID = stateID
        self.errors = errors
    }

    package static var bytesMin: Int { 36 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        offset = try reader.uint64("lea_offset")
        length = try reader.uint64("lea_length")
        stateID = try StateID(from: &reader)
        errors = try reader.array("lea_errors", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(offset)
        writer.write(length)
        stateID.encode(to: &writer)
        writer.write(errors)
    }
}

/// LAYOUTSTATS (RFC 7862 §15.7).
package struct LayoutStatsArguments: XDRValue {
    package var offset: UInt64
    package var length: UInt64
    package var stateID: StateID
    package var read: InputOutputInfo
    package var write: InputOutputInfo
    package var device: DeviceID
    package var update: LayoutBody

    package init(
        offset: UInt64,
        length: UInt64,
        stateID: StateID,
        read: InputOutputInfo,
        write: InputOutputInfo,
        device: DeviceID,
        update: LayoutBody
    ) {
        self.offset = offset
        self.length = length
        self.stateID = stateID
        self.read = read
        self.write = write
        self.device = device
        self.update = update
    }

    package static var bytesMin: Int { 88 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        offset = try reader.uint64("lsa_offset")
        length = try reader.uint64("lsa_length")
        stateID = try StateID(from: &reader)
        read = try InputOutputInfo(from: &reader)
        write = try InputOutputInfo(from: &reader)
        device = try DeviceID(from: &reader)
        update = try LayoutBody(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(offset)
        writer.write(length)
        stateID.encode(to: &writer)
        read.encode(to: &writer)
        write.encode(to: &writer)
        device.encode(to: &writer)
        update.encode(to: &writer)
    }
}
