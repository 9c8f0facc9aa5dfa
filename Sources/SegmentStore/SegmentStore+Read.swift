import Disk
import Synchronization
package import VarveModel

/// Reading: every byte that leaves has verified (I5), and what does not is named (I7).
extension SegmentStore {
    /// Reads a part of a record; only the blocks that hold it are read and opened.
    ///
    /// - Parameters:
    ///   - address: Where the slice's row says that the record is.
    ///   - identity: Whose bytes are expected; a record of another is `.corrupt`.
    ///   - plainRange: Bytes of the record, before sealing; inside it.
    ///   - target: As many bytes; undefined after an error.
    /// - Throws: `.corrupt`, `.missing`, `.invalid`, `.failed`.
    package func read(
        _ address: RecordAddress,
        expecting identity: RecordIdentity,
        plainRange: Range<Int>,
        into target: UnsafeMutableRawBufferPointer
    ) throws(SegmentError) {
        precondition(target.count == plainRange.count, "the target is as large as what is read")
        SegmentMeter.add(1, to: meter.reads)
        guard (0...SegmentFormat.plainBytesMax).contains(plainRange.lowerBound),
            plainRange.upperBound <= SegmentFormat.plainBytesMax
        else { throw SegmentError(.invalid, "no record holds bytes \(plainRange)") }
        guard !plainRange.isEmpty else { return }
        try withReading(of: address, identity) { (reading) throws(SegmentError) in
            try reading.read(plainRange, into: target)
        }
    }

    /// Reads a part of a record without waiting for storage: where its segment is open and the page cache holds what it takes.
    ///
    /// - Parameters:
    ///   - address: Where the slice's row says that the record is.
    ///   - identity: Whose bytes are expected.
    ///   - plainRange: Bytes of the record, before sealing.
    ///   - target: As many bytes; undefined unless the answer is `true`.
    /// - Returns: Whether `target` holds the bytes, verified. Anything else, damage too, is for ``read(_:expecting:plainRange:into:)``.
    package func readResident(
        _ address: RecordAddress,
        expecting identity: RecordIdentity,
        plainRange: Range<Int>,
        into target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(target.count == plainRange.count, "the target is as large as what is read")
        guard !plainRange.isEmpty, plainRange.lowerBound >= 0,
            plainRange.upperBound <= SegmentFormat.plainBytesMax,
            let file = files.openFile(address.segment), let replica = file.replicas.first
        else { return false }
        let reading = RecordReading(
            store: self,
            file: file,
            replica: replica,
            address: address,
            identity: identity,
            mayWait: false
        )
        do throws(SegmentError) {
            try reading.requirePossible()
            try reading.read(plainRange, into: target)
        } catch {
            // The caller reads again, and is told what is wrong.
            return false
        }
        SegmentMeter.add(1, to: meter.reads)
        return true
    }

    /// Reads a whole record.
    ///
    /// - Parameters:
    ///   - address: Where the slice's row says that the record is.
    ///   - identity: Whose bytes are expected.
    /// - Returns: The header, authenticated by the blocks, and all plain bytes.
    /// - Throws: `.corrupt`, `.missing`, `.failed`.
    package func readRecord(_ address: RecordAddress, expecting identity: RecordIdentity)
        throws(SegmentError) -> (header: RecordHeader, bytes: [UInt8])
    {
        SegmentMeter.add(1, to: meter.reads)
        return try withReading(of: address, identity) {
            (reading) throws(SegmentError) -> (header: RecordHeader, bytes: [UInt8]) in
            try reading.readWhole()
        }
    }

    /// Reads a record's header, which its checksum guards; only its blocks authenticate it.
    package func header(of address: RecordAddress, expecting identity: RecordIdentity)
        throws(SegmentError) -> RecordHeader
    {
        try withReading(of: address, identity) { (reading) throws(SegmentError) -> RecordHeader in
            try reading.header().header
        }
    }

    /// Copies a record into the open segment of `tier`, verified, and sealed anew under its key.
    ///
    /// The caller syncs, swaps the rows that point at the old one in one transaction, and reclaims
    /// the old one when that is durable and its readers have ended.
    ///
    /// - Parameters:
    ///   - address: The old record.
    ///   - identity: Whose bytes are expected; the copy bears the old header's own.
    ///   - tier: Where to; recompressed as that tier does.
    ///   - isSurvivor: Whether it is copied because its segment is compacted.
    /// - Returns: Where the copy is.
    /// - Throws: As reading and appending do.
    package func copyRecord(
        _ address: RecordAddress,
        expecting identity: RecordIdentity,
        to tier: Tier,
        isSurvivor: Bool = false
    ) throws(SegmentError) -> RecordAddress {
        try countedCopy(of: address, expecting: identity, to: tier, isSurvivor: isSurvivor).address
    }

    /// As ``copyRecord(_:expecting:to:isSurvivor:)``; tells the plain bytes too, and rests between blocks that it compresses.
    package func countedCopy(
        of address: RecordAddress,
        expecting identity: RecordIdentity,
        to tier: Tier,
        isSurvivor: Bool = false,
        rest: () -> Void = {}
    ) throws(SegmentError) -> (address: RecordAddress, plainBytes: Int) {
        let old = try readRecord(address, expecting: identity)
        let lane = SegmentLane(tier: tier, isForSurvivors: isSurvivor)
        // SAFETY: the pointer stays inside the closure; a typed throw is carried out by hand.
        let result: Result<RecordAddress, SegmentError> = old.bytes.withUnsafeBytes { buffer in
            do throws(SegmentError) {
                return .success(try append(old.header.draft, [buffer], lane, rest: rest))
            } catch {
                return .failure(error)
            }
        }
        return (try result.get(), old.bytes.count)
    }

    /// Lets go of decompressed blocks of which nobody has read since the last call of this, and of files long unused.
    package func forgetIdle() {
        blocks.age()
        files.age()
    }

    /// Runs `body` on one zone's replica after another until it succeeds.
    private func withReading<Result>(
        of address: RecordAddress,
        _ identity: RecordIdentity,
        _ body: (RecordReading) throws(SegmentError) -> Result
    ) throws(SegmentError) -> Result {
        let file = try file(address.segment)
        mendHeaders(of: file)
        var failure: SegmentError?
        for replica in file.replicas {
            let reading = RecordReading(
                store: self,
                file: file,
                replica: replica,
                address: address,
                identity: identity
            )
            do throws(SegmentError) {
                try reading.requirePossible()
                return try readAnyCopy(reading, body)
            } catch {
                if error.code == .invalid { throw error }
                configuration.report(error.description)
                failure = failure ?? error
            }
        }
        guard let failure else { preconditionFailure("a segment has a replica") }
        throw failure
    }

    /// Runs `body` on the copy that is read, and where that does not verify on what all copies give together.
    private func readAnyCopy<Result>(
        _ reading: RecordReading,
        _ body: (RecordReading) throws(SegmentError) -> Result
    ) throws(SegmentError) -> Result {
        do throws(SegmentError) {
            return try body(reading)
        } catch {
            guard error.code == .corrupt, let all = reading.ofAllCopies() else { throw error }
            return try body(all)
        }
    }
}
