/// How `change` changes: change_attr_type4 (RFC 7862 §12.2.3).
package enum ChangeAttributeType: UInt32, XDREnumeration, Hashable {
    package static let name = "change_attr_type4"

    case monotonic = 0
    case versionCounter = 1
    case versionCounterNoPNFS = 2
    case metadataTime = 3
    case undefined = 4
}

/// Bits of the mode and which of them count: mode_masked4 (RFC 8881 §5.8.2, §6.2.5).
package struct MaskedMode: XDRValue, Hashable {
    package var value: UInt32
    package var mask: UInt32

    package init(value: UInt32, mask: UInt32) {
        self.value = value
        self.mask = mask
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        value = try reader.uint32("mm_value_to_set")
        mask = try reader.uint32("mm_mask_bits")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(value)
        writer.write(mask)
    }
}

/// A mode and the umask that the server applies unless an ACL is inherited: mode_umask4 (RFC 8275 §4).
package struct ModeUmask: XDRValue, Hashable {
    package var mode: UInt32
    package var umask: UInt32

    package init(mode: UInt32, umask: UInt32) {
        self.mode = mode
        self.umask = umask
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        mode = try reader.uint32("mu_mode")
        umask = try reader.uint32("mu_umask")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(mode)
        writer.write(umask)
    }
}

/// A label of mandatory access control: sec_label4 (RFC 7862 §12.2.4).
package struct SecurityLabel: XDRValue, Hashable {
    package var format: UInt32
    package var policy: UInt32
    package var label: [UInt8]

    package init(format: UInt32, policy: UInt32, label: [UInt8]) {
        self.format = format
        self.policy = policy
        self.label = label
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        format = try reader.uint32("lfs_lfs")
        policy = try reader.uint32("lfs_pi")
        label = try reader.opaque("slai_data", max: NFSLimits.bodyBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(format)
        writer.write(policy)
        writer.write(opaque: label)
    }
}

/// fs4_status_type (RFC 8881 §11.18).
package enum FileSystemStatusType: UInt32, XDREnumeration, Hashable {
    package static let name = "fs4_status_type"

    case fixed = 1
    case updated = 2
    case versioned = 3
    case writable = 4
    case referral = 5
}

/// fs4_status (RFC 8881 §11.18).
package struct FileSystemStatus: XDRValue, Hashable {
    package var isAbsent: Bool
    package var type: FileSystemStatusType
    package var source: [UInt8]
    package var current: [UInt8]
    package var age: Int32
    package var version: NFSTime

    package init(
        isAbsent: Bool,
        type: FileSystemStatusType,
        source: [UInt8],
        current: [UInt8],
        age: Int32,
        version: NFSTime
    ) {
        self.isAbsent = isAbsent
        self.type = type
        self.source = source
        self.current = current
        self.age = age
        self.version = version
    }

    package static var bytesMin: Int { 32 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        isAbsent = try reader.bool("fss_absent")
        type = try FileSystemStatusType(from: &reader)
        source = try reader.opaque("fss_source", max: NFSLimits.nameBytesMax)
        current = try reader.opaque("fss_current", max: NFSLimits.nameBytesMax)
        age = try reader.int32("fss_age")
        version = try NFSTime(from: &reader)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(isAbsent)
        type.encode(to: &writer)
        writer.write(opaque: source)
        writer.write(opaque: current)
        writer.write(age)
        version.encode(to: &writer)
    }
}

/// When to use a layout: threshold_item4 (RFC 8881 §5.12.4).
package struct ThresholdItem: XDRValue, Hashable {
    package var layoutType: UInt32
    package var hints: Bitmap
    package var values: [UInt8]

    package init(layoutType: UInt32, hints: Bitmap, values: [UInt8]) {
        self.layoutType = layoutType
        self.hints = hints
        self.values = values
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        layoutType = try reader.uint32("thi_layout_type")
        hints = try Bitmap(from: &reader)
        values = try reader.opaque("thi_hintlist", max: NFSLimits.bodyBytesMax)
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(layoutType)
        hints.encode(to: &writer)
        writer.write(opaque: values)
    }
}

/// How long a file is retained: retention_get4 (RFC 8881 §5.13).
package struct Retention: XDRValue, Hashable {
    /// Seconds; 2^64 - 1 is for ever.
    package var duration: UInt64
    package var begin: NFSTime?

    package init(duration: UInt64, begin: NFSTime?) {
        self.duration = duration
        self.begin = begin
    }

    package static var bytesMin: Int { 12 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        duration = try reader.uint64("rg_duration")
        begin = try reader.optional("rg_begin_time")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(duration)
        writer.write(optional: begin)
    }
}

/// retention_set4 (RFC 8881 §5.13).
package struct SetRetention: XDRValue, Hashable {
    package var enable: Bool
    package var duration: UInt64?

    package init(enable: Bool, duration: UInt64?) {
        self.enable = enable
        self.duration = duration
    }

    package static var bytesMin: Int { 8 }

    package init(from reader: inout XDRReader) throws(XDRError) {
        enable = try reader.bool("rs_enable")
        duration = try reader.optional("rs_duration")
    }

    package func encode(to writer: inout XDRWriter) {
        writer.write(enable)
        writer.write(optional: duration)
    }
}
