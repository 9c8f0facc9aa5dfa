import Disk
import MetadataStore
import SegmentStore
import Synchronization
import VarveModel

/// Half-dead segments are emptied: what lives in them is sealed anew elsewhere, and their files go.
extension FileSystem {
    /// Goes on compacting: a bounded piece of one segment a call.
    ///
    /// Copies are durable first, then one transaction swaps the rows that still name the old records,
    /// as a tier move does; it files no change. Whatever a crash leaves is copies that no row names, which the
    /// next start sweeps. A record none of whose rows is found stays where it is.
    ///
    /// - Returns: What came back, and whether more is due.
    /// - Throws: `.readOnly`, `.failed`. A record that does not verify is logged and left, a disk without room
    ///   ends the call.
    package func compact() async throws(FileSystemError) -> MaintenanceReport {
        try core.requireWritable()
        var report = MaintenanceReport()
        if core.configuration.reserve?.isInUse == true { core.squeeze() }
        guard let work = core.compaction.begin() else { return report }
        let result: Result<CompactionWork?, FileSystemError>
        do throws(FileSystemError) {
            result = .success(try await step(work, &report))
        } catch {
            result = .failure(error)
        }
        switch result {
        case .success(let next):
            core.compaction.end(next)
            report.isMoreDue = next != nil
            count(core.reclaimDrained(), into: &report)
            return report
        case .failure(let error):
            core.compaction.end(nil)
            if let segment = work.segment { core.segments.postpone(segment) }
            // Compaction is a convenience on a disk with room, and impossible on one without any.
            guard error.code == .noSpace else { throw error }
            core.configuration.log("compaction of \(id) waits for room: \(error.message)")
            return report
        }
    }

    /// Chooses a segment, or empties the next piece of the one in hand; `nil` when nothing is left to do.
    private func step(
        _ work: CompactionWork,
        _ report: inout MaintenanceReport
    ) async throws(FileSystemError) -> CompactionWork? {
        guard let segment = work.segment else {
            let chosen = try await readers.run(shows: false) { try $0.chooseSegment() }
            if chosen == nil, core.segments.finishSurvivors() {
                // Their table is written by the next commit's sync.
                try await committer.run(room: .frees) { $0.syncsCopies() }
            }
            return chosen
        }
        let copies = try await copies(of: work.next, in: segment)
        report.keysScanned += work.next.count
        guard !copies.swaps.isEmpty else { return work.afterNext }
        do {
            let stale = try await committer.run(room: .frees) { try $0.swap(copies.swaps) }
            core.discard(stale)
        } catch {
            core.discard(copies.swaps.map(\.new))
            throw error
        }
        report.recordsCompacted += copies.records
        return work.afterNext
    }

    /// Copies under the reserve, should the disk be full: more comes back than it costs.
    private func copies(
        of records: [ListedRecord],
        in segment: SegmentID
    ) async throws(FileSystemError) -> RecordCopies {
        do throws(FileSystemError) {
            return try await readers.run(shows: false) {
                try $0.copySurvivors(records, in: segment)
            }
        } catch {
            guard error.code == .noSpace, core.releaseReserve() else { throw error }
        }
        return try await readers.run(shows: false) { try $0.copySurvivors(records, in: segment) }
    }
}

/// What is left to do of the segment in hand.
struct CompactionWork: Sendable {
    /// `nil`: none is in hand.
    var segment: SegmentID?
    /// Its records that were not looked at yet, those of one tile together.
    var records: ArraySlice<ListedRecord> = []

    /// The piece that one call does.
    var next: [ListedRecord] {
        var bytes: UInt64 = 0
        let piece = records.prefix(MaintenanceLimits.compactedRecords).prefix { record in
            defer { bytes += record.address.length }
            return bytes < MaintenanceLimits.compactedBytes
        }
        return Array(piece)
    }

    /// What is left after that piece; an empty hand when it was the last.
    var afterNext: CompactionWork {
        let left = records.dropFirst(next.count)
        return left.isEmpty ? CompactionWork() : CompactionWork(segment: segment, records: left)
    }
}

/// Holds the work in hand between calls, and lets one call at a time have it.
final class CompactionSlot: Sendable {
    private let state = Mutex<(work: CompactionWork, isTaken: Bool)>((CompactionWork(), false))

    /// Takes the work; `nil` when another call has it.
    func begin() -> CompactionWork? {
        state.withLock { state in
            guard !state.isTaken else { return nil }
            state.isTaken = true
            return state.work
        }
    }

    func end(_ work: CompactionWork?) {
        state.withLock { $0 = (work ?? CompactionWork(), false) }
    }
}

extension ReadContext {
    /// The segment that is worth it most, with what it lists; `nil` when none is.
    func chooseSegment() throws -> CompactionWork? {
        let disk = core.configuration.disk
        let room = try disk.space(at: core.configuration.zones[0]).available
        let reserve = core.configuration.reserve
        let more = reserve?.isInUse == false ? reserve?.bytes ?? 0 : 0
        guard let segment = try core.segments.worstSegment(liveMax: room + more) else { return nil }
        do throws(SegmentError) {
            let records = try core.segments.records(in: segment)
            return CompactionWork(
                segment: records.isEmpty ? nil : segment,
                records: records.sorted { $0.order < $1.order }[...]
            )
        } catch {
            // It stays as it is; doctor names what it holds.
            core.configuration.log("segment \(segment.rawValue) is not compacted: \(error.message)")
            return CompactionWork()
        }
    }

    /// Copies the records that rows name, and makes the copies durable.
    ///
    /// The segment's own list is the index from records to rows: a record's rows are of the inode and the tile in its
    /// header, or they are listed where records are shared.
    func copySurvivors(_ records: [ListedRecord], in segment: SegmentID) throws -> RecordCopies {
        let ticket = core.fence.enter()
        defer { core.fence.leave(ticket) }
        try begin(.live)
        var copies = RecordCopies()
        var made: [RecordPointer] = []
        var tile: (identity: RecordIdentity, rows: [RecordPointer: [SliceRow]])?
        do {
            for record in records {
                if tile?.identity.inode != record.identity.inode
                    || tile?.identity.tile != record.identity.tile
                {
                    let rows = try rows(like: record.identity, in: segment)
                    tile = (
                        record.identity,
                        Dictionary(grouping: rows.filter { $0.record != nil }) {
                            $0.record ?? RecordPointer(record.address)
                        }
                    )
                }
                let old = RecordPointer(record.address)
                var rows = tile?.rows[old] ?? []
                if rows.isEmpty { rows = try reader.sharingSlices(of: old) }
                guard !rows.isEmpty, let new = try copy(record) else { continue }
                made.append(new)
                copies.records += 1
                copies.swaps += rows.map { row in
                    RecordSwap(
                        inode: row.inode,
                        tile: row.tile,
                        sequence: row.sequence,
                        died: row.died,
                        old: old,
                        new: new
                    )
                }
            }
            if !made.isEmpty { try core.segments.syncCopies() }
        } catch {
            core.discard(made)
            throw error
        }
        return copies
    }

    private func rows(
        like identity: RecordIdentity,
        in segment: SegmentID
    ) throws -> [SliceRow] {
        try reader.slices(identity.inode, tile: Int64(identity.tile), in: segment)
    }

    /// A copy of a record; `nil` when it does not verify: it stays, for another zone or for doctor.
    private func copy(_ record: ListedRecord) throws -> RecordPointer? {
        guard let tier = core.segments.usage(of: record.address.segment)?.tier else { return nil }
        do throws(SegmentError) {
            return RecordPointer(
                try core.segments.copyRecord(
                    record.address,
                    expecting: record.identity,
                    to: tier,
                    isSurvivor: true
                )
            )
        } catch {
            guard error.code == .corrupt || error.code == .missing else { throw error }
            core.configuration.log("not compacted: \(error.message)")
            return nil
        }
    }
}

extension ListedRecord {
    /// Those of one tile stand together: its rows are read once.
    fileprivate var order: (UInt64, UInt32, UInt64) {
        (identity.inode.rawValue, identity.tile, address.offset)
    }
}

extension WriteContext {
    /// Points rows at the copies; answers the copies that no row took.
    func swap(_ swaps: [RecordSwap]) throws -> [RecordPointer] {
        let missed = Set(try writer.swapRecords(swaps))
        let taken = Set(
            swaps.enumerated().filter { !missed.contains($0.offset) }.map(\.element.new)
        )
        return Array(Set(swaps.map(\.new)).subtracting(taken))
    }
}
