import MetadataStore
import SegmentStore
import Synchronization
package import VarveModel

/// Many files move as one: one sync makes their copies durable, few transactions swap them in (docs/decisions/0050).
extension FileSystem {
    /// A file whose copies are durable, and to which no row points yet.
    package struct CopiedFile: Sendable {
        package let inode: InodeNumber
        package let result: MoveResult
    }

    /// Puts several files into a tier, each as ``move(_:to:whenCopied:)`` does.
    ///
    /// Copies are made by threads of their own, of a large file in pieces; rows are swapped in short turns of the
    /// committer. A file of many slices takes several turns, of which the last one says that it is in the tier: after a
    /// crash between two it is in the one that it left, with some of its bytes in the other, as one that was written
    /// meanwhile.
    ///
    /// What several of the files share is copied once. Where it was held back, since they were not there yet, it
    /// follows when they are.
    ///
    /// - Parameters:
    ///   - inodes: Regular files, each once.
    ///   - tier: Where to.
    ///   - whenCopied: Called once with the files whose first copies are durable, if any, before any row points at them; it
    ///     answers for each of them an error that ends its move, or `nil`.
    /// - Returns: For each file, in order, what was moved, and why no more was.
    package func moveTogether(
        _ inodes: [InodeNumber],
        to tier: Tier,
        whenCopied: ([CopiedFile]) async -> [FileSystemError?]
    ) async -> [MoveOutcome] {
        guard core.copyThreads.beginMove() else {
            return inodes.map { _ in MoveOutcome(failure: .closed) }
        }
        defer { core.copyThreads.endMove() }
        core.moves.add(1, ordering: .acquiringAndReleasing)
        var (outcomes, held) = await moveOnce(inodes, to: tier, whenCopied)
        for _ in 1..<FileSystem.moveAttemptsMax {
            let again = inodes.indices.filter {
                outcomes[$0].failure == nil && (outcomes[$0].result.missed > 0 || held.contains($0))
            }
            if again.isEmpty { break }
            held = []
            let more = await moveAgain(again.map { inodes[$0] }, to: tier)
            for (index, outcome) in zip(again, more) { outcomes[index].add(outcome) }
            if more.contains(where: { $0.failure != nil }) { break }
        }
        core.moves.subtract(1, ordering: .acquiringAndReleasing)
        // What others' commits have left to this move, too.
        await reclaimAside()
        return outcomes
    }

    /// Notes that a client has asked for something: moves under way leave it the machine (``CopyPace``).
    ///
    /// Reads of data and commits note themselves; of lookups, attributes and listings the engine cannot tell clients' from
    /// a backup's. Without a move it costs a look.
    package func noteClient() {
        guard core.moves.load(ordering: .relaxed) > 0 else { return }
        core.copyPace.noteCall()
    }

    /// Four: records are rewritten by compaction and merges, which take seconds, and come up to a file once.
    private static let moveAttemptsMax = 4

    /// - Returns: What became of each, and which left records to another file though they are not alone.
    private func moveOnce(
        _ inodes: [InodeNumber],
        to tier: Tier,
        _ whenCopied: ([CopiedFile]) async -> [FileSystemError?]
    ) async -> (outcomes: [MoveOutcome], held: Set<Int>) {
        var moves = inodes.map { FileMove(inode: $0) }
        do throws(FileSystemError) {
            try await makeDurable(inodes)
            try await copy(&moves, to: tier)
        } catch {
            await end(&moves, error)
            return (moves.outcomes, [])
        }
        let copied = moves.indices.filter { moves[$0].failure == nil }
        if !copied.isEmpty {
            let errors = await whenCopied(
                copied.map { CopiedFile(inode: moves[$0].inode, result: moves[$0].copies.result()) }
            )
            precondition(errors.count == copied.count, "each file is judged")
            for (index, error) in zip(copied, errors) { moves[index].failure = error }
        }
        await swap(&moves, to: tier)
        await discard(moves.unused)
        let isAlone = moves.count == 1
        return (moves.outcomes, Set(moves.indices.filter { !isAlone && moves[$0].isHeldBack }))
    }

    /// Moves what has stayed behind of files that are in the tier.
    private func moveAgain(_ inodes: [InodeNumber], to tier: Tier) async -> [MoveOutcome] {
        var moves = inodes.map { FileMove(inode: $0) }
        do throws(FileSystemError) {
            try await makeDurable(inodes)
            try await copy(&moves, to: tier)
        } catch {
            await end(&moves, error)
            return moves.outcomes
        }
        for index in moves.indices where moves[index].copies.swaps.isEmpty {
            moves[index].arrived()
        }
        await swap(&moves, to: tier)
        await discard(moves.unused)
        return moves.outcomes
    }

    /// Has unstable writes of the files enter the database.
    private func makeDurable(_ inodes: [InodeNumber]) async throws(FileSystemError) {
        try core.requireWritable()
        for inode in inodes where !core.pending.isClean(inode) {
            try await committer.run(flushing: .one(inode), isOfMove: true) { _ in }
        }
        // Somebody else's commit may have taken the bytes, and sync still.
        try await core.requireDurable()
    }

    // MARK: Copies

    /// Copies what the files have elsewhere, piece by piece, and makes the copies durable.
    private func copy(_ moves: inout [FileMove], to tier: Tier) async throws(FileSystemError) {
        let known = CopiedRecords()
        var position: CopyPosition? = CopyPosition()
        while let from = position {
            position = try await copyPiece(&moves, from: from, to: tier, known)
            // What others' commits freed meanwhile.
            await reclaimAside()
            guard let next = position else { break }
            // A large file's copy ends when somebody is short of room, or wants it ended.
            try await core.requireRoom()
            if Task.isCancelled {
                throw FileSystemError(.busy, "the run was broken off while it was copied")
            }
            if moves[next.file].failure != nil { position = CopyPosition(file: next.file + 1) }
        }
        guard moves.contains(where: { !$0.copies.swaps.isEmpty }) else { return }
        let core = core
        try await core.copyThreads.run {
            // Promoted bytes lie where clients' writes do.
            if tier == .standard { try core.syncSegments() } else { try core.syncCopies() }
        }
    }

    /// Copies a piece; answers where the next one begins.
    private func copyPiece(
        _ moves: inout [FileMove],
        from position: CopyPosition,
        to tier: Tier,
        _ known: CopiedRecords
    ) async throws(FileSystemError) -> CopyPosition? {
        // Before rows are looked at: what they name is not given up before it is copied.
        let ticket = core.fence.enter()
        defer { core.fence.leave(ticket) }
        let inodes = moves.map(\.inode)
        let piece = try await readers.run(isLong: true, shows: false) { context in
            context.planCopies(of: inodes, from: position, to: tier)
        }
        let core = core
        let copies = try await core.copyThreads.run { core.copies(piece.plans, to: tier, known) }
        for (plan, copies) in zip(piece.plans, copies) {
            moves[plan.file].copies.add(copies.copies)
            moves[plan.file].failure = moves[plan.file].failure ?? copies.failure
            if plan.isHeldBack { moves[plan.file].isHeldBack = true }
        }
        guard let next = piece.next else { return nil }
        guard let full = copies.compactMap(\.failure).first(where: { $0.code == .noSpace }) else {
            return next
        }
        for index in next.file..<moves.count { moves[index].failure = full }
        return nil
    }

    // MARK: Swaps

    /// Points rows at the copies, a few at a time: others' operations run in between.
    private func swap(_ moves: inout [FileMove], to tier: Tier) async {
        for index in moves.indices where moves[index].failure == nil { moves[index].group() }
        var isOneByOne = false
        while true {
            let due = moves.indices.filter { moves[$0].isDue }.prefix(isOneByOne ? 1 : .max)
            guard !due.isEmpty else { return }
            let turn = due.map { moves[$0] }
            do throws(FileSystemError) {
                let done = try await committer.run(isOfMove: true) { try $0.swap(turn, to: tier) }
                for (index, move) in zip(due, done) { moves[index] = move }
            } catch {
                if due.count > 1, !error.endsTransaction {
                    // One cannot be swapped: it alone is to be told.
                    isOneByOne = true
                } else {
                    for index in due { moves[index].failure = error }
                }
            }
        }
    }

    /// Ends moves that came to nothing.
    private func end(_ moves: inout [FileMove], _ error: FileSystemError) async {
        for index in moves.indices where moves[index].failure == nil {
            moves[index].failure = error
        }
        await discard(moves.unused)
    }

    private func discard(_ records: [RecordPointer]) async {
        // After a failed sync nobody knows what rows will say: the next start does, and sweeps.
        guard !records.isEmpty, core.mayGiveBack else { return }
        core.fence.retire(records)
        await reclaimAside()
    }

    /// Gives back what no reader can still be reading, in nobody's way.
    private func reclaimAside() async {
        guard core.fence.isWaiting else { return }
        let core = core
        // Harmless: it is refused while the file system is closed alone, and closing gives back the same.
        _ = try? await core.copyThreads.run { core.reclaimDrained().records.count }
    }
}

extension WriteContext {
    /// Swaps rows of one move after another until the turn is over; answers how far each has come.
    ///
    /// What another file has come to show since the copies were made stays, as ``FileSystem/move(_:to:whenCopied:)`` says.
    func swap(
        _ turn: [FileMove],
        to tier: Tier
    ) throws -> [FileMove] {
        let start = ContinuousClock.now
        let lengthMax = Duration.microseconds(core.limits.swapTurnMicroseconds)
        var moves = turn
        for index in moves.indices {
            while moves[index].isDue {
                do {
                    try step(&moves[index], to: tier)
                } catch let error as FileSystemError where error.code == .stale {
                    // Found before anything was changed: it is gone, and the others are not.
                    moves[index].failure = error
                }
                if ContinuousClock.now - start >= lengthMax { return moves }
            }
        }
        return moves
    }

    /// Swaps the next rows of a move; with the last the file is in its tier.
    private func step(_ move: inout FileMove, to tier: Tier) throws {
        _ = try row(move.inode)
        let (swaps, groups) = move.next(core.limits.swapRowsMax)
        let shared = try sharing(swaps, of: move.inode, to: tier)
        let meant = swaps.filter { !shared.left.contains($0.old) }
        let stale = Set(try swap(meant))
        move.took(
            meant.map(\.new).filter { !stale.contains($0) },
            groups: groups,
            for: shared.sharers
        )
        guard move.isSwapped else { return }
        // A move inside its tier is no arrival there.
        if try writer.place(move.inode)?.tier ?? .standard != tier {
            try writer.setPlace(move.inode, tier == .standard ? nil : tier, since: now)
        }
        move.arrived()
    }

    /// The records of a move that other files have come to hold, and the colder files for which the others move.
    private func sharing(
        _ swaps: [RecordSwap],
        of inode: InodeNumber,
        to tier: Tier
    ) throws -> (left: Set<RecordPointer>, sharers: Set<InodeNumber>) {
        var left: Set<RecordPointer> = []
        var sharers: Set<InodeNumber> = []
        guard writer.mayShareRecords else { return (left, sharers) }
        var seen: Set<RecordPointer> = []
        for swap in swaps where seen.insert(swap.old).inserted {
            // A segment without a row is gone, and nothing names its records: the swap misses.
            guard let current = try writer.segment(swap.old.segment)?.tier else { continue }
            if try writer.mayMove(swap.old, from: current, to: tier, of: inode) {
                sharers.formUnion(try writer.coldSharers(of: swap.old, besides: inode))
            } else {
                left.insert(swap.old)
            }
        }
        return (left, sharers)
    }
}
