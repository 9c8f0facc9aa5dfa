import Synchronization

/// What requests under way hold in memory, and replies that clients do not take, of all connections together.
///
/// A request counts with its own bytes and with as many as its reply may have. Where there is no room a connection reads no
/// more from its socket, but one that holds nothing may always take a request: nobody waits for what somebody else does not
/// let go. So what is held is at most the limit, and of each connection a request, what one read of its socket brings beside it,
/// and what its channel takes of replies until it counts as full.
final class RequestMemory: Sendable {
    private let bytesMax: Int
    private let held = Atomic<Int>(0)
    private let most = Atomic<Int>(0)

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    var hasRoom: Bool { held.load(ordering: .relaxed) < bytesMax }

    /// The most bytes that were held at one time.
    var peak: Int { most.load(ordering: .relaxed) }

    /// What is held now.
    var bytes: Int { held.load(ordering: .relaxed) }

    func take(_ bytes: Int) {
        let now = held.add(bytes, ordering: .relaxed).newValue
        most.max(now, ordering: .relaxed)
    }

    func give(_ bytes: Int) {
        held.subtract(bytes, ordering: .relaxed)
    }
}
