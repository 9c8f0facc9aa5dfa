import Compression
import Disk
import Keyring
import Synchronization
package import VarveModel

/// One file system's encrypted bytes: append-only segment files, a record per slice.
///
/// Any number of threads may append, read and reclaim at once; every call blocks its own thread.
/// Appends seal outside every lock: only offsets and numbers are handed out under one. What has
/// been appended is durable after ``syncDirty(after:)``, and readable at once.
///
/// Nonces never repeat: a segment's key is derived from a random salt drawn when the file begins,
/// a record number is spent when sealing starts, and a segment of an earlier run takes no record.
package final class SegmentStore: Sendable {
    /// What lasts and what is new stay apart, so that a segment's records tend to die together.
    ///
    /// Were survivors put among new records, each compaction would copy them again.
    struct SegmentLane: Hashable, Sendable {
        let tier: Tier
        let isForSurvivors: Bool

        static let all = Tier.allCases.flatMap { tier in
            [false, true].map { SegmentLane(tier: tier, isForSurvivors: $0) }
        }

        /// Whether clients' writes go there; in all other lanes there are copies alone.
        var isForWrites: Bool { tier == .standard && !isForSurvivors }
    }

    /// What one at a time does in a lane.
    final class LaneTurn: Sendable {
        /// Held while a segment of the lane begins or grows.
        let rolling = Mutex(())
    }

    /// What the locks guard; no disk call is made while `state` is held.
    struct State {
        /// Segments being written, or closing.
        var segments: [SegmentID: OpenSegment] = [:]
        /// Where each lane's records go.
        var current: [SegmentLane: SegmentID] = [:]
        var ledger = SegmentLedger()
        var spares: [Tier: [String]] = [:]
        var unknown: Set<SegmentID> = []
        var missing: [SegmentID] = []
        /// The greatest position of metadata's log that was handed in.
        var position = DurablePosition.none
        var isSuspect = false
        var isClosed = false
    }

    let configuration: SegmentStoreConfiguration
    let allocate: @Sendable (Tier) throws(SegmentError) -> SegmentID
    let state: Mutex<State>
    private let turns: [SegmentLane: LaneTurn]
    /// Held while segments are synced, so that who waits for it is covered by what is durable: one for what clients
    /// write, who wait for it, and one for copies, whose syncs take long.
    let syncingWrites = Mutex(())
    let syncingCopies = Mutex(())
    /// Held while space is given back.
    let reclaiming = Mutex(())

    let files: SegmentFiles
    let headers: HeaderCache
    let blocks: BlockCache
    let scratch = ScratchPool()
    let compressors: [Tier: LendingPool<ZstdCompressor>]
    let decompressors = LendingPool(idleMax: 8) { ZstdDecompressor() }
    let meter = SegmentMeter()

    /// Opens the segments of one file system, making directories that are missing.
    ///
    /// Every segment found is closed: after a restart nothing is ever appended to an old one.
    ///
    /// - Parameters:
    ///   - configuration: Where, under which key, how large.
    ///   - known: What metadata knows of the segments.
    ///   - allocate: Gives a segment's number, never given before even across crashes. It is called
    ///     within `append`, under no lock that reading, syncing or reclaiming takes.
    /// - Throws: `.failed`, `.noSpace`.
    package init(
        _ configuration: SegmentStoreConfiguration,
        known: [SegmentUsage],
        allocate: @escaping @Sendable (Tier) throws(SegmentError) -> SegmentID
    ) throws(SegmentError) {
        self.configuration = configuration
        self.allocate = allocate
        turns = Dictionary(uniqueKeysWithValues: SegmentLane.all.map { ($0, LaneTurn()) })
        files = SegmentFiles(configuration)
        headers = HeaderCache(headersMax: configuration.headersCachedMax)
        blocks = BlockCache(bytesMax: configuration.blocksCachedBytesMax)
        var compressors: [Tier: LendingPool<ZstdCompressor>] = [:]
        for tier in Tier.allCases {
            guard case .zstd(let level) = configuration.codec(of: tier) else { continue }
            compressors[tier] = LendingPool(idleMax: 4) { ZstdCompressor(level: level) }
        }
        self.compressors = compressors
        state = Mutex(try SegmentStore.survey(configuration, known))
    }

    /// Lists what the directories hold and holds it against what is known.
    private static func survey(
        _ configuration: SegmentStoreConfiguration,
        _ known: [SegmentUsage]
    ) throws(SegmentError) -> State {
        var state = State()
        var found: [SegmentID: Tier] = [:]
        for (zone, tier, path) in configuration.directories {
            do throws(DiskError) {
                try configuration.disk.makeDirectories(path)
                for name in try configuration.disk.list(path) {
                    if let segment = SegmentName.segment(name) { found[segment] = tier }
                    let isFirst = zone.name == configuration.zones.first?.name
                    if isFirst, name.hasSuffix(SegmentName.spareEnding) {
                        state.spares[tier, default: []].append(name)
                    }
                }
            } catch {
                throw SegmentError(error, "list segments in zone '\(zone.name)'")
            }
        }
        for usage in known {
            guard let tier = found.removeValue(forKey: usage.segment) else {
                state.missing.append(usage.segment)
                continue
            }
            state.ledger.add(
                usage.segment,
                SegmentLedger.Entry(
                    tier: tier,
                    state: .closed,
                    recordBytes: usage.recordBytes,
                    deadBytes: usage.deadBytes,
                    isExact: false
                )
            )
        }
        for (segment, tier) in found {
            state.unknown.insert(segment)
            state.ledger.add(
                segment,
                SegmentLedger.Entry(tier: tier, state: .closed, isExact: false)
            )
        }
        return state
    }

    /// Segment files that metadata does not know: begun just before a crash, or put here by hand.
    package var unknownSegments: [SegmentID] {
        state.withLock { $0.unknown.sorted() }
    }

    /// Segments that metadata knows and no zone has.
    package var missingSegments: [SegmentID] {
        state.withLock { $0.missing.sorted() }
    }

    /// Segments that are being written now.
    package func openSegments() -> [SegmentID] {
        state.withLock { $0.segments.keys.sorted() }
    }

    /// What the store has done since it was opened.
    package var counters: SegmentCounters { meter.snapshot }

    func turn(_ lane: SegmentLane) -> LaneTurn {
        guard let turn = turns[lane] else { preconditionFailure("every lane has a turn") }
        return turn
    }

    /// The segment's open files.
    func file(_ segment: SegmentID) throws(SegmentError) -> SegmentFile {
        guard let tier = state.withLock({ $0.ledger[segment]?.tier }) else {
            throw SegmentError(
                .missing,
                "segment \(segment.rawValue) is not there",
                remedy: SegmentError.damageRemedy
            )
        }
        return try files.file(segment, tier: tier)
    }

    /// Refuses everything that would add to a store that a failed sync has made doubtful.
    func refuseIfSuspect(_ state: borrowing State) throws(SegmentError) {
        if state.isSuspect { throw .suspect(configuration.zones[0].directory) }
        if state.isClosed { throw SegmentError(.invalid, "the segment store was closed") }
    }
}
