import MetadataStore
import Synchronization
import VarveModel

/// Records that no row names any more, and segments in which none does.
struct FreedBytes: Sendable {
    var records: [RecordPointer] = []
    var emptied: [SegmentID] = []
}

/// Keeps freed bytes until every read that began before they were freed has ended (I4, I5).
final class ReadFence: Sendable {
    private struct State {
        var generation: UInt64 = 1
        /// Reads that run, by the generation in which they began.
        var active: [UInt64: Int] = [:]
        /// What was freed and the generation that must have drained, oldest first.
        var retired: [(generation: UInt64, freed: FreedBytes)] = []
    }

    private let state = Mutex(State())

    /// Begins a read; it must do so before it looks at rows.
    func enter() -> UInt64 {
        state.withLock { state in
            state.active[state.generation, default: 0] += 1
            return state.generation
        }
    }

    func leave(_ ticket: UInt64) {
        state.withLock { state in
            guard let count = state.active[ticket] else { return }
            state.active[ticket] = count > 1 ? count - 1 : nil
        }
    }

    /// Queues records whose freeing commit is durable and visible, and segments that it emptied.
    func retire(_ records: [RecordPointer], emptied: [SegmentID] = []) {
        guard !records.isEmpty else { return }
        state.withLock { state in
            state.retired.append((state.generation, FreedBytes(records: records, emptied: emptied)))
            state.generation += 1
        }
    }

    /// What no running read can mean; it leaves the queue.
    func drained() -> FreedBytes {
        state.withLock { state in
            guard !state.retired.isEmpty else { return FreedBytes() }
            let oldest = state.active.keys.min() ?? .max
            let count = state.retired.prefix { $0.generation < oldest }.count
            let drained = state.retired.prefix(count).map(\.freed)
            state.retired.removeFirst(count)
            return FreedBytes(
                records: drained.flatMap(\.records),
                emptied: drained.flatMap(\.emptied)
            )
        }
    }

    /// Whether anything waits.
    var isWaiting: Bool { state.withLock { !$0.retired.isEmpty } }
}
