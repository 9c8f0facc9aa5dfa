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
        let replica = file.replicas[0]
        do throws(DiskError) {
            let scanner = scanner(replica.file, segment)
            let walk = try scanner.walk()
            let size = try replica.file.size()
            let table = try scanner.table(size: size)
            let markers = walk.headers.filter { $0.kind == .commitMarker }
            let hasTable = try table.map { (table) throws(DiskError) in
                try own.open(table, file, replica.file) != nil
            }
            return SegmentScan(
                segment: segment,
                tier: file.tier,
                records: walk.headers.filter { $0.kind == .data },
                lastMarker: try own.lastMarker(markers, table, file, replica.file)?.marker,
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

    private var own: OwnRecords { OwnRecords(decompressors: decompressors, scratch: scratch) }

    /// The table of a segment that was closed in order; `nil` when there is none that verifies.
    func table(of segment: SegmentID) throws(SegmentError) -> SegmentTable? {
        let file = try file(segment)
        let replica = file.replicas[0]
        do throws(DiskError) {
            let size = try replica.file.size()
            guard let header = try scanner(replica.file, segment).table(size: size),
                let bytes = try own.open(header, file, replica.file)
            else { return nil }
            return SegmentTable(bytes)
        } catch {
            throw SegmentError(error, "read the table of \(file.place(replica))")
        }
    }

    private func scanner(_ file: any DiskFile, _ segment: SegmentID) -> SegmentScanner {
        SegmentScanner(file: file, family: configuration.family, segment: segment)
    }
}
