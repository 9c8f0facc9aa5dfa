import Disk
import Synchronization
import VarveModel

/// Putting verified bytes in the place of bytes that were not, in the zones that have them wrong.
///
/// Nothing is put where a record was freed meanwhile, or whose file another segment may have by now: space is given
/// back under the same lock (I6).
extension SegmentStore {
    /// All copies of a record of data.
    func assemble(_ reading: RecordReading) -> AssembledRecord {
        let record = AssembledRecord(
            reading.address,
            of: reading.replica.copies,
            opening: opening(reading.file),
            where: reading.isExpected
        )
        SegmentMeter.add(record.bytesRead, to: meter.bytesRead)
        return record
    }

    func opening(_ file: SegmentFile) -> RecordOpening {
        RecordOpening(file: file, decompressors: decompressors, scratch: scratch)
    }

    /// Puts what was assembled wherever a copy has it otherwise.
    ///
    /// - Returns: What was put right; it was reported.
    @discardableResult
    func mend(_ record: AssembledRecord, in file: SegmentFile) -> [MendedCopy] {
        let ranges = record.goodRanges
        guard !ranges.isEmpty else { return [] }
        var mended: [MendedCopy] = []
        for part in record.parts where part.problem != nil {
            let due = ranges.filter { part.bytes?[$0] != record.bytes[$0] }
            var count = 0
            for range in due {
                let start = record.address.offset + UInt64(range.lowerBound)
                let isDone = mend(
                    part.copy,
                    Array(record.bytes[range]),
                    at: start,
                    in: file,
                    ifInUse: record.address.range
                )
                if isDone { count += range.count }
            }
            guard count > 0 else { continue }
            let what = "its record at \(record.address.offset) \(part.problem ?? "")"
            mended.append(note(part.copy, what, count, file))
        }
        return mended
    }

    /// Puts a segment's header where a copy has it otherwise, once an opening has found that.
    func mendHeaders(of file: SegmentFile) {
        for replica in file.replicas where replica.headers.isDue {
            _ = mendHeaders(of: file, replica)
        }
    }

    func mendHeaders(of file: SegmentFile, _ replica: SegmentFile.Replica) -> [MendedCopy] {
        var mended: [MendedCopy] = []
        let page = replica.headers.page
        for copy in replica.headers.take() {
            let header = 0..<SegmentFormat.headerBytes
            guard mend(copy, page, at: 0, in: file, ifInUse: header) else { continue }
            mended.append(note(copy, "its header does not verify", page.count, file))
        }
        return mended
    }

    /// Puts bytes into one copy while the range is in use; answers whether they are there.
    func mend(
        _ copy: any DiskCopy,
        _ bytes: [UInt8],
        at offset: UInt64,
        in file: SegmentFile,
        ifInUse range: Range<UInt64>
    ) -> Bool {
        reclaiming.withLock { _ in
            guard state.withLock({ $0.ledger.mayBeInUse(range, in: file.segment) }) else {
                return false
            }
            do throws(DiskError) {
                try copy.mend(bytes, at: offset)
                return true
            } catch {
                configuration.report(
                    "\(file.place(zone: copy.zone)) at \(offset) is not put right: \(error.message)"
                )
                return false
            }
        }
    }

    /// Counts and tells what was put right.
    func note(
        _ copy: any DiskCopy,
        _ what: String,
        _ bytes: Int,
        _ file: SegmentFile
    ) -> MendedCopy {
        SegmentMeter.add(1, to: meter.mends)
        SegmentMeter.add(bytes, to: meter.bytesMended)
        let message =
            "\(file.place(zone: copy.zone)): \(what); \(bytes) bytes put right from another zone"
        configuration.report(message)
        return MendedCopy(zone: copy.zone, bytes: bytes, message: message)
    }
}
