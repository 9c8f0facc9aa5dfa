private import Synchronization

/// The log: sealed frames behind our header block.
///
/// A transaction's frames are gathered and written together, at the latest when SQLite syncs; nobody
/// reads them before, since SQLite publishes them in its index after the sync.
final class SealedLogFile: SealedFile {
    let seal: ConnectionSeal
    /// Frames gathered at most: 64 of 4,160 bytes are 260 KiB, one write.
    private static let gatheredMax = 64
    // SAFETY: allocated at the first write, freed in deinit; never handed out for longer than a call.
    private var gathered: UnsafeMutableRawPointer?
    private var gatheredCount = 0
    private var gatheredFirst: UInt64 = 0
    /// Frames up to the last whole transaction among the gathered.
    private var gatheredCommit: UInt64?
    private var claim: (generation: UInt64, durable: UInt64) = (0, 0)
    /// SQLite's header of the frame whose page comes next.
    private var header: (index: UInt64, bytes: (UInt64, UInt64, UInt64))?

    init(_ seal: ConnectionSeal) {
        self.seal = seal
    }

    deinit {
        gathered?.deallocate()
    }

    // MARK: Reading

    func read(
        into target: UnsafeMutableRawPointer,
        count: Int,
        at offset: UInt64
    ) throws(MetadataError) -> Bool {
        try flush()
        if offset == 0, count == SealedLayout.logHeaderBytes {
            target.copyMemory(from: files.logHeader, byteCount: count)
            return true
        }
        let (index, start) = try frame(at: offset)
        switch (start, count) {
        case (0, SealedLayout.frameBytes):
            // Recovery: what does not open is not there, and SQLite stops before it.
            let page = target + SealedLayout.frameHeaderBytes
            if try !open(index, header: target, page: page) {
                UnsafeMutableRawBufferPointer(start: target, count: count)
                    .initializeMemory(as: UInt8.self, repeating: 0)
            }
        case (SealedLayout.frameHeaderBytes, SealedLayout.pageBytes):
            guard try open(index, header: nil, page: target) else {
                let place = SealedLayout.offset(ofFrame: index)
                throw MetadataError(
                    .corrupt,
                    "log '\(files.logPath)': frame \(index + 1) at byte \(place) does not open"
                        + files.logCopies.everywhere,
                    remedy: MetadataError.damageRemedy
                )
            }
        default: throw refusal("\(count) bytes at \(start) of a frame")
        }
        return true
    }

    /// Opens a frame of the present generation: SQLite's header where it is wanted, and the page.
    private func open(
        _ index: UInt64,
        header: UnsafeMutableRawPointer?,
        page: UnsafeMutableRawPointer
    ) throws(MetadataError) -> Bool {
        seal.forget()
        let buffer = UnsafeMutableRawBufferPointer(
            start: seal.sealedFrame,
            count: SealedLayout.sealedFrameBytes
        )
        let generation = files.generation
        var found: FrameHeader?
        let isOpen = try files.readFrame(index, of: generation, into: buffer) { count in
            guard count == SealedLayout.sealedFrameBytes else { return false }
            found = FrameHeader.open(
                seal.sealedFrame,
                index: index,
                generation: generation,
                with: seal.sealer
            )
            guard let found else { return false }
            return seal.sealer.open(page: seal.sealedPage, number: found.page, into: page)
        }
        files.counters.countRead()
        guard isOpen, let plain = found else { return false }
        seal.keep(page: plain.page, plain: page)
        header?.storeBytes(of: plain.bytes, as: (UInt64, UInt64, UInt64).self)
        return true
    }

    // MARK: Writing

    func write(
        _ source: UnsafeRawPointer,
        count: Int,
        at offset: UInt64
    ) throws(MetadataError) {
        if offset == 0, count == SealedLayout.logHeaderBytes {
            try flush()
            let bytes = UnsafeRawBufferPointer(start: source, count: count)
            return try files.restartLog(header: bytes, with: seal.sealer)
        }
        let (index, start) = try frame(at: offset)
        switch (start, count) {
        case (0, SealedLayout.frameHeaderBytes):
            header = (index, source.loadUnaligned(as: (UInt64, UInt64, UInt64).self))
        case (SealedLayout.frameHeaderBytes, SealedLayout.pageBytes):
            // SQLite rewrites a page or a header alone only after it has spilled its cache, which is off.
            guard let (headed, bytes) = header, headed == index else {
                throw refusal("a page without its frame's header")
            }
            header = nil
            try gather(index, FrameHeader(bytes: bytes), page: source)
        default: throw refusal("a write of \(count) bytes at \(start) of a frame")
        }
    }

    private func gather(
        _ index: UInt64,
        _ header: FrameHeader,
        page: UnsafeRawPointer
    ) throws(MetadataError) {
        let reserved = UnsafeRawBufferPointer(
            start: page + SealedLayout.plainBytes,
            count: SealedLayout.reservedBytes
        )
        // SQLite's checksum covers them, and they read back as zeros.
        guard reserved.allSatisfy({ $0 == 0 }) else { throw refusal("reserved bytes to be kept") }
        if gatheredCount == SealedLogFile.gatheredMax
            || gatheredCount > 0 && index != gatheredFirst + UInt64(gatheredCount)
        {
            try flush()
        }
        let frames = gatheringBuffer()
        if gatheredCount == 0 {
            gatheredFirst = index
            claim = files.claim
        }
        let frame = frames + gatheredCount * SealedLayout.sealedFrameBytes
        seal.sealer.seal(
            page: page,
            number: header.page,
            into: frame + SealedLayout.sealedFrameHeaderBytes
        )
        header.seal(
            into: frame,
            index: index,
            generation: claim.generation,
            durable: claim.durable,
            with: seal.sealer
        )
        gatheredCount += 1
        files.counters.framesSealed.add(1, ordering: .relaxed)
        if header.isCommit { gatheredCommit = index + 1 }
    }

    private func gatheringBuffer() -> UnsafeMutableRawPointer {
        if let gathered { return gathered }
        let made = UnsafeMutableRawPointer.allocate(
            byteCount: SealedLogFile.gatheredMax * SealedLayout.sealedFrameBytes,
            alignment: 64
        )
        gathered = made
        return made
    }

    /// Writes what was gathered; on an error it is gone, as the transaction is.
    private func flush() throws(MetadataError) {
        guard gatheredCount > 0, let gathered else { return }
        let bytes = UnsafeRawBufferPointer(
            start: gathered,
            count: gatheredCount * SealedLayout.sealedFrameBytes
        )
        let committed = gatheredCommit
        gatheredCount = 0
        gatheredCommit = nil
        try files.append(bytes, at: gatheredFirst, committed: committed)
    }

    func sync() throws(MetadataError) {
        let endsTransaction = gatheredCommit != nil
        try flush()
        if endsTransaction, seal.defersSync { return }
        try files.syncLog(with: seal.sealer)
    }

    /// The log is overwritten from its start and never cut: growing a file costs 13 times the CPU.
    func truncate(to size: UInt64) throws(MetadataError) {
        throw refusal("a shorter log")
    }

    func size() throws(MetadataError) -> UInt64 {
        try flush()
        guard files.generation > 0 else { return 0 }
        let frames = SealedLayout.frames(inLogOf: try files.size(of: files.log))
        return UInt64(SealedLayout.logHeaderBytes) + frames * UInt64(SealedLayout.frameBytes)
    }

    private func frame(at offset: UInt64) throws(MetadataError) -> (index: UInt64, start: Int) {
        guard offset >= UInt64(SealedLayout.logHeaderBytes) else {
            throw refusal("bytes of the log's header")
        }
        let (index, start) = (offset - UInt64(SealedLayout.logHeaderBytes))
            .quotientAndRemainder(dividingBy: UInt64(SealedLayout.frameBytes))
        return (index, Int(start))
    }
}
