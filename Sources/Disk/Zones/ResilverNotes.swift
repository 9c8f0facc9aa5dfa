private import Synchronization

/// What changes while a zone is made equal to the others: copied again until little is left.
final class ResilverNotes: Sendable {
    private let isActiveNow = Atomic<Bool>(false)
    private let state = Mutex<[ObjectIdentifier: (record: FileRecord, ranges: ByteRanges)]>([:])

    /// Whether anybody wants to know; read within the gate.
    var isActive: Bool { isActiveNow.load(ordering: .acquiring) }

    /// Begins or ends; nothing may change meanwhile.
    func set(isActive: Bool) {
        isActiveNow.store(isActive, ordering: .releasing)
        state.withLock { $0 = [:] }
    }

    /// After the change, so that whoever takes the note finds it made.
    func add(_ record: FileRecord, _ range: Range<UInt64>) {
        state.withLock {
            $0[ObjectIdentifier(record), default: (record, ByteRanges())].ranges.insert(range)
        }
    }

    /// The notes so far, by the names that files bear now.
    func take() -> [String: ByteRanges] {
        let notes = state.withLock { state in
            defer { state = [:] }
            return state.values.map { $0 }
        }
        return notes.reduce(into: [:]) { found, note in
            guard let name = note.record.name else { return }
            found[name, default: ByteRanges()].formUnion(note.ranges)
        }
    }

    /// Bytes that wait, about; a file that was renamed counts whole.
    var waiting: UInt64 {
        state.withLock { state in
            state.values.reduce(0) { sum, note in
                sum
                    + note.ranges.clipped(to: note.record.size).reduce(0) {
                        $0 + UInt64($1.count)
                    }
            }
        }
    }
}
