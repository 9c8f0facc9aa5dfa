import FileSystemEngine
import NFSWire
import VarveModel

/// WRITE and COMMIT (RFC 8881 §18.32, §18.3).
extension CompoundRun {
    func write(_ arguments: WriteArguments) async throws(NFSStatus) -> OperationReply {
        guard case .inode? = current else {
            _ = try object()
            throw .isDirectory
        }
        let object = try writable(current)
        let isOpened = try mayUse(arguments.stateID, on: object, for: .write)
        guard arguments.data.count <= server.limits.dataBytesMax else { throw .fileTooLarge }
        let (_, isPastAll) = arguments.offset.addingReportingOverflow(UInt64(arguments.data.count))
        guard !isPastAll else { throw .invalid }
        let bytes = arguments.data.bytes
        let caller = caller
        do {
            let result = try await engine {
                try await object.fileSystem.engine.write(
                    object.inode,
                    bytes,
                    at: arguments.offset,
                    stability: arguments.stability == .unstable ? .unstable : .stable,
                    as: caller,
                    isOpenForWriting: isOpened
                )
            }
            noteKnown(result.attributes)
            return .write(
                WriteReply(
                    count: UInt32(bytes.count),
                    committed: arguments.stability == .unstable ? .unstable : .fileSync,
                    verifier: Verifier(rawValue: result.verifier.rawValue)
                )
            )
        } catch {
            throw try await refined(error, on: object)
        }
    }

    /// Commits the whole file: the range is a hint of how much must be durable.
    func commit(_ arguments: CommitArguments) async throws(NFSStatus) -> OperationReply {
        guard case .inode? = current else {
            _ = try object()
            throw .isDirectory
        }
        let object = try writable(current)
        let kind = try await attributes(of: object).kind
        guard kind == .regular else {
            throw kind == .directory ? .isDirectory : kind == .symlink ? .symlink : .wrongType
        }
        let verifier = try await engine {
            try await object.fileSystem.engine.commit(object.inode)
        }
        return .commit(Verifier(rawValue: verifier.rawValue))
    }
}
