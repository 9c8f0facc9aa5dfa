import FileSystemEngine
import NFSWire
import VarveModel

/// COPY and CLONE (RFC 7862 §15.2, §15.13): from the saved file to the current one.
extension CompoundRun {
    /// Within one file system nothing is copied but the slices that show the bytes; between two, bounded pieces of them.
    ///
    /// It is done, and durable, when it is answered; it may be short, and the client goes on where it ended.
    func copy(_ arguments: CopyArguments) async throws(NFSStatus) -> OperationReply {
        // Of another server nothing is read: it would have to trust us, and we it. NFS4ERR_NOTSUPP would end every COPY of its client.
        guard arguments.sourceServers.isEmpty else { throw .offloadDenied }
        let files = try await copied(arguments.source, arguments.destination)
        let range = SourceRange(
            offset: arguments.sourceOffset,
            count: arguments.count == 0 ? nil : arguments.count
        )
        let done: (count: UInt64, verifier: WriteVerifier)
        if files.isOfOneFileSystem {
            let result = try await share(
                files,
                range,
                arguments.destinationOffset,
                mayBeShort: true
            )
            done = (result.count, result.verifier)
        } else {
            done = try await transfer(files, range, to: arguments.destinationOffset)
        }
        return .copy(
            CopyReply(
                response: WriteResponse(
                    callbackID: nil,
                    count: done.count,
                    committed: .fileSync,
                    verifier: Verifier(rawValue: done.verifier.rawValue)
                ),
                requirements: CopyRequirements(isConsecutive: true, isSynchronous: true)
            )
        )
    }

    /// All or nothing.
    func clone(_ arguments: CloneArguments) async throws(NFSStatus) -> OperationReply {
        let files = try await copied(arguments.source, arguments.destination)
        // An instant of the past is another file system to a client.
        guard files.isOfOneFileSystem, files.source.view == .live else { throw .crossDevice }
        let range = SourceRange(
            offset: arguments.sourceOffset,
            count: arguments.count == 0 ? nil : arguments.count
        )
        _ = try await share(files, range, arguments.destinationOffset, mayBeShort: false)
        return .ok(.clone)
    }

    // MARK: The two files

    private func copied(
        _ source: StateID,
        _ destination: StateID
    ) async throws(NFSStatus) -> CopiedFiles {
        let from = try savedFile()
        guard case .inode? = current else {
            _ = try object()
            throw .isDirectory
        }
        let to = try writable(current)
        let isRead = try mayRead(source, saved: from)
        let isWritten = try mayUse(destination, on: to, for: .write)
        let attributes = try await requireRegular(from)
        _ = try await requireRegular(to)
        forgetKnown()
        return CopiedFiles(
            source: from,
            target: to,
            attributes: attributes,
            isOpenForReading: isRead,
            isOpenForWriting: isWritten
        )
    }

    private func savedFile() throws(NFSStatus) -> InodeObject {
        switch saved {
        case nil: throw .noFileHandle
        case .gateway, .snapshots: throw .isDirectory
        case .inode(let object): return object
        }
    }

    /// As `mayUse` for the saved file: its current state id is the saved one.
    private func mayRead(_ stateID: StateID, saved object: InodeObject) throws(NFSStatus) -> Bool {
        let client = try client()
        let meant = stateID == .current ? savedStateID ?? .anonymous : stateID
        let now = store.now()
        return try verdict(on: meant, for: .read, of: object.key) { state in
            state.mayUse(meant, of: client, on: object.key, for: .read, at: now)
        }
    }

    // MARK: Within one file system

    private func share(
        _ files: CopiedFiles,
        _ range: SourceRange,
        _ targetOffset: UInt64,
        mayBeShort: Bool
    ) async throws(NFSStatus) -> CloneResult {
        let request = CloneRequest(
            source: files.source.inode,
            at: files.source.view,
            offset: range.offset,
            count: range.count,
            target: files.target.inode,
            targetOffset: targetOffset,
            as: caller,
            isOpenForReading: files.isOpenForReading,
            isOpenForWriting: files.isOpenForWriting,
            mayBeShort: mayBeShort
        )
        return try await engine { try await files.target.fileSystem.engine.clone(request) }
    }

    // MARK: Between two

    /// Reads and writes in pieces, until the range is done, the source ends or it is enough for one answer.
    private func transfer(
        _ files: CopiedFiles,
        _ range: SourceRange,
        to targetOffset: UInt64
    ) async throws(NFSStatus) -> (count: UInt64, verifier: WriteVerifier) {
        let size = files.attributes.size
        let (end, isPastAll) = range.offset.addingReportingOverflow(range.count ?? 0)
        guard !isPastAll, range.offset <= size, end <= size else { throw .invalid }
        let whole = (range.count == nil ? size : end) - range.offset
        let (_, isFar) = targetOffset.addingReportingOverflow(whole)
        guard !isFar else { throw .fileTooLarge }
        let wanted = min(whole, server.limits.copyBytesMax)
        var done: UInt64 = 0
        while done < wanted {
            let piece = min(wanted - done, UInt64(server.limits.dataBytesMax))
            let count = try await transferPiece(
                files,
                from: range.offset + done,
                count: piece,
                to: targetOffset + done
            )
            // The source became shorter meanwhile.
            guard count > 0 else { break }
            done += count
        }
        let target = files.target
        let verifier = try await engine {
            try await target.fileSystem.engine.commit(target.inode)
        }
        return (done, verifier)
    }

    private func transferPiece(
        _ files: CopiedFiles,
        from offset: UInt64,
        count: UInt64,
        to targetOffset: UInt64
    ) async throws(NFSStatus) -> UInt64 {
        let reader = files.isOpenForReading ? Credentials.root : caller
        let writer = caller
        let (source, target) = (files.source, files.target)
        return try await engine {
            let read = try await source.fileSystem.engine.read(
                source.inode,
                offset..<offset + count,
                at: source.view,
                as: reader
            )
            _ = try await target.fileSystem.engine.write(
                target.inode,
                read.bytes,
                at: targetOffset,
                stability: .unstable,
                as: writer,
                isOpenForWriting: files.isOpenForWriting
            )
            return UInt64(read.bytes.count)
        }
    }
}

/// Of which bytes of the source; without a count all up to its end.
private struct SourceRange: Sendable {
    let offset: UInt64
    let count: UInt64?
}

/// The files of a COPY or CLONE, each looked at, and what their state ids let the client do.
private struct CopiedFiles: Sendable {
    let source: InodeObject
    let target: InodeObject
    /// Of the source.
    let attributes: Attributes
    let isOpenForReading: Bool
    let isOpenForWriting: Bool

    var isOfOneFileSystem: Bool { source.fileSystem.key == target.fileSystem.key }
}
