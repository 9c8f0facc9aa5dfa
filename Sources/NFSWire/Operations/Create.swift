/// What CREATE makes: createtype4 (RFC 8881 §18.4.1).
///
/// A type that CREATE cannot make still decodes, for NFS4ERR_BADTYPE.
package enum CreateKind: XDRValue {
    /// Not made by CREATE.
    case regular
    case directory
    case blockDevice(DeviceSpecification)
    case characterDevice(DeviceSpecification)
    /// Its target.
    case symlink([UInt8])
    case socket
    case fifo
    /// Not made by CREATE.
    case attributeDirectory
    /// Not made by CREATE.
    case namedAttribute

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("nfs_ftype4") {
        case 1: self = .regular
        case 2: self = .directory
        case 3: self = .blockDevice(try DeviceSpecification(from: &reader))
        case 4: self = .characterDevice(try DeviceSpecification(from: &reader))
        case 5: self = .symlink(try reader.opaque("linkdata", max: NFSLimits.nameBytesMax))
        case 6: self = .socket
        case 7: self = .fifo
        case 8: self = .attributeDirectory
        case 9: self = .namedAttribute
        default: throw XDRError(.badValue, "nfs_ftype4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .regular:
            writer.write(UInt32(1))
        case .directory:
            writer.write(UInt32(2))
        case .blockDevice(let value):
            writer.write(UInt32(3))
            value.encode(to: &writer)
        case .characterDevice(let value):
            writer.write(UInt32(4))
            value.encode(to: &writer)
        case .symlink(let value):
            writer.write(UInt32(5))
            writer.write(opaque: value)
        case .socket:
            writer.write(UInt32(6))
        case .fifo:
            writer.write(UInt32(7))
        case .attributeDirectory:
            writer.write(UInt32(8))
        case .namedAttribute:
            writer.write(UInt32(9))
        }
    }
}

/// CREATE (RFC 8881 §18.4): makes anything but a regular file in the current directory.
package struct CreateArguments: XDRValue {
    package var kind: CreateKind
    package var name: [UInt8]
    package var attributes: FileAttributes

    package init(kind: CreateKind, name: [UInt8], attributes: FileAttributes) {
        self.kind = kind
        self.name = name
        self.attributes = attributes
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        kind = try CreateKind(from: &reader)
        name = try reader.opaque("objname", max: NFSLimits.nameBytesMax)
        attributes = try FileAttributes(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        kind.encode(to: &writer)
        writer.write(opaque: name)
        attributes.encode(to: &writer)
    }
}

/// The directory's change, and which attributes were set.
package struct CreateReply: XDRValue {
    package var change: ChangeInfo
    package var attributesSet: Bitmap

    package init(change: ChangeInfo, attributesSet: Bitmap) {
        self.change = change
        self.attributesSet = attributesSet
    }

    package static var bytesMin: Int { 24 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        change = try ChangeInfo(from: &reader)
        attributesSet = try Bitmap(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        change.encode(to: &writer)
        attributesSet.encode(to: &writer)
    }
}
