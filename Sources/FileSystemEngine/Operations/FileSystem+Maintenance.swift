import Disk
import MetadataStore
import SegmentStore
import VarveModel

/// What the daemon calls on its clock; each call does a bounded piece of work.
extension FileSystem {
    /// Thins the retained instants as the ladder says, and drops what no instant shows any more.
    ///
    /// Snapshots that have expired go first, unless locked or held.
    ///
    /// - Throws: `.noSpace`, `.readOnly`, `.failed`, `.corrupt`.
    package func collectGarbage() async throws(FileSystemError) -> MaintenanceReport {
        flushAccessTimes()
        let ladder = core.configuration.retention
        var report = try await committer.run { context in
            var report = MaintenanceReport()
            for snapshot in try context.writer.snapshots() {
                guard let name = snapshot.name, let expires = snapshot.expires,
                    expires <= context.now, (snapshot.lockedUntil ?? .epoch) <= context.now,
                    snapshot.holds == 0
                else { continue }
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
            report.keysScanned = garbage.examined
            report.isMoreDue = garbage.hasMore || ranges.hasMore
            return report
        }
        try await mergeCrowded()
        let freed = core.reclaimDrained()
        report.recordsFreed = freed.records.count
        report.bytesFreed = freed.records.reduce(0) { $0 + $1.length }
        report.segmentsFreed = freed.segments.count
        return report
    }

    /// Drops the slices of files that have ended.
    package func reap() async throws(FileSystemError) -> MaintenanceReport {
        var report = try await committer.run { context in
            let reaped = try context.writer.reap(limit: MaintenanceLimits.keys)
            var report = MaintenanceReport()
            report.keysScanned = reaped.slices
            report.isMoreDue = reaped.hasMore
            return report
        }
        let freed = core.reclaimDrained()
        report.recordsFreed = freed.records.count
        report.bytesFreed = freed.records.reduce(0) { $0 + $1.length }
        report.segmentsFreed = freed.segments.count
        return report
    }

    /// Copies the metadata log into its base, and shortens it.
    package func checkpoint() async throws(FileSystemError) {
        try await committer.run { $0.isCheckpointDue = true }
    }

    /// Space, as statvfs(3) asks and a little more.
    package func statistics() async throws(FileSystemError) -> FileSystemStatistics {
        try await readers.run { try $0.statistics() }
    }
}

/// How much one call of maintenance does.
enum MaintenanceLimits {
    /// 4,096 keys at 1.4 µs: some 6 ms of the committer's time.
    static let keys = 4_096
    static let tiles = 256
    /// Tiles merged: each reads and seals up to 4 MiB.
    static let merges = 16
}

extension ReadContext {
    func statistics() throws -> FileSystemStatistics {
        try begin(.live)
        let counters = try reader.counters()
        let tiers = try core.segments.statistics()
        let configuration = core.configuration
        let space = try configuration.disk.space(at: configuration.zones[0])
        let path = configuration.directory + "/meta.sqlite"
        let base = try configuration.disk.status(of: path)?.allocated ?? 0
        return FileSystemStatistics(
            liveBytes: counters.space.reduce(counters.inlineBytes, +),
            inodes: counters.inodes,
            storedBytes: tiers.mapValues { $0.fileBytes },
            deadBytes: tiers.mapValues { $0.deadBytes },
            metadataBytes: base + core.database.sealed.walSize,
            diskTotalBytes: space.total,
            diskAvailableBytes: space.available
        )
    }
}
