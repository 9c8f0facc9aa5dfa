/// The routes: each is `POST /v1/<path>` with a JSON body, `{}` when it has nothing to say.
///
/// A refused call is answered by an HTTP status and ``Refusal`` as JSON.
package enum Route {
    /// What precedes every path.
    package static let prefix = "/v1/"
    /// Carries the JSON request, percent-encoded, where the body is the data itself.
    package static let requestParameter = "request"
    /// `UID[:GID]`: root asks to act as another user.
    package static let actAsHeader = "Varve-As"
    /// The content type of a long call's answer.
    package static let linesType = "application/x-ndjson"
}

/// A short call: one JSON value answers it.
package struct Call<Request: Codable & Sendable, Answer: Codable & Sendable>: Sendable {
    package let path: String
}

/// Long work: lines of JSON answer it, each a ``StreamLine``; the last bears the result or the error.
package struct LongCall<Request: Codable & Sendable, Answer: Codable & Sendable>: Sendable {
    package let path: String
}

/// A call whose answer is bytes, in ``DownloadFrames``; behind them comes the answer or the error.
package struct Download<Request: Codable & Sendable, Answer: Codable & Sendable>: Sendable {
    package let path: String
}

/// A call whose body is bytes as they are; the request travels in the query.
package struct Upload<Request: Codable & Sendable, Answer: Codable & Sendable>: Sendable {
    package let path: String
}

/// An empty request or answer.
package struct Nothing: Codable, Sendable, Hashable {
    package init() {}
}

/// The body of a refused call.
package struct Refusal: Codable, Sendable, Hashable {
    package let error: APIError

    package init(_ error: APIError) {
        self.error = error
    }
}

/// One line of a long call's answer, or the end of a download: exactly one of the three is there.
package struct StreamLine<Answer: Codable & Sendable>: Codable, Sendable {
    package var progress: Progress?
    package var result: Answer?
    package var error: APIError?

    package init(progress: Progress? = nil, result: Answer? = nil, error: APIError? = nil) {
        self.progress = progress
        self.result = result
        self.error = error
    }
}

/// How far long work has come.
package struct Progress: Codable, Sendable, Hashable {
    /// What is going on, in a few words.
    package var phase: String
    package var done: UInt64?
    package var total: UInt64?
    package var bytes: UInt64?
    /// What `bytes` comes to in the end, about; `nil` where nobody knows.
    package var bytesTotal: UInt64?

    package init(
        phase: String,
        done: UInt64? = nil,
        total: UInt64? = nil,
        bytes: UInt64? = nil,
        bytesTotal: UInt64? = nil
    ) {
        self.phase = phase
        self.done = done
        self.total = total
        self.bytes = bytes
        self.bytesTotal = bytesTotal
    }
}

extension Route {
    package static let version = Call<Nothing, DaemonVersion>(path: "version")

    package static let createFileSystem = Call<CreateFileSystem, FileSystemDescription>(
        path: "fs/create"
    )
    package static let listFileSystems = Call<Nothing, [FileSystemDescription]>(path: "fs/list")
    package static let describeFileSystem = Call<FileSystemName, FileSystemDescription>(
        path: "fs/describe"
    )
    package static let deleteFileSystem = Call<FileSystemName, FileSystemDeletion>(
        path: "fs/delete"
    )

    package static let createMountTarget = Call<CreateMountTarget, MountTargetDescription>(
        path: "mount-targets/create"
    )
    package static let listMountTargets = Call<OptionalFileSystem, [MountTargetDescription]>(
        path: "mount-targets/list"
    )
    package static let deleteMountTarget = Call<MountTargetName, Nothing>(
        path: "mount-targets/delete"
    )

    package static let importTree = LongCall<HostTransfer, TreeReport>(path: "trees/import")
    package static let exportTree = LongCall<HostTransfer, TreeReport>(path: "trees/export")
    package static let importStream = Upload<TreeStream, TreeReport>(
        path: "trees/import-stream"
    )
    package static let exportStream = Download<TreeStream, TreeReport>(
        path: "trees/export-stream"
    )

    package static let exportArchive = Download<ExportArchive, TreeReport>(path: "archives/export")
    package static let importArchive = Upload<ImportArchive, ImportArchiveReport>(
        path: "archives/import"
    )

    package static let list = Call<ListDirectory, DirectoryListing>(path: "files/list")
    package static let stat = Call<FileRequest, FileDescription>(path: "files/stat")
    package static let read = Download<FileRequest, Nothing>(path: "files/read")
    package static let write = Upload<WriteFile, FileDescription>(path: "files/write")
    package static let remove = LongCall<RemoveFile, RemoveReport>(path: "files/remove")
    package static let makeDirectory = Call<MakeDirectory, Nothing>(path: "files/mkdir")
    package static let move = Call<TwoFiles, Nothing>(path: "files/move")
    package static let link = Call<TwoFiles, Nothing>(path: "files/link")
    package static let symlink = Call<MakeSymlink, Nothing>(path: "files/symlink")
    package static let setAttributes = Call<SetAttributes, FileDescription>(path: "files/set")
    package static let setXattr = Call<SetXattr, Nothing>(path: "files/setxattr")
    package static let usage = LongCall<FileRequest, UsageReport>(path: "files/usage")

    package static let createSnapshot = Call<CreateSnapshot, SnapshotDescription>(
        path: "snapshots/create"
    )
    package static let listSnapshots = Call<FileSystemName, [SnapshotDescription]>(
        path: "snapshots/list"
    )
    package static let deleteSnapshot = Call<SnapshotName, Nothing>(path: "snapshots/delete")
    package static let diff = LongCall<DiffRequest, DiffReport>(path: "snapshots/diff")
    package static let history = Call<FileRequest, [VersionDescription]>(path: "files/history")
    package static let restore = LongCall<RestoreRequest, RestoreReport>(path: "restore")

    package static let createVault = Call<CreateVault, VaultDescription>(path: "vaults/create")
    package static let listVaults = Call<Nothing, [VaultDescription]>(path: "vaults/list")
    package static let verifyVault = LongCall<VerifyVault, VaultReport>(path: "vaults/verify")
    package static let setParity = LongCall<SetParity, ParityReport>(path: "vaults/parity")
    package static let rebuildIndex = LongCall<VaultName, IndexReport>(
        path: "vaults/rebuild-index"
    )
    package static let runBackup = LongCall<RunBackup, RecoveryPointDescription>(
        path: "backups/run"
    )
    package static let listBackups = Call<ListBackups, BackupList>(path: "backups/list")
    package static let deleteBackup = Call<RecoveryPointName, Nothing>(path: "backups/delete")
    package static let deleteBackups = Call<RecoveryPointNames, DeletionReport>(
        path: "backups/delete-several"
    )

    package static let listJobs = Call<Nothing, [JobDescription]>(path: "jobs/list")
    package static let runJob = LongCall<JobName, JobRunDescription>(path: "jobs/run")
    package static let nextJobs = Call<NextJobs, [JobDue]>(path: "jobs/next")
    package static let jobHistory = Call<JobHistory, [JobRunDescription]>(path: "jobs/history")
    package static let lintJobs = Call<LintJobs, LintReport>(path: "jobs/lint")

    package static let planLifecycle = LongCall<OptionalFileSystem, LifecycleReport>(
        path: "lifecycle/plan"
    )
    package static let runLifecycle = LongCall<OptionalFileSystem, LifecycleReport>(
        path: "lifecycle/run"
    )
    package static let whyLifecycle = Call<FileRequest, LifecycleReasons>(path: "lifecycle/why")
    package static let pinFile = Call<FileRequest, PinDescription>(path: "lifecycle/pin")
    package static let unpinFile = Call<FileRequest, Nothing>(path: "lifecycle/unpin")
    package static let listPins = Call<OptionalFileSystem, [PinDescription]>(path: "lifecycle/pins")
    package static let lifecycleHistory = Call<LifecycleHistory, [TransitionDescription]>(
        path: "lifecycle/history"
    )
    package static let lifecycleStatus = LongCall<FileSystemName, TierStatus>(
        path: "lifecycle/status"
    )

    package static let describeNFS = Call<Nothing, NFSDescription>(path: "nfs/describe")
    package static let doctor = LongCall<OptionalFileSystem, CheckReport>(path: "doctor")
    package static let showClock = Call<Nothing, ClockDescription>(path: "clock/show")
    package static let acceptClock = Call<Nothing, ClockDescription>(path: "clock/accept")
    package static let advanceClock = LongCall<AdvanceClock, AdvanceReport>(path: "clock/advance")
}
