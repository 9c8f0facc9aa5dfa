import FileSystemEngine
import NFSWire

/// PUTFH, PUTROOTFH, PUTPUBFH, SAVEFH and RESTOREFH (RFC 8881 §18.19 to §18.21, §18.28, §18.27).
extension CompoundRun {
    /// Whether the object is still there is for the operation that uses it to say: NFS4ERR_STALE costs no question here.
    func putFileHandle(_ handle: NFSFileHandle) throws(NFSStatus) -> OperationReply {
        enter(try FileHandle.object(handle, in: server.exports))
        return .ok(.putFileHandle)
    }

    /// The public file handle is the root's.
    func putRootFileHandle(_ code: OperationCode) throws(NFSStatus) -> OperationReply {
        guard let root = server.exports.rootObject else { throw .serverFault }
        enter(root)
        return .ok(code)
    }

    /// Here a client's requests begin, whatever they ask for.
    private func enter(_ object: NFSObject) {
        if case .inode(let named) = object { named.fileSystem.engine.noteClient() }
        become(object)
    }

    func saveFileHandle() throws(NFSStatus) -> OperationReply {
        saved = try object()
        savedStateID = currentStateID
        return .ok(.saveFileHandle)
    }

    func restoreFileHandle() throws(NFSStatus) -> OperationReply {
        guard let saved else { throw .noFileHandle }
        become(saved)
        currentStateID = savedStateID
        return .ok(.restoreFileHandle)
    }
}
