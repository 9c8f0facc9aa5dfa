/// What an object is: nfs_ftype4 (RFC 8881 §3.2.1).
package enum NFSFileType: UInt32, XDREnumeration, Hashable {
    package static let name = "nfs_ftype4"

    case regular = 1
    case directory = 2
    case blockDevice = 3
    case characterDevice = 4
    case symlink = 5
    case socket = 6
    case fifo = 7
    /// NF4ATTRDIR.
    case attributeDirectory = 8
    /// NF4NAMEDATTR.
    case namedAttribute = 9
}

/// The numbers of a device special file: specdata4 (RFC 8881 §3.3.3).
package struct DeviceSpecification: XDRValue, Hashable {
    package var major: UInt32
    package var minor: UInt32

    package init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        major = try reader.uint32("specdata1")
        minor = try reader.uint32("specdata2")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(major)
        writer.write(minor)
    }
}

/// Names a file system: fsid4 (RFC 8881 §3.3.5).
package struct FileSystemID: XDRValue, Hashable {
    package var major: UInt64
    package var minor: UInt64

    package init(major: UInt64, minor: UInt64) {
        self.major = major
        self.minor = minor
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        major = try reader.uint64("fsid4.major")
        minor = try reader.uint64("fsid4.minor")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(major)
        writer.write(minor)
    }
}

/// A directory's `change` before and after an operation: change_info4 (RFC 8881 §3.3.10).
package struct ChangeInfo: XDRValue, Hashable {
    /// Whether nothing else changed the directory in between.
    package var isAtomic: Bool
    package var before: UInt64
    package var after: UInt64

    package init(isAtomic: Bool, before: UInt64, after: UInt64) {
        self.isAtomic = isAtomic
        self.before = before
        self.after = after
    }

    package static var bytesMin: Int { 20 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        isAtomic = try reader.bool("change_info4.atomic")
        before = try reader.uint64("change_info4.before")
        after = try reader.uint64("change_info4.after")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(isAtomic)
        writer.write(before)
        writer.write(after)
    }
}

/// change_policy4 (RFC 8881 §3.3.6).
package struct ChangePolicy: XDRValue, Hashable {
    package var major: UInt64
    package var minor: UInt64

    package init(major: UInt64, minor: UInt64) {
        self.major = major
        self.minor = minor
    }

    package static var bytesMin: Int { 16 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        major = try reader.uint64("cp_major")
        minor = try reader.uint64("cp_minor")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(major)
        writer.write(minor)
    }
}

/// How durable a write is: stable_how4 (RFC 8881 §18.32.1).
package enum StableHow: UInt32, XDREnumeration, Hashable {
    package static let name = "stable_how4"

    case unstable = 0
    /// DATA_SYNC4: the data and what is needed to read it back.
    case dataSync = 1
    /// FILE_SYNC4: all attributes too.
    case fileSync = 2
}

/// What a stretch of a file holds: data_content4 (RFC 7862 §15.11.1).
package enum DataContent: UInt32, XDREnumeration, Hashable {
    package static let name = "data_content4"

    case data = 0
    case hole = 1
}
