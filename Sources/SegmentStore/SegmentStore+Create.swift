import Disk
import Synchronization
import VarveModel

/// Beginning a segment: its header and its name are durable before anything points at it (I1).
extension SegmentStore {
    /// Makes the segment's file in every zone, over a spare where each zone has one.
    ///
    /// - Parameters:
    ///   - segment: A number that no file bears.
    ///   - lane: Whose records it will take; its tier says in which folder.
    ///   - room: Bytes of space that must be there.
    /// - Returns: The segment, empty.
    /// - Throws: `.noSpace` or `.failed`; no file is left behind then.
    func createSegment(
        _ segment: SegmentID,
        _ lane: SegmentLane,
        room: UInt64
    ) throws(SegmentError) -> OpenSegment {
        let tier = lane.tier
        let header = SegmentHeader.fresh(
            family: configuration.family,
            segment: segment,
            tier: tier,
            capacity: configuration.segmentBytes
        )
        let page = header.encoded(configuration.key)
        let spare = state.withLock { $0.spares[tier]?.popLast() }
        let step = configuration.preallocationBytes
        let wanted = (room + step - 1) / step * step
        var replicas: [SegmentFile.Replica] = []
        var preallocated = UInt64.max
        for zone in configuration.zones {
            do throws(DiskError) {
                let path = zone.path(of: segment, tier: tier)
                let file = try begin(path, over: spare, page: page)
                let size = try file.size()
                preallocated = min(
                    preallocated,
                    try reserve(file, size, wanted: wanted, room: room)
                )
                try file.sync()
                try configuration.disk.syncDirectory(zone.directory(of: tier))
                replicas.append(.init(zone: zone.name, path: path, file: file))
            } catch {
                removeQuietly(segment, tier)
                keepSpare(spare, tier)
                throw SegmentError(error, "begin segment \(segment.rawValue) (\(tier.word))")
            }
        }
        let file = SegmentFile(header: header, replicas: replicas, dataKey: configuration.key)
        return OpenSegment(file: file, lane: lane, preallocated: preallocated)
    }

    /// Reserves a file's space: as much as is `wanted`, or on a disk that is nearly full the `room` alone.
    ///
    /// - Returns: The size that the file has then.
    private func reserve(
        _ file: any DiskFile,
        _ size: UInt64,
        wanted: UInt64,
        room: UInt64
    ) throws(DiskError) -> UInt64 {
        guard size < wanted else { return size }
        do throws(DiskError) {
            try file.preallocate(size..<wanted)
            return wanted
        } catch {
            guard error.code == .noSpace, room < wanted else { throw error }
            if size < room { try file.preallocate(size..<room) }
            return max(size, room)
        }
    }

    /// The file under its final name, its header written, not yet synced.
    ///
    /// A spare gets its header before its name: bytes of the old segment never stand under the new
    /// number without the header that disowns them.
    private func begin(_ path: String, over spare: String?, page: [UInt8]) throws(DiskError)
        -> any DiskFile
    {
        guard let spare else {
            let file = try configuration.disk.open(path, .createNew)
            try file.write(page, at: 0)
            return file
        }
        let old = DiskPath.parent(of: path) + "/" + spare
        guard try configuration.disk.status(of: old) != nil else {
            return try begin(path, over: nil, page: page)
        }
        let file = try configuration.disk.open(old, .readWrite)
        try file.write(page, at: 0)
        try file.sync()
        try configuration.disk.rename(old, to: path)
        return file
    }

    /// Remembers a spare that still has its name after a segment could not begin.
    private func keepSpare(_ spare: String?, _ tier: Tier) {
        guard let spare, let zone = configuration.zones.first else { return }
        let path = zone.directory(of: tier) + "/" + spare
        do throws(DiskError) {
            guard try configuration.disk.status(of: path) != nil else { return }
            state.withLock { $0.spares[tier, default: []].append(spare) }
        } catch {
            configuration.report("leave '\(path)' until the next start: \(error.message)")
        }
    }

    /// Takes back a segment that could not begin; whatever stays is unknown to metadata.
    private func removeQuietly(_ segment: SegmentID, _ tier: Tier) {
        for zone in configuration.zones {
            let path = zone.path(of: segment, tier: tier)
            do throws(DiskError) {
                guard try configuration.disk.status(of: path) != nil else { continue }
                try configuration.disk.remove(path)
            } catch {
                configuration.report("leave '\(path)' behind: \(error.message)")
            }
        }
    }
}
