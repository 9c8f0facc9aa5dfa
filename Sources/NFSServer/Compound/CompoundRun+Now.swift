import FileSystemEngine
import NFSWire

/// Operations that need nobody else: state in memory, rows in memory, bytes in the page cache (docs/decisions/0026).
///
/// Each answers as the method of its own that may wait does, or `nil`, having done nothing: then that one is to be called.
extension CompoundRun {
    /// Runs one operation if that takes no waiting.
    func performNow(_ operation: OperationArguments) -> CompoundAnswer? {
        do throws(NFSStatus) {
            if let reply = try answerOfBefore(operation) { return .reply(reply) }
            return try answerNow(operation)
        } catch {
            let status = version == .v40 ? error.inV40(of: operation.code) : error
            return .reply(failure(status, of: operation))
        }
    }

    private func answerNow(_ operation: OperationArguments) throws(NFSStatus) -> CompoundAnswer? {
        switch operation {
        case .getAttributes(let arguments): return try getAttributesNow(arguments)
        case .getFileHandle: return .reply(.getFileHandle(FileHandle.handle(of: try object())))
        case .putFileHandle(let handle): return .reply(try putFileHandle(handle))
        case .putRootFileHandle: return .reply(try putRootFileHandle(.putRootFileHandle))
        case .putPublicFileHandle: return .reply(try putRootFileHandle(.putPublicFileHandle))
        case .saveFileHandle: return .reply(try saveFileHandle())
        case .restoreFileHandle: return .reply(try restoreFileHandle())
        default: return try fileNow(operation).map { .reply($0) }
        }
    }

    private func fileNow(_ operation: OperationArguments) throws(NFSStatus) -> OperationReply? {
        switch operation {
        case .access(let arguments): return try accessNow(arguments)
        case .lookup(let arguments): return try lookupNow(arguments)
        case .read(let arguments): return try readNow(arguments)
        // Of 4.0 the owner's turn may have to be waited for.
        case .open(let arguments) where version > .v40: return try openNow(arguments)
        case .close(let arguments) where version > .v40: return try close(arguments)
        default: return nil
        }
    }
}
