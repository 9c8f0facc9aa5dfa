private import Synchronization

/// Lets one at a time through, first come first.
///
/// Those that wait are jobs and requests in flight, which are bounded.
package final class Turns: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [(number: UInt64, turn: UnsafeContinuation<Bool, Never>)] = []
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// How many wait.
    package var waiting: Int { state.withLock { $0.waiting.count } }

    /// Returns when it is the caller's turn, also in a task that was cancelled; ``leave()`` must follow.
    package func take() async {
        _ = await wait(as: number(), givesUp: false)
    }

    /// As ``take()``, for as long as the task is not cancelled.
    ///
    /// - Returns: Whether it is the caller's turn: ``leave()`` must follow then, and only then.
    package func takeUnlessCancelled() async -> Bool {
        let number = number()
        return await withTaskCancellationHandler {
            await wait(as: number, givesUp: true)
        } onCancel: {
            giveUp(number)
        }
    }

    /// Takes the turn when nobody has it.
    ///
    /// - Returns: As of ``takeUnlessCancelled()``.
    package func takeIfFree() -> Bool {
        state.withLock { state in
            defer { state.isTaken = true }
            return !state.isTaken
        }
    }

    package func leave() {
        let next = state.withLock { state -> UnsafeContinuation<Bool, Never>? in
            precondition(state.isTaken, "a turn is left that nobody has")
            guard !state.waiting.isEmpty else {
                state.isTaken = false
                return nil
            }
            return state.waiting.removeFirst().turn
        }
        next?.resume(returning: true)
    }

    private func number() -> UInt64 {
        state.withLock { state in
            state.next += 1
            return state.next
        }
    }

    private func wait(as number: UInt64, givesUp: Bool) async -> Bool {
        await withUnsafeContinuation { turn in
            let answer = state.withLock { state -> Bool? in
                // Who is cancelled from here on is found among those that wait: `giveUp` comes after this lock.
                if givesUp, Task.isCancelled { return false }
                guard state.isTaken else {
                    state.isTaken = true
                    return true
                }
                state.waiting.append((number, turn))
                return nil
            }
            if let answer { turn.resume(returning: answer) }
        }
    }

    private func giveUp(_ number: UInt64) {
        let turn = state.withLock { state -> UnsafeContinuation<Bool, Never>? in
            guard let place = state.waiting.firstIndex(where: { $0.number == number }) else {
                return nil
            }
            return state.waiting.remove(at: place).turn
        }
        turn?.resume(returning: false)
    }
}
