import Synchronization
import VarveModel

/// Copies a tree from a source to a sink, many files at a time.
///
/// Directories are finished when all beneath them is, since making names in them changes their
/// times, and may need permissions that they will not have in the end.
final class TreeTransfer<Source: TreeSource, Sink: TreeSink>: Sendable {
    /// A directory whose contents are being copied.
    final class Open: Sendable {
        let parent: Open?
        let entry: TreeEntry
        let source: Source.Directory
        let sink: Sink.Directory
        /// Names beneath that are not done, and 1 for the listing.
        let pending = Mutex(1)
        /// Files in flight; at 0 the directory may rest.
        let inFlight = Mutex(0)
        /// All names seen, when the target mirrors the source.
        let names: Mutex<Set<FileName>> = Mutex([])
        /// Whether the target's own directory stays as it is: it stood there, and only leads to what is copied.
        let isKept: Bool

        init(
            parent: Open?,
            entry: TreeEntry,
            source: Source.Directory,
            sink: Sink.Directory,
            isKept: Bool = false
        ) {
            self.parent = parent
            self.entry = entry
            self.source = source
            self.sink = sink
            self.isKept = isKept
        }
    }

    enum Item: Sendable {
        case directory(TreeEntry, in: Open)
        case listing(Source.Listing, of: Open)
        case file(TreeEntry, in: Open)
    }

    struct State {
        var report = TransferReport()
        var fatal: BackupError?
        /// Files with several names: what the first one became.
        var links: [TreeNode.Identity: Sink.Link?] = [:]
        /// Of those, the ones whose first name damage has kept from being copied.
        var damaged: Set<TreeNode.Identity> = []
        /// Further names, made when all first ones are.
        var furtherNames: [(entry: TreeEntry, directory: Open)] = []
        var reportedEntries = 0
        var reportedBytes: UInt64 = 0
    }

    let source: Source
    let sink: Sink
    let isMirror: Bool
    let progress: ProgressHandler?
    private let willWrite: TreeCopy.WillWrite
    let state = Mutex(State())
    let work = WorkStack<Item>()
    /// Stretches of large files that are copied beside another one of the same file.
    let besides = Mutex(0)

    init(
        from source: Source,
        to sink: Sink,
        isMirror: Bool,
        progress: ProgressHandler?,
        willWrite: @escaping TreeCopy.WillWrite = {}
    ) {
        self.source = source
        self.sink = sink
        self.isMirror = isMirror
        self.progress = progress
        self.willWrite = willWrite
    }

    /// Copies everything; `place` is where the root goes.
    func run(into place: RootPlace<Sink.Directory>) async throws(BackupError) -> TransferReport {
        do throws(TreeFailure) {
            let (entry, directory) = try await source.root()
            try await announce()
            switch place {
            case .itself(let target):
                try await copyTree(entry, directory, to: target, isStanding: true)
            case .name(let name, let parent):
                let renamed = TreeEntry(name: name, node: entry.node)
                if entry.node.kind == .directory {
                    try await copyTree(
                        renamed,
                        directory,
                        to: try await sink.makeDirectory(renamed, in: parent)
                    )
                } else {
                    await copyAlone(entry, from: directory, as: renamed, to: parent)
                }
            }
            if state.withLock({ $0.fatal == nil }) { try await sink.complete() }
        } catch {
            throw error.fatal ?? BackupError(rootFailure: error)
        }
        let (report, fatal) = state.withLock { ($0.report, $0.fatal) }
        if let fatal { throw fatal }
        progress?(TransferProgress(entries: report.entries, bytes: report.bytes))
        return report
    }

    private func announce() async throws(TreeFailure) {
        do throws(BackupError) {
            try await willWrite()
        } catch {
            throw TreeFailure(call: "begin", errno: SystemError.failed, reason: error.message)
                .fatal(error)
        }
    }

    private func copyTree(
        _ entry: TreeEntry,
        _ directory: Source.Directory,
        to target: Sink.Directory,
        isStanding: Bool = false
    ) async throws(TreeFailure) {
        guard entry.node.kind == .directory else {
            throw TreeFailure(
                call: "copy",
                errno: 20,
                reason: "a file cannot take the place of a directory"
            )
        }
        let root = Open(
            parent: nil,
            entry: entry,
            source: directory,
            sink: target,
            isKept: isStanding && !source.isWhole(directory)
        )
        let listing = try await source.list(directory)
        work.push([.listing(listing, of: root)])
        await drain()
        await makeFurtherNames()
    }

    /// The root is one file: there is nothing to walk.
    private func copyAlone(
        _ entry: TreeEntry,
        from directory: Source.Directory,
        as renamed: TreeEntry,
        to parent: Sink.Directory
    ) async {
        let place = Open(parent: nil, entry: entry, source: directory, sink: parent)
        await copy(entry, as: renamed, in: place)
    }

    /// Works until nothing is left.
    private func drain() async {
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<sink.workersMax {
                    group.addTask { await self.workUntilDone() }
                }
            }
        } onCancel: {
            fail(BackupError(.cancelled, "the copy was cancelled"))
        }
    }

    private func workUntilDone() async {
        var isBack = false
        while let item = await work.next(isBack: isBack) {
            isBack = true
            switch item {
            case .directory(let entry, let parent): await enter(entry, in: parent)
            case .listing(let listing, let directory): await list(listing, directory)
            case .file(let entry, let directory):
                await copy(entry, as: entry, in: directory)
                land(in: directory)
                await settle(directory)
            }
        }
    }

    /// Makes a directory and begins to list it.
    private func enter(_ entry: TreeEntry, in parent: Open) async {
        var made: Open?
        do throws(TreeFailure) {
            let kept = try await keep(entry, in: parent)
            let open = if let kept { kept } else { try await make(entry, in: parent) }
            made = open
            work.push([.listing(try await source.list(open.source), of: open)])
        } catch {
            omit(error, entry.name, in: parent)
            await settle(made ?? parent)
        }
    }

    private func make(_ entry: TreeEntry, in parent: Open) async throws(TreeFailure) -> Open {
        let target = try await sink.makeDirectory(entry, in: parent.sink)
        let directory = try await source.open(entry, in: parent.source)
        return Open(parent: parent, entry: entry, source: directory, sink: target)
    }

    /// A directory that stands, of which only parts are copied: it is entered as it is.
    private func keep(_ entry: TreeEntry, in parent: Open) async throws(TreeFailure) -> Open? {
        guard source.isPartial,
            let standing = try await sink.findDirectory(entry.name, in: parent.sink)
        else { return nil }
        let directory = try await source.open(entry, in: parent.source)
        guard !source.isWhole(directory) else { return nil }
        return Open(
            parent: parent,
            entry: entry,
            source: directory,
            sink: standing,
            isKept: true
        )
    }

    private func list(_ listing: Source.Listing, _ directory: Open) async {
        do throws(TreeFailure) {
            guard let part = try await listing.next() else {
                return await endListing(directory)
            }
            for (name, failure) in part.failures { omit(failure, name, in: directory) }
            let below = part.entries.filter { $0.node.kind == .directory }
            let here = part.entries.filter { $0.node.kind != .directory }
            directory.pending.withLock { $0 += part.entries.count }
            directory.inFlight.withLock { $0 += here.count }
            if isMirror {
                let names = part.entries.map(\.name) + part.failures.map(\.name)
                directory.names.withLock { $0.formUnion(names) }
            }
            // Files lie on top: a directory's own are done before the next one is opened.
            let deeper = below.map { Item.directory($0, in: directory) }
            let rest = Item.listing(listing, of: directory)
            work.push(
                (source.isListingCostly ? deeper + [rest] : [rest] + deeper)
                    + here.map { .file($0, in: directory) }
            )
        } catch {
            omit(error, nil, in: directory)
            await settle(directory)
        }
    }

    private func endListing(_ directory: Open) async {
        if isMirror, source.isWhole(directory.source) {
            do throws(TreeFailure) {
                let names = directory.names.withLock { $0 }
                try await sink.removeOthers(than: names, in: directory.sink)
            } catch {
                omit(error, nil, in: directory)
            }
        }
        await settle(directory)
    }

    private func land(in directory: Open) {
        let isIdle = directory.inFlight.withLock { count in
            count -= 1
            return count == 0
        }
        guard isIdle else { return }
        source.rest(directory.source)
        sink.rest(directory.sink)
    }

    /// One thing less to wait for; the last one finishes the directory, and so on upwards.
    func settle(_ directory: Open) async {
        var current: Open? = directory
        while let open = current {
            let isDone = open.pending.withLock { count in
                count -= 1
                return count == 0
            }
            guard isDone else { return }
            await finish(open)
            current = open.parent
        }
    }

    private func finish(_ directory: Open) async {
        guard state.withLock({ $0.fatal == nil }) else { return }
        guard !directory.isKept else {
            source.rest(directory.source)
            return sink.rest(directory.sink)
        }
        do throws(TreeFailure) {
            let details = try await source.details(of: nil, in: directory.source)
            let failures = try await sink.finish(directory.sink, directory.entry.node, details)
            for failure in details.failures + failures { omit(failure, nil, in: directory) }
            count { $0.directories += 1 }
        } catch {
            omit(error, nil, in: directory)
        }
        source.rest(directory.source)
        sink.rest(directory.sink)
    }
}

/// Where the root of a tree goes.
enum RootPlace<Directory: Sendable>: Sendable {
    /// Into an existing directory.
    case itself(Directory)
    /// To a new name.
    case name(FileName, in: Directory)
}

extension BackupError {
    /// The root itself could not be copied, so nothing could.
    init(rootFailure failure: TreeFailure) {
        let code: Code =
            switch failure.errno {
            case _ where failure.isDamage: .corrupt
            case 2: .notFound
            case 1, 13: .denied
            case 17: .exists
            case 20, 21, 22: .invalid
            default: .failed
            }
        self.init(code, "\(failure.call): \(failure.reason)")
    }
}
