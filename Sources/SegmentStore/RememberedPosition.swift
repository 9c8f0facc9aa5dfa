import Compression
import Disk
import Synchronization
import VarveModel

/// What the newest segments remember of metadata's log, read before metadata is opened.
package struct RememberedPosition: Sendable {
    /// The least that a recovery of metadata must reach.
    package let position: DurablePosition
    /// Where each marker stands that says so: reclaiming leaves it.
    let markers: [SegmentID: Range<UInt64>]
}

extension SegmentStore {
    /// The greatest log position in the markers of the newest segments, without opening a store.
    ///
    /// It reads at most 16 segments of each tier, newest first, and stops at the third that has a
    /// marker. One that was closed in order costs its header, trailer and table; one that a crash left is
    /// walked by its headers. What cannot be read is stepped over: a bad sector in one segment must
    /// not keep the others from serving, and the least that is asked for is only lower without it.
    ///
    /// - Parameter configuration: As the store's own.
    /// - Returns: The position, ``DurablePosition/none`` without any marker; for ``keep(_:)``.
    package static func rememberedPosition(
        _ configuration: SegmentStoreConfiguration
    ) -> RememberedPosition {
        var found: [Tier: Set<SegmentID>] = [:]
        for (zone, tier, path) in configuration.directories {
            do throws(DiskError) {
                let names = try configuration.disk.list(path)
                found[tier, default: []].formUnion(names.compactMap(SegmentName.segment))
            } catch {
                // A directory that is not there yet has no segment; opening the store makes it.
                if error.code == .notFound { continue }
                configuration.report("list segments in zone '\(zone.name)': \(error.message)")
            }
        }
        return PositionSurvey(configuration).survey(found)
    }

    /// Leaves the markers that recovery has used, and may need again, to every later ``sweep(_:live:)``.
    package func keep(_ remembered: RememberedPosition) {
        state.withLock { state in
            for (segment, range) in remembered.markers {
                state.ledger.keepMarker(range, in: segment)
            }
        }
    }

    /// The greatest log position in the markers of the newest segments.
    ///
    /// Ask before any ``sweep(_:live:)``: it remembers where those markers stand, and keeps them.
    ///
    /// - Returns: The position; ``DurablePosition/none`` without any marker.
    package func lastDurablePosition() -> DurablePosition {
        var found: [Tier: Set<SegmentID>] = [:]
        state.withLock { state in
            for (segment, entry) in state.ledger.entries {
                found[entry.tier, default: []].insert(segment)
            }
        }
        let remembered = PositionSurvey(configuration).survey(found)
        keep(remembered)
        return remembered.position
    }
}

/// Looks for the newest commit markers.
private struct PositionSurvey {
    /// Segments of a tier that are looked at: unstable writes may fill several without one sync.
    private static let segmentsMax = 16
    /// Markers of a tier that are compared: a segment that closes late may hold a newer one than the
    /// segment begun after it.
    private static let markersMax = 3

    private let configuration: SegmentStoreConfiguration
    private let own: OwnRecords

    init(_ configuration: SegmentStoreConfiguration) {
        // A segment that a crash left without its header is no news: nothing names it.
        var quiet = configuration
        quiet.report = { _ in }
        self.configuration = quiet
        own = OwnRecords(
            decompressors: LendingPool(idleMax: 1) { ZstdDecompressor() },
            scratch: ScratchPool()
        )
    }

    func survey(_ segments: [Tier: Set<SegmentID>]) -> RememberedPosition {
        var greatest = DurablePosition.none
        var markers: [SegmentID: Range<UInt64>] = [:]
        for (tier, segments) in segments {
            var left = PositionSurvey.markersMax
            for segment in segments.sorted().reversed().prefix(PositionSurvey.segmentsMax)
            where left > 0 {
                guard let found = marker(of: segment, tier) else { continue }
                greatest = max(greatest, found.marker.position)
                markers[segment] = found.range
                left -= 1
            }
        }
        return RememberedPosition(position: greatest, markers: markers)
    }

    /// The segment's newest marker, of whatever copy: one may have lost what another has.
    private func marker(
        of segment: SegmentID,
        _ tier: Tier
    ) -> (marker: CommitMarker, range: Range<UInt64>)? {
        guard let file = open(segment, tier) else { return nil }
        var newest: (marker: CommitMarker, range: Range<UInt64>)?
        for copy in file.replicas.flatMap(\.copies) {
            do throws(DiskError) {
                guard let found = try marker(in: copy, file) else { continue }
                guard let known = newest, known.marker.position >= found.marker.position else {
                    newest = found
                    continue
                }
            } catch {
                // As if it had no marker: what is read from it later names what is wrong with it.
            }
        }
        return newest
    }

    private func open(_ segment: SegmentID, _ tier: Tier) -> SegmentFile? {
        do throws(SegmentError) {
            return try SegmentFile.open(segment, tier: tier, in: configuration)
        } catch {
            // As if it had no marker, too.
            return nil
        }
    }

    private func marker(
        in copy: any DiskCopy,
        _ file: SegmentFile
    ) throws(DiskError) -> (marker: CommitMarker, range: Range<UInt64>)? {
        let scanner = SegmentScanner(
            file: copy,
            family: configuration.family,
            segment: file.segment
        )
        let table = try scanner.table(size: try copy.size())
        // A segment that was closed in order is not walked.
        if let found = try own.lastMarker([], table, file, copy) { return found }
        let markers = try scanner.walk().headers.filter { $0.kind == .commitMarker }
        return try own.lastMarker(markers, nil, file, copy)
    }
}
