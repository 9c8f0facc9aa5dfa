private import Synchronization

/// The copies of one open file, by zone.
///
/// A zone that leaves takes its handle along, so that nothing keeps its file system busy; who reads from it at that
/// moment holds it until the read ends.
final class ZonedHandles: Sendable {
    enum Slot: Sendable {
        case open(any DiskFile)
        /// The zone is out, or holds no copy of a file that has lost its name.
        case absent
        /// The zone is to hold a copy, and has shown none.
        case missing(DiskError)
    }

    let record: FileRecord
    let mode: DiskOpenMode
    private let slots: Mutex<[Slot]>

    init(record: FileRecord, mode: DiskOpenMode, slots: [Slot]) {
        self.record = record
        self.mode = mode
        self.slots = Mutex(slots)
    }

    var current: [Slot] { slots.withLock { $0 } }

    func set(_ zone: Int, _ slot: Slot) { slots.withLock { $0[zone] = slot } }

    func close() {
        let last = slots.withLock { slots in
            defer { slots = slots.map { _ in .absent } }
            return slots
        }
        for case .open(let file) in last { file.close() }
    }
}
