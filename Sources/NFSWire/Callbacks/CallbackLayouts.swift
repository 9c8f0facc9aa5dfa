/// layoutrecall_file4 (RFC 8881 §20.3.1).
package struct LayoutRecallFile: XDRValue {
    package var file: NFSFileHandle
    package var offset: UInt64
    package var length: UInt64
    package var stateID: StateID

    package init(file: NFSFileHandle, offset: UInt64, length: UInt64, stateID: StateID) {
        self.file = file
        self.offset = offset
        self.length = length
        self.stateID = stateID
    }

    package static var bytesMin: Int { 36 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        file = try NFSFileHandle(from: &reader)
        offset = try reader.uint64("lor_offset")
        length = try reader.uint64("lor_length")
        stateID = try StateID(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        file.encode(to: &writer)
        writer.write(offset)
        writer.write(length)
        stateID.encode(to: &writer)
    }
}

/// layoutrecall4 (RFC 8881 §20.3.1).
package enum LayoutRecall: XDRValue {
    case file(LayoutRecallFile)
    case fileSystem(FileSystemID)
    case all

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("layoutrecall_type4") {
        case 1: self = .file(try LayoutRecallFile(from: &reader))
        case 2: self = .fileSystem(try FileSystemID(from: &reader))
        case 3: self = .all
        default: throw XDRError(.badValue, "layoutrecall_type4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .file(let value):
            writer.write(UInt32(1))
            value.encode(to: &writer)
        case .fileSystem(let value):
            writer.write(UInt32(2))
            value.encode(to: &writer)
        case .all:
            writer.write(UInt32(3))
        }
    }
}

/// CB_LAYOUTRECALL (RFC 8881 §20.3).
package struct CallbackLayoutRecallArguments: XDRValue {
    package var layoutType: UInt32
    package var mode: LayoutIOMode
    package var isChanged: Bool
    package var what: LayoutRecall

    package init(
        layoutType: UInt32,
        mode: LayoutIOMode,
        isChanged: Bool,
        what: LayoutRecall
    ) {
        self.layoutType = layoutType
        self.mode = mode
        self.isChanged = isChanged
        self.what = what
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        layoutType = try reader.uint32("clora_type")
        mode = try LayoutIOMode(from: &reader)
        isChanged = try reader.bool("clora_changed")
        what = try LayoutRecall(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(layoutType)
        mode.encode(to: &writer)
        writer.write(isChanged)
        what.encode(to: &writer)
    }
}

/// CB_NOTIFY_DEVICEID (RFC 8881 §20.12).
package struct CallbackNotifyDeviceArguments: XDRValue {
    package var changes: [Notification]

    package init(changes: [Notification]) {
        self.changes = changes
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        changes = try reader.array("cnda_changes", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(changes)
    }
}
