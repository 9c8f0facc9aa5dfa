import CArchive
import VarveModel

/// Reads any tar that libarchive knows, from a stream.
final class ArchiveDecoder {
    // SAFETY: made in init, freed in deinit, used by one owner at a time.
    private let archive: OpaquePointer
    private let input: Input

    /// Where bytes come from; keeps the last part alive while libarchive reads it.
    private final class Input {
        let next: () -> [UInt8]?
        var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 1)

        init(_ next: @escaping () -> [UInt8]?) {
            self.next = next
        }

        deinit {
            buffer.deallocate()
        }
    }

    /// Begins to read; `next` answers the next bytes, waiting for them, and `nil` at the end.
    init(_ next: @escaping () -> [UInt8]?) throws(ArchiveFailure) {
        guard let made = archive_read_new() else {
            throw ArchiveFailure(reason: "out of memory", isEntryOnly: false)
        }
        archive = made
        input = Input(next)
        try check(archive_read_support_format_tar(archive))
        try check(archive_read_support_format_gnutar(archive))
        // SAFETY: `input` lives as long as this object, which frees the archive in deinit; libarchive is
        // done with a buffer when it asks for the next one.
        let context = Unmanaged.passUnretained(input).toOpaque()
        let result = archive_read_open2(
            archive,
            context,
            nil,
            { _, context, place in
                guard let context, let place else { return -1 }
                let input = Unmanaged<Input>.fromOpaque(context).takeUnretainedValue()
                guard let bytes = input.next(), !bytes.isEmpty else { return 0 }
                input.buffer.deallocate()
                input.buffer = .allocate(byteCount: bytes.count, alignment: 1)
                input.buffer.copyBytes(from: bytes)
                place.pointee = UnsafeRawPointer(input.buffer.baseAddress)
                return bytes.count
            },
            nil,
            nil
        )
        try check(result)
    }

    deinit {
        archive_read_free(archive)
    }

    /// The next header; `nil` at the end.
    func next() throws(ArchiveFailure) -> ArchiveEntry? {
        var header: OpaquePointer?
        let result = archive_read_next_header(archive, &header)
        if result == ARCHIVE_EOF { return nil }
        // A warning: a name that is no text in this locale, which is all the same to us.
        try check(result)
        guard let header else { return nil }
        return entry(header)
    }

    /// The next bytes of the current file and where they belong; `nil` at its end.
    func nextData() throws(ArchiveFailure) -> (offset: UInt64, bytes: [UInt8])? {
        var start: UnsafeRawPointer?
        var count = 0
        var offset: Int64 = 0
        let result = archive_read_data_block(archive, &start, &count, &offset)
        if result == ARCHIVE_EOF { return nil }
        try check(result)
        return (UInt64(offset), Array(UnsafeRawBufferPointer(start: start, count: count)))
    }

    private func entry(_ header: OpaquePointer) -> ArchiveEntry? {
        let mode = archive_entry_mode(header)
        let hardLink = archive_entry_hardlink(header).map(bytes)
        let kind = FileKind(rawValue: UInt8(truncatingIfNeeded: mode >> 12)) ?? .regular
        let attributes = self.attributes(header)
        var entry = ArchiveEntry(
            path: archive_entry_pathname(header).map(bytes) ?? [],
            hardLink: hardLink,
            node: TreeNode(
                identity: TreeNode.Identity(device: 0, inode: 0),
                kind: kind,
                permissions: ArchiveACL.permissions(UInt16(mode & 0o7777), attributes),
                uid: UInt32(truncatingIfNeeded: archive_entry_uid(header)),
                gid: UInt32(truncatingIfNeeded: archive_entry_gid(header)),
                links: 1,
                size: UInt64(max(0, archive_entry_size(header))),
                accessed: accessed(header),
                modified: modified(header),
                device: DeviceNumber(
                    major: UInt32(truncatingIfNeeded: archive_entry_rdevmajor(header)),
                    minor: UInt32(truncatingIfNeeded: archive_entry_rdevminor(header))
                )
            )
        )
        entry.details.target = archive_entry_symlink(header).map(bytes) ?? []
        entry.details.attributes = attributes
        return entry
    }

    private func modified(_ header: OpaquePointer) -> Timestamp {
        ArchiveTime.timestamp(archive_entry_mtime(header), archive_entry_mtime_nsec(header))
    }

    /// An archive need not have access times; then it was read when it was written.
    private func accessed(_ header: OpaquePointer) -> Timestamp {
        guard archive_entry_atime_is_set(header) != 0 else { return modified(header) }
        return ArchiveTime.timestamp(
            archive_entry_atime(header),
            archive_entry_atime_nsec(header)
        )
    }

    private func attributes(_ header: OpaquePointer) -> [TreeDetails.Attribute] {
        var found: [TreeDetails.Attribute] = []
        archive_entry_xattr_reset(header)
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while archive_entry_xattr_next(header, &name, &value, &count) == ARCHIVE_OK {
            guard let name else { continue }
            let attribute = TreeDetails.Attribute(
                name: bytes(name),
                value: Array(UnsafeRawBufferPointer(start: value, count: count))
            )
            // Writers put one attribute down in two spellings.
            if !found.contains(where: { $0.name == attribute.name }) { found.append(attribute) }
        }
        return found
    }

    private func bytes(_ text: UnsafePointer<CChar>) -> [UInt8] {
        var bytes: [UInt8] = []
        var at = text
        while at.pointee != 0 {
            bytes.append(UInt8(bitPattern: at.pointee))
            at += 1
        }
        return bytes
    }

    private func check(_ result: Int32) throws(ArchiveFailure) {
        guard result == ARCHIVE_OK || result == ARCHIVE_WARN else {
            let text = archive_error_string(archive).map { String(cString: $0) }
            throw ArchiveFailure(
                reason: text ?? "libarchive answered \(result)",
                isEntryOnly: false
            )
        }
    }
}
