import CSQLite

/// A file as SQLite's VFS calls it: offsets and sizes are SQLite's, before sealing.
protocol SealedFile: AnyObject {
    var seal: ConnectionSeal { get }

    /// Reads `count` bytes.
    ///
    /// - Returns: False when the file ends before; the rest is zeros.
    /// - Throws: `.corrupt`, `.failed`.
    func read(
        into target: UnsafeMutableRawPointer,
        count: Int,
        at offset: UInt64
    ) throws(MetadataError) -> Bool

    func write(
        _ source: UnsafeRawPointer,
        count: Int,
        at offset: UInt64
    ) throws(MetadataError)

    func truncate(to size: UInt64) throws(MetadataError)

    func sync() throws(MetadataError)

    func size() throws(MetadataError) -> UInt64
}

extension SealedFile {
    var files: SealedFiles { seal.files }

    func refusal(_ what: String) -> MetadataError {
        MetadataError(
            .failed,
            "database '\(files.path)': SQLite asked for \(what), which is refused"
        )
    }
}

/// The base: sealed pages behind our header block.
final class SealedPagesFile: SealedFile {
    let seal: ConnectionSeal
    var locks = WALIndex.Held()

    init(_ seal: ConnectionSeal) {
        self.seal = seal
    }

    deinit {
        files.index.release(&locks)
    }

    func read(
        into target: UnsafeMutableRawPointer,
        count: Int,
        at offset: UInt64
    ) throws(MetadataError) -> Bool {
        let start = Int(offset % UInt64(SealedLayout.pageBytes))
        let number = UInt32(offset / UInt64(SealedLayout.pageBytes)) + 1
        guard start + count <= SealedLayout.pageBytes else { throw refusal("parts of two pages") }
        if count == SealedLayout.pageBytes {
            return try openPage(number, into: target)
        }
        // Before SQLite knows the page size it reads a few bytes of page 1, for constants alone.
        // Page 1 of the base may be torn while the log has it whole, so constants it gets.
        guard number == 1, start + count <= BlankPage.headerBytes else {
            throw refusal("\(count) bytes of page \(number)")
        }
        let header = BlankPage.page(applicationID: 0)
        header.withUnsafeBytes { header in
            let part = UnsafeRawBufferPointer(rebasing: header[start..<start + count])
            UnsafeMutableRawBufferPointer(start: target, count: count).copyMemory(from: part)
        }
        return true
    }

    /// Opens a page; false when it is past the end because no commit has written it yet.
    private func openPage(
        _ number: UInt32,
        into target: UnsafeMutableRawPointer
    ) throws(MetadataError) -> Bool {
        seal.forget()
        let buffer = UnsafeMutableRawBufferPointer(
            start: seal.sealedPage,
            count: SealedLayout.pageBytes
        )
        var longest = 0
        let isOpen = try files.readPage(number, into: buffer) { count in
            longest = max(longest, count)
            return count == SealedLayout.pageBytes
                && seal.sealer.open(page: seal.sealedPage, number: number, into: target)
        }
        files.counters.countRead()
        if isOpen { return true }
        guard longest == SealedLayout.pageBytes else {
            // A transaction may allocate a page, drop it from its cache and read it before its commit.
            if number > files.committedPages {
                UnsafeMutableRawBufferPointer(start: target, count: SealedLayout.pageBytes)
                    .initializeMemory(as: UInt8.self, repeating: 0)
                return false
            }
            throw MetadataError(
                .corrupt,
                "database '\(files.path)' ends before page \(number)",
                remedy: MetadataError.damageRemedy
            )
        }
        let offset = SealedLayout.offset(ofPage: number)
        throw MetadataError(
            .corrupt,
            "database '\(files.path)': page \(number) at byte \(offset) does not open"
                + files.baseCopies.everywhere,
            remedy: MetadataError.damageRemedy
        )
    }

    /// Pages come here from the log alone, at a checkpoint: as they stand there, sealed.
    func write(
        _ source: UnsafeRawPointer,
        count: Int,
        at offset: UInt64
    ) throws(MetadataError) {
        let pageBytes = UInt64(SealedLayout.pageBytes)
        guard count == SealedLayout.pageBytes, offset % pageBytes == 0 else {
            throw refusal("a write of \(count) bytes at \(offset)")
        }
        let number = UInt32(offset / pageBytes) + 1
        if !seal.holds(page: number, plain: source) {
            seal.forget()
            seal.sealer.seal(page: source, number: number, into: seal.sealedPage)
        }
        let sealed = UnsafeRawBufferPointer(start: seal.sealedPage, count: SealedLayout.pageBytes)
        try files.write(sealed, to: files.base, at: SealedLayout.offset(ofPage: number))
    }

    func truncate(to size: UInt64) throws(MetadataError) {
        try files.truncateBase(to: size + UInt64(SealedLayout.pageBytes))
    }

    func sync() throws(MetadataError) {
        try files.syncBase()
    }

    func size() throws(MetadataError) -> UInt64 {
        let blocks = try files.size(of: files.base) / UInt64(SealedLayout.pageBytes)
        return max(blocks, 1) * UInt64(SealedLayout.pageBytes) - UInt64(SealedLayout.pageBytes)
    }

    /// Takes or gives back locks of the index; a suspect database lets nobody write.
    func lock(_ first: Int32, _ count: Int32, _ flags: Int32) throws(MetadataError) -> Int32 {
        let writes = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE
        if first == 0, flags & writes == writes { try files.requireTrust() }
        return files.index.lock(first, count, flags, &locks)
    }
}
