package import BackupVault
package import FileSystemEngine
package import VarveModel

/// Where a tree is read from.
package enum TreePlace: Sendable {
    /// An absolute path of the host.
    case host(String)
    /// A file system as it is or was; whoever names a past instant holds it meanwhile.
    case fileSystem(FileSystem, path: [FileName], View, Credentials)
    case recoveryPoint(Vault, RecoveryPoint, path: [FileName])
    /// One in cold storage.
    case coldPoint(ColdTree, path: [FileName])
}

/// Where a tree is written to.
///
/// A directory's contents and attributes go into a directory that exists, as with `rsync -a from/ to/`;
/// otherwise the last name of the path is made, and its parent must exist.
package enum TreeTarget: Sendable {
    /// An absolute path of the host.
    case host(String)
    case fileSystem(FileSystem, path: [FileName], Credentials)
    /// The same, but a symlink that stands at the path's end is replaced, and what it points at is left alone.
    case name(FileSystem, path: [FileName], Credentials)

    var followsLast: Bool {
        if case .name = self { false } else { true }
    }
}

/// Copies a tree: import, export and restore are all this.
package enum TreeCopy {
    /// Called once, when it is known what is copied and where to, and before anything is changed.
    package typealias WillWrite = @Sendable () async throws(BackupError) -> Void

    /// Copies everything that the source holds and the target takes, or what is selected of it.
    ///
    /// - Parameters:
    ///   - place: Read as its caller may.
    ///   - selection: Which names of it, counted from its root; `nil` for all. Directories on the way to them are made
    ///     when they are missing, and otherwise left as they are.
    ///   - target: Written as its caller may; a file system is flushed in the end.
    ///   - existing: What to do with names that are there.
    ///   - progress: Told now and then.
    ///   - willWrite: What it throws ends the copy.
    /// - Returns: What was done, and what was left out and why.
    /// - Throws: When the root cannot be copied, nothing is selected, the target is full or failed, or on
    ///   cancellation.
    package static func run(
        from place: TreePlace,
        selecting selection: TreeSelection? = nil,
        to target: TreeTarget,
        existing: ExistingNames = .refuse,
        progress: ProgressHandler? = nil,
        willWrite: @escaping WillWrite = {}
    ) async throws(BackupError) -> TransferReport {
        // Host calls block, so all of this runs on threads of its own.
        try await withTaskExecutorPreference(HostThreads.shared) {
            () async throws(BackupError) -> TransferReport in
            switch place {
            case .host(let path):
                try await write(
                    HostSource(path),
                    selection,
                    to: target,
                    existing,
                    progress,
                    willWrite
                )
            case .fileSystem(let fileSystem, let path, let view, let caller):
                try await write(
                    EngineSource(fileSystem: fileSystem, path: path, view: view, caller: caller),
                    selection,
                    to: target,
                    existing,
                    progress,
                    willWrite
                )
            case .recoveryPoint(let vault, let point, let path):
                try await reading(point, of: vault) { () async throws(BackupError) in
                    try await write(
                        VaultSource(vault: vault, point: point, path: path),
                        selection,
                        to: target,
                        existing,
                        progress,
                        willWrite
                    )
                }
            case .coldPoint(let tree, let path):
                try await write(
                    ColdSource(tree: tree, path: path),
                    selection,
                    to: target,
                    existing,
                    progress,
                    willWrite
                )
            }
        }
    }

    /// Holds off prunes while a recovery point is read: deleting it ends no restore that has begun.
    static func reading<Value>(
        _ point: RecoveryPoint,
        of vault: Vault,
        _ body: () async throws(BackupError) -> Value
    ) async throws(BackupError) -> Value {
        let lease = vault.beginReading()
        defer { lease?.end() }
        let found: RecoveryPoint
        do throws(VaultError) {
            found = try vault.recoveryPoint(point.id)
        } catch {
            throw BackupError(error)
        }
        guard !found.isCold else {
            throw BackupError(
                .busy,
                "recovery point \(point.id) was moved to cold storage just now",
                remedy: "Repeat it."
            )
        }
        return try await body()
    }

    private static func write(
        _ source: some TreeSource,
        _ selection: TreeSelection?,
        to target: TreeTarget,
        _ existing: ExistingNames,
        _ progress: ProgressHandler?,
        _ willWrite: @escaping WillWrite
    ) async throws(BackupError) -> TransferReport {
        guard let selection else {
            return try await write(source, to: target, existing, progress, willWrite)
        }
        let found = try await select(selection, of: source)
        let selected = SelectedSource(base: source, names: found.names)
        var report = try await write(selected, to: target, existing, progress, willWrite)
        for omission in found.omissions { report.add(omission) }
        return report
    }

    /// What a selection means of a tree.
    ///
    /// - Throws: `.notFound` when that is nothing.
    static func select(
        _ selection: TreeSelection,
        of source: some TreeSource
    ) async throws(BackupError) -> SelectionOutcome {
        let found: SelectionOutcome
        do throws(TreeFailure) {
            found = try await source.find(selection)
        } catch {
            throw error.fatal ?? BackupError(rootFailure: error)
        }
        guard !found.names.isEmpty else {
            throw found.failures.first.map { BackupError(rootFailure: $0.failure) }
                ?? BackupError(.notFound, "nothing there is selected")
        }
        return found
    }

    private static func write(
        _ source: some TreeSource,
        to target: TreeTarget,
        _ existing: ExistingNames,
        _ progress: ProgressHandler?,
        _ willWrite: @escaping WillWrite
    ) async throws(BackupError) -> TransferReport {
        switch target {
        case .host(let path):
            let sink = HostSink(existing: existing)
            let place = try rooted { () throws(TreeFailure) in try HostSink.place(path) }
            return try await copy(source, to: sink, place, existing, progress, willWrite)
        case .fileSystem(let fileSystem, let path, let caller),
            .name(let fileSystem, let path, let caller):
            let sink = EngineSink(fileSystem: fileSystem, existing: existing, caller: caller)
            let place: RootPlace<InodeNumber>
            do throws(TreeFailure) {
                place = try await sink.place(path, followsLast: target.followsLast)
            } catch {
                throw BackupError(rootFailure: error)
            }
            return try await copy(source, to: sink, place, existing, progress, willWrite)
        }
    }

    private static func copy<Sink: TreeSink>(
        _ source: some TreeSource,
        to sink: Sink,
        _ place: RootPlace<Sink.Directory>,
        _ existing: ExistingNames,
        _ progress: ProgressHandler?,
        _ willWrite: @escaping WillWrite
    ) async throws(BackupError) -> TransferReport {
        let transfer = TreeTransfer(
            from: source,
            to: sink,
            isMirror: existing == .mirror,
            progress: progress,
            willWrite: willWrite
        )
        return try await transfer.run(into: place)
    }

    private static func rooted<Value>(
        _ body: () throws(TreeFailure) -> Value
    ) throws(BackupError) -> Value {
        do throws(TreeFailure) {
            return try body()
        } catch {
            throw BackupError(rootFailure: error)
        }
    }
}
