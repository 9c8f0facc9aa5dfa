import FileSystemEngine
import NFSWire
import VarveModel

/// SEEK and IO_ADVISE (RFC 7862 §15.11, §15.5).
extension CompoundRun {
    func seek(_ arguments: SeekArguments) async throws(NFSStatus) -> OperationReply {
        let object = try inode(orElse: .isDirectory)
        let isOpened = try mayUse(arguments.stateID, on: object, for: .read)
        let reader = isOpened ? Credentials.root : caller
        let target: SeekTarget = arguments.what == .data ? .data : .hole
        do {
            let found = try await engine {
                try await object.fileSystem.engine.seek(
                    target,
                    from: arguments.offset,
                    in: object.inode,
                    at: object.view,
                    as: reader
                )
            }
            // What is not found is no error, and every file has a hole at its end (RFC 7862 §15.11.3).
            let offset = found.offset ?? found.size
            return .seek(SeekReply(isAtEnd: offset >= found.size, offset: offset))
        } catch {
            throw try await refined(error, on: object)
        }
    }

    /// No hint is heard: the page cache of this machine sees the reads themselves.
    func ioAdvise(_ arguments: IOAdviseArguments) async throws(NFSStatus) -> OperationReply {
        let object = try inode(orElse: .isDirectory)
        _ = try mayUse(arguments.stateID, on: object, for: .read)
        _ = try await requireRegular(object)
        return .ioAdvise([])
    }

    /// The attributes of what must be a regular file.
    ///
    /// - Throws: `.isDirectory`, `.symlink`, `.wrongType`.
    func requireRegular(_ object: InodeObject) async throws(NFSStatus) -> Attributes {
        let attributes = try await attributes(of: object)
        switch attributes.kind {
        case .regular: return attributes
        case .directory: throw .isDirectory
        case .symlink: throw .symlink
        case .fifo, .characterDevice, .blockDevice, .socket: throw .wrongType
        }
    }
}
