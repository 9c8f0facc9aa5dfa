import MetadataStore
package import VarveModel

/// A regular file that is made at once with all that it has.
package struct WholeFile: Sendable {
    /// Bytes that stand together.
    package struct Run: Sendable {
        package let offset: UInt64
        package let bytes: [UInt8]

        package init(offset: UInt64, bytes: [UInt8]) {
            self.offset = offset
            self.bytes = bytes
        }

        var range: Range<UInt64> { offset..<offset + UInt64(bytes.count) }
    }

    package var permissions: UInt16
    /// Another owner than the caller: root only.
    package var uid: UInt32?
    /// Another group than the caller's: root, or a member.
    package var gid: UInt32?
    package var accessed: Timestamp
    package var modified: Timestamp
    /// At least the end of the last run; what no run covers is a hole.
    package var size: UInt64
    /// Ascending, disjoint, none empty.
    package var runs: [Run]
    package var attributes: [ExtendedAttribute]

    /// 1 MiB: what one caller holds, and what is sealed before the name stands.
    package static let bytesMax = 1 << 20
    /// A tile of more slices would be merged anew at once.
    package static let runsMax = Core.slicesMax

    package init(
        permissions: UInt16,
        uid: UInt32? = nil,
        gid: UInt32? = nil,
        accessed: Timestamp,
        modified: Timestamp,
        size: UInt64,
        runs: [Run] = [],
        attributes: [ExtendedAttribute] = []
    ) {
        self.permissions = permissions
        self.uid = uid
        self.gid = gid
        self.accessed = accessed
        self.modified = modified
        self.size = size
        self.runs = runs
        self.attributes = attributes
    }

    /// Whether the data lies in the inode's own rows, as a write of it would have it.
    var isInline: Bool { (runs.last?.range.upperBound ?? 0) <= InlineContent.bytesMax }

    /// The bytes up to the last run's end, holes as zeros.
    var inlineBytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(runs.last?.range.upperBound ?? 0))
        for run in runs {
            let start = Int(run.offset)
            bytes.replaceSubrange(start..<start + run.bytes.count, with: run.bytes)
        }
        return bytes
    }
}

/// A file that was made at once.
package struct MadeFile: Sendable {
    package let attributes: Attributes
    /// Extended attributes that the caller may not set; the file stands without them.
    package let refused: [(name: [UInt8], error: FileSystemError)]
}

/// Imports and restores: one transaction a file, where separate calls would need three or more.
extension FileSystem {
    /// Makes a regular file with its bytes, attributes and extended attributes: all of it or nothing (I3).
    ///
    /// The bytes are sealed before the name is made, and are durable before it is (I1).
    ///
    /// - Parameters:
    ///   - name: Free in `directory`.
    ///   - directory: The caller needs write and search permission there.
    ///   - file: What is made; at most ``WholeFile/bytesMax`` and ``WholeFile/runsMax``.
    ///   - caller: Its owner, unless `file` says otherwise.
    /// - Returns: The new inode, and which extended attributes were refused.
    /// - Throws: `.invalid` for runs out of order or too many; as ``create(_:in:_:as:)`` and
    ///   ``write(_:_:at:stability:as:)``.
    package func createWhole(
        _ name: FileName,
        in directory: InodeNumber,
        _ file: WholeFile,
        as caller: Credentials
    ) async throws(FileSystemError) -> MadeFile {
        try core.requireWritable()
        try file.check(limits)
        let sealed = file.isInline ? nil : try await seal(file)
        do throws(FileSystemError) {
            let made = try await committer.run {
                try $0.createWhole(name, in: directory, file, sealed, as: caller)
            }
            if !file.runs.isEmpty { core.observe(made.attributes.inode) }
            return made
        } catch {
            core.discard(sealed?.slices.map(\.record) ?? [])
            throw error
        }
    }

    /// Seals a file's runs under an inode number that nobody has yet.
    private func seal(_ file: WholeFile) async throws(FileSystemError) -> SealedFile {
        while true {
            if let sealed = try await readers.run(shows: false, { try $0.seal(file) }) {
                return sealed
            }
            // A commit raises the durable ceilings of the counters.
            try await committer.run { try $0.extendCeilings() }
        }
    }
}

/// A file's bytes in segments, before its rows are made.
struct SealedFile: Sendable {
    let inode: InodeNumber
    var slices: [PendingSlice] = []
}

extension WholeFile {
    fileprivate func check(_ limits: FileSystemLimits) throws(FileSystemError) {
        var end: UInt64 = 0
        var count = 0
        for run in runs {
            guard run.offset >= end, !run.bytes.isEmpty, run.offset <= limits.fileBytesMax else {
                throw FileSystemError(
                    .invalid,
                    "runs of a file that do not ascend at \(run.offset)"
                )
            }
            end = run.range.upperBound
            count += run.bytes.count
        }
        guard count <= WholeFile.bytesMax, runs.count <= WholeFile.runsMax, end <= size else {
            throw FileSystemError(
                .invalid,
                "a file of \(count) bytes in \(runs.count) runs up to \(end) is not made at once"
            )
        }
        guard size <= limits.fileBytesMax else {
            throw FileSystemError(.fileTooBig, "a file of \(size) bytes")
        }
    }
}

extension ReadContext {
    /// `nil` when a counter is at its durable ceiling.
    fileprivate func seal(_ file: WholeFile) throws -> SealedFile? {
        guard let number = core.database.sequences.take(.inode),
            let change = core.database.sequences.take(.change)
        else { return nil }
        var sealed = SealedFile(inode: InodeNumber(rawValue: number))
        let stamp = WriteStamp(size: file.size, modified: core.configuration.clock.now())
        do {
            for run in file.runs {
                let slices = try seal(run.bytes, of: sealed.inode, at: run.offset, stamp, change)
                guard let slices else {
                    core.discard(sealed.slices.map(\.record))
                    return nil
                }
                sealed.slices += slices
            }
        } catch {
            core.discard(sealed.slices.map(\.record))
            throw error
        }
        return sealed
    }
}

extension WriteContext {
    fileprivate func createWhole(
        _ name: FileName,
        in directory: InodeNumber,
        _ file: WholeFile,
        _ sealed: SealedFile?,
        as caller: Credentials
    ) throws -> MadeFile {
        // Whoever is not root must be able to write it until it is dressed.
        let new = NewInode(
            .regular,
            permissions: file.permissions | (caller.isRoot ? 0 : 0o600),
            uid: file.uid,
            gid: file.gid
        )
        var refused: [(name: [UInt8], error: FileSystemError)] = []
        let attributes = try create(
            name,
            in: directory,
            new,
            as: caller,
            number: sealed?.inode
        ) { row in
            try fill(&row, file, sealed)
            refused = try dress(&row, file, caller)
        }
        return MadeFile(attributes: attributes, refused: refused)
    }

    private func fill(_ row: inout InodeRow, _ file: WholeFile, _ sealed: SealedFile?) throws {
        row.size = file.size
        guard let sealed else {
            guard !file.runs.isEmpty else { return }
            let bytes = file.inlineBytes
            try writer.putInline(row.inode, bytes)
            row.space = UInt64(bytes.count)
            return
        }
        for slice in sealed.slices {
            try insert(slice, of: row.inode)
            row.appliedSequence = slice.sequence
            row.space += UInt64(slice.range.count)
        }
        row.flags |= InodeFlags.hasSlices
    }

    /// Extended attributes first, as the maker may; then what it leaves the file to be.
    private func dress(
        _ row: inout InodeRow,
        _ file: WholeFile,
        _ caller: Credentials
    ) throws -> [(name: [UInt8], error: FileSystemError)] {
        var refused: [(name: [UInt8], error: FileSystemError)] = []
        var names: [[UInt8]] = []
        for attribute in file.attributes {
            do throws(FileSystemError) {
                try requireSettable(attribute, of: Attributes(row), for: caller)
                try requireRoom(forName: attribute.name, beside: names, of: row.inode)
            } catch {
                refused.append((attribute.name, error))
                continue
            }
            names.append(attribute.name)
            try writer.setXattr(row.inode, name: attribute.name, value: attribute.value)
        }
        // The owners were given at birth; to give them again would take set-id bits away.
        let changes = AttributeChanges(permissions: file.permissions)
        let ownership = try Ownership.changed(Attributes(row), by: changes, for: caller)
        row.uid = ownership.uid
        row.gid = ownership.gid
        row.permissions = ownership.permissions
        row.accessed = file.accessed
        row.modified = file.modified
        return refused
    }
}
