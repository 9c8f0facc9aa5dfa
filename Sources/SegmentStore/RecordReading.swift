import Disk
import Keyring
import VarveModel

/// One read of one record from one zone.
struct RecordReading {
    /// Read at once when the header is not known: it covers a small record whole.
    private static let firstBytesMin = 4096 + 512
    /// Sealed bytes that are fetched at once: they stay in a core's own cache until opened.
    private static let stretchBytes = 256 << 10
    /// Fewer are copied: the question whether they are there costs as much.
    private static let residentBytesMin = 64 << 10
    /// Bytes before the wanted block that are rather read along than fetched by a second pread.
    private static let detourBytesMax = 128 << 10

    let store: SegmentStore
    let file: SegmentFile
    let replica: SegmentFile.Replica
    let address: RecordAddress
    let identity: RecordIdentity
    /// Whether storage may be waited for; else only what the page cache holds is read.
    var mayWait = true
    /// The record as several copies give it together; then nothing is read, and nothing remembered.
    var assembled: [UInt8]?
    /// What is wrong with each copy, where that is known.
    var problems = ""

    func read(_ plainRange: Range<Int>, into target: UnsafeMutableRawBufferPointer)
        throws(SegmentError)
    {
        if let cached = rememberedHeader {
            try check(cached.header)
            try requireInside(plainRange, cached.header)
            let opener = opener(cached)
            return try readBlocks(opener.blocks(of: plainRange), opener, plainRange, into: target)
        }
        let size = firstBytes(plainRange)
        try store.scratch.with(size) { (buffer) throws(SegmentError) in
            try fill(buffer, from: 0)
            let found = try parse(buffer)
            try requireInside(plainRange, found.header)
            let opener = opener(found)
            let wanted = opener.blocks(of: plainRange)
            // What has come along with the header is opened at once, the rest is fetched.
            var held = wanted.lowerBound..<wanted.lowerBound
            while held.upperBound < wanted.upperBound {
                let next = held.lowerBound..<held.upperBound + 1
                guard opener.sealedRange(of: next).upperBound <= buffer.count else { break }
                held = next
            }
            if !held.isEmpty {
                let bytes = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[opener.sealedRange(of: held)]
                )
                try open(opener, held, bytes, plainRange, into: target)
            }
            let rest = held.upperBound..<wanted.upperBound
            try readBlocks(rest, opener, plainRange, into: target)
        }
    }

    /// The header and every plain byte.
    func readWhole() throws(SegmentError) -> (header: RecordHeader, bytes: [UInt8]) {
        let size = Int(address.length)
        guard size <= 2 * SegmentFormat.plainBytesMax else { throw corrupt("is impossibly long") }
        return try store.scratch.with(size) {
            (buffer) throws(SegmentError) -> (header: RecordHeader, bytes: [UInt8]) in
            try fill(buffer, from: 0)
            let found = try parse(buffer)
            let opener = opener(found)
            let all = 0..<found.header.plainBytes
            var failure: SegmentError?
            let bytes = [UInt8](unsafeUninitializedCapacity: all.count) { plain, count in
                do throws(SegmentError) {
                    let sealed = UnsafeMutableRawBufferPointer(
                        rebasing: buffer[found.header.headerBytes...]
                    )
                    let target = UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(plain)[all]
                    )
                    let blocks = 0..<found.header.blocks.count
                    try open(opener, blocks, sealed, all, into: target)
                    count = all.count
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            return (found.header, bytes)
        }
    }

    /// The header alone, from memory or by one small read.
    func header() throws(SegmentError) -> CachedHeader {
        if let cached = rememberedHeader {
            try check(cached.header)
            return cached
        }
        let size = headerBytesGuess
        return try store.scratch.with(size) { (buffer) throws(SegmentError) -> CachedHeader in
            try fill(buffer, from: 0)
            return try parse(buffer)
        }
    }

    private var rememberedHeader: CachedHeader? {
        assembled == nil ? store.headers.header(at: address) : nil
    }

    /// The same reading of what all copies of the record give together; `nil` where there is but one.
    ///
    /// What a copy lacked is put there on the way.
    func ofAllCopies() -> RecordReading? {
        guard assembled == nil, replica.file.copies.count > 1, isPossible,
            address.length <= 2 * UInt64(SegmentFormat.plainBytesMax)
        else { return nil }
        let record = store.assemble(self)
        store.mend(record, in: file)
        var reading = self
        reading.assembled = record.header == nil ? [] : record.bytes
        reading.problems = record.problems
        return reading
    }

    // MARK: Steps

    /// Opens blocks: all at once where they are at hand and storage may not be waited for, else a stretch that stays in the
    /// cache at a time, in place or fetched.
    private func readBlocks(
        _ asked: Range<Int>,
        _ opener: RecordOpener,
        _ plainRange: Range<Int>,
        into target: UnsafeMutableRawBufferPointer
    ) throws(SegmentError) {
        var blocks = asked
        if let first = blocks.first, takeCached(first, opener, plainRange, into: target) {
            blocks.removeFirst()
        }
        if let last = blocks.last, takeCached(last, opener, plainRange, into: target) {
            blocks.removeLast()
        }
        guard !blocks.isEmpty else { return }
        if !mayWait {
            // One question for all of it: each is a system call.
            let done = try openResident(blocks, opener, plainRange, into: target)
            guard done.isEmpty else {
                try fetch(blocks.lowerBound..<done.lowerBound, opener, plainRange, into: target)
                try fetch(done.upperBound..<blocks.upperBound, opener, plainRange, into: target)
                return
            }
            try requireAtHand(opener.sealedRange(of: blocks))
        }
        let many = max(1, RecordReading.stretchBytes / opener.header.blockBytes)
        var start = blocks.lowerBound
        while start < blocks.upperBound {
            let part = start..<min(blocks.upperBound, start + many)
            let done = try openResident(part, opener, plainRange, into: target)
            try fetch(part.lowerBound..<done.lowerBound, opener, plainRange, into: target)
            try fetch(done.upperBound..<part.upperBound, opener, plainRange, into: target)
            start = part.upperBound
        }
    }

    /// Takes what is wanted of a compressed block where it is decompressed already; `false` where it is not.
    private func takeCached(
        _ block: Int,
        _ opener: RecordOpener,
        _ plainRange: Range<Int>,
        into target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard opener.header.blocks[block].codec != .none,
            let plain = store.blocks.block(block, of: address)
        else { return false }
        let held = opener.header.plainRange(ofBlock: block)
        let wanted = held.clamped(to: plainRange)
        let place = wanted.lowerBound - plainRange.lowerBound
        let inside = wanted.lowerBound - held.lowerBound
        UnsafeMutableRawBufferPointer(rebasing: target[place..<place + wanted.count])
            .copyBytes(from: plain[inside..<inside + wanted.count])
        return true
    }

    /// Refuses a long read where the page cache does not hold all of it: half of it would be opened in vain.
    private func requireAtHand(_ sealed: Range<Int>) throws(SegmentError) {
        guard sealed.count >= RecordReading.residentBytesMin else { return }
        let start = address.offset + UInt64(sealed.lowerBound)
        guard replica.file.resident(start..<start + UInt64(sealed.count)) == nil else { return }
        throw SegmentError(.failed, "the page cache does not hold it")
    }

    /// Opens what the page cache holds of `blocks` without a copy (docs/decisions/0017).
    ///
    /// - Returns: The blocks opened; none, at the start of `blocks`, where copying is cheaper or due.
    private func openResident(
        _ blocks: Range<Int>,
        _ opener: RecordOpener,
        _ plainRange: Range<Int>,
        into target: UnsafeMutableRawBufferPointer
    ) throws(SegmentError) -> Range<Int> {
        let none = blocks.lowerBound..<blocks.lowerBound
        let whole = opener.wholePlain(blocks, in: plainRange)
        guard assembled == nil,
            whole.count * opener.header.blockBytes >= RecordReading.residentBytesMin
        else { return none }
        let sealed = opener.sealedRange(of: whole)
        let start = address.offset + UInt64(sealed.lowerBound)
        guard let resident = replica.file.resident(start..<start + UInt64(sealed.count)) else {
            return none
        }
        let first = opener.header.plainRange(ofBlock: whole.lowerBound).lowerBound
        let last = opener.header.plainRange(ofBlock: whole.upperBound - 1).upperBound
        let place = first - plainRange.lowerBound..<last - plainRange.lowerBound
        let plain = UnsafeMutableRawBufferPointer(rebasing: target[place])
        switch resident.withBytes({ opener.openRun(whole, sealed: $0, into: plain) }) {
        case .opened:
            SegmentMeter.add(whole.count, to: store.meter.blocksOpened)
            SegmentMeter.add(sealed.count, to: store.meter.bytesRead)
            return whole
        case .notAuthentic(let block):
            throw badTag(of: block)
        case .unreadable:
            // Read by a call, it says why.
            return none
        }
    }

    /// Opens the one block of a small read where the page cache holds it, and takes what is wanted of it.
    ///
    /// - Returns: `false` where it is to be copied first: it is compressed, or not there.
    private func takeResident(
        _ blocks: Range<Int>,
        _ opener: RecordOpener,
        _ plainRange: Range<Int>,
        into target: UnsafeMutableRawBufferPointer
    ) throws(SegmentError) -> Bool {
        guard assembled == nil, blocks.count == 1,
            opener.header.blocks[blocks.lowerBound].codec == .none
        else { return false }
        let sealed = opener.sealedRange(of: blocks)
        let start = address.offset + UInt64(sealed.lowerBound)
        guard let resident = replica.file.resident(start..<start + UInt64(sealed.count)) else {
            return false
        }
        let held = opener.header.plainRange(ofBlock: blocks.lowerBound)
        let wanted = held.clamped(to: plainRange)
        let place = wanted.lowerBound - plainRange.lowerBound
        let outcome = store.scratch.with(held.count) { plain in
            let outcome = resident.withBytes { opener.openRun(blocks, sealed: $0, into: plain) }
            if case .opened = outcome {
                let inside = wanted.lowerBound - held.lowerBound
                UnsafeMutableRawBufferPointer(rebasing: target[place..<place + wanted.count])
                    .copyMemory(
                        from: UnsafeRawBufferPointer(
                            rebasing: plain[inside..<inside + wanted.count]
                        )
                    )
            }
            return outcome
        }
        switch outcome {
        case .opened:
            SegmentMeter.add(1, to: store.meter.blocksOpened)
            SegmentMeter.add(sealed.count, to: store.meter.bytesRead)
            return true
        case .notAuthentic(let block): throw badTag(of: block)
        // Read by a call, it says why.
        case .unreadable: return false
        }
    }

    /// Reads blocks into memory of our own and opens them.
    private func fetch(
        _ blocks: Range<Int>,
        _ opener: RecordOpener,
        _ plainRange: Range<Int>,
        into target: UnsafeMutableRawBufferPointer
    ) throws(SegmentError) {
        guard !blocks.isEmpty,
            try !takeResident(blocks, opener, plainRange, into: target)
        else { return }
        let sealed = opener.sealedRange(of: blocks)
        try store.scratch.with(sealed.count) { (buffer) throws(SegmentError) in
            try fill(buffer, from: sealed.lowerBound)
            try open(opener, blocks, buffer, plainRange, into: target)
        }
    }

    private func open(
        _ opener: RecordOpener,
        _ blocks: Range<Int>,
        _ sealed: UnsafeMutableRawBufferPointer,
        _ plainRange: Range<Int>,
        into target: UnsafeMutableRawBufferPointer
    ) throws(SegmentError) {
        SegmentMeter.add(blocks.count, to: store.meter.blocksOpened)
        let first = opener.header.plainRange(ofBlock: blocks.lowerBound).lowerBound
        let last = opener.header.plainRange(ofBlock: blocks.upperBound - 1).upperBound
        let part = plainRange.clamped(to: first..<last)
        let place = part.lowerBound - plainRange.lowerBound
        let bad = opener.open(
            blocks,
            sealed: sealed,
            plainRange: part,
            into: UnsafeMutableRawBufferPointer(rebasing: target[place..<place + part.count])
        )
        if let bad { throw badTag(of: bad) }
    }

    private func badTag(of block: Int) -> SegmentError {
        store.headers.remove(at: address)
        return corrupt("fails the tag of its block \(block)")
    }

    /// Fills `buffer` with the record's bytes from `start`.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, from start: Int)
        throws(SegmentError)
    {
        if let assembled {
            guard start + buffer.count <= assembled.count else {
                throw corrupt("verifies in no zone")
            }
            return buffer.copyBytes(from: assembled[start..<start + buffer.count])
        }
        guard mayWait else { return try fillFromCache(buffer, from: start) }
        let count: Int
        do throws(DiskError) {
            count = try replica.file.read(into: buffer, at: address.offset + UInt64(start))
        } catch {
            throw SegmentError(error, "read \(file.place(replica)) at \(address.offset)")
        }
        SegmentMeter.add(count, to: store.meter.bytesRead)
        guard count == buffer.count else { throw corrupt("is cut short by the end of the file") }
    }

    private func fillFromCache(
        _ buffer: UnsafeMutableRawBufferPointer,
        from start: Int
    ) throws(SegmentError) {
        guard replica.file.readResident(into: buffer, at: address.offset + UInt64(start)) else {
            throw SegmentError(.failed, "the page cache does not hold it")
        }
        SegmentMeter.add(buffer.count, to: store.meter.bytesRead)
    }

    /// Reads the header that begins `buffer`, and remembers it where that will save a read.
    private func parse(_ buffer: UnsafeMutableRawBufferPointer) throws(SegmentError)
        -> CachedHeader
    {
        guard let header = RecordHeader(UnsafeRawBufferPointer(buffer)) else {
            throw corrupt("has a damaged header")
        }
        try check(header)
        let bytes = Array(buffer[0..<header.headerBytes])
        let found = CachedHeader(header: header, bytes: bytes)
        // Of a block in memory the header is all that is still to be read.
        let isCompressed = header.blocks.first?.codec != BlockCodec.none
        if header.blocks.count > 1 || isCompressed, assembled == nil { store.headers.insert(found) }
        return found
    }

    private func check(_ header: RecordHeader) throws(SegmentError) {
        guard isWritten(header) else { throw corrupt("is not the record that was written there") }
        guard identity.accepts(header.identity) else {
            throw corrupt("belongs to \(header.identity)")
        }
    }

    private func isWritten(_ header: RecordHeader) -> Bool {
        header.kind == .data && header.family == file.header.family && header.address == address
    }

    /// Whether a header is of the record that is asked for.
    func isExpected(_ header: RecordHeader) -> Bool {
        isWritten(header) && identity.accepts(header.identity)
    }

    private func requireInside(_ plainRange: Range<Int>, _ header: RecordHeader)
        throws(SegmentError)
    {
        guard plainRange.lowerBound >= 0, plainRange.upperBound <= header.plainBytes else {
            throw SegmentError(
                .invalid,
                "bytes \(plainRange) were asked of a record that holds \(header.plainBytes)"
            )
        }
    }

    private func opener(_ found: CachedHeader) -> RecordOpener {
        RecordOpener(
            header: found.header,
            headerBytes: found.bytes,
            sealer: file.sealer,
            decompressors: store.decompressors,
            scratch: store.scratch,
            cache: store.blocks
        )
    }

    private func corrupt(_ what: String) -> SegmentError {
        let everywhere = problems.isEmpty ? "" : "; \(problems)"
        return SegmentError(
            .corrupt,
            "\(file.place(replica)): the record of \(identity) at \(address.offset) \(what)"
                + everywhere,
            remedy: SegmentError.damageRemedy
        )
    }

    /// Refuses an address that no record can have, before any arithmetic on it.
    func requirePossible() throws(SegmentError) {
        guard isPossible else {
            throw corrupt("has an impossible address (length \(address.length))")
        }
    }

    private var isPossible: Bool {
        address.offset >= SegmentFormat.headerBytes && address.offset < 1 << 32
            && address.offset.isMultiple(of: SegmentFormat.alignment)
            && address.length > UInt64(SegmentFormat.recordFixedBytes) && address.length < 1 << 32
    }

    // MARK: How much to read at first

    /// Bytes that hold the header, whatever the number of blocks, if they are of the usual size.
    private var headerBytesGuess: Int {
        let blockBytes = store.configuration.blockBytes(of: file.tier)
        let blocks: Int
        if store.compressors[file.tier] == nil {
            blocks = Int(clamping: address.length) / blockBytes + 1
        } else {
            // Compressed blocks say nothing of their number; a tile has at most these.
            blocks = SegmentFormat.plainBytesMax / blockBytes
        }
        let guess = SegmentFormat.recordHeaderBytes(blocks: min(blocks, 8192))
        return min(Int(clamping: address.length), max(guess, RecordReading.firstBytesMin))
    }

    /// The header alone, or, where the wanted blocks are near, all up to their end.
    private func firstBytes(_ plainRange: Range<Int>) -> Int {
        let header = headerBytesGuess
        guard plainRange.lowerBound <= RecordReading.detourBytesMax,
            plainRange.count < RecordReading.residentBytesMin
        else { return header }
        let blockBytes = store.configuration.blockBytes(of: file.tier)
        let blocks = (plainRange.upperBound - 1) / blockBytes + 1
        let end = header + blocks * (blockBytes + SegmentFormat.tagBytes)
        return min(Int(clamping: address.length), end)
    }
}
