import MetadataStore
import SegmentStore
import VarveModel

/// Takes one batch through its transaction.
struct BatchRunner {
    let core: Core
    let context: WriteContext

    /// Runs operations in one transaction, those that join it meanwhile too, and commits.
    ///
    /// - Parameters:
    ///   - first: The operations that began it.
    ///   - joining: What else there is to run, given how many there are; `nil` once it is time to commit.
    ///   - defers: Whether that many are left to somebody else to sync and to answer.
    /// - Returns: What somebody else is to sync and to answer; `nil` when all are answered.
    func run(
        _ first: [Operation],
        joining: (Int) -> [Operation]? = { _ in nil },
        defers: (Int) -> Bool = { _ in false }
    ) -> VisibleBatch? {
        var operations = first
        do {
            try core.requireWritable()
            try context.begin()
            for operation in first { try execute(operation) }
            while let more = joining(operations.count) {
                operations += more
                for operation in more { try execute(operation) }
            }
            let isDeferred = defers(operations.count)
            var batch = try context.commit(durably: !isDeferred)
            batch.operations = operations
            if isDeferred { return batch }
            batch.finish(core)
        } catch {
            recover(operations, from: error)
        }
        context.tidy()
        return nil
    }

    /// The transaction vanished: each operation runs in its own, so that the one that cannot be is told.
    private func recover(_ operations: [Operation], from error: any Error) {
        let failure = FileSystemError(translating: error)
        // A log of zones refuses a sync in words of its own.
        let isLost = failure.code == .failed || !core.database.sealed.isTrusted
        context.writer.rollback()
        // The log may have the rows all the same: what they name is not given back then.
        context.undo(givesBack: !isLost)
        if isLost { core.fail(failure) }
        core.reclaimDrained()
        guard operations.count == 1 else {
            for operation in operations { _ = run([operation]) }
            return
        }
        if failure.code == .noSpace, operations[0].room == .frees, core.releaseReserve() {
            // Once: the reserve is in use from now on. A shorter log needs less of it.
            context.checkpoint()
            _ = run(operations)
            return
        }
        operations[0].refuse(failure)
        operations[0].reply()
    }

    /// Runs one operation under a savepoint of its own; throws only what ends the whole batch.
    private func execute(_ operation: Operation) throws {
        try context.putSegments()
        defer { core.pending.reopen() }
        try flush(operation.flushes)
        let mark = try context.mark()
        do {
            try operation.run(context)
            try context.release(mark)
        } catch {
            let failure = FileSystemError(translating: error)
            if failure.endsTransaction { throw failure }
            try context.revert(to: mark)
            operation.refuse(failure)
        }
    }

    private func flush(_ scope: FlushScope) throws {
        switch scope {
        case .none: break
        case .one(let inode): try context.flush(inode)
        case .all: try context.flushAll()
        case .alone(let inode):
            core.pending.close(inode)
            try context.flush(inode)
        case .allAlone:
            core.pending.close(nil)
            try context.flushAll()
        case .copy(let source, let target):
            core.pending.close(target)
            if let source { try context.flush(source) }
            try context.flush(target)
        }
    }
}

extension FileSystemError {
    /// Whether storage refused, so that the transaction cannot be trusted to stand.
    var endsTransaction: Bool {
        switch code {
        case .noSpace, .failed, .readOnly: true
        default: false
        }
    }
}
