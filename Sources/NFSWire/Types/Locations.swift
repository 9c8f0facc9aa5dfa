/// A path as components: pathname4 (RFC 8881 §3.2).
package struct PathName: XDRValue, Hashable {
    package var components: [PathComponent]

    package init(components: [PathComponent]) {
        self.components = components
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        components = try reader.array("pathname4", max: NFSLimits.pathComponentsMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(components)
    }
}

/// One name of a path: component4.
package struct PathComponent: XDRValue, Hashable {
    package var bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    package init(from reader: inout XDRReader) throws(XDRError) {
        bytes = try reader.opaque("component4", max: NFSLimits.nameBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(opaque: bytes)
    }
}

/// Servers that hold a file system, and where: fs_location4 (RFC 8881 §11.16).
package struct FileSystemLocation: XDRValue, Hashable {
    package var servers: [PathComponent]
    package var rootPath: PathName

    package init(servers: [PathComponent], rootPath: PathName) {
        self.servers = servers
        self.rootPath = rootPath
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        servers = try reader.array("server", max: NFSLimits.listMax)
        rootPath = try PathName(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(servers)
        rootPath.encode(to: &writer)
    }
}

/// Where a file system can be found: fs_locations4 (RFC 8881 §11.16).
package struct FileSystemLocations: XDRValue, Hashable {
    package var root: PathName
    package var locations: [FileSystemLocation]

    package init(root: PathName, locations: [FileSystemLocation]) {
        self.root = root
        self.locations = locations
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        root = try PathName(from: &reader)
        locations = try reader.array("locations", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        root.encode(to: &writer)
        writer.write(locations)
    }
}

/// One replica: fs_locations_server4 (RFC 8881 §11.17.1).
package struct LocationsServer: XDRValue, Hashable {
    package var currency: Int32
    package var info: [UInt8]
    package var server: [UInt8]

    package init(currency: Int32, info: [UInt8], server: [UInt8]) {
        self.currency = currency
        self.info = info
        self.server = server
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        currency = try reader.int32("fls_currency")
        info = try reader.opaque("fls_info", max: NFSLimits.bodyBytesMax)
        server = try reader.opaque("fls_server", max: NFSLimits.nameBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(currency)
        writer.write(opaque: info)
        writer.write(opaque: server)
    }
}

/// Replicas with one root path: fs_locations_item4 (RFC 8881 §11.17.2).
package struct LocationsItem: XDRValue, Hashable {
    package var entries: [LocationsServer]
    package var rootPath: PathName

    package init(entries: [LocationsServer], rootPath: PathName) {
        self.entries = entries
        self.rootPath = rootPath
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        entries = try reader.array("fli_entries", max: NFSLimits.listMax)
        rootPath = try PathName(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(entries)
        rootPath.encode(to: &writer)
    }
}

/// Where a file system can be found, at length: fs_locations_info4 (RFC 8881 §11.17).
package struct FileSystemLocationsInfo: XDRValue, Hashable {
    package var flags: UInt32
    /// Seconds.
    package var validFor: Int32
    package var root: PathName
    package var items: [LocationsItem]

    package init(
        flags: UInt32,
        validFor: Int32,
        root: PathName,
        items: [LocationsItem]
    ) {
        self.flags = flags
        self.validFor = validFor
        self.root = root
        self.items = items
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        flags = try reader.uint32("fli_flags")
        validFor = try reader.int32("fli_valid_for")
        root = try PathName(from: &reader)
        items = try reader.array("fli_items", max: NFSLimits.listMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(flags)
        writer.write(validFor)
        root.encode(to: &writer)
        writer.write(items)
    }
}

/// A server of an inter-server copy: netloc4 (RFC 7862 §4).
package enum NetworkLocation: XDRValue, Hashable {
    case name([UInt8])
    case url([UInt8])
    case address(NetworkAddress)

    package init(from reader: inout XDRReader) throws(XDRError) {
        switch try reader.uint32("netloc_type4") {
        case 1: self = .name(try reader.opaque("nl_name", max: NFSLimits.nameBytesMax))
        case 2: self = .url(try reader.opaque("nl_url", max: NFSLimits.nameBytesMax))
        case 3: self = .address(try NetworkAddress(from: &reader))
        default: throw XDRError(.badValue, "netloc_type4", at: reader.offset - 4)
        }
    }

    package func encode(to writer: inout XDRWriter) {
        switch self {
        case .name(let value):
            writer.write(UInt32(1))
            writer.write(opaque: value)
        case .url(let value):
            writer.write(UInt32(2))
            writer.write(opaque: value)
        case .address(let value):
            writer.write(UInt32(3))
            value.encode(to: &writer)
        }
    }
}
