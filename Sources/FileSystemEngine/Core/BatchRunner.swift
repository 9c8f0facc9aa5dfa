import MetadataStore
import SegmentStore
import VarveModel

/// Takes one batch through its transaction.
struct BatchRunner {
    let core: Core
    let context: WriteContext

    /// Runs the operations, commits, and answers each of them.
    func run(_ operations: [Operation]) {
        do {
            try core.requireWritable()
            try attempt(operations)
            for operation in operations { operation.reply() }
        } catch {
            abandon()
            let failure = FileSystemError(translating: error)
            if failure.code == .failed { core.fail(failure) }
            if operations.count == 1, failure.code == .noSpace, operations[0].room == .frees,
                core.releaseReserve()
            {
                // Once: the reserve is in use from now on. A shorter log needs less of it.
                context.checkpoint()
                return run(operations)
            }
            if operations.count == 1 {
                operations[0].refuse(failure)
                operations[0].reply()
            } else {
                // The transaction vanished: each runs in its own, so that the one that cannot be is told.
                for operation in operations { run([operation]) }
            }
        }
        context.tidy()
    }

    private func attempt(_ operations: [Operation]) throws {
        try context.begin()
        for operation in operations { try execute(operation) }
        try context.commit()
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

    private func abandon() {
        context.writer.rollback()
        context.undo()
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
