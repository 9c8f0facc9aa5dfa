import Disk
import Synchronization
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
        let replica = file.replicas[0]
        do throws(DiskError) {
            let scanner = scanner(replica.file, segment)
            let walk = try scanner.walk()
            let size = try replica.file.size()
            let table = try scanner.table(size: size)
            let markers = walk.headers.filter { $0.kind == .commitMarker }
            let hasTable = try table.map { (table) throws(DiskError) in
                try openOwn(table, file, replica.file) != nil
            }
            return SegmentScan(
                segment: segment,
                tier: file.tier,
                records: walk.headers.filter { $0.kind == .data },
                lastMarker: try lastMarker(markers, table, file, replica.file)?.marker,
                hasTable: hasTable ?? false,
                foreign: walk.foreign.filter { range in
                    range.upperBound + SegmentFormat.trailerBytes < size || table == nil
                }
            )
        } catch {
            throw SegmentError(error, "scan \(file.place(replica))")
        }
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

    /// The greatest log position in the markers of the newest segments.
    ///
    /// Ask before any ``sweep(_:live:)``: it remembers where those markers stand, and keeps them.
    ///
    /// - Returns: The position; ``DurablePosition/none`` without any marker.
    /// - Throws: `.failed`. Segments that cannot be read are reported and skipped.
    package func lastDurablePosition() throws(SegmentError) -> DurablePosition {
        var greatest = DurablePosition.none
        for tier in Tier.allCases {
            let newest = state.withLock { state in
                state.ledger.entries.filter { $0.value.tier == tier }.keys.sorted().suffix(3)
            }
            for segment in newest {
                do throws(SegmentError) {
                    guard let found = try marker(of: segment) else { continue }
                    greatest = max(greatest, found.marker.position)
                    state.withLock { $0.ledger.keepMarker(found.range, in: segment) }
                } catch {
                    if error.code == .failed { throw error }
                    configuration.report(error.description)
                }
            }
        }
        return greatest
    }

    private func marker(of segment: SegmentID) throws(SegmentError)
        -> (marker: CommitMarker, range: Range<UInt64>)?
    {
        let file = try file(segment)
        let replica = file.replicas[0]
        do throws(DiskError) {
            let size = try replica.file.size()
            let scanner = scanner(replica.file, segment)
            let table = try scanner.table(size: size)
            // A segment that was closed in order is not walked.
            if let found = try lastMarker([], table, file, replica.file) { return found }
            let markers = try scanner.walk().headers.filter { $0.kind == .commitMarker }
            return try lastMarker(markers, nil, file, replica.file)
        } catch {
            throw SegmentError(error, "scan \(file.place(replica))")
        }
    }

    private func scanner(_ file: any DiskFile, _ segment: SegmentID) -> SegmentScanner {
        SegmentScanner(file: file, family: configuration.family, segment: segment)
    }

    /// The newest marker that verifies, the table's own included.
    private func lastMarker(
        _ markers: [RecordHeader],
        _ table: RecordHeader?,
        _ file: SegmentFile,
        _ source: any DiskFile
    ) throws(DiskError) -> (marker: CommitMarker, range: Range<UInt64>)? {
        if let table, let bytes = try openOwn(table, file, source),
            let found = SegmentTable(bytes)
        {
            return (found.marker, table.address.range)
        }
        for header in markers.reversed() {
            if let bytes = try openOwn(header, file, source), let found = CommitMarker(bytes) {
                return (found, header.address.range)
            }
        }
        return nil
    }

    /// Opens a marker or a table; `nil` when it does not verify.
    private func openOwn(
        _ header: RecordHeader,
        _ file: SegmentFile,
        _ source: any DiskFile
    ) throws(DiskError) -> [UInt8]? {
        var record = try source.read(count: Int(header.address.length), at: header.offset)
        guard record.count == Int(header.address.length) else { return nil }
        let opener = RecordOpener(
            header: header,
            headerBytes: Array(record[0..<header.headerBytes]),
            sealer: file.sealer,
            decompressors: decompressors,
            scratch: scratch
        )
        var isOpen = false
        let plain = [UInt8](unsafeUninitializedCapacity: header.plainBytes) { plain, count in
            isOpen = record.withUnsafeMutableBytes { record in
                opener.open(
                    0..<header.blocks.count,
                    sealed: UnsafeMutableRawBufferPointer(rebasing: record[header.headerBytes...]),
                    plainRange: 0..<header.plainBytes,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(plain)[0..<header.plainBytes]
                    )
                ) == nil
            }
            count = header.plainBytes
        }
        return isOpen ? plain : nil
    }
}
