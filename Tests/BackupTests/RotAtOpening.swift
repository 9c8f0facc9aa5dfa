import Disk
import Synchronization
import Testing

/// Has one file rot just before it is opened once more than so often; of a ``WatchedDisk``.
final class RotAtOpening: Sendable {
    private let path: String
    /// Openings that it survives; `nil` before it begins and once it has rotted.
    private let left = Mutex<Int?>(nil)
    private let survived: Int
    private let rotted = Mutex(false)

    init(of path: String, after survived: Int) {
        self.path = path
        self.survived = survived
    }

    var hasRotted: Bool { rotted.withLock { $0 } }

    /// Counts from now on.
    func begin() { left.withLock { $0 = survived } }

    func open(_ opened: String, _ disk: SimulatedDisk) {
        guard opened == path else { return }
        let isTime = left.withLock { left in
            guard let more = left else { return false }
            left = more == 0 ? nil : more - 1
            return more == 0
        }
        guard isTime else { return }
        rotted.withLock { $0 = true }
        do {
            try disk.corrupt(path, at: 120, mask: 1)
        } catch {
            Issue.record("\(error)")
        }
    }
}
