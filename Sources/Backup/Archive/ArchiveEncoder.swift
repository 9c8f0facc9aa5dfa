import CArchive
import VarveModel

/// Makes the bytes of a pax archive: names are bytes, times have nanoseconds, holes and extended
/// attributes are kept.
final class ArchiveEncoder {
    // SAFETY: made in init, freed in deinit, used by one owner at a time.
    private let archive: OpaquePointer
    private let output: Output

    /// What libarchive wrote and nobody took yet.
    private final class Output {
        var bytes: [UInt8] = []
    }

    init() throws(ArchiveFailure) {
        guard let made = archive_write_new() else {
            throw ArchiveFailure(reason: "out of memory", isEntryOnly: false)
        }
        archive = made
        output = Output()
        try check(archive_write_set_format_pax(archive))
        // Names are bytes to us: no conversion, and readers are told so.
        // Attributes are written once, as GNU tar and bsdtar read them.
        let options = "hdrcharset=BINARY,xattrheader=SCHILY"
        try check(archive_write_set_options(archive, options))
        try check(archive_write_set_bytes_per_block(archive, 0))
        try check(archive_write_set_bytes_in_last_block(archive, 1))
        // SAFETY: `output` lives as long as this object, which frees the archive in deinit.
        let context = Unmanaged.passUnretained(output).toOpaque()
        let result = archive_write_open2(
            archive,
            context,
            nil,
            { _, context, buffer, count in
                guard let context, let buffer else { return -1 }
                let output = Unmanaged<Output>.fromOpaque(context).takeUnretainedValue()
                output.bytes.append(contentsOf: UnsafeRawBufferPointer(start: buffer, count: count))
                return count
            },
            nil,
            nil
        )
        try check(result)
    }

    deinit {
        archive_write_free(archive)
    }

    /// Begins an entry; a file's data must follow, holes as zeros.
    func begin(_ entry: ArchiveEntry) throws(ArchiveFailure) {
        guard let header = archive_entry_new() else {
            throw ArchiveFailure(reason: "out of memory", isEntryOnly: false)
        }
        defer { archive_entry_free(header) }
        let node = entry.node
        let isRoot = entry.path.isEmpty
        archive_entry_copy_pathname(header, isRoot ? [46, 0] : entry.path.terminated)
        archive_entry_set_mode(header, UInt32(node.kind.rawValue) << 12 | UInt32(node.permissions))
        archive_entry_set_uid(header, Int64(node.uid))
        archive_entry_set_gid(header, Int64(node.gid))
        let modified = ArchiveTime.parts(of: node.modified)
        archive_entry_set_mtime(header, modified.seconds, modified.fraction)
        let accessed = ArchiveTime.parts(of: node.accessed)
        archive_entry_set_atime(header, accessed.seconds, accessed.fraction)
        archive_entry_set_size(header, 0)
        if let target = entry.hardLink {
            archive_entry_copy_hardlink(header, target.terminated)
        } else {
            describe(entry, in: header)
        }
        let start = output.bytes.count
        try check(archive_write_header(archive, header))
        if entry.hardLink == nil, ArchiveACL.isAny(entry.details.attributes) {
            output.bytes.setTarMode(node.permissions, from: start)
        }
    }

    /// What a first name has and a further name has not.
    private func describe(_ entry: ArchiveEntry, in header: OpaquePointer) {
        let node = entry.node
        switch node.kind {
        case .regular:
            archive_entry_set_size(header, Int64(node.size))
            if let runs = entry.runs {
                for run in runs {
                    archive_entry_sparse_add_entry(
                        header,
                        Int64(run.lowerBound),
                        Int64(run.count)
                    )
                }
                // A file that is one hole: a run of nothing says that there is a map at all.
                if runs.isEmpty { archive_entry_sparse_add_entry(header, 0, 0) }
            }
        case .symlink: archive_entry_copy_symlink(header, entry.details.target.terminated)
        case .characterDevice, .blockDevice:
            archive_entry_set_rdevmajor(header, UInt(node.device.major))
            archive_entry_set_rdevminor(header, UInt(node.device.minor))
        case .directory, .fifo, .socket: break
        }
        for attribute in entry.details.attributes {
            archive_entry_xattr_add_entry(
                header,
                attribute.name.terminated,
                attribute.value,
                attribute.value.count
            )
            for line in ArchiveACL.lines(attribute) {
                archive_entry_acl_add_entry(
                    header,
                    line.isDefault ? ARCHIVE_ENTRY_ACL_TYPE_DEFAULT : ARCHIVE_ENTRY_ACL_TYPE_ACCESS,
                    Int32(line.permissions),
                    ArchiveEncoder.tag(line.tag),
                    Int32(bitPattern: line.id),
                    nil
                )
            }
        }
    }

    private static func tag(_ tag: ArchiveACL.Tag) -> Int32 {
        switch tag {
        case .owner: ARCHIVE_ENTRY_ACL_USER_OBJ
        case .user: ARCHIVE_ENTRY_ACL_USER
        case .owningGroup: ARCHIVE_ENTRY_ACL_GROUP_OBJ
        case .group: ARCHIVE_ENTRY_ACL_GROUP
        case .mask: ARCHIVE_ENTRY_ACL_MASK
        case .other: ARCHIVE_ENTRY_ACL_OTHER
        }
    }

    /// Adds data of the current file.
    func add(_ bytes: UnsafeRawBufferPointer) throws(ArchiveFailure) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = archive_write_data(archive, rest.baseAddress, rest.count)
            guard count > 0 else { throw failure(Int32(truncatingIfNeeded: count)) }
            done += count
        }
    }

    /// Ends the current entry.
    func endEntry() throws(ArchiveFailure) {
        try check(archive_write_finish_entry(archive))
    }

    /// Ends the archive.
    func close() throws(ArchiveFailure) {
        try check(archive_write_close(archive))
    }

    /// What is ready to be sent.
    func takeOutput() -> [UInt8] {
        defer { output.bytes = [] }
        return output.bytes
    }

    private func check(_ result: Int32) throws(ArchiveFailure) {
        // A warning means that something was written in a way that old readers do not know.
        guard result == ARCHIVE_OK || result == ARCHIVE_WARN else { throw failure(result) }
    }

    private func failure(_ result: Int32) -> ArchiveFailure {
        let text = archive_error_string(archive).map { String(cString: $0) }
        return ArchiveFailure(
            reason: text ?? "libarchive answered \(result)",
            isEntryOnly: result == ARCHIVE_FAILED
        )
    }
}

extension [UInt8] {
    /// As a C string.
    fileprivate var terminated: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}
