import Disk

/// Tells a log that a power cut has torn from one that was damaged.
///
/// SQLite takes the first frame that does not open for the log's end. That is right only where no
/// sync had answered: three witnesses say how far one had. The note in the base, the claims that later
/// frames carry, and the position that another file remembers. A history shorter than any is refused.
struct LogAudit {
    private let files: SealedFiles
    private let sealer: PageSealer

    init(_ files: SealedFiles) {
        self.files = files
        sealer = PageSealer(files.keys)
    }

    /// Recovers the log by reading through `connection`, and refuses a history that is too short.
    func recover(on connection: Connection, atLeast position: WALPosition) throws(MetadataError) {
        let statement = try connection.prepare("SELECT count(*) FROM sqlite_schema")
        try statement.run()
        let recovered = WALPosition(
            generation: files.generation,
            frames: UInt64(files.index.committedFrames)
        )
        let note = try DurableNote.greatest(in: files.baseCopies, with: sealer)
        let claimed = WALPosition(
            generation: recovered.generation,
            frames: try greatestClaim(from: recovered.frames)
        )
        let witnesses = [
            (note, "the base's own note"), (claimed, "a later frame"),
            (position, "what the segments remember of it"),
        ]
        for (required, witness) in witnesses where recovered < required {
            throw tooShort(recovered, required, witness)
        }
        let proven = max(note.generation == recovered.generation ? note.frames : 0, claimed.frames)
        // A note or a claim of all frames was written after their sync, which covered the record as well; and
        // a log without a record has nothing at all.
        let isProven = recovered.frames > 0 && proven >= recovered.frames
        if recovered.generation > 0, !isProven { try takeOver(proven..<recovered.frames) }
        files.adopt(frames: recovered.frames, pages: try countPages(on: connection))
    }

    private func tooShort(
        _ recovered: WALPosition,
        _ required: WALPosition,
        _ witness: String
    ) -> MetadataError {
        MetadataError(
            .corrupt,
            "database '\(files.path)': its history is shorter than what was durable: the log "
                + "reaches frame \(recovered.frames) of generation \(recovered.generation), "
                + "\(witness) proves frame \(required.frames) of generation "
                + "\(required.generation). The log was cut, or an older copy put in its place",
            remedy: "Put the newest copies of '\(files.path)' and '\(files.logPath)' back, both of "
                + "one moment, or restore from a recovery point; nothing was changed."
        )
    }

    /// The pages that the database says it has; without a log the base must have them all.
    private func countPages(on connection: Connection) throws(MetadataError) -> UInt32 {
        let counts = try connection.rows("PRAGMA page_count") {
            UInt32(truncatingIfNeeded: $0.int(0))
        }
        let pages = counts.first ?? 0
        let size = try files.size(of: files.base)
        guard files.index.committedFrames > 0 || size >= SealedLayout.offset(ofPage: pages + 1)
        else {
            throw MetadataError(
                .corrupt,
                "database '\(files.path)' is cut short: \(size) bytes for \(pages) pages",
                remedy: MetadataError.damageRemedy
            )
        }
        return pages
    }

    /// Makes durable what recovery has found and no witness vouches for.
    ///
    /// A killed process may not have synced it, or its sync may have failed: then the kernel holds the
    /// bytes for clean, a sync alone would answer well and do nothing. So they are written again.
    private func takeOver(_ frames: Range<UInt64>) throws(MetadataError) {
        let record = LogRecord(header: files.logHeader, generation: files.generation)
        try files.write(
            record.sealed(by: sealer),
            to: files.log,
            at: SealedLayout.logRecordOffset
        )
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: SealedLayout.sealedFrameBytes,
            alignment: 64
        )
        // SAFETY: used within this call alone.
        defer { buffer.deallocate() }
        for index in frames {
            try read(index, into: buffer)
            let offset = SealedLayout.offset(ofFrame: index)
            try files.write(UnsafeRawBufferPointer(buffer), to: files.log, at: offset)
        }
        do throws(DiskError) {
            try files.log.sync()
        } catch {
            throw MetadataError(error, database: files.path)
        }
    }

    /// Reads a frame that recovery has taken: it is written to every copy, so it must be the very one.
    private func read(
        _ index: UInt64,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(MetadataError) {
        let generation = files.generation
        let plain = UnsafeMutableRawPointer.allocate(
            byteCount: SealedLayout.pageBytes,
            alignment: 64
        )
        // SAFETY: used within this call alone.
        defer { plain.deallocate() }
        let isOpen = try files.readFrame(index, of: generation, into: buffer) { count in
            guard count == buffer.count, let frame = buffer.baseAddress,
                let header = FrameHeader.open(
                    frame,
                    index: index,
                    generation: generation,
                    with: sealer
                )
            else { return false }
            let page = frame + SealedLayout.sealedFrameHeaderBytes
            return sealer.open(page: page, number: header.page, into: plain)
        }
        guard isOpen else {
            throw MetadataError(
                .corrupt,
                "log '\(files.logPath)': frame \(index + 1) opened a moment ago and does not now",
                remedy: MetadataError.damageRemedy
            )
        }
    }

    /// Frames that any frame past `end` says, in whatever copy, were durable before it was written.
    ///
    /// - Throws: What a copy failed with where none can be read: frames went to every copy.
    private func greatestClaim(from end: UInt64) throws(MetadataError) -> UInt64 {
        var greatest: UInt64 = 0
        let copies = files.log.everyCopy(zone: "")
        let claims = try files.logCopies.readable(copies) { (copy) throws(MetadataError) in
            try greatestClaim(from: end, in: copy)
        }
        for claim in claims { greatest = max(greatest, claim) }
        return greatest
    }

    private func greatestClaim(
        from end: UInt64,
        in copy: any DiskCopy
    ) throws(MetadataError) -> UInt64 {
        let generation = files.generation
        guard generation > 0 else { return 0 }
        let batch: UInt64 = 64
        let frameBytes = SealedLayout.sealedFrameBytes
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(batch) * frameBytes,
            alignment: 64
        )
        // SAFETY: used within this call alone.
        defer { buffer.deallocate() }
        var greatest: UInt64 = 0
        var index = end
        while index < files.logCapacity {
            let offset = SealedLayout.offset(ofFrame: index)
            let count: Int
            do throws(DiskError) {
                count = try copy.read(into: buffer, at: offset) / frameBytes
            } catch {
                throw MetadataError(error, database: files.path)
            }
            guard count > 0, let start = buffer.baseAddress else { break }
            for frame in 0..<count {
                let header = FrameHeader.open(
                    start + frame * frameBytes,
                    index: index + UInt64(frame),
                    generation: generation,
                    with: sealer
                )
                if let header { greatest = max(greatest, header.durable) }
            }
            index += UInt64(count)
        }
        return greatest
    }
}
