import Disk
import Synchronization
package import VarveModel

/// A tier's space.
package struct TierStatistics: Hashable, Sendable {
    package var segments = 0
    /// Footprints of the records that are not dead: what the tier's bytes cost as stored.
    package var liveBytes: UInt64 = 0
    /// Footprints of the dead ones whose segments remain.
    package var deadBytes: UInt64 = 0
    /// Bytes that the tier's files occupy on disk in one zone, spares and reserved space included.
    package var fileBytes: UInt64 = 0
}

extension SegmentStore {
    /// How full each segment is.
    package func usage() -> [SegmentUsage] {
        state.withLock { state in
            state.ledger.entries.keys.sorted().compactMap { state.ledger.usage(of: $0) }
        }
    }

    /// How full one segment is; `nil` when it is not there.
    package func usage(of segment: SegmentID) -> SegmentUsage? {
        state.withLock { $0.ledger.usage(of: segment) }
    }

    /// Each tier's space; asks the disk once a file.
    package func statistics() throws(SegmentError) -> [Tier: TierStatistics] {
        var result: [Tier: TierStatistics] = [:]
        for tier in Tier.allCases { result[tier] = TierStatistics() }
        for usage in usage() {
            result[usage.tier]?.segments += 1
            result[usage.tier]?.liveBytes +=
                usage.recordBytes - min(usage.recordBytes, usage.deadBytes)
            result[usage.tier]?.deadBytes += usage.deadBytes
        }
        guard let zone = configuration.zones.first else { return result }
        for tier in Tier.allCases {
            let directory = zone.directory(of: tier)
            do throws(DiskError) {
                for name in try configuration.disk.list(directory) {
                    // A file that goes between the two calls occupies nothing.
                    let status = try configuration.disk.status(of: directory + "/" + name)
                    result[tier]?.fileBytes += status?.allocated ?? 0
                }
            } catch {
                throw SegmentError(error, "measure '\(directory)'")
            }
        }
        return result
    }
}
