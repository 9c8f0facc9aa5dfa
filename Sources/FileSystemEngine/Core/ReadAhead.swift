import Synchronization
import VarveModel

/// Bytes of files that are read in order, opened before they are asked for (docs/decisions/0029).
///
/// Who asks for the next piece of a file once it has the last one leaves processors idle in turn: while a piece is sent and taken, the
/// next one is opened. That tells nothing of what the file holds when it is asked for: a read plans as any other does, by the rows
/// of its own moment, and takes the bytes only where its plan is the one that they were opened by. The bytes of a record never
/// change, nor is its place used again, so they are what the read would have opened itself.
final class ReadAhead: Sendable {
    /// Where a read begins that goes on in order.
    struct Place: Hashable, Sendable {
        let inode: InodeNumber
        let offset: UInt64
    }

    /// Bytes, each of them verified (I5), and the plan that they were opened by.
    struct Opened: Sendable {
        let plan: PlannedRead
        let memory: any ReadMemory
    }

    /// What is to be made ready of a piece that is expected to be read.
    enum Due { case bytes, rows, nothing }

    /// How often what happened, for tests.
    struct Counts: Hashable, Sendable {
        var opened = 0
        var taken = 0
        /// Opened, and by another plan than the read's, or not asked for in time.
        var dropped = 0
    }

    /// 16 MiB a file system, of pieces of 1 MiB: of more streams than that none need wait for another.
    static let piecesMax = 16
    static let pieceBytesMax: UInt64 = 1 << 20
    /// Places at which reads have ended; older ones are of files that nobody reads any more.
    static let placesMax = 256
    /// Files that are read at the same time, and opened ahead.
    static let streamsMax = UInt64(ReadContext.processors)

    private let state = Mutex(State())

    var counts: Counts { state.withLock { $0.counts } }
    /// Pieces that are held or being opened.
    var pieces: Int { state.withLock { $0.pieces } }

    // MARK: Reads

    /// What begins at a place, if it has been opened: the caller's from now on, and nobody else's.
    func take(at place: Place) -> Opened? {
        state.withLock { state in
            guard case .opened(let opened)? = state.entries[place]?.entry else { return nil }
            // Whether it fits or not, the read that takes it is in order.
            state.change(place, to: .expected)
            return opened
        }
    }

    /// Counts what was taken: whether the read's plan was the one that it was opened by.
    func count(isOfPlan: Bool) {
        state.withLock { state in
            if isOfPlan { state.counts.taken += 1 } else { state.counts.dropped += 1 }
        }
    }

    /// Whether somebody opens what begins at a place.
    func isOpening(at place: Place) -> Bool {
        state.withLock { $0.entries[place]?.entry.isOpening ?? false }
    }

    /// Waits while somebody opens what begins at a place.
    func whenOpened(at place: Place) async {
        await withUnsafeContinuation { (waiter: UnsafeContinuation<Void, Never>) in
            let isWaiting = state.withLock { state in
                guard case .opening(let waiters)? = state.entries[place]?.entry else {
                    return false
                }
                state.change(place, to: .opening(waiters + [waiter]))
                return true
            }
            if !isWaiting { waiter.resume() }
        }
    }

    /// Notes a read from one place to another.
    ///
    /// - Parameters:
    ///   - place: Where it began. The start of a file is always in order.
    ///   - next: Where it ended.
    ///   - mayOpen: Whether a processor is left to open with.
    /// - Returns: What is due of that which follows; after `.bytes` ``end(_:at:)`` must be called.
    func passed(from place: Place, to next: Place, mayOpen: Bool) -> Due {
        state.withLock { state in
            // Of more streams than there are processors each is answered as it comes, and none is idle.
            let isCrowded = state.age(of: place) > ReadAhead.streamsMax
            let isInOrder = state.leave(place) || place.offset == 0
            // Another reader of the same file has been there.
            guard state.entries[next]?.entry.isPiece != true else { return .nothing }
            let isToBeOpened = isInOrder && !isCrowded && mayOpen && state.makeRoom()
            state.note(isToBeOpened ? .opening([]) : .expected, at: next)
            return isToBeOpened ? .bytes : isInOrder ? .rows : .nothing
        }
    }

    // MARK: Opening

    /// Ends what ``passed(from:to:mayOpen:)`` began: with what was opened, or with nothing.
    func end(_ opened: Opened?, at place: Place) {
        let waiters = state.withLock { state -> [Waiter] in
            guard case .opening(let waiters)? = state.entries[place]?.entry else { return [] }
            state.change(place, to: opened.map { .opened($0) } ?? .expected)
            if opened != nil { state.counts.opened += 1 }
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Lets go of what was opened before the last call of this, and not asked for since.
    func forgetIdle() {
        state.withLock { state in
            state.forgetOpened(before: state.idleMark)
            state.idleMark = state.number + 1
        }
    }
}

private typealias Waiter = UnsafeContinuation<Void, Never>

/// What is known of a place.
private enum Entry {
    /// A read has ended here.
    case expected
    /// A reader opens what begins here; these wait for it.
    case opening([Waiter])
    case opened(ReadAhead.Opened)

    var isPiece: Bool {
        if case .expected = self { false } else { true }
    }

    var isOpened: Bool {
        if case .opened = self { true } else { false }
    }

    var isOpening: Bool {
        if case .opening = self { true } else { false }
    }
}

private struct State {
    private(set) var entries: [ReadAhead.Place: (entry: Entry, number: UInt64)] = [:]
    /// Places noted so far: an entry's says how old it is.
    private(set) var number: UInt64 = 0
    private(set) var pieces = 0
    var counts = ReadAhead.Counts()
    /// Entries before it were there when it was last asked what is idle.
    var idleMark: UInt64 = 0

    /// As many reads elsewhere, and what was opened is not waited for any longer.
    private static let patience: UInt64 = 256

    /// Reads that have ended anywhere since one ended here; 0 where none did.
    func age(of place: ReadAhead.Place) -> UInt64 {
        entries[place].map { number - $0.number + 1 } ?? 0
    }

    mutating func change(_ place: ReadAhead.Place, to entry: Entry) {
        guard let known = entries[place] else { return }
        pieces += (entry.isPiece ? 1 : 0) - (known.entry.isPiece ? 1 : 0)
        entries[place]?.entry = entry
    }

    /// A read begins here, and answers whether one was expected.
    ///
    /// What is being opened is left for whoever waits for it.
    mutating func leave(_ place: ReadAhead.Place) -> Bool {
        guard let known = entries[place] else { return false }
        if !known.entry.isOpening { remove(place) }
        return true
    }

    mutating func note(_ entry: Entry, at place: ReadAhead.Place) {
        if entries.count >= ReadAhead.placesMax { removeOldest() }
        number += 1
        entries[place] = (entry, number)
        pieces += entry.isPiece ? 1 : 0
    }

    /// Whether there is room for a piece; others are let go for it that have waited for long.
    mutating func makeRoom() -> Bool {
        if pieces >= ReadAhead.piecesMax, number > State.patience {
            forgetOpened(before: number - State.patience)
        }
        return pieces < ReadAhead.piecesMax
    }

    mutating func forgetOpened(before number: UInt64) {
        let old = entries.filter { $0.value.number < number && $0.value.entry.isOpened }
        for place in old.keys { remove(place) }
    }

    private mutating func removeOldest() {
        let oldest = entries.filter { !$0.value.entry.isOpening }
            .min { $0.value.number < $1.value.number }
        if let oldest { remove(oldest.key) }
    }

    private mutating func remove(_ place: ReadAhead.Place) {
        guard let known = entries.removeValue(forKey: place) else { return }
        pieces -= known.entry.isPiece ? 1 : 0
        if known.entry.isOpened { counts.dropped += 1 }
    }
}
