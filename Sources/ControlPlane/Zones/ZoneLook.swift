import Disk
import FileSystemEngine
import LocalAPI
import Synchronization

/// One look after the zones of a file system, on a thread that blocks: it may take as long as copying a disk.
final class ZoneLook: Sendable {
    private struct State {
        var isOver = false
        var failure: APIError?
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
        var next = 0
    }

    /// When it began, for the rate of what it copies.
    let began = ContinuousClock.now
    private let state = Mutex(State())

    var isOver: Bool { state.withLock { $0.isOver } }

    /// Why it failed, once it is over.
    var failure: APIError? { state.withLock { $0.failure } }

    /// Looks, and tells those who wait.
    func run(_ zones: ZonedDisk, _ ground: FileSystemGround) {
        var failure: APIError?
        do throws(DiskError) {
            // What is open goes on in a directory that was removed: a name in it is what fails. Harmless: who fails is out, and
            // where changes are refused the look goes on to mend that.
            try? zones.syncDirectory(ground.directory)
            guard zones.standing.isDegraded || !zones.standing.mayWrite else { return tell(nil) }
            try zones.look()
            ground.reserve?.holdAgain()
        } catch {
            failure = APIError(error)
        }
        tell(failure)
    }

    private func tell(_ failure: APIError?) {
        let waiting = state.withLock { state in
            state.isOver = true
            state.failure = failure
            defer { state.waiting = [:] }
            return state.waiting.values.map { $0 }
        }
        for waiter in waiting { waiter.resume(returning: true) }
    }

    /// Waits for the end; `false` when the waiting task was cancelled before.
    func ended() async -> Bool {
        let number = number()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { wait(number, $0) }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(returning: false)
        }
    }

    /// Waits for the end, also in a task that was cancelled.
    func endedToEnd() async {
        _ = await withCheckedContinuation { wait(number(), $0, heedsCancelling: false) }
    }

    /// By which one who waits is known.
    private func number() -> Int {
        state.withLock { state in
            state.next += 1
            return state.next
        }
    }

    private func wait(
        _ number: Int,
        _ continuation: CheckedContinuation<Bool, Never>,
        heedsCancelling: Bool = true
    ) {
        let answer: Bool? = state.withLock { state in
            if state.isOver { return true }
            // Cancelled before it came here: nobody would wake it.
            if heedsCancelling, Task.isCancelled { return false }
            state.waiting[number] = continuation
            return nil
        }
        if let answer { continuation.resume(returning: answer) }
    }
}
