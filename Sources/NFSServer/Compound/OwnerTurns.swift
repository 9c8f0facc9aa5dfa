import NFSWire
import Synchronization

/// Lets the OPENs of one open owner of NFSv4.0 through one at a time: what the second may do, the first one's reply decides.
///
/// Those that wait are requests in flight, which are bounded.
final class OwnerTurns: Sendable {
    private typealias Waiting = [UnsafeContinuation<Void, Never>]

    /// Owners whose OPEN runs, with those that wait for it, first come first.
    private let running = Mutex<[StateOwner: Waiting]>([:])

    /// Returns when it is the caller's turn; `leave` must follow.
    func take(_ owner: StateOwner) async {
        await withUnsafeContinuation { turn in
            let isFree = running.withLock { running in
                guard running[owner] != nil else {
                    running[owner] = []
                    return true
                }
                running[owner]?.append(turn)
                return false
            }
            if isFree { turn.resume() }
        }
    }

    func leave(_ owner: StateOwner) {
        let next = running.withLock { running -> UnsafeContinuation<Void, Never>? in
            guard running[owner]?.isEmpty == false else {
                running[owner] = nil
                return nil
            }
            return running[owner]?.removeFirst()
        }
        next?.resume()
    }
}
