import VarveModel

/// Which unstable writes an operation wants in the database before it runs.
enum FlushScope: Sendable {
    case none
    case one(InodeNumber)
    case all
    /// One inode's, and none are added until the operation has run: it changes content.
    case alone(InodeNumber)
    /// All, and none are added until the operation has run.
    case allAlone
    /// Those of a file that is copied, if it is one of the present, and as with ``alone(_:)`` those of the file that takes
    /// the copy.
    case copy(from: InodeNumber?, to: InodeNumber)
}

/// What an operation means for a disk that is full.
enum RoomUse: Sendable {
    /// Takes space: refused while the disk's reserve is in use.
    case takes
    /// Gives space back, now or later, or is needed to end in order: may use the reserve.
    case frees
}

/// A change that waits for the committer.
///
/// It may run twice: when a transaction vanishes, its operations run again one by one.
// SAFETY: whoever queues it touches it no more; then it belongs to the committer's thread alone.
class Operation: @unchecked Sendable {
    let flushes: FlushScope
    let room: RoomUse

    init(flushes: FlushScope, room: RoomUse) {
        self.flushes = flushes
        self.room = room
    }

    /// Changes rows; a throw undoes this operation alone.
    func run(_ context: WriteContext) throws {}

    /// Keeps a refusal for the reply.
    func refuse(_ error: FileSystemError) {}

    /// Answers the caller: what it is told is durable.
    func reply() {}
}

/// An operation that somebody awaits.
// SAFETY: as its superclass.
final class AwaitedOperation<Value: Sendable>: Operation, @unchecked Sendable {
    typealias Reply = UnsafeContinuation<Result<Value, FileSystemError>, Never>

    private let body: @Sendable (WriteContext) throws -> Value
    private let continuation: Reply
    private var result: Result<Value, FileSystemError> = .failure(.closed)

    init(
        flushes: FlushScope,
        room: RoomUse,
        continuation: Reply,
        body: @escaping @Sendable (WriteContext) throws -> Value
    ) {
        self.continuation = continuation
        self.body = body
        super.init(flushes: flushes, room: room)
    }

    override func run(_ context: WriteContext) throws {
        result = .success(try body(context))
    }

    override func refuse(_ error: FileSystemError) {
        result = .failure(error)
    }

    override func reply() {
        continuation.resume(returning: result)
    }
}

/// An operation that nobody awaits.
// SAFETY: as its superclass.
final class BackgroundOperation: Operation, @unchecked Sendable {
    private let body: @Sendable (WriteContext) throws -> Void

    init(
        flushes: FlushScope = .none,
        room: RoomUse = .takes,
        body: @escaping @Sendable (WriteContext) throws -> Void
    ) {
        self.body = body
        super.init(flushes: flushes, room: room)
    }

    override func run(_ context: WriteContext) throws {
        try body(context)
    }
}
