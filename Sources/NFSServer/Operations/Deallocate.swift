import FileSystemEngine
import NFSWire
import VarveModel

/// DEALLOCATE (RFC 7862 §15.4): a hole in the current file, whose size stays.
extension CompoundRun {
    func deallocate(_ arguments: AllocateArguments) async throws(NFSStatus) -> OperationReply {
        guard case .inode? = current else {
            _ = try object()
            throw .isDirectory
        }
        let object = try writable(current)
        let isOpened = try mayUse(arguments.stateID, on: object, for: .write)
        let (end, isPastAll) = arguments.offset.addingReportingOverflow(arguments.length)
        guard !isPastAll, arguments.length > 0 else { throw .invalid }
        let caller = caller
        do {
            try await engine {
                try await object.fileSystem.engine.punch(
                    object.inode,
                    arguments.offset..<end,
                    as: caller,
                    isOpenForWriting: isOpened
                )
            }
            return .ok(.deallocate)
        } catch {
            throw try await refined(error, on: object)
        }
    }
}
