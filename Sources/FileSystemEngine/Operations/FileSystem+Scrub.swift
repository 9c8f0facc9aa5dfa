import Disk
import MetadataStore
import SegmentStore
import Synchronization
import VarveModel

/// Reading every copy of everything, so that what rots in one zone is put right while another has it.
extension FileSystem {
    /// Verifies each copy of each page, frame and record, and heals from a zone that verifies.
    ///
    /// The file system stays in use meanwhile: a reader has a small piece of it at a time, and between two pieces it
    /// waits as long as the rate asks. With one zone it verifies, and has nothing to heal from. What is written after it
    /// began it need not meet, what no row names is nobody's and not looked at.
    ///
    /// - Parameters:
    ///   - options: How fast it may read.
    ///   - progress: Told at the start, and after each piece, how far it has come.
    /// - Returns: What was read, healed and lost; incomplete when the task was cancelled.
    /// - Throws: What stops the walk itself: `.failed`, `.corrupt` where the rows cannot be walked.
    package func scrub(
        options: ScrubOptions = ScrubOptions(),
        progress: @escaping @Sendable (ScrubProgress) -> Void = { _ in }
    ) async throws(FileSystemError) -> ScrubReport {
        // It stays where it is: a copy between two pieces would copy all that was checked.
        let walk = Mutex(ScrubWalk())
        let pace = ScrubPace(bytesPerSecond: options.bytesPerSecond, from: .now)
        progress(walk.withLock { $0.progress })
        while !walk.withLock({ $0.isComplete }), !Task.isCancelled {
            try await readers.run(isLong: true, shows: false) { context in
                try walk.withLock { try $0.step(context) }
            }
            let (come, bytesRead) = walk.withLock { ($0.progress, $0.report.bytesRead) }
            progress(come)
            guard let due = pace.due(after: bytesRead, now: .now) else { continue }
            // Harmless: it ends early when the task is cancelled, which is asked next.
            try? await Task.sleep(until: due)
        }
        return walk.withLock { walk in
            walk.report.isComplete = walk.isComplete
            return walk.report
        }
    }
}

/// Holds a scrub to its rate: a value that tells until when to wait.
struct ScrubPace {
    private let bytesPerSecond: UInt64?
    private let start: ContinuousClock.Instant

    init(bytesPerSecond: UInt64?, from start: ContinuousClock.Instant) {
        self.bytesPerSecond = bytesPerSecond.map { max(1, $0) }
        self.start = start
    }

    /// When more may be read, given what was read since the start; `nil`: now.
    func due(
        after bytes: UInt64,
        now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        guard let bytesPerSecond else { return nil }
        let due = start + .seconds(Double(bytes) / Double(bytesPerSecond))
        return due > now ? due : nil
    }
}

/// The state of a scrub between its steps.
struct ScrubWalk: Sendable {
    /// 4 MiB of all copies together: some 10 ms of a reader's time, and how long freed bytes wait for it.
    private static let stepBytes: UInt64 = 4 << 20
    /// Records that are remembered as read, of those that several rows show: some 50 MiB; past them one may be read twice.
    private static let checkedMax = 1 << 20

    private enum Stage: Sendable {
        case metadata
        /// In order of their numbers, which grow.
        case segments(left: ArraySlice<SegmentID>)
        case records(after: SliceKey?)
        case done
    }

    private var stage = Stage.metadata
    private var metadata = SealedScrub()
    private var checked: Set<RecordPointer> = []
    private var total: UInt64 = 0
    var report = ScrubReport()

    var isComplete: Bool {
        if case .done = stage { true } else { false }
    }

    var progress: ScrubProgress {
        let shown: ScrubProgress.Stage =
            switch stage {
            case .metadata: .metadata
            case .segments: .segments
            case .records, .done: .records
            }
        return ScrubProgress(
            stage: shown,
            bytesRead: report.bytesRead,
            bytesTotal: max(total, report.bytesRead),
            healed: report.healedCount,
            lost: report.lostCount
        )
    }

    mutating func step(_ context: ReadContext) throws {
        switch stage {
        case .metadata: try pages(context)
        case .segments(let left): try segments(left, context)
        case .records(let last): try records(after: last, context)
        case .done: return
        }
    }

    // MARK: Metadata

    private mutating func pages(_ context: ReadContext) throws {
        let sealed = context.core.database.sealed
        if total == 0 { total = try estimate(context.core) }
        let before = metadata.bytesRead
        try sealed.scrub(&metadata, bytesMax: ScrubWalk.stepBytes)
        report.bytesRead += metadata.bytesRead - before
        let found = metadata.takeFindings()
        for copy in found.healed { report.note(copy) }
        for lost in found.lost {
            report.note(
                ScrubReport.Lost(
                    path: nil,
                    inode: nil,
                    range: nil,
                    segment: nil,
                    zones: lost.zones,
                    message: lost.message,
                    remedy: ScrubReport.metadataRemedy
                )
            )
        }
        guard metadata.isComplete else { return }
        stage = .segments(left: context.core.segments.usage().map(\.segment)[...])
    }

    private func estimate(_ core: Core) throws -> UInt64 {
        let live = core.segments.usage().reduce(UInt64(0)) { sum, usage in
            sum + usage.recordBytes - min(usage.recordBytes, usage.deadBytes)
        }
        let sealed = core.database.sealed
        return try sealed.scrubBytes() + live * UInt64(sealed.copyCount)
    }

    // MARK: Segments

    private mutating func segments(_ left: ArraySlice<SegmentID>, _ context: ReadContext) throws {
        let end = report.bytesRead + ScrubWalk.stepBytes
        var left = left
        while let segment = left.first, report.bytesRead < end {
            left = left.dropFirst()
            do throws(SegmentError) {
                let found = try context.core.segments.scrubOwnRecords(of: segment)
                take(found)
                for lost in found.lost {
                    report.note(
                        ScrubReport.Lost(
                            path: nil,
                            inode: nil,
                            range: nil,
                            segment: segment,
                            zones: lost.zones,
                            message: lost.message,
                            remedy: ScrubReport.segmentRemedy
                        )
                    )
                }
            } catch {
                // Each record of it that a row names is named in its turn.
                if error.isOfTheDisk { throw error }
            }
        }
        stage = left.isEmpty ? .records(after: nil) : .segments(left: left)
    }

    private mutating func take(_ found: ScrubbedCopies) {
        report.bytesRead += found.bytesRead
        for copy in found.healed { report.note(copy) }
    }

    // MARK: Records

    /// Reads the records of some rows; the fence keeps them from being given back meanwhile (I6).
    private mutating func records(after last: SliceKey?, _ context: ReadContext) throws {
        let ticket = context.core.fence.enter()
        defer { context.core.fence.leave(ticket) }
        try context.begin(.live)
        let page = try context.reader.slices(after: last, limit: 256)
        let end = report.bytesRead + ScrubWalk.stepBytes
        var next = last
        for row in page {
            guard report.bytesRead < end else { break }
            try record(row, context)
            next = SliceKey(row)
        }
        stage = page.isEmpty ? .done : .records(after: next)
    }

    private mutating func record(_ row: SliceRow, _ context: ReadContext) throws {
        guard let record = row.record, !checked.contains(record) else { return }
        let identity = RecordIdentity(row.home)
        let address = RecordAddress(record)
        do throws(SegmentError) {
            let found = try context.core.segments.scrub(address, expecting: identity)
            take(found)
            guard !found.lost.isEmpty else {
                if checked.count >= ScrubWalk.checkedMax { checked = [] }
                checked.insert(record)
                return
            }
            // Not noted as read: each file that shows it is named.
            for lost in found.lost { note(lost, row, context) }
        } catch {
            if error.isOfTheDisk { throw error }
            let whole = ScrubbedCopies.Lost(error)
            note(whole, row, context)
        }
    }

    /// Names what of a row's bytes is lost; other parts of the record are other rows' affair.
    private mutating func note(
        _ lost: ScrubbedCopies.Lost,
        _ row: SliceRow,
        _ context: ReadContext
    ) {
        let start = UInt64(row.tile) * context.core.tileBytes + row.offset
        let shown = row.skip..<row.skip + row.length
        let plain =
            lost.plainRanges?.map { UInt64($0.lowerBound)..<UInt64($0.upperBound) } ?? [shown]
        // Harmless: it may have no name any more, or the name may be what is lost; then its number names it.
        let path = try? context.path(of: row.inode, at: .live)
        let name = path.map { "/" + $0.map(\.description).joined(separator: "/") }
        for range in plain.filter({ $0.overlaps(shown) }).map({ $0.clamped(to: shown) }) {
            let first = start + range.lowerBound - row.skip
            let bytes = first..<first + UInt64(range.count)
            report.note(
                ScrubReport.Lost(
                    path: name,
                    inode: row.inode,
                    range: bytes,
                    segment: row.record?.segment,
                    zones: lost.zones,
                    message: "\(name ?? "inode \(row.inode.rawValue)"), bytes "
                        + "\(bytes.lowerBound)-\(bytes.upperBound - 1): \(lost.message)",
                    remedy: Finding.restoreRemedy
                )
            )
        }
    }
}

extension SegmentError {
    /// Whether it says nothing of the bytes: the walk cannot go on.
    fileprivate var isOfTheDisk: Bool {
        switch code {
        case .failed, .readOnly, .noSpace, .suspect, .invalid: true
        case .corrupt, .missing, .wrongKey, .newerFormat: false
        }
    }
}

extension ScrubReport {
    static let metadataRemedy =
        "Run 'varved doctor' for what is affected; restore from a recovery point what it names."
    static let segmentRemedy =
        "Files' bytes are named apart; what a segment says of itself is found again by a walk through it."

    mutating func note(_ copy: MendedCopy) {
        healedCount += 1
        healedBytes += UInt64(copy.bytes)
        guard healed.count < ScrubReport.listedMax else { return }
        healed.append(Healed(zone: copy.zone, bytes: UInt64(copy.bytes), message: copy.message))
    }

    mutating func note(_ lost: Lost) {
        lostCount += 1
        if self.lost.count < ScrubReport.listedMax { self.lost.append(lost) }
    }
}
