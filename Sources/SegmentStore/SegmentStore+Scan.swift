import Disk
package import VarveModel

/// What a segment's file holds, by its own word.
package struct SegmentScan: Sendable {
    package let segment: SegmentID
    package let tier: Tier
    /// Headers of the data records found, by offset; dead ones too unless punched.
    package let records: [RecordHeader]
    /// The newest commit marker that verifies.
    package let lastMarker: CommitMarker?
    /// Whether the segment was closed in order, and its table verifies.
    package let hasTable: Bool
    /// Ranges that hold something which is no record of this segment: a torn write, damage, or
    /// what an older segment left in a file that was written over.
    package let foreign: [Range<UInt64>]
}

/// Something that is wrong with a segment.
package struct SegmentFinding: Hashable, Sendable {
    /// The record concerned; `nil` when it is the segment itself.
    package let header: RecordHeader?
    package let error: String
}

/// Looking at segments without metadata: for doctor, salvage and garbage collection.
extension SegmentStore {
    /// Lists what a segment's file holds, in the first zone that can be read.
    ///
    /// Headers are checked by their checksum alone; ``verify(_:)`` opens every block.
    ///
    /// - Parameter segment: Any segment, open ones too: a record being written may be missed.
    /// - Returns: What was found.
    /// - Throws: `.missing`, `.corrupt`, `.wrongKey`, `.newerFormat`, `.failed`.
    package func scan(_ segment: SegmentID) throws(SegmentError) -> SegmentScan {
        let file = try file(segment)
        var walk: SegmentScanner.Walk?
        var table: RecordHeader?
        var size: UInt64 = 0
        var marker: CommitMarker?
        try eachCopy(of: file, "scan") { (copy) throws(DiskError) in
            let scanner = scanner(copy, segment)
            let found = try scanner.walk()
            let end = try copy.size()
            size = max(size, end)
            let trailed = try scanner.table(size: end)
            let markers = found.headers.filter { $0.kind == .commitMarker }
            if let last = try own.lastMarker(markers, trailed, file, copy)?.marker {
                marker = marker.map { $0.records > last.records ? $0 : last } ?? last
            }
            if let trailed, try own.open(trailed, file, copy) != nil { table = table ?? trailed }
            if walk == nil { walk = found } else { walk?.add(found) }
        }
        let found = walk ?? SegmentScanner.Walk()
        return SegmentScan(
            segment: segment,
            tier: file.tier,
            records: found.headers.filter { $0.kind == .data },
            lastMarker: marker,
            hasTable: table != nil,
            foreign: found.foreign.filter { range in
                range.upperBound + SegmentFormat.trailerBytes < size || table == nil
            }
        )
    }

    /// Asks every copy of the first zone; one that cannot be read is left out while another can.
    private func eachCopy(
        of file: SegmentFile,
        _ doing: String,
        _ body: (any DiskCopy) throws(DiskError) -> Void
    ) throws(SegmentError) {
        var failure: SegmentError?
        var isRead = false
        for copy in file.replicas[0].copies {
            do throws(DiskError) {
                try body(copy)
                isRead = true
            } catch {
                let named = SegmentError(error, "\(doing) \(file.place(zone: copy.zone))")
                configuration.report(named.description)
                failure = failure ?? named
            }
        }
        if let failure, !isRead { throw failure }
    }

    /// Opens every block of every record that a segment's file holds.
    ///
    /// - Parameter segment: Any segment.
    /// - Returns: What does not verify; dead records that were punched are not missed.
    /// - Throws: As ``scan(_:)``.
    package func verify(_ segment: SegmentID) throws(SegmentError) -> [SegmentFinding] {
        var findings: [SegmentFinding] = []
        for header in try scan(segment).records {
            do throws(SegmentError) {
                _ = try readRecord(header.address, expecting: header.identity)
            } catch {
                findings.append(SegmentFinding(header: header, error: error.description))
            }
        }
        return findings
    }

    private var own: OwnRecords { OwnRecords(decompressors: decompressors, scratch: scratch) }

    /// The table of a segment that was closed in order; `nil` when there is none that verifies.
    ///
    /// Where one copy lacks it and another has it, it is put there.
    func table(of segment: SegmentID) throws(SegmentError) -> SegmentTable? {
        let file = try file(segment)
        let copies = file.replicas[0].copies
        var failure: SegmentError?
        for (number, copy) in copies.enumerated() {
            do throws(DiskError) {
                let size = try copy.size()
                guard let header = try scanner(copy, segment).table(size: size),
                    let bytes = try own.open(header, file, copy)
                else { continue }
                if number > 0 { mendTable(header, copies, in: file) }
                return SegmentTable(bytes)
            } catch {
                failure =
                    failure
                    ?? SegmentError(error, "read the table of \(file.place(zone: copy.zone))")
            }
        }
        if let failure { throw failure }
        return nil
    }

    /// Puts a table that verifies, and the trailer that points at it, wherever a copy has it otherwise.
    ///
    /// - Returns: What was put right, what was read, and what is wrong where no copy gives the whole table.
    @discardableResult
    func mendTable(
        _ table: RecordHeader,
        _ copies: [any DiskCopy],
        in file: SegmentFile
    ) -> (mended: [MendedCopy], bytesRead: Int, problems: String?) {
        let record = AssembledRecord(
            table.address,
            of: copies,
            opening: opening(file),
            where: { $0 == table }
        )
        var mended = mend(record, in: file)
        guard record.isWhole else { return (mended, record.bytesRead, record.problems) }
        let trailer = SegmentTrailer(
            segment: file.segment,
            tableOffset: table.offset,
            tableLength: table.address.length
        ).encoded()
        let end = table.address.range.upperBound
        for copy in copies {
            // Harmless: unreadable is as good as wrong, and writing it anew is what may help.
            let found = try? copy.read(count: trailer.count, at: end)
            guard found != trailer,
                mend(copy, trailer, at: end, in: file, ifInUse: table.address.range)
            else { continue }
            mended.append(note(copy, "its trailer does not verify", trailer.count, file))
        }
        let bytesRead = record.bytesRead + trailer.count * copies.count
        return (mended, bytesRead, nil)
    }

    func scanner(_ copy: any DiskCopy, _ segment: SegmentID) -> SegmentScanner {
        SegmentScanner(file: copy, family: configuration.family, segment: segment)
    }
}
