package import FileSystemEngine
import MetadataStore
import Policies
package import VarveModel

/// What lies in each tier, and how long nobody used it.
package struct LifecycleStatus: Sendable, Hashable {
    /// What one tier holds.
    package struct Tally: Sendable, Hashable {
        package var files: UInt64 = 0
        /// Of data, without holes.
        package var bytes: UInt64 = 0
        /// As AWS EFS meters them (``LifecycleService/metered(_:in:)``).
        package var meteredBytes: UInt64 = 0
    }

    /// Files of so many days without access, up to the next step's.
    package struct Step: Sendable, Hashable {
        package let days: Int
        package var tiers: [Tier: Tally] = [:]
    }

    /// By days without access, the ages of EFS's transitions.
    package var steps: [Step]
    package var tiers: [Tier: Tally] = [:]
    /// Directories, links, empty files and others whose data nobody read or wrote.
    package var otherInodes: UInt64 = 0
    /// Bytes of the segment files.
    package var storedBytes: [Tier: UInt64] = [:]

    /// What EFS would report as `ValueInStandard`, `ValueInIA` and `ValueInArchive`.
    ///
    /// Inodes are metered in Standard, 2 KiB each, and what is no file with data takes 4 KiB more; of large directories
    /// EFS counts more than that.
    package var meteredSizes: [Tier: UInt64] {
        var sizes = tiers.mapValues(\.meteredBytes)
        let files = tiers.values.reduce(0) { $0 + $1.files }
        sizes[.standard, default: 0] += files * 2_048 + otherInodes * 6_144
        return sizes
    }
}

extension LifecycleService {
    /// Counts every file that the journal knows: a crawl, for people who ask.
    ///
    /// The access days must have been flushed; `progress` is told after every page.
    package func status(
        _ fileSystem: FileSystem,
        progress: (@Sendable (LifecycleProgress) -> Void)? = nil
    ) async throws(LifecycleError) -> LifecycleStatus {
        let ages = [0] + LifecycleTransitions.Age.allCases.map(\.rawValue)
        var status = LifecycleStatus(steps: ages.map { LifecycleStatus.Step(days: $0) })
        let (id, today) = (fileSystem.id.text, clock.now().day)
        var position: InodeNumber?
        repeat {
            let from = position
            let rows = try await using { () async throws(MetadataError) in
                try await journal.accessDays(id, after: from, limit: LifecycleService.page)
            }
            let places = try await places(rows, fileSystem)
            for (row, place) in zip(rows, places) {
                guard let place, place.attributes.kind == .regular else { continue }
                status.count(place, daysWithoutAccess: Int(max(0, today - row.lastUse)))
            }
            let files = status.tiers.values.reduce(0) { $0 + $1.files }
            let bytes = status.tiers.values.reduce(0) { $0 + $1.bytes }
            progress?(LifecycleProgress(files: files, bytes: bytes))
            position = rows.count == LifecycleService.page ? rows.last?.inode : nil
        } while position != nil && !Task.isCancelled
        try await addWhole(fileSystem, to: &status)
        return status
    }

    /// Data bytes as AWS EFS meters them: in steps of 4 KiB, and in IA and Archive 128 KiB at least.
    package static func metered(_ bytes: UInt64, in tier: Tier) -> UInt64 {
        let rounded = (bytes + 4_095) / 4_096 * 4_096
        return tier == .standard ? rounded : max(rounded, 128 << 10)
    }

    private func places(
        _ rows: [AccessDay],
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> [TierPlace?] {
        do throws(FileSystemError) {
            return try await fileSystem.tierPlaces(of: rows.map(\.inode))
        } catch {
            throw LifecycleError(error)
        }
    }

    private func addWhole(
        _ fileSystem: FileSystem,
        to status: inout LifecycleStatus
    ) async throws(LifecycleError) {
        let whole: FileSystemStatistics
        do throws(FileSystemError) {
            whole = try await fileSystem.statistics()
        } catch {
            throw LifecycleError(error)
        }
        status.storedBytes = whole.storedBytes
        let files = status.tiers.values.reduce(0) { $0 + $1.files }
        status.otherInodes = whole.inodes - min(whole.inodes, files)
    }
}

extension LifecycleStatus {
    fileprivate mutating func count(_ place: TierPlace, daysWithoutAccess days: Int) {
        let bytes = place.attributes.allocated
        func add(_ tally: inout Tally) {
            tally.files += 1
            tally.bytes += bytes
            tally.meteredBytes += LifecycleService.metered(bytes, in: place.tier)
        }
        add(&tiers[place.tier, default: Tally()])
        let step = steps.lastIndex { $0.days <= days } ?? 0
        add(&steps[step].tiers[place.tier, default: Tally()])
    }
}
