package import Disk
import Synchronization

/// How far a scrub of one open database has come, and what it has found since that was taken last.
///
/// A value: ``SealedDatabase/scrub(_:bytesMax:)`` takes it a step further.
package struct SealedScrub: Sendable {
    /// Something that no copy can give.
    package struct Lost: Sendable, Hashable {
        package let zones: [String]
        /// Names the file, and where in it.
        package let message: String
    }

    enum Place: Sendable {
        case heads
        case frames(generation: UInt64, next: UInt64)
        case pages(next: UInt32)
        case done
    }

    var place = Place.heads
    /// All copies together.
    package internal(set) var bytesRead: UInt64 = 0
    package internal(set) var healed: [MendedCopy] = []
    package internal(set) var lost: [Lost] = []

    package init() {}

    package var isComplete: Bool {
        if case .done = place { true } else { false }
    }

    /// What was found since the last call; it is then forgotten here.
    package mutating func takeFindings() -> (healed: [MendedCopy], lost: [Lost]) {
        defer { (healed, lost) = ([], []) }
        return (healed, lost)
    }
}

/// Reading every copy of every page and frame, beside readers and the writer.
///
/// No transaction is held, so that the log stays short. A page of the base is changed by checkpoints alone, so where
/// copies differ the question is asked again while none may run; a frame is changed by a log that begins anew, which is
/// kept from it in the same way.
extension SealedDatabase {
    /// Copies of each of its files, those in sync alone.
    package var copyCount: Int { files.base.everyCopy(zone: "").count }

    /// About what there is to read, all copies together.
    package func scrubBytes() throws(MetadataError) -> UInt64 {
        let log = SealedLayout.offset(ofFrame: files.durable.frames)
        return (try files.size(of: files.base) + log) * UInt64(copyCount)
    }

    /// Goes on with a scrub until it has read so many bytes, or is at its end.
    ///
    /// - Throws: What keeps it from going on; what does not verify is no error.
    package func scrub(_ scrub: inout SealedScrub, bytesMax: UInt64) throws(MetadataError) {
        let end = scrub.bytesRead + bytesMax
        let sealer = PageSealer(files.keys)
        while !scrub.isComplete, scrub.bytesRead < end {
            switch scrub.place {
            case .heads:
                scrubHeads(&scrub, sealer)
                scrub.place = .frames(generation: files.generation, next: 0)
            case .frames(let generation, let next):
                scrub.place = scrubFrames(from: next, of: generation, &scrub, sealer)
            case .pages(let next):
                scrub.place = try scrubPages(from: next, &scrub, sealer)
            case .done: return
            }
        }
    }

    // MARK: Heads

    private func scrubHeads(_ scrub: inout SealedScrub, _ sealer: PageSealer) {
        let (path, id) = (files.path, files.keys.id)
        compare(files.baseCopies, count: DatabaseHeader.bytes, at: 0, "the header", &scrub) {
            do throws(MetadataError) {
                return try DatabaseHeader($0, path: path).id == id
            } catch {
                // It is this copy that is wrong; whether another is right, the caller asks next.
                return false
            }
        }
        compare(files.logCopies, count: LogHeader.bytes, at: 0, "the head", &scrub) {
            do throws(MetadataError) {
                try LogHeader.check($0, id: id, path: files.logPath)
                return true
            } catch {
                // As above.
                return false
            }
        }
        let generation = files.generation
        files.whileLog(is: generation) {
            let offset = SealedLayout.logRecordOffset
            let what = "the header of generation \(generation)"
            compare(files.logCopies, count: LogRecord.bytes, at: offset, what, &scrub) { sealed in
                guard generation > 0 else { return sealed.allSatisfy { $0 == 0 } }
                return LogRecord.open(sealed, with: sealer)?.generation == generation
            }
        }
    }

    // MARK: Frames and pages

    /// 64 frames or pages, 256 KiB, are read from each copy at once.
    private static let batch: UInt64 = 64

    private func scrubFrames(
        from first: UInt64,
        of generation: UInt64,
        _ scrub: inout SealedScrub,
        _ sealer: PageSealer
    ) -> SealedScrub.Place {
        let durable = files.durable
        // A log that has begun anew leaves what it held in the base.
        guard durable.generation == generation, first < durable.frames else {
            return .pages(next: 1)
        }
        let end = min(durable.frames, first + SealedDatabase.batch)
        let size = SealedLayout.sealedFrameBytes
        let opens = { (index: Int, bytes: ArraySlice<UInt8>) in
            SealedDatabase.opens(
                frame: bytes,
                index: first + UInt64(index),
                generation: generation,
                sealer
            )
        }
        let start = SealedLayout.offset(ofFrame: first)
        let many = Int(end - first)
        let bad = doubtful(files.logCopies, count: many, of: size, at: start, &scrub, opens)
        for index in bad {
            files.whileLog(is: generation) {
                compare(
                    files.logCopies,
                    count: size,
                    at: start + UInt64(index * size),
                    "frame \(first + UInt64(index) + 1)",
                    &scrub
                ) { opens(index, $0[...]) }
            }
        }
        return .frames(generation: generation, next: end)
    }

    private func scrubPages(
        from first: UInt32,
        _ scrub: inout SealedScrub,
        _ sealer: PageSealer
    ) throws(MetadataError) -> SealedScrub.Place {
        let last = files.committedPages
        guard first <= last else { return .done }
        let many = min(last - first + 1, UInt32(SealedDatabase.batch))
        let start = SealedLayout.offset(ofPage: first)
        let size = SealedLayout.pageBytes
        let opens = { (index: Int, bytes: ArraySlice<UInt8>) in
            let number = first + UInt32(index)
            return number == DatabaseCheck.lockPage
                || SealedDatabase.opens(page: bytes, number: number, sealer)
        }
        let bad = doubtful(files.baseCopies, count: Int(many), of: size, at: start, &scrub, opens)
        guard !bad.isEmpty else { return .pages(next: first + many) }
        keeper.withLock { _ in
            let newer = pagesOfTheLogAlone(sealer)
            for index in bad {
                let number = first + UInt32(index)
                compare(
                    files.baseCopies,
                    count: size,
                    at: SealedLayout.offset(ofPage: number),
                    "page \(number)",
                    // The next checkpoint overwrites it; a crash may have torn the last.
                    countsIfLost: !newer.contains(number) && number <= files.committedPages,
                    &scrub
                ) { opens(index, $0[...]) }
            }
        }
        return .pages(next: first + many)
    }

    /// Pages that the log has and the base not yet; no checkpoint may run meanwhile.
    private func pagesOfTheLogAlone(_ sealer: PageSealer) -> Set<UInt32> {
        let generation = files.generation
        let frames = UInt64(files.index.committedFrames)
        let copied = UInt64(files.index.copiedFrames)
        guard copied < frames else { return [] }
        var pages: Set<UInt32> = []
        for index in copied..<frames {
            for copy in files.log.everyCopy(zone: "") {
                // Harmless: a frame that cannot be read in any copy is named as such, not as its page.
                let frame = try? copy.read(
                    count: SealedLayout.sealedFrameBytes,
                    at: SealedLayout.offset(ofFrame: index)
                )
                guard let frame, frame.count == SealedLayout.sealedFrameBytes else { continue }
                let header = frame.withUnsafeBytes { bytes in
                    bytes.baseAddress.flatMap {
                        FrameHeader.open($0, index: index, generation: generation, with: sealer)
                    }
                }
                guard let header else { continue }
                pages.insert(header.page)
                break
            }
        }
        return pages
    }

    private static func opens(
        page sealed: ArraySlice<UInt8>,
        number: UInt32,
        _ sealer: PageSealer
    ) -> Bool {
        guard sealed.count == SealedLayout.pageBytes else { return false }
        return sealed.withUnsafeBytes { sealed in
            withUnsafeTemporaryAllocation(byteCount: SealedLayout.pageBytes, alignment: 64) {
                plain in
                guard let source = sealed.baseAddress, let target = plain.baseAddress else {
                    return false
                }
                return sealer.open(page: source, number: number, into: target)
            }
        }
    }

    private static func opens(
        frame sealed: ArraySlice<UInt8>,
        index: UInt64,
        generation: UInt64,
        _ sealer: PageSealer
    ) -> Bool {
        guard sealed.count == SealedLayout.sealedFrameBytes else { return false }
        let header = sealed.withUnsafeBytes { bytes in
            bytes.baseAddress.flatMap {
                FrameHeader.open($0, index: index, generation: generation, with: sealer)
            }
        }
        guard let header else { return false }
        let page = sealed.dropFirst(SealedLayout.sealedFrameHeaderBytes)
        return opens(page: page, number: header.page, sealer)
    }

    // MARK: Copies

    /// Reads a run of pieces from each copy; answers those that do not verify, or differ between copies.
    private func doubtful(
        _ source: SealedCopies,
        count: Int,
        of size: Int,
        at offset: UInt64,
        _ scrub: inout SealedScrub,
        _ opens: (Int, ArraySlice<UInt8>) -> Bool
    ) -> [Int] {
        // Harmless: a copy that cannot be read, or ends before, differs, and is asked again for each piece.
        let runs = source.file.everyCopy(zone: "").map { copy in
            (try? copy.read(count: count * size, at: offset)) ?? []
        }
        scrub.bytesRead += UInt64(runs.reduce(0) { $0 + $1.count })
        let first = runs[0]
        return (0..<count).filter { index in
            let piece = index * size..<(index + 1) * size
            guard piece.upperBound <= first.count, opens(index, first[piece]) else { return true }
            return runs.dropFirst().contains { run in
                piece.upperBound > run.count || run[piece] != first[piece]
            }
        }
    }

    /// Compares all copies of one piece, puts right those that are wrong, and notes what no copy has.
    ///
    /// Several that verify are what a zone leaves that has lost a write: only one that most copies have is taken for
    /// the newest. Without one nothing is written, for that could be the old over the new.
    private func compare(
        _ source: SealedCopies,
        count: Int,
        at offset: UInt64,
        _ what: String,
        countsIfLost: Bool = true,
        _ scrub: inout SealedScrub,
        verifies: ([UInt8]) -> Bool
    ) {
        let copies = source.file.everyCopy(zone: "")
        var good: [(bytes: [UInt8], copies: Int)] = []
        for copy in copies {
            scrub.bytesRead += UInt64(count)
            // Harmless: not to be read is not to be verified, and is put right or named.
            guard let bytes = try? copy.read(count: count, at: offset), bytes.count == count else {
                continue
            }
            if let known = good.firstIndex(where: { $0.bytes == bytes }) {
                good[known].copies += 1
            } else if verifies(bytes) {
                good.append((bytes, 1))
            }
        }
        guard let most = good.map(\.copies).max(),
            let chosen = good.first(where: { $0.copies == most })
        else {
            guard countsIfLost else { return }
            let message =
                "\(source.name): \(what) at byte \(offset) does not verify\(source.everywhere)"
            scrub.lost.append(
                SealedScrub.Lost(zones: source.file.copies.map(\.zone), message: message)
            )
            return
        }
        guard good.count == 1 || most * 2 > copies.count else {
            guard countsIfLost else { return }
            let message =
                "\(source.name): \(what) at byte \(offset) differs between zones, and \(good.count) "
                + "of its copies verify: which is the newest is not known"
            scrub.lost.append(
                SealedScrub.Lost(zones: source.file.copies.map(\.zone), message: message)
            )
            return
        }
        guard files.isTrusted else { return }
        scrub.healed += source.mend(copies, chosen.bytes, at: offset, what)
    }
}
