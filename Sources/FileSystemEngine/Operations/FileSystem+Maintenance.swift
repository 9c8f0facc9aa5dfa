import Disk
import MetadataStore
import SegmentStore
import VarveModel

/// What the daemon calls on its clock; each call does a bounded piece of work.
extension FileSystem {
    /// Thins the retained instants as the ladder and the byte budget say, and drops what none shows any more.
    ///
    /// Snapshots that have expired go first, unless locked or held. It runs on a full disk.
    ///
    /// - Throws: `.noSpace`, `.readOnly`, `.failed`, `.corrupt`.
    package func collectGarbage() async throws(FileSystemError) -> MaintenanceReport {
        flushAccessTimes()
        core.ahead.forgetIdle()
        core.segments.forgetIdle()
        let (ladder, budget) = (core.configuration.retention, core.configuration.history)
        let unsettled = core.segments.unsettledSegments
        var (report, settled) = try await committer.run(room: .frees) { context in
            var report = MaintenanceReport()
            for snapshot in try context.writer.snapshots() {
                guard let name = snapshot.name, let expires = snapshot.expires,
                    expires <= context.now, (snapshot.lockedUntil ?? .epoch) <= context.now,
                    snapshot.holds == 0
                else { continue }
                guard report.instantsDropped < MaintenanceLimits.snapshots else {
                    report.isMoreDue = true
                    break
                }
                try context.writer.deleteSnapshot(name: name)
                report.instantsDropped += 1
            }
            try context.writer.breakBookmarks(expiredBy: context.now)
            _ = try context.writer.advanceRetention(
                second: max(0, context.now.seconds),
                ladder: ladder
            )
            let ranges = try context.writer.resolveRanges(limit: MaintenanceLimits.tiles)
            let garbage = try context.writer.collectGarbage(limit: MaintenanceLimits.keys)
            let isThinned = try context.writer.thinHistory(
                second: max(0, context.now.seconds),
                ladder: ladder,
                budget: budget
            )
            report.keysScanned = garbage.examined
            report.isMoreDue =
                report.isMoreDue || garbage.hasMore || ranges.hasMore || isThinned
            return (report, try context.settle(unsettled))
        }
        for segment in settled { core.segments.settle(segment) }
        if core.configuration.reserve?.isInUse != true { try await mergeCrowded() }
        count(core.reclaimDrained(), into: &report)
        return report
    }

    /// Adds what came back to a report, and takes the disk's reserve back if there is room for it.
    func count(
        _ freed: (records: [RecordPointer], segments: [SegmentID], bytes: UInt64),
        into report: inout MaintenanceReport
    ) {
        report.recordsFreed += freed.records.count
        report.bytesFreed += freed.records.reduce(0) { $0 + $1.length }
        report.segmentsFreed += freed.segments.count
        core.configuration.reserve?.restore()
    }

    /// Drops the slices of files that have ended.
    package func reap() async throws(FileSystemError) -> MaintenanceReport {
        var report = try await committer.run(room: .frees) { context in
            let reaped = try context.writer.reap(limit: MaintenanceLimits.keys)
            var report = MaintenanceReport()
            report.keysScanned = reaped.slices
            report.isMoreDue = reaped.hasMore
            return report
        }
        count(core.reclaimDrained(), into: &report)
        return report
    }

    /// Copies the metadata log into its base, and shortens it.
    package func checkpoint() async throws(FileSystemError) {
        try await committer.run(room: .frees) { $0.isCheckpointDue = true }
    }

    /// Space, as statvfs(3) asks and a little more.
    package func statistics() async throws(FileSystemError) -> FileSystemStatistics {
        try await readers.run { try $0.statistics() }
    }

    /// What statvfs(3) tells, and live bytes: one row, and no look at segments.
    ///
    /// - Throws: `.failed`.
    package func room() async throws(FileSystemError) -> FileSystemRoom {
        try await readers.run { context in
            try context.begin(.live)
            let counters = try context.reader.counters()
            let configuration = context.core.configuration
            let space = try configuration.disk.space(at: configuration.zones[0])
            return FileSystemRoom(
                inodes: counters.inodes,
                liveBytes: counters.liveBytes,
                diskTotalBytes: space.total,
                diskAvailableBytes: space.available
            )
        }
    }
}

extension WriteContext {
    /// Notes closed segments whose records are all named or free: a start after a crash need not look at them.
    ///
    /// - Returns: Those that are noted now, or whose rows are gone.
    func settle(_ segments: [SegmentID]) throws -> [SegmentID] {
        var settled: [SegmentID] = []
        for id in segments {
            guard var row = try writer.segment(id) else {
                settled.append(id)
                continue
            }
            // More in the file than in the rows: sealed and not named yet, or freed and not given back.
            guard core.segments.liveLength(of: id) == row.bytes - min(row.bytes, row.dead) else {
                continue
            }
            row.state = .sealed
            try writer.putSegment(row)
            settled.append(id)
        }
        return settled
    }
}

/// How much one call of maintenance does.
enum MaintenanceLimits {
    /// 4,096 keys at 1.4 µs: some 6 ms of the committer's time.
    static let keys = 4_096
    static let tiles = 256
    /// Snapshots that have expired, and go in one transaction.
    static let snapshots = 256
    /// Tiles merged: each reads and seals up to 4 MiB.
    static let merges = 16
    /// Records of a segment that one call of compaction looks at.
    static let compactedRecords = 1_024
    /// 16 MiB of live records copied a call: some 30 ms of sealing, and one sync.
    static let compactedBytes: UInt64 = 16 << 20
}

extension ReadContext {
    func statistics() throws -> FileSystemStatistics {
        try begin(.live)
        let counters = try reader.counters()
        let past = try reader.pastBytes()
        let tiers = try core.segments.statistics()
        let configuration = core.configuration
        let space = try configuration.disk.space(at: configuration.zones[0])
        let path = configuration.directory + "/meta.sqlite"
        let base = try configuration.disk.status(of: path)?.allocated ?? 0
        return FileSystemStatistics(
            liveBytes: counters.liveBytes,
            tierBytes: Dictionary(
                uniqueKeysWithValues: Tier.allCases.map { tier in
                    let inline = tier == .standard ? counters.inlineBytes : 0
                    return (tier, counters.space[Int(tier.rawValue)] + inline)
                }
            ),
            inodes: counters.inodes,
            storedBytes: tiers.mapValues { $0.fileBytes },
            deadBytes: tiers.mapValues { $0.deadBytes },
            historyBytes: past.history,
            snapshotBytes: past.pinned,
            metadataBytes: base + core.database.sealed.walSize,
            diskTotalBytes: space.total,
            diskAvailableBytes: space.available
        )
    }
}
