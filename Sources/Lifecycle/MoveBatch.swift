import FileSystemEngine
import VarveModel

/// A move, and the transition that the journal has of it.
struct JournaledMove: Sendable {
    let id: Int64
    let move: LifecycleMove
}

/// Moves into one tier that are carried out as one: they share the sync of their copies and the journal's transactions.
struct MoveBatch: Sendable {
    let to: Tier
    private(set) var moves: [JournaledMove]
    private var bytes: UInt64

    /// 64 files, of which a sync and two transactions are a small part.
    static let filesMax = 64
    /// 8 MiB, which take a processor tenths of a second to compress: so much is in doubt after a crash, and copied anew.
    static let bytesMax: UInt64 = 8 << 20

    private init(_ first: JournaledMove) {
        to = first.move.to
        moves = [first]
        bytes = first.move.bytes
    }

    /// Moves in the order given, but for those into other tiers; a large file is a batch of its own.
    static func batches(of moves: [JournaledMove]) -> [MoveBatch] {
        var batches: [MoveBatch] = []
        var open: [Tier: Int] = [:]
        for move in moves {
            if let index = open[move.move.to], batches[index].take(move) { continue }
            open[move.move.to] = batches.count
            batches.append(MoveBatch(move))
        }
        return batches
    }

    private mutating func take(_ move: JournaledMove) -> Bool {
        guard moves.count < MoveBatch.filesMax, bytes + move.move.bytes <= MoveBatch.bytesMax else {
            return false
        }
        moves.append(move)
        bytes += move.move.bytes
        return true
    }
}

extension LifecycleOutcome {
    /// Adds what a move did before it failed: no file has moved, and its bytes lie where they do.
    mutating func add(part result: MoveResult) {
        bytes += result.bytes
        storedBefore += result.storedBefore
        storedAfter += result.storedAfter
    }

    /// Adds a move that was done; one inside a tier that found nothing to move is none.
    mutating func add(_ move: LifecycleMove, _ result: MoveResult) {
        guard move.from != move.to || result.bytes > 0 else { return }
        moves.append(move)
        files += 1
        bytes += result.bytes
        storedBefore += result.storedBefore
        storedAfter += result.storedAfter
        if move.to == .standard && move.from != .standard { promoted += 1 }
    }
}
