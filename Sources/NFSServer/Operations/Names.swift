import FileSystemEngine
import NFSWire
import VarveModel

/// REMOVE, RENAME and LINK (RFC 8881 §18.25, §18.26, §18.9).
extension CompoundRun {
    func remove(_ arguments: NameArguments) async throws(NFSStatus) -> OperationReply {
        let directory = try writable(try object())
        if let done { return .remove(done.target) }
        let name = try name(arguments.name)
        let caller = caller
        let receipt = keeping { (change: DirectoryChange) in DoneChange(change) }
        do {
            let change = try await engine {
                try await directory.fileSystem.engine.removeEntry(
                    name,
                    in: directory.inode,
                    as: caller,
                    receipt: receipt
                )
            }
            kept(DoneChange(change))
            return .remove(ChangeInfo(change))
        } catch .notPermitted {
            // Of a sticky directory: REMOVE and RENAME have no NFS4ERR_PERM (RFC 8881 §15.2), and unlink(2) may say either.
            throw .accessDenied
        }
    }

    /// From the saved directory to the current one.
    func rename(_ arguments: RenameArguments) async throws(NFSStatus) -> OperationReply {
        let target = try writable(try object())
        let source = try writable(saved)
        guard source.fileSystem.key == target.fileSystem.key else { throw .crossDevice }
        if let done { return .rename(RenameReply(source: done.source, target: done.target)) }
        let old = try name(arguments.oldName)
        let new = try newName(arguments.newName, in: target)
        let caller = caller
        let receipt = keeping { (change: RenameChange) in DoneChange(change) }
        do {
            let change = try await engine {
                try await source.fileSystem.engine.renameEntry(
                    old,
                    in: source.inode,
                    to: new,
                    in: target.inode,
                    as: caller,
                    receipt: receipt
                )
            }
            kept(DoneChange(change))
            return .rename(
                RenameReply(
                    source: ChangeInfo(change.source),
                    target: ChangeInfo(change.target)
                )
            )
        } catch {
            throw try await renamed(error, source, target)
        }
    }

    /// RENAME says NFS4ERR_EXIST where rename(2) says that kinds do not fit or that a directory is not empty
    /// (RFC 8881 §18.26.3), and NFS4ERR_ACCESS where a directory is sticky, as REMOVE does.
    private func renamed(
        _ status: NFSStatus,
        _ source: InodeObject,
        _ target: InodeObject
    ) async throws(NFSStatus) -> NFSStatus {
        switch status {
        case .notPermitted: return .accessDenied
        case .isDirectory, .notEmpty: return .exists
        case .notDirectory:
            // Either what the handles name are no directories, or what the names are do not fit.
            let kinds = (
                try await attributes(of: source).kind, try await attributes(of: target).kind
            )
            return kinds == (.directory, .directory) ? .exists : .notDirectory
        default: return status
        }
    }

    /// The saved object gets a name in the current directory.
    func link(_ arguments: NameArguments) async throws(NFSStatus) -> OperationReply {
        let directory = try writable(try object())
        let object = try writable(saved)
        guard object.fileSystem.key == directory.fileSystem.key else { throw .crossDevice }
        if let done { return .link(done.target) }
        let name = try newName(arguments.name, in: directory)
        let caller = caller
        let receipt = keeping { (change: NamedInode) in DoneChange(change) }
        do {
            let linked = try await engine {
                try await directory.fileSystem.engine.linkEntry(
                    object.inode,
                    as: name,
                    in: directory.inode,
                    as: caller,
                    receipt: receipt
                )
            }
            kept(DoneChange(linked))
            return .link(ChangeInfo(linked.directory))
        } catch .notPermitted {
            // link(2) of a directory is EPERM; here it has a status of its own (RFC 8881 §18.9.3).
            throw try await attributes(of: object).kind == .directory ? .isDirectory : .notPermitted
        }
    }
}
