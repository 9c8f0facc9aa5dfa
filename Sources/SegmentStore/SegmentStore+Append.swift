import Synchronization
package import VarveModel

/// Appending: reserve under the lock, seal and write outside it.
extension SegmentStore {
    /// Appends a slice's bytes as one record.
    ///
    /// It is not durable before ``syncDirty(after:)``. After an error nothing is visible and there
    /// is nothing to free.
    ///
    /// - Parameters:
    ///   - draft: What the header says.
    ///   - bytes: 1 byte to 4 MiB.
    ///   - tier: Decides where, and how hard it is compressed.
    /// - Returns: Where the record is, for the slice's row.
    /// - Throws: `.noSpace`, `.suspect`, `.failed`, `.invalid`.
    package func append(
        _ draft: RecordDraft,
        _ bytes: UnsafeRawBufferPointer,
        tier: Tier = .standard
    ) throws(SegmentError) -> RecordAddress {
        try append(draft, gathering: [bytes], tier: tier)
    }

    /// Appends an array; as ``append(_:_:tier:)``.
    package func append(
        _ draft: RecordDraft,
        _ bytes: [UInt8],
        tier: Tier = .standard
    ) throws(SegmentError) -> RecordAddress {
        // SAFETY: the pointer stays inside the closure; a typed throw is carried out by hand.
        let result: Result<RecordAddress, SegmentError> = bytes.withUnsafeBytes { buffer in
            do throws(SegmentError) {
                return .success(try append(draft, gathering: [buffer], tier: tier))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Appends one record of several pieces, in order; as ``append(_:_:tier:)``.
    package func append(
        _ draft: RecordDraft,
        gathering pieces: [UnsafeRawBufferPointer],
        tier: Tier = .standard
    ) throws(SegmentError) -> RecordAddress {
        try append(draft, pieces, SegmentLane(tier: tier, isForSurvivors: false))
    }

    func append(
        _ draft: RecordDraft,
        _ pieces: [UnsafeRawBufferPointer],
        _ lane: SegmentLane,
        rest: () -> Void = {}
    ) throws(SegmentError) -> RecordAddress {
        let tier = lane.tier
        let plain = PlainPieces(pieces)
        guard (1...SegmentFormat.plainBytesMax).contains(plain.count) else {
            throw SegmentError(.invalid, "a record holds 1 byte to 4 MiB, not \(plain.count)")
        }
        let blockBytes = configuration.blockBytes(of: tier)
        let size = RecordSealer.bufferBytes(
            plainBytes: plain.count,
            blockBytes: blockBytes,
            isCompressing: compressors[tier] != nil
        )
        return try scratch.with(size) { (buffer) throws(SegmentError) -> RecordAddress in
            var sealer = RecordSealer(plain: plain, blockBytes: blockBytes, buffer: buffer)
            if let compressors = compressors[tier] {
                compressors.with {
                    sealer.layOut(compressing: $0, scratch: scratch, rest: rest)
                }
            } else {
                sealer.layOut()
            }
            return try place(sealer, draft, lane)
        }
    }

    /// Finds room for a record that is laid out, seals it and writes it.
    private func place(
        _ sealer: RecordSealer,
        _ draft: RecordDraft,
        _ lane: SegmentLane
    ) throws(SegmentError) -> RecordAddress {
        let reservation = try reserve(UInt64(sealer.length), lane)
        let header = RecordHeader(
            kind: .data,
            family: configuration.family,
            segment: reservation.file.segment,
            offset: reservation.offset,
            number: reservation.number,
            draft: draft,
            plainBytes: sealer.plain.count,
            blockBytes: sealer.blockBytes,
            blocks: sealer.blocks
        )
        let address = header.address
        do throws(SegmentError) {
            try sealer.seal(header, with: reservation.file.sealer) {
                (bytes, start) throws(SegmentError) in
                try reservation.file.write(bytes, at: reservation.offset + start)
                SegmentMeter.add(bytes.count, to: meter.bytesWritten)
            }
        } catch {
            state.withLock { state in
                state.segments[address.segment]?.abandon(reservation)
                state.ledger.abandoned(reservation.range, in: address.segment)
            }
            throw error
        }
        let entry = SegmentTable.Entry(
            offset: UInt32(reservation.offset),
            length: UInt32(address.length),
            identity: draft.identity,
            plainBytes: UInt32(sealer.plain.count)
        )
        state.withLock { state in
            state.segments[address.segment]?.complete(reservation, entry)
            state.ledger.written(address)
        }
        SegmentMeter.add(1, to: meter.appends)
        return address
    }

    /// Spends a number and a range of the lane's current segment, beginning a new one when full.
    private func reserve(_ length: UInt64, _ lane: SegmentLane) throws(SegmentError)
        -> OpenSegment.Reservation
    {
        while true {
            if let reservation = try tryReserve(length, lane) { return reservation }
            try turn(lane).rolling.withLock { (_) throws(SegmentError) in
                try makeRoom(length, lane)
            }
        }
    }

    private func tryReserve(_ length: UInt64, _ lane: SegmentLane) throws(SegmentError)
        -> OpenSegment.Reservation?
    {
        try state.withLock { (state) throws(SegmentError) -> OpenSegment.Reservation? in
            try refuseIfSuspect(state)
            guard let current = state.current[lane] else { return nil }
            return state.segments[current]?.reserve(length: length)
        }
    }

    /// Grows the current segment's space, or begins another segment; the caller holds the lane's `rolling`.
    private func makeRoom(_ length: UInt64, _ lane: SegmentLane) throws(SegmentError) {
        let found = state.withLock { state -> (segment: OpenSegment, size: UInt64)? in
            guard let current = state.current[lane], let segment = state.segments[current],
                let size = segment.size(with: length)
            else { return nil }
            return (segment, size)
        }
        guard let found else { return try beginSegment(lane, firstRecord: length) }
        // Another thread may have made the room meanwhile.
        guard found.size > found.segment.preallocated else { return }
        let step = configuration.preallocationBytes
        let file = found.segment.file
        let old = found.segment.preallocated
        var size = (found.size + step - 1) / step * step
        do throws(SegmentError) {
            try file.preallocate(old..<size)
        } catch {
            // Reserving ahead is a convenience; a disk that is nearly full is used to its end.
            guard error.code == .noSpace, found.size < size else { throw error }
            size = found.size
            try file.preallocate(old..<size)
        }
        if found.segment.isSyncedOften { try writeZeros(file, old..<size) }
        state.withLock { $0.segments[file.segment]?.grew(to: size) }
    }

    /// Writes space before it is used, so that syncs of small records need not change the file's map.
    private func writeZeros(_ file: SegmentFile, _ range: Range<UInt64>) throws(SegmentError) {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        var start = range.lowerBound
        while start < range.upperBound {
            let count = min(UInt64(zeros.count), range.upperBound - start)
            try file.write(Array(zeros.prefix(Int(count))), at: start)
            start += count
        }
    }

    /// Bytes of a segment that holds one record, a marker and its table.
    private func roomOfFirst(_ length: UInt64) -> UInt64 {
        SegmentFormat.headerBytes + SegmentFormat.aligned(length) + 2 * SegmentFormat.markerBytes
            + SegmentFormat.tableFootprint(records: 1)
    }

    /// Begins a segment and makes it the lane's current one; the caller holds the lane's `rolling`.
    private func beginSegment(_ lane: SegmentLane, firstRecord length: UInt64) throws(SegmentError)
    {
        let tier = lane.tier
        try state.withLock { (state) throws(SegmentError) in try refuseIfSuspect(state) }
        let segment = try allocate(tier)
        let created = try createSegment(segment, lane, room: roomOfFirst(length))
        state.withLock { state in
            if let full = state.current[lane] { state.segments[full]?.isClosing = true }
            state.segments[segment] = created
            state.current[lane] = segment
            state.ledger.add(segment, SegmentLedger.Entry(tier: tier, state: .open))
        }
        files.keep(created.file, pinned: true)
    }
}
