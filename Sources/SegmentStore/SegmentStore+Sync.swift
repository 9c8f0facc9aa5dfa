import Synchronization
package import VarveModel

/// Making what was appended durable.
extension SegmentStore {
    /// Makes durable every append that had returned before this call.
    ///
    /// Each dirty segment gets a commit marker and one sync; a full one gets its table. With
    /// nothing dirty, nothing is done.
    ///
    /// - Parameter position: Up to where metadata's log is durable already; told to a later salvage.
    /// - Returns: How many segments were synced.
    /// - Throws: `.suspect` when a sync failed: never retried, since the kernel may have dropped the
    ///   bytes; the store takes no more appends until it is opened anew.
    @discardableResult
    package func syncDirty(after position: DurablePosition = .none) throws(SegmentError) -> Int {
        try syncWrites(after: position) + syncCopies(after: position)
    }

    /// As ``syncDirty(after:)``, of what ``append(_:gathering:tier:)`` has put into Standard: a client's sync does not
    /// wait for what is copied meanwhile.
    @discardableResult
    package func syncWrites(after position: DurablePosition = .none) throws(SegmentError) -> Int {
        try syncingWrites.withLock { (_) throws(SegmentError) -> Int in
            try sync(after: position) { $0.isForWrites }
        }
    }

    /// As ``syncDirty(after:)``, of all else: copies into colder tiers, and those of compaction.
    @discardableResult
    package func syncCopies(after position: DurablePosition = .none) throws(SegmentError) -> Int {
        try syncingCopies.withLock { (_) throws(SegmentError) -> Int in
            try sync(after: position) { !$0.isForWrites }
        }
    }

    /// Syncs the lanes of one kind; the caller holds the lock of that kind.
    private func sync(
        after position: DurablePosition,
        _ isMeant: (SegmentLane) -> Bool
    ) throws(SegmentError) -> Int {
        try state.withLock { (state) throws(SegmentError) in
            if state.isSuspect { throw .suspect(configuration.zones[0].directory) }
        }
        let due = state.withLock { state in
            // What was durable once stays so; a close names no position of its own.
            state.position = max(state.position, position)
            return state.segments.values
                .filter { isMeant($0.lane) && ($0.isDirty || $0.isSettled) }
                .map(\.file.segment).sorted()
        }
        for segment in due { try syncSegment(segment) }
        return due.count
    }

    /// Ends the tier's current segment; its table is written by the next sync.
    package func finishSegment(_ tier: Tier) {
        finishSegment(SegmentLane(tier: tier, isForSurvivors: false))
    }

    /// Ends the segments that survivors go to: no compaction is under way.
    ///
    /// - Returns: Whether there were any.
    package func finishSurvivors() -> Bool {
        let found = Tier.allCases.map {
            finishSegment(SegmentLane(tier: $0, isForSurvivors: true))
        }
        return found.contains(true)
    }

    @discardableResult
    private func finishSegment(_ lane: SegmentLane) -> Bool {
        state.withLock { state in
            guard let current = state.current.removeValue(forKey: lane) else { return false }
            state.segments[current]?.isClosing = true
            return true
        }
    }

    /// Ends every open segment with its table and takes no more appends.
    ///
    /// The caller has seen all its appends return.
    ///
    /// - Parameter position: As of ``syncDirty(after:)``: a clean end is remembered exactly.
    /// - Throws: `.suspect`.
    package func close(after position: DurablePosition = .none) throws(SegmentError) {
        for tier in Tier.allCases { finishSegment(tier) }
        _ = finishSurvivors()
        let isSuspect = state.withLock { state in
            state.isClosed = true
            return state.isSuspect
        }
        defer { files.dropAll() }
        if !isSuspect { try syncDirty(after: position) }
    }

    private func syncSegment(_ segment: SegmentID) throws(SegmentError) {
        let found = state.withLock { state -> (segment: OpenSegment, marker: CommitMarker)? in
            guard let marker = state.segments[segment]?.beginSync(after: state.position),
                let open = state.segments[segment]
            else { return nil }
            return (open, marker)
        }
        guard let found else { return }
        do throws(SegmentError) {
            if found.segment.isSettled {
                try finish(found.segment, found.marker)
            } else {
                let place = try write(found.marker, to: segment)
                try sync(found.segment.file)
                state.withLock { state in
                    if let old = state.segments[segment]?.marker {
                        state.ledger.abandoned(old, in: segment)
                    }
                    state.segments[segment]?.marker = place
                    state.segments[segment]?.durableRecords = found.marker.records
                }
            }
        } catch {
            state.withLock { $0.isSuspect = true }
            throw SegmentError(.suspect, error.message, remedy: error.remedy)
        }
    }

    private func sync(_ file: SegmentFile) throws(SegmentError) {
        try file.sync()
        SegmentMeter.add(file.replicas.count, to: meter.syncs)
    }

    /// Writes a commit marker and answers where it stands.
    private func write(_ marker: CommitMarker, to segment: SegmentID) throws(SegmentError)
        -> Range<UInt64>?
    {
        let reserved = state.withLock { state in
            state.segments[segment]?.reserveOwn(length: SegmentFormat.markerBytes)
        }
        guard let reserved else { return nil }
        _ = try writeOwn(.commitMarker, marker.encoded(), reserved)
        return reserved.range
    }

    /// Ends a segment that nobody writes any more: table, trailer, the rest of its space given back.
    private func finish(_ segment: OpenSegment, _ marker: CommitMarker) throws(SegmentError) {
        let table = SegmentTable(
            marker: marker,
            entries: segment.entries.sorted { $0.offset < $1.offset }
        )
        let plain = table.encoded()
        let length = SegmentFormat.recordBytes(
            plainBytes: plain.count,
            blockBytes: SegmentFormat.blockBytesMax
        )
        let id = segment.file.segment
        let reserved = state.withLock { state in
            state.segments[id]?.reserveOwn(length: UInt64(length))
        }
        guard let reserved else { return }
        let address = try writeOwn(.table, plain, reserved)
        let trailer = SegmentTrailer(
            segment: id,
            tableOffset: address.offset,
            tableLength: address.length
        )
        try segment.file.write(trailer.encoded(), at: reserved.range.upperBound)
        try segment.file.truncate(to: reserved.range.upperBound + SegmentFormat.trailerBytes)
        try sync(segment.file)
        state.withLock { state in
            state.segments[id] = nil
            if let old = segment.marker { state.ledger.abandoned(old, in: id) }
            state.ledger.closed(id)
        }
        files.unpin(id)
    }

    /// Seals and writes a record of the store's own.
    private func writeOwn(
        _ kind: RecordHeader.Kind,
        _ plain: [UInt8],
        _ reserved: OpenSegment.Reservation
    ) throws(SegmentError) -> RecordAddress {
        // SAFETY: the pointer stays inside the closure; a typed throw is carried out by hand.
        let result: Result<RecordAddress, SegmentError> = plain.withUnsafeBytes { plain in
            do throws(SegmentError) {
                return .success(try writeOwn(kind, PlainPieces([plain]), reserved))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func writeOwn(
        _ kind: RecordHeader.Kind,
        _ plain: PlainPieces,
        _ reserved: OpenSegment.Reservation
    ) throws(SegmentError) -> RecordAddress {
        let blockBytes = SegmentFormat.blockBytesMax
        let size = RecordSealer.bufferBytes(
            plainBytes: plain.count,
            blockBytes: blockBytes,
            isCompressing: false
        )
        return try scratch.with(size) { (buffer) throws(SegmentError) -> RecordAddress in
            var sealer = RecordSealer(plain: plain, blockBytes: blockBytes, buffer: buffer)
            sealer.layOut()
            let header = RecordHeader(
                kind: kind,
                family: configuration.family,
                segment: reserved.file.segment,
                offset: reserved.offset,
                number: reserved.number,
                draft: .none,
                plainBytes: plain.count,
                blockBytes: blockBytes,
                blocks: sealer.blocks
            )
            try sealer.seal(header, with: reserved.file.sealer) {
                (bytes, start) throws(SegmentError) in
                try reserved.file.write(bytes, at: reserved.offset + start)
                SegmentMeter.add(bytes.count, to: meter.bytesWritten)
            }
            return header.address
        }
    }
}
