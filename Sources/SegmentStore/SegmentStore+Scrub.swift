package import Disk
import Synchronization
package import VarveModel

/// What reading every copy of one thing has found.
package struct ScrubbedCopies: Sendable {
    /// What no copy can give.
    package struct Lost: Sendable, Hashable {
        /// Bytes of the record, before sealing; `nil`: all of it, or what is no record of data.
        package let plainRanges: [Range<Int>]?
        package let zones: [String]
        /// Names segment and place, and why each zone could not.
        package let message: String

        init(plainRanges: [Range<Int>]?, zones: [String], message: String) {
            self.plainRanges = plainRanges
            self.zones = zones
            self.message = message
        }

        /// All of a record, whose segment could not be opened.
        package init(_ error: SegmentError) {
            self.init(plainRanges: nil, zones: [], message: error.message)
        }
    }

    package internal(set) var bytesRead: UInt64 = 0
    package internal(set) var healed: [MendedCopy] = []
    package internal(set) var lost: [Lost] = []
}

/// Reading every copy, so that what rots in one zone is put right while another has it.
extension SegmentStore {
    /// Opens every copy of a record, and puts right those that do not verify.
    ///
    /// The caller keeps the record from being given back meanwhile, as every reader does: what a row names is never
    /// free here, and what none names is not asked for.
    ///
    /// - Returns: What was found; one copy alone can be lost and not healed.
    /// - Throws: `.missing`, `.corrupt` and the like where the segment's file itself cannot be opened.
    package func scrub(_ address: RecordAddress, expecting identity: RecordIdentity)
        throws(SegmentError) -> ScrubbedCopies
    {
        let file = try file(address.segment)
        var result = ScrubbedCopies()
        for replica in file.replicas {
            let reading = RecordReading(
                store: self,
                file: file,
                replica: replica,
                address: address,
                identity: identity
            )
            try reading.requirePossible()
            let record = assemble(reading)
            result.bytesRead += UInt64(record.bytesRead)
            result.healed += mend(record, in: file)
            guard !record.isWhole else { continue }
            result.lost.append(
                ScrubbedCopies.Lost(
                    plainRanges: record.header.map { header in
                        record.badBlocks.map { header.plainRange(ofBlock: $0) }
                    },
                    zones: record.parts.map(\.copy.zone),
                    message: "segment \(address.segment.rawValue) (\(file.tier.word)), the record "
                        + "of \(identity) at \(address.offset): \(record.problems)"
                )
            )
        }
        return result
    }

    /// Looks at what a segment says of itself, in every copy: its header, its table and trailer or its newest marker.
    ///
    /// - Returns: What was found; nothing of a segment that is gone meanwhile.
    /// - Throws: What keeps its file from being opened at all.
    package func scrubOwnRecords(of segment: SegmentID) throws(SegmentError) -> ScrubbedCopies {
        var result = ScrubbedCopies()
        do throws(SegmentError) {
            let file = try file(segment)
            for replica in file.replicas {
                try scrubHeaders(of: file, replica, &result)
                try scrubTable(of: file, replica, &result)
            }
        } catch {
            guard state.withLock({ $0.ledger[segment] != nil }) else { return ScrubbedCopies() }
            throw error
        }
        return result
    }

    private func scrubHeaders(
        of file: SegmentFile,
        _ replica: SegmentFile.Replica,
        _ result: inout ScrubbedCopies
    ) throws(SegmentError) {
        _ = replica.headers.take()
        var page: [UInt8]?
        var bad: [any DiskCopy] = []
        var failure: SegmentError?
        for copy in replica.copies {
            result.bytesRead += SegmentFormat.headerBytes
            do throws(SegmentError) {
                let found = try SegmentFile.header(
                    of: file.segment,
                    tier: file.tier,
                    in: copy,
                    of: configuration
                )
                // The segment is open under its salt: another one's header is no better than none.
                guard found.header == file.header else {
                    bad.append(copy)
                    continue
                }
                page = page ?? found.page
            } catch {
                bad.append(copy)
                failure = failure ?? error
            }
        }
        guard let page else {
            let zones = bad.map(\.zone)
            let what = failure?.message ?? "\(file.place(replica)): its header is another's"
            result.lost.append(.init(plainRanges: nil, zones: zones, message: what))
            return
        }
        let due = SegmentFile.Replica(
            zone: replica.zone,
            path: replica.path,
            file: replica.file,
            headers: DueHeaders(page, in: bad)
        )
        result.healed += mendHeaders(of: file, due)
    }

    /// The table of a closed segment; of one that is written, or that a crash left, the marker that counts.
    private func scrubTable(
        of file: SegmentFile,
        _ replica: SegmentFile.Replica,
        _ result: inout ScrubbedCopies
    ) throws(SegmentError) {
        let copies = replica.copies
        let known = state.withLock { state in
            state.segments[file.segment]?.marker ?? state.ledger[file.segment]?.keptMarker
        }
        if let pointed = table(in: copies, of: file) {
            let scrubbed = mendTable(pointed, copies, in: file)
            result.healed += scrubbed.mended
            result.bytesRead += UInt64(scrubbed.bytesRead)
            guard let problems = scrubbed.problems else { return }
            result.lost.append(
                ScrubbedCopies.Lost(
                    plainRanges: nil,
                    zones: copies.map(\.zone),
                    message: "segment \(file.segment.rawValue) (\(file.tier.word)), the table at "
                        + "\(pointed.offset): \(problems)"
                )
            )
        } else if let known {
            scrubMarker(known, of: file, copies, &result)
        }
    }

    /// The table that the copies' trailers point at: one that verifies rather than one that does not.
    private func table(in copies: [any DiskCopy], of file: SegmentFile) -> RecordHeader? {
        let own = OwnRecords(decompressors: decompressors, scratch: scratch)
        var doubtful: RecordHeader?
        for copy in copies {
            do throws(DiskError) {
                guard let table = try scanner(copy, file.segment).table(size: try copy.size())
                else { continue }
                if try own.open(table, file, copy) != nil { return table }
                doubtful = doubtful ?? table
            } catch {
                configuration.report(
                    SegmentError(error, "scrub \(file.place(zone: copy.zone))").description
                )
            }
        }
        return doubtful
    }

    private func scrubMarker(
        _ range: Range<UInt64>,
        of file: SegmentFile,
        _ copies: [any DiskCopy],
        _ result: inout ScrubbedCopies
    ) {
        let length = SegmentFormat.recordHeaderBytes(blocks: 1) + CommitMarker.bytes
        let address = RecordAddress(
            segment: file.segment,
            offset: range.lowerBound,
            length: UInt64(length + SegmentFormat.tagBytes)
        )
        let record = AssembledRecord(
            address,
            of: copies,
            opening: opening(file),
            where: { $0.kind == .commitMarker && $0.address == address }
        )
        result.bytesRead += UInt64(record.bytesRead)
        result.healed += mend(record, in: file)
        // One that was superseded meanwhile is nobody's, and so is the table that took its place.
        let counts = state.withLock { state in
            state.segments[file.segment]?.marker == range
                || state.ledger[file.segment]?.keptMarker == range
        }
        guard !record.isWhole, counts, address.range == range else { return }
        result.lost.append(
            ScrubbedCopies.Lost(
                plainRanges: nil,
                zones: copies.map(\.zone),
                message:
                    "segment \(file.segment.rawValue) (\(file.tier.word)), the commit marker at "
                    + "\(range.lowerBound): \(record.problems)"
            )
        )
    }
}
