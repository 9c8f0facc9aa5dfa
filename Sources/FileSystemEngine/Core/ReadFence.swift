import MetadataStore
import Synchronization

/// Keeps freed bytes until every read that began before they were freed has ended (I4, I5).
final class ReadFence: Sendable {
    private struct State {
        var generation: UInt64 = 1
        /// Reads that run, by the generation in which they began.
        var active: [UInt64: Int] = [:]
        /// Freed records and the generation that must have drained, oldest first.
        var retired: [(generation: UInt64, records: [RecordPointer])] = []
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

    /// Queues records whose freeing commit is durable and visible.
    func retire(_ records: [RecordPointer]) {
        guard !records.isEmpty else { return }
        state.withLock { state in
            state.retired.append((state.generation, records))
            state.generation += 1
        }
    }

    /// Records that no running read can mean; they leave the queue.
    func drained() -> [RecordPointer] {
        state.withLock { state in
            guard !state.retired.isEmpty else { return [] }
            let oldest = state.active.keys.min() ?? .max
            let count = state.retired.prefix { $0.generation < oldest }.count
            let records = state.retired.prefix(count).flatMap(\.records)
            state.retired.removeFirst(count)
            return records
        }
    }

    /// Whether anything waits.
    var isWaiting: Bool { state.withLock { !$0.retired.isEmpty } }
}
