import Backup
import BackupVault
import FileSystemEngine
import LocalAPI
import MetadataStore
import Policies
import VarveModel

/// One restore by copying: to a new file system, an existing one, a host directory, or where it stood.
struct RestoreWork: Sendable {
    let request: RestoreRequest
    let selection: TreeSelection?
    let peer: Peer
    let fileSystems: FileSystems
    let now: Timestamp
    let report: RouteTable.Report

    /// Where it goes.
    private struct Goal {
        /// `nil` for what is only made when it is done.
        var target: TreeTarget?
        var existing = ExistingNames.replace
        var fileSystem: OpenFileSystem?
        /// A file system that nobody has been promised yet.
        var isNew = false
        /// The directory that was made for it.
        var directory: [FileName]?
        /// It and those beneath that were made, the innermost last.
        var made: [(parent: InodeNumber, name: FileName)] = []
        /// What plans begin with.
        var above: [FileName] = []
    }

    /// Copies, or says what copying would do.
    func copy(_ source: TreePlace) async throws -> RestoreReport {
        let goal = try await goal(of: source)
        if request.isPlan { return try await plan(source, goal) }
        guard let target = goal.target else {
            throw APIError(.usage, "the request does not say where to restore to")
        }
        let undo = request.target.isInPlace ? UndoSnapshot(goal.fileSystem?.engine, now) : nil
        let copied: TreeReport
        do {
            copied = TreeReport(
                try await TreeCopy.run(
                    from: source,
                    selecting: selection,
                    to: target,
                    existing: goal.existing,
                    progress: RouteTable.transfer(report, "restoring", of: try await whole(source)),
                    willWrite: { () async throws(BackupError) in try await undo?.take() }
                )
            )
        } catch {
            try await takeBack(goal, error)
            throw error
        }
        return RestoreReport(
            files: copied.files,
            bytes: copied.bytes,
            left: copied.left,
            leftCount: copied.leftCount,
            fileSystem: goal.fileSystem?.record.id.text,
            undo: undo?.name,
            directory: goal.directory.map { EscapedBytes(RecoveryPointRoutes.text($0)) }
        )
    }

    /// What the source comes to, where all of it is restored.
    private func whole(_ source: TreePlace) async throws -> TransferSize? {
        guard selection == nil, try FilePlace.names(request.file).isEmpty else { return nil }
        switch source {
        case .recoveryPoint(_, let point, _): return TransferSize(point)
        case .fileSystem(let engine, _, _, _): return try await .live(engine)
        case .coldPoint, .host: return nil
        }
    }

    private func plan(_ source: TreePlace, _ goal: Goal) async throws -> RestoreReport {
        report(Progress(phase: "comparing"))
        let plan = try await TreeCopy.plan(
            from: source,
            selecting: selection,
            to: goal.target,
            existing: goal.existing
        )
        let left = plan.omissions.map { omission in
            LeftOut(
                path: EscapedBytes(omission.path),
                what: "\(omission.call): \(omission.reason)",
                isDamage: omission.isDamage
            )
        }
        return RestoreReport(
            files: UInt64(plan.entries.count),
            bytes: 0,
            left: left,
            leftCount: UInt64(left.count),
            fileSystem: goal.fileSystem?.record.id.text,
            plan: DiffReport(
                differences: plan.entries.map { entry in
                    Difference(
                        sign: entry.sign.rawValue,
                        path: EscapedBytes(RecoveryPointRoutes.text(goal.above + entry.path)),
                        kind: entry.kind.word,
                        what: []
                    )
                },
                compared: UInt64(plan.entries.count),
                isCut: plan.isCut
            )
        )
    }

    /// Finds where it goes; what is to be made for it is made, unless a plan is asked for.
    private func goal(of source: TreePlace) async throws -> Goal {
        let target = request.target
        if let path = target.hostPath {
            return Goal(target: .host(try HostPath.checked(path, for: peer)))
        }
        if let file = target.file { return try await goal(at: file) }
        if target.isInPlace { return try await goalInPlace() }
        if let name = target.existingFileSystem {
            return try await goal(below: try await fileSystems.find(name), of: source)
        }
        guard let name = target.newFileSystem else {
            throw APIError(.usage, "the request does not say where to restore to")
        }
        try peer.requireAdministrator("making a file system")
        if request.isPlan { return Goal() }
        let made = try await fileSystems.create(name: name, tags: [:], owner: peer.caller)
        return Goal(
            target: .fileSystem(made.engine, path: [], peer.caller),
            fileSystem: made,
            isNew: true
        )
    }

    /// Where it stood: a symlink that stands there now is replaced, not followed.
    private func goalInPlace() async throws -> Goal {
        let place = try await FilePlace(request.file, in: fileSystems)
        try await place.engine.requireOwner(peer, "restoring in place")
        return Goal(
            target: .name(place.engine, path: place.names, peer.caller),
            existing: .mirror,
            fileSystem: place.fileSystem,
            above: place.names
        )
    }

    private func goal(at file: FileReference) async throws -> Goal {
        let place = try await FilePlace(file, in: fileSystems)
        return Goal(
            target: .fileSystem(place.engine, path: place.names, peer.caller),
            fileSystem: place.fileSystem
        )
    }

    /// Makes a directory of its own below the root, and in it those above the path: the hierarchy stays.
    ///
    /// As AWS Backup does (AWS Backup Developer Guide, "Restore an Amazon EFS file system"). What directories protected
    /// they go on protecting: the new one is the restorer's alone, those above the path have their modes and owners.
    private func goal(
        below fileSystem: OpenFileSystem,
        of source: TreePlace
    ) async throws -> Goal {
        let names = try FilePlace.names(request.file)
        guard !names.contains(where: \.isDotDot) else {
            throw APIError(
                .usage,
                "'\(request.file.description)' has '..' in it, which would lead out of the directory that is made",
                remedy: "Write the path without '..'."
            )
        }
        if request.isPlan { return Goal(fileSystem: fileSystem) }
        let above = try await directories(above: names, of: source)
        let engine = fileSystem.engine
        let own = try await engine.makeRecoveryDirectory(now, as: peer.caller)
        var goal = Goal(
            target: .fileSystem(engine, path: [own.name] + names, peer.caller),
            fileSystem: fileSystem,
            directory: [own.name],
            made: [(InodeNumber.root, own.name)]
        )
        var directory = own.inode
        do {
            for (name, new) in zip(names, above) {
                let made = try await engine.create(name, in: directory, new, as: peer.caller)
                goal.made.append((directory, name))
                directory = made.inode
            }
        } catch {
            try await takeBack(goal, error)
            throw error
        }
        return goal
    }

    /// The directories above a path, as the source has them.
    private func directories(
        above names: [FileName],
        of source: TreePlace
    ) async throws -> [NewInode] {
        let paths = names.indices.dropFirst().map { Array(names[..<$0]) }
        var found: [Attributes] = []
        switch source {
        case .host: throw APIError(.usage, "a directory of the host is imported, not restored")
        case .fileSystem(let engine, _, let view, let caller):
            for path in paths {
                found.append(try await engine.resolve(path, at: view, as: caller))
            }
        case .recoveryPoint(let vault, let point, _):
            found = try await BlockingCalls.run {
                let tree = try PointTree.open(point.id, of: vault)
                return try paths.map { try tree.resolve($0).attributes }
            }
        case .coldPoint(let tree, _):
            found = try await BlockingCalls.run { try paths.map { try tree.attributes(at: $0) } }
        }
        return found.map { attributes in
            guard peer.caller.isRoot else {
                // Its own, and to be filled.
                let permissions = attributes.permissions & 0o777 | 0o700
                return NewInode(.directory, permissions: permissions)
            }
            return NewInode(
                .directory,
                permissions: attributes.permissions,
                uid: attributes.uid,
                gid: attributes.gid
            )
        }
    }

    /// Deletes what was made for a restore that failed: nobody was promised it.
    private func takeBack(_ goal: Goal, _ reason: any Error) async throws {
        guard let fileSystem = goal.fileSystem else { return }
        for (parent, name) in goal.made.reversed() {
            // One that holds a part stays, and those above it.
            try? await fileSystem.engine.removeDirectory(name, in: parent, as: peer.caller)
        }
        guard goal.isNew else { return }
        let id = fileSystem.record.id.text
        do {
            try await fileSystems.delete(id)
        } catch {
            throw Vaults.named(reason, "\(id) was made, holds a part, and cannot be deleted")
        }
    }
}

extension TreeSelection {
    /// As a request says it.
    ///
    /// - Throws: `.usage` for what is no pattern, and for more than a daemon holds in memory for one caller.
    init(_ parts: RestoreParts) throws(APIError) {
        guard parts.patterns.count <= TreeSelection.patternsMax else {
            throw APIError(
                .usage,
                "\(parts.patterns.count) patterns are more than \(TreeSelection.patternsMax)",
                remedy: "Use fewer, wider ones."
            )
        }
        let patterns = try parts.patterns.map { pattern throws(APIError) in
            try TreeSelection.pattern(pattern)
        }
        var items: [[FileName]] = []
        var names = 0
        for item in parts.items {
            try TreeSelection.checkLength(item)
            let path = try FilePlace.names(FileReference(fileSystem: "", path: item))
            names += path.count
            guard names <= TreeSelection.itemNamesMax else {
                throw APIError(
                    .usage,
                    "the listed paths have more than \(TreeSelection.itemNamesMax) names in them",
                    remedy: "Name directories instead of all that is in them."
                )
            }
            items.append(path)
        }
        self.init(patterns: patterns, items: items)
    }

    private static func pattern(_ pattern: EscapedBytes) throws(APIError) -> PathGlob {
        try checkLength(pattern)
        do throws(PolicyError) {
            return try PathGlob(bytes: pattern.bytes)
        } catch {
            throw APIError(.usage, error.message, remedy: error.remedy)
        }
    }

    private static func checkLength(_ path: EscapedBytes) throws(APIError) {
        guard path.bytes.count <= TreeSelection.pathBytesMax else {
            throw APIError(
                .usage,
                "a pattern or path of \(path.bytes.count) bytes is longer than \(TreeSelection.pathBytesMax)"
            )
        }
    }
}

extension FileSystem {
    /// Makes `aws-backup-restore_<time>` below the root, for its maker alone.
    func makeRecoveryDirectory(
        _ now: Timestamp,
        as caller: Credentials
    ) async throws -> (name: FileName, inode: InodeNumber) {
        let time = TimeText(Timestamp(seconds: now.seconds)).text.replacing(":", with: "-")
        var number = 1
        while true {
            let text = "aws-backup-restore_\(time)" + (number == 1 ? "" : "-\(number)")
            guard let name = FileName(text) else {
                throw APIError(.failed, "'\(text)' is no name")
            }
            do throws(FileSystemError) {
                let new = NewInode(.directory, permissions: 0o700)
                return (name, try await create(name, in: .root, new, as: caller).inode)
            } catch {
                guard error.code == .exists, number < 1_000 else { throw error }
                number += 1
            }
        }
    }
}
