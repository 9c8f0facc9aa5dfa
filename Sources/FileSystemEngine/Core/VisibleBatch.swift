import MetadataStore

/// A batch whose transaction readers see, and whose operations hear of it once it is durable.
struct VisibleBatch: Sendable {
    let commit: Commit
    /// Records that may be given back once the commit is durable.
    let freed: [RecordPointer]
    var operations: [Operation] = []

    /// Answers all operations, for the commit is durable, and gives back what it freed.
    func finish(_ core: Core) {
        core.fence.retire(freed, emptied: commit.emptied)
        for operation in operations { operation.reply() }
        core.reclaimAfterCommit()
    }

    /// Syncs the log, then answers; after a failed sync the file system is read-only, and all are told.
    func makeDurable(_ core: Core) {
        do {
            try core.database.makeDurable(commit)
            finish(core)
        } catch {
            let failure = FileSystemError(error)
            core.fail(failure)
            for operation in operations {
                operation.refuse(failure)
                operation.reply()
            }
        }
    }
}
