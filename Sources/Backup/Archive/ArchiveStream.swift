import FileSystemEngine
import VarveModel

/// Trees as pax archives in streams, for peers whose paths the daemon must not open.
package enum ArchiveStream {
    /// Writes a tree as an archive.
    ///
    /// - Parameters:
    ///   - place: What to read.
    ///   - progress: Told now and then.
    ///   - output: Takes the bytes as they come; when it throws, the archive ends.
    /// - Returns: What was written, and what tar cannot hold or could not be read.
    /// - Throws: When the root cannot be read or the receiver is gone.
    package static func write(
        _ place: TreePlace,
        progress: ProgressHandler? = nil,
        to output: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws(BackupError) -> TransferReport {
        try await write(place, progress: progress, noting: nil, to: output)
    }

    /// The same, telling of each entry: then sockets are told of too, though the stream has none.
    static func write(
        _ place: TreePlace,
        progress: ProgressHandler?,
        noting: ArchiveSink.EntryNotes?,
        to output: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws(BackupError) -> TransferReport {
        try await withTaskExecutorPreference(HostThreads.shared) {
            () async throws(BackupError) -> TransferReport in
            switch place {
            case .host(let path):
                try await copy(HostSource(path), output, noting, progress)
            case .fileSystem(let fileSystem, let path, let view, let caller):
                try await copy(
                    EngineSource(fileSystem: fileSystem, path: path, view: view, caller: caller),
                    output,
                    noting,
                    progress
                )
            case .recoveryPoint(let vault, let point, let path):
                try await TreeCopy.reading(point, of: vault) { () async throws(BackupError) in
                    try await copy(
                        VaultSource(vault: vault, point: point, path: path),
                        output,
                        noting,
                        progress
                    )
                }
            case .coldPoint(let tree, let path):
                try await copy(ColdSource(tree: tree, path: path), output, noting, progress)
            }
        }
    }

    private static func copy(
        _ source: some TreeSource,
        _ output: @escaping @Sendable ([UInt8]) async throws -> Void,
        _ noting: ArchiveSink.EntryNotes?,
        _ progress: ProgressHandler?
    ) async throws(BackupError) -> TransferReport {
        do throws(TreeFailure) {
            let sink = try ArchiveSink(noting: noting, to: output)
            let (entry, _) = try await source.root()
            let place: RootPlace<[UInt8]> =
                entry.node.kind == .directory ? .itself([]) : .name(entry.name, in: [])
            return try await run(source, sink, place, progress).get()
        } catch {
            throw error.fatal ?? BackupError(rootFailure: error)
        }
    }

    private static func run(
        _ source: some TreeSource,
        _ sink: ArchiveSink,
        _ place: RootPlace<[UInt8]>,
        _ progress: ProgressHandler?
    ) async -> Result<TransferReport, TreeFailure> {
        let transfer = TreeTransfer(from: source, to: sink, isMirror: false, progress: progress)
        do throws(BackupError) {
            return .success(try await transfer.run(into: place))
        } catch {
            let failure = TreeFailure(
                call: "archive",
                errno: SystemError.failed,
                reason: error.message
            )
            return .failure(failure.fatal(error))
        }
    }

    /// Unpacks an archive.
    ///
    /// - Parameters:
    ///   - input: Its bytes, sent by somebody else meanwhile; after an error they are dropped.
    ///   - target: Where to; names never lead out of it.
    ///   - existing: What to do with names that are there; `.mirror` only replaces.
    ///   - progress: Told now and then.
    /// - Returns: What was made, and what the target refused.
    /// - Throws: `.invalid` for bytes that are no archive or end too early, and as ``TreeCopy``.
    package static func read(
        _ input: ArchiveInput,
        to target: TreeTarget,
        existing: ExistingNames = .refuse,
        progress: ProgressHandler? = nil
    ) async throws(BackupError) -> TransferReport {
        try await read(input, to: target, existing, guide: nil, progress)
    }

    /// The same, with what is known beside the stream.
    static func read(
        _ input: ArchiveInput,
        to target: TreeTarget,
        _ existing: ExistingNames,
        guide: UnpackingGuide?,
        _ progress: ProgressHandler?
    ) async throws(BackupError) -> TransferReport {
        defer { input.stop() }
        return try await withTaskExecutorPreference(HostThreads.shared) {
            () async throws(BackupError) -> TransferReport in
            do throws(TreeFailure) {
                switch target {
                case .host(let path):
                    let sink = HostSink(existing: existing)
                    let place = try HostSink.place(path)
                    return try await Unpacking(
                        input,
                        sink,
                        HostSink(existing: .refuse),
                        guide,
                        progress
                    )
                    .run(into: place)
                case .fileSystem(let fileSystem, let path, let caller),
                    .name(let fileSystem, let path, let caller):
                    let sink = EngineSink(
                        fileSystem: fileSystem,
                        existing: existing,
                        caller: caller
                    )
                    let careful = EngineSink(
                        fileSystem: fileSystem,
                        existing: .refuse,
                        caller: caller
                    )
                    let place = try await sink.place(path, followsLast: target.followsLast)
                    return try await Unpacking(input, sink, careful, guide, progress)
                        .run(into: place)
                }
            } catch {
                throw error.fatal ?? BackupError(rootFailure: error)
            }
        }
    }
}
