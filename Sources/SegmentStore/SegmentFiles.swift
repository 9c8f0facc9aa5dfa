import Disk
import Synchronization
import VarveModel

/// The segments whose files are open: those being written, and the closed ones read last.
final class SegmentFiles: Sendable {
    private struct Entry {
        let file: SegmentFile
        /// Being written: never dropped.
        var isPinned: Bool
        var lastUse: UInt64
        /// Whether it counts against the budget.
        var isCounted: Bool
    }

    private struct State {
        var entries: [SegmentID: Entry] = [:]
        var uses: UInt64 = 0
        /// The number of uses at each of the last calls of ``SegmentFiles/age()``, the oldest first.
        var rounds: [UInt64] = []
    }

    /// A store keeps so many open whatever others do.
    static let least = 64
    /// What was not used for so many rounds, a minute of the daemon's, is closed.
    private static let roundsMax = 6
    /// And so many at once.
    private static let agedMax = 512

    private let state = Mutex(State())
    private let configuration: SegmentStoreConfiguration

    init(_ configuration: SegmentStoreConfiguration) {
        self.configuration = configuration
    }

    deinit { dropAll() }

    /// The open segment, opened now when it was not.
    func file(_ segment: SegmentID, tier: Tier) throws(SegmentError) -> SegmentFile {
        if let cached = openFile(segment) { return cached }
        let file = try SegmentFile.open(segment, tier: tier, in: configuration)
        keep(file, pinned: false)
        return file
    }

    /// The segment if it is open.
    func openFile(_ segment: SegmentID) -> SegmentFile? {
        state.withLock { state in
            state.uses += 1
            state.entries[segment]?.lastUse = state.uses
            return state.entries[segment]?.file
        }
    }

    /// Takes an open segment in.
    func keep(_ file: SegmentFile, pinned: Bool) {
        change { state, closed in
            state.uses += 1
            let isCounted =
                state.entries[file.segment]?.isCounted ?? takeRoom(&state, &closed)
            state.entries[file.segment] = Entry(
                file: file,
                isPinned: pinned,
                lastUse: state.uses,
                isCounted: isCounted
            )
        }
    }

    /// Changes what is open; files that are closed by it end once the lock is free, for readers wait for that.
    private func change(_ body: (inout State, inout [Entry]) -> Void) {
        let closed = state.withLock { state in
            var closed: [Entry] = []
            body(&state, &closed)
            return closed
        }
        configuration.openFiles.giveBack(closed.count(where: \.isCounted))
    }

    /// Room for one more, for which the longest unused ones go where there is none; `false` for one beside the budget.
    private func takeRoom(_ state: inout State, _ closed: inout [Entry]) -> Bool {
        if configuration.openFiles.take() { return true }
        guard state.entries.count >= SegmentFiles.least else { return false }
        let idle = state.entries.filter { !$0.value.isPinned }
            .sorted { $0.value.lastUse < $1.value.lastUse }
        // An eighth at once: the next ones find room without a search.
        close(idle.prefix(max(1, idle.count / 8)).map(\.key), &state, &closed)
        // One of those takes its place.
        guard let freed = closed.firstIndex(where: \.isCounted) else { return false }
        closed[freed].isCounted = false
        return true
    }

    private func close(
        _ segments: [SegmentID],
        _ state: inout State,
        _ closed: inout [Entry]
    ) {
        closed += segments.compactMap { state.entries.removeValue(forKey: $0) }
    }

    /// Closes what was not used for some rounds, so that other stores of the process may have it; to be called now and then.
    func age() {
        change { state, closed in
            state.rounds.append(state.uses)
            guard state.rounds.count > SegmentFiles.roundsMax else { return }
            let mark = state.rounds.removeFirst()
            let more = min(state.entries.count - SegmentFiles.least, SegmentFiles.agedMax)
            guard more > 0 else { return }
            let idle = state.entries.filter { !$0.value.isPinned && $0.value.lastUse <= mark }
                .sorted { $0.value.lastUse < $1.value.lastUse }
            close(idle.prefix(more).map(\.key), &state, &closed)
        }
    }

    /// How many are open.
    var count: Int { state.withLock { $0.entries.count } }

    /// The segment is written no more, and may be dropped.
    func unpin(_ segment: SegmentID) {
        change { state, closed in
            state.entries[segment]?.isPinned = false
            let isBeside = state.entries[segment]?.isCounted == false
            if isBeside, state.entries.count > SegmentFiles.least {
                close([segment], &state, &closed)
            }
        }
    }

    /// The segment is gone; whoever still reads it keeps its own reference.
    func drop(_ segment: SegmentID) {
        change { close([segment], &$0, &$1) }
    }

    /// Lets go of every file; whoever still reads one keeps its own reference.
    func dropAll() {
        change { close(Array($0.entries.keys), &$0, &$1) }
    }
}
