import FileSystemEngine
import MetadataStore
import Policies
import VarveModel

/// What changes the answer for files that a look has put off: other rules, and other names, owners and sizes.
///
/// The file system's journal of changes tells the latter, from bookmark to bookmark: it costs the changes.
extension LifecycleService {
    static let bookmark = "lifecycle"
    /// 40 days: a job that ran for the last time does not keep the journal of changes for ever.
    private static let bookmarkSeconds: Int64 = 40 * 86_400
    /// Rows that are worked out anew in one transaction: some 10 ms.
    private static let renewed = 4_096
    /// Keys of a page of changes.
    private static let changed = 4_096

    /// Takes in what changed since the last run.
    ///
    /// - Returns: Whether a day was noted that is still to come: the clock ran ahead. Such days are today then.
    func takeIn(
        _ fileSystem: FileSystem,
        _ policies: [LifecyclePolicy]
    ) async throws(LifecycleError) -> Bool {
        let (rules, id, now) = (DueRules(policies), fileSystem.id.text, clock.now())
        let known = try await using { () async throws(MetadataError) in
            try await journal.dueRules(id)
        }
        let latest = try await using { () async throws(MetadataError) in
            try await journal.latestDay(id)
        }
        try await atOneInstant(of: fileSystem) { hold throws(LifecycleError) in
            let from = try await bookmarked(fileSystem)
            if known == rules, latest <= now.day, let from {
                try await takeInChanges(fileSystem, after: from, through: hold.epoch)
            } else {
                // Under rules that bring nothing back a use leads to nothing, also when other rules come.
                try await renew(fileSystem, rules, forgetsUses: known?.promotes == false)
            }
            try await mark(fileSystem, hold.epoch)
        }
        try await using { () async throws(MetadataError) in
            try await journal.setLatestDay(id, at: now)
        }
        return latest > now.day
    }

    private func atOneInstant(
        of fileSystem: FileSystem,
        _ body: (Hold) async throws(LifecycleError) -> Void
    ) async throws(LifecycleError) {
        let hold: Hold
        do throws(FileSystemError) {
            hold = try await fileSystem.hold()
        } catch {
            throw LifecycleError(error)
        }
        do throws(LifecycleError) {
            try await body(hold)
        } catch {
            // The first error is the one to tell; a hold that stays ends with the process.
            try? await fileSystem.release(hold)
            throw error
        }
        do throws(FileSystemError) {
            try await fileSystem.release(hold)
        } catch {
            throw LifecycleError(error)
        }
    }

    private func bookmarked(
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> Epoch? {
        do throws(FileSystemError) {
            return try await fileSystem.bookmark(LifecycleService.bookmark)?.epoch
        } catch {
            throw LifecycleError(error)
        }
    }

    private func mark(
        _ fileSystem: FileSystem,
        _ instant: Epoch
    ) async throws(LifecycleError) {
        do throws(FileSystemError) {
            try await fileSystem.setBookmark(
                LifecycleService.bookmark,
                at: instant,
                expires: clock.now().adding(seconds: LifecycleService.bookmarkSeconds)
            )
        } catch {
            throw LifecycleError(error)
        }
    }

    /// Works out for every file when it is due by new rules; a crash on the way begins it again.
    private func renew(
        _ fileSystem: FileSystem,
        _ rules: DueRules,
        forgetsUses: Bool
    ) async throws(LifecycleError) {
        let (id, today) = (fileSystem.id.text, clock.now().day)
        try await using { () async throws(MetadataError) in
            // No rules have an empty fingerprint: uses that come meanwhile go by the new days already.
            try await journal.setDueRules(
                id,
                DueRules(days: rules.days, fingerprint: "", promotes: !forgetsUses)
            )
            var position: InodeNumber?
            repeat {
                position = try await journal.renewDue(
                    id,
                    after: position,
                    day: today,
                    forgetsUses: forgetsUses,
                    limit: LifecycleService.renewed
                )
            } while position != nil
            try await journal.setDueRules(id, rules)
        }
    }

    /// Has files looked at again whose inodes or names changed.
    private func takeInChanges(
        _ fileSystem: FileSystem,
        after low: Epoch,
        through high: Epoch
    ) async throws(LifecycleError) {
        var position: ChangePosition?
        repeat {
            let page = try await changes(fileSystem, low, high, position)
            var inodes: Set<InodeNumber> = []
            var names: [(directory: InodeNumber, cookie: UInt64)] = []
            for change in page.changes {
                switch change {
                case .inode(let inode): inodes.insert(inode)
                case .dirent(let directory, let cookie): names.append((directory, cookie))
                case .extendedAttributes, .content: break
                }
            }
            try await recheck(fileSystem, inodes.sorted())
            try await takeIn(inodes.sorted(), of: fileSystem)
            try await recheck(fileSystem, names, low, high)
            position = page.resumeAfter
        } while position != nil
    }

    private func changes(
        _ fileSystem: FileSystem,
        _ low: Epoch,
        _ high: Epoch,
        _ position: ChangePosition?
    ) async throws(LifecycleError) -> ChangePage {
        do throws(FileSystemError) {
            return try await fileSystem.changes(
                after: low,
                through: high,
                resumeAfter: position,
                limit: LifecycleService.changed
            )
        } catch {
            throw LifecycleError(error)
        }
    }

    /// What has another name now: a file itself, or all that lies beneath a directory.
    private func recheck(
        _ fileSystem: FileSystem,
        _ names: [(directory: InodeNumber, cookie: UInt64)],
        _ low: Epoch,
        _ high: Epoch
    ) async throws(LifecycleError) {
        let records: [DirentRecord]
        let directories: [Attributes]
        do throws(FileSystemError) {
            records = try await fileSystem.dirents(names, at: high).compactMap { $0 }
            let inodes = records.filter { $0.kind == .directory }.map(\.inode)
            directories = try await fileSystem.attributes(of: inodes, at: high).compactMap { $0 }
        } catch {
            throw LifecycleError(error)
        }
        try await recheck(fileSystem, records.filter { $0.kind == .regular }.map(\.inode))
        // Beneath a directory that was made since, every name is a change of its own.
        for directory in directories where directory.created.seconds <= low.second {
            try await recheck(beneath: directory.inode, of: fileSystem)
        }
    }

    /// Has all files beneath a directory looked at again: it costs what lies there.
    func recheck(
        beneath root: InodeNumber,
        of fileSystem: FileSystem,
        mayComeBack: Bool = false
    ) async throws(LifecycleError) {
        var directories = [root]
        while let directory = directories.popLast() {
            var cookie: UInt64 = 0
            var isEnd = false
            while !isEnd {
                guard let page = try await list(directory, after: cookie, fileSystem) else { break }
                var files: [InodeNumber] = []
                for entry in page.entries {
                    switch entry.attributes.kind {
                    case .directory: directories.append(entry.attributes.inode)
                    case .regular: files.append(entry.attributes.inode)
                    case .fifo, .characterDevice, .blockDevice, .symlink, .socket: break
                    }
                }
                try await recheck(fileSystem, files, mayComeBack: mayComeBack)
                cookie = page.entries.last?.cookie ?? cookie
                isEnd = page.isEnd || page.entries.isEmpty
            }
        }
    }

    /// `nil` when it is gone, or no directory.
    private func list(
        _ directory: InodeNumber,
        after cookie: UInt64,
        _ fileSystem: FileSystem
    ) async throws(LifecycleError) -> DirectoryPage? {
        do throws(FileSystemError) {
            return try await fileSystem.readDirectory(
                directory,
                after: cookie,
                limit: LifecycleService.changed,
                as: .root
            )
        } catch  where [.stale, .notFound, .notDirectory].contains(error.code) {
            return nil
        } catch {
            throw LifecycleError(error)
        }
    }

    func recheck(
        _ fileSystem: FileSystem,
        _ inodes: [InodeNumber],
        mayComeBack: Bool = false
    ) async throws(LifecycleError) {
        let (id, today) = (fileSystem.id.text, clock.now().day)
        try await using { () async throws(MetadataError) in
            try await journal.recheck(id, inodes, day: today, mayComeBack: mayComeBack)
        }
    }
}

extension DueRules {
    /// What the journal needs to know of all policies in force for a file system.
    init(_ policies: [LifecyclePolicy]) {
        self.init(
            days: policies.compactMap(\.daysMin).min(),
            fingerprint: policies.map { "\($0.name): \($0.fingerprint)" }.joined(separator: "\n"),
            promotes: policies.contains(where: \.promotesOnAccess)
        )
    }
}
