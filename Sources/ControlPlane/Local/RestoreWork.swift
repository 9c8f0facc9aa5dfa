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
        if request.isPlan { return try await plan(source, try await goal(isPlan: true)) }
        let goal = try await goal(isPlan: false)
        guard let target = goal.target else {
            throw APIError(.usage, "the request does not say where to restore to")
        }
        var undo: String?
        if request.target.isInPlace { undo = try await goal.fileSystem?.engine.undoSnapshot(now) }
        let copied: TreeReport
        do {
            copied = TreeReport(
                try await TreeCopy.run(
                    from: source,
                    selecting: selection,
                    to: target,
                    existing: goal.existing,
                    progress: RouteTable.transfer(report, "restoring")
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
            undo: undo,
            directory: goal.directory.map { EscapedBytes(RecoveryPointRoutes.text($0)) }
        )
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

    private func goal(isPlan: Bool) async throws -> Goal {
        let target = request.target
        if let path = target.hostPath {
            return Goal(target: .host(try HostPath.checked(path, for: peer)))
        }
        if let file = target.file { return try await goal(at: file) }
        if target.isInPlace {
            var goal = try await goal(at: request.file)
            try await goal.fileSystem?.engine.requireOwner(peer, "restoring in place")
            goal.existing = .mirror
            goal.above = try FilePlace.names(request.file)
            return goal
        }
        if let name = target.existingFileSystem {
            let made = try await fileSystems.find(name)
            if isPlan { return Goal(fileSystem: made) }
            return try await goal(below: made)
        }
        guard let name = target.newFileSystem else {
            throw APIError(.usage, "the request does not say where to restore to")
        }
        try peer.requireAdministrator("making a file system")
        if isPlan { return Goal() }
        let made = try await fileSystems.create(name: name, tags: [:], owner: peer.caller)
        return Goal(
            target: .fileSystem(made.engine, path: [], peer.caller),
            fileSystem: made,
            isNew: true
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
    /// As AWS Backup does (AWS Backup Developer Guide, "Restore an Amazon EFS file system").
    private func goal(below fileSystem: OpenFileSystem) async throws -> Goal {
        let engine = fileSystem.engine
        let own = try await engine.makeRecoveryDirectory(now, as: peer.caller)
        var path = [own.name]
        var made = [(parent: InodeNumber.root, name: own.name)]
        var directory = own.inode
        let names = try FilePlace.names(request.file)
        for name in names.dropLast() {
            made.append((directory, name))
            directory = try await engine.create(
                name,
                in: directory,
                NewInode(.directory, permissions: 0o755),
                as: peer.caller
            ).inode
        }
        path += names
        return Goal(
            target: .fileSystem(engine, path: path, peer.caller),
            fileSystem: fileSystem,
            directory: [own.name],
            made: made
        )
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
    init(_ parts: RestoreParts) throws(APIError) {
        var patterns: [PathGlob] = []
        for pattern in parts.patterns {
            do throws(PolicyError) {
                patterns.append(try PathGlob(bytes: pattern.bytes))
            } catch {
                throw APIError(.usage, error.message, remedy: error.remedy)
            }
        }
        let items = try parts.items.map { item throws(APIError) in
            try FilePlace.names(FileReference(fileSystem: "", path: item))
        }
        self.init(patterns: patterns, items: items)
    }
}

extension FileSystem {
    /// A week: as long as a restore in place can be undone by its snapshot.
    private static let undoSeconds: Int64 = 7 * 86_400

    /// Takes the snapshot that undoes a restore in place.
    func undoSnapshot(_ now: Timestamp) async throws -> String {
        let stem = "before-restore-\(TimeText(Timestamp(seconds: now.seconds)).text)"
        var number = 1
        while true {
            let name = number == 1 ? stem : "\(stem)-\(number)"
            do throws(FileSystemError) {
                _ = try await createSnapshot(
                    name,
                    expires: now.adding(seconds: FileSystem.undoSeconds)
                )
                return name
            } catch {
                guard error.code == .exists, number < 1_000 else { throw error }
                number += 1
            }
        }
    }

    /// Makes `aws-backup-restore_<time>` below the root.
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
                let new = NewInode(.directory, permissions: 0o755)
                return (name, try await create(name, in: .root, new, as: caller).inode)
            } catch {
                guard error.code == .exists, number < 1_000 else { throw error }
                number += 1
            }
        }
    }
}
