import Disk
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: every sync is needed: the power-cut tests fail without it, or it is explained here.
///
/// Method: one run from the creation of a file system on, with a clean restart in its middle. Each sync in
/// turn never reaches the medium, and power is cut at the acknowledgements up to the next sync of the
/// same file or directory, which covers what this one had to.
extension PowerCutTests {
    /// One sync of the run, and what surrounds it.
    struct LeftOut {
        let sync: RecordedSync
        /// What was done just before it.
        let previous: RecordedOperation
        /// What a client knows changed between the acknowledgement before it and the last in its window.
        let promisesSomething: Bool
        /// Whether it made a directory lasting in which nothing is stored in all of the run.
        let isOfEmptyDirectory: Bool
        /// Whether all pages that a checkpoint made lasting in the base stand in the durable log still when its
        /// window ends, byte for byte, under the same record.
        let isInLog: Bool

        var kind: String {
            if sync.isDirectory { return "directory" }
            if sync.path.hasSuffix("-wal") { return "log" }
            if sync.path.contains(".sqlite") { return "base" }
            return "segment"
        }

        /// A segment that begins: its header was written, or space reserved behind it.
        var beginsSegment: Bool {
            kind == "segment" && previous.path == sync.path
                && (previous.kind == .preallocate
                    || previous.description.contains(" 4096 bytes at 0"))
        }

        /// A segment that ends: cut behind its table.
        var endsSegment: Bool { kind == "segment" && previous.kind == .truncate }
    }

    /// Why a sync may be missing without anybody noticing.
    struct Silence {
        let name: String
        let why: String
        let covers: @Sendable (LeftOut) -> Bool
    }

    static let silences = [
        Silence(
            name: "promises nothing",
            why: """
                Nothing that a client was told changed before the next sync of the same file or directory, \
                which covers this one's bytes: commits of collection, reaping and tier moves, which repeat \
                or lose nothing; steps of a creation that was not answered yet; what an opening takes over \
                after a clean end.
                """
        ) { !$0.promisesSomething },
        Silence(
            name: "begins a segment",
            why: """
                The first sync of the segment's records covers its header too; until then no row names it, \
                and a file without a header is unknown to metadata and goes.
                """
        ) { $0.beginsSegment },
        Silence(
            name: "ends a segment",
            why: """
                The records before the table were synced with their own marker, or are in this sync and then \
                show; without the table a scan finds the same records.
                """
        ) { $0.endsSegment },
        Silence(
            name: "stays empty",
            why: """
                The directory of a tier in which this run stores nothing: the next start makes it again.
                """
        ) { $0.isOfEmptyDirectory },
        Silence(
            name: "is in the log",
            why: """
                The log was not begun anew before the next checkpoint: a reader still had a transaction, or nothing \
                was written any more. A start reads every page that the checkpoint copied from there.
                """
        ) { $0.isInLog },
    ]

    @Test func `leaving out syncs shows`() async throws {
        let full = TestSizes.current.powerCutStride == 1
        let recording = try await Self.record(seed: 11, operations: full ? 200 : 90)
        var tally: [String: Int] = [:]
        var unexplained: [String] = []
        var seen: [String: Int] = [:]
        var left = 0
        for sync in recording.disk.syncs {
            let leftOut = Self.leftOut(sync, in: recording)
            seen[leftOut.kind, default: 0] += 1
            guard full || seen[leftOut.kind, default: 0] % 4 == 1 else { continue }
            left += 1
            if await Self.shows(sync, in: recording) {
                tally["\(leftOut.kind) shows", default: 0] += 1
            } else if let silence = Self.silences.first(where: { $0.covers(leftOut) }) {
                tally["\(leftOut.kind) \(silence.name)", default: 0] += 1
            } else {
                unexplained.append("sync \(sync.number) of \(sync.path), after \(leftOut.previous)")
            }
        }
        print("left-out syncs, \(left) of \(recording.disk.syncs.count):")
        for (what, count) in tally.sorted(by: { $0.key < $1.key }) { print("  \(what): \(count)") }
        #expect(unexplained == [])
        for kind in ["log", "base", "segment", "directory"] {
            #expect(tally["\(kind) shows"] ?? 0 > 0, "no sync of kind \(kind) shows")
        }
    }

    /// The last reason, made to happen: a reader that keeps its transaction keeps the log from beginning anew after
    /// a checkpoint, whose sync is then silent; without a reader the log begins anew, and the sync shows.
    ///
    /// In a long run this hangs on how soon the next write comes after a lookup.
    @Test(arguments: [false, true])
    func `a checkpoint's sync is silent only while the log goes on`(reads: Bool) async throws {
        let disk = SimulatedDisk(recording: true)
        let clock = SimulatedClock(EngineWorld.start)
        var limits = EngineWorld.smallLimits
        limits.readers = 1
        limits.readerLingerMilliseconds = 600_000
        let configuration = try EngineWorld.configuration(disk: disk, clock: clock, limits: limits)
        let fileSystem = try await FileSystem.create(configuration)
        // What a cut leaves is opened with readers that let go.
        var opening = configuration
        opening.limits.readerLingerMilliseconds = 1
        var recording = Recording(disk: disk, configuration: opening, clock: clock)
        disk.mark("0")
        for text in ["one", "two", "three"] {
            try await fileSystem.makeWhole(try name(text), Array(text.utf8))
            var tree = recording.states[recording.states.count - 1]
            tree[text] = Array(text.utf8)
            recording.states.append(tree)
            disk.mark("\(recording.states.count - 1)")
            guard text == "one" else { continue }
            // What was just made is looked up in memory; a listing is always read.
            if reads { _ = try await fileSystem.readDirectory(.root, limit: 1, as: .root) }
            try await fileSystem.checkpoint()
        }
        await fileSystem.close()
        let syncs = disk.syncs.filter {
            $0.path.hasSuffix(".sqlite") && $0.operation > disk.marks[0].position
        }
        #expect(syncs.count == 1)
        let sync = try #require(syncs.first)
        let leftOut = Self.leftOut(sync, in: recording)
        #expect(leftOut.promisesSomething)
        #expect(leftOut.isInLog == reads)
        let cut = disk.operations
        let whole = disk.image(cuttingAfter: cut, fate: .dropUnsynced)
        #expect(await Self.damage(in: whole, of: recording, acknowledged: 3) == nil)
        #expect(await Self.shows(sync, in: recording) == !reads)
    }

    /// Up to which operation nothing else covers what a sync had to.
    private static func end(of sync: RecordedSync, in recording: Recording) -> Int {
        let next = recording.disk.syncs.first {
            $0.number > sync.number && $0.path == sync.path
        }
        return (next?.operation ?? recording.disk.operations + 1) - 1
    }

    private static func leftOut(_ sync: RecordedSync, in recording: Recording) -> LeftOut {
        let end = end(of: sync, in: recording)
        func known(_ cut: Int) -> (tree: Tree?, snapshots: Int) {
            let label = recording.disk.marks(acknowledgedBy: cut).last.flatMap { Int($0.label) }
            guard let label else { return (nil, 0) }
            return (
                recording.states[label], recording.snapshots.filter { $0.state < label }.count
            )
        }
        let before = known(sync.operation - 1)
        let within = recording.disk.marks.filter {
            (sync.operation...end).contains($0.position)
        }.map { known($0.position) }
        let previous = recording.disk.history[max(0, sync.operation - 2)]
        let isOfEmptyDirectory =
            previous.kind == .makeDirectory
            && !recording.disk.history.contains { $0.path.hasPrefix(previous.path + "/") }
        return LeftOut(
            sync: sync,
            previous: previous,
            promisesSomething: within.contains { $0 != before },
            isOfEmptyDirectory: isOfEmptyDirectory,
            isInLog: isInLog(sync, until: end, in: recording)
        )
    }

    /// Looks at the bytes: which pages the sync made lasting, and what the log holds for certain at the end.
    private static func isInLog(
        _ sync: RecordedSync,
        until end: Int,
        in recording: Recording
    ) -> Bool {
        guard sync.path.hasSuffix(".sqlite"), !sync.isDirectory else { return false }
        func bytes(_ path: String, cut: Int, without skipped: Int? = nil) -> [UInt8] {
            let image = recording.disk.image(
                cuttingAfter: cut,
                fate: .dropUnsynced,
                skippingSync: skipped
            )
            // No file is no bytes: then no frame is found.
            return (try? image.contents(of: path, limit: 1 << 30)) ?? []
        }
        let log = sync.path + "-wal"
        let (before, after) = (bytes(log, cut: sync.operation), bytes(log, cut: end))
        let record = 512..<592
        guard after.count >= 4_096, before.count >= 4_096, after[record] == before[record] else {
            return false
        }
        var pages: Set<ArraySlice<UInt8>> = []
        for frame in stride(from: 4_096, to: after.count - 4_159, by: 4_160) {
            pages.insert(after[frame + 64..<frame + 4_160])
        }
        let lasting = bytes(sync.path, cut: sync.operation)
        let missing = bytes(sync.path, cut: sync.operation, without: sync.number)
        return stride(from: 4_096, to: lasting.count, by: 4_096).allSatisfy { start in
            let page = lasting[start..<start + 4_096]
            return missing.dropFirst(start).prefix(4_096) == page || pages.contains(page)
        }
    }

    /// Whether some cut within the window shows that the sync is missing.
    private static func shows(_ sync: RecordedSync, in recording: Recording) async -> Bool {
        let end = end(of: sync, in: recording)
        let marks = recording.disk.marks.map(\.position)
            .filter { (sync.operation...end).contains($0) }
        let first = recording.disk.marks.first?.position ?? 0
        // The first acknowledgements, some later ones, and the last moment, when most depends on it.
        var cuts = [end].filter { $0 >= first } + marks.prefix(3)
        cuts += marks.enumerated().filter { $0.offset.isMultiple(of: 1 + marks.count / 12) }
            .map(\.element)
        // A log begun anew shows when frames of the new generation overwrite the old, and are torn.
        cuts += (sync.operation...min(end, sync.operation + 3)).filter { $0 >= first }
        let history = recording.disk.history[sync.operation - 2]
        let isLogHeader = sync.path.hasSuffix("-wal") && history.description.contains(" at 512")
        var replay = recording.disk.replay(skippingSync: sync.number)
        for cut in Set(cuts).sorted() {
            let tears = isLogHeader ? 12 : 1
            let fates =
                [.dropUnsynced] + (0..<tears).map { CutFate.tear(seed: UInt64(cut * 100 + $0)) }
            replay.advance(to: cut)
            let marks = recording.disk.marks(acknowledgedBy: cut)
            let acknowledged = marks.last.flatMap { Int($0.label) } ?? 0
            for fate in fates {
                let words = await damage(
                    in: replay.image(fate),
                    of: recording,
                    acknowledged: acknowledged
                )
                if words != nil { return true }
            }
        }
        return false
    }
}
