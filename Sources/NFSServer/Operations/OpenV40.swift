import NFSWire

/// OPEN, OPEN_CONFIRM, OPEN_DOWNGRADE and CLOSE of NFSv4.0 (RFC 7530 §16.16, §16.18, §16.19, §16.2).
extension CompoundRun {
    /// OPENs of one owner run one after the other: one that comes again while it still runs waits, and gets the same reply.
    func openV40(_ arguments: OpenArguments) async throws(NFSStatus) -> OperationReply {
        let fingerprint = RequestFingerprint(.open(arguments), on: try object())
        guard arguments.isInV40 else { throw .badXDR }
        await server.openTurns.take(arguments.owner)
        let reply = await openInTurn(arguments, fingerprint)
        server.openTurns.leave(arguments.owner)
        return reply
    }

    private func openInTurn(
        _ arguments: OpenArguments,
        _ fingerprint: RequestFingerprint
    ) async -> OperationReply {
        let (owner, sequence) = (arguments.owner, arguments.sequence)
        let beginning = await store.change { state, now in
            state.beginOpen(by: owner, sequence: sequence, fingerprint, at: now)
        }
        switch beginning {
        case .refuse(let status): return .failure(status, of: .open)
        case .replay(let kept):
            if let file = kept.file { become(file) }
            return kept.reply
        case .run(let wasConfirmed):
            var isConfirmed = wasConfirmed
            if case .previous = arguments.claim { isConfirmed = true }
            let kept = await openReply(arguments, isConfirmed: isConfirmed)
            let known = isConfirmed
            await store.change { state, now in
                state.finishOpen(
                    by: owner,
                    sequence: sequence,
                    fingerprint,
                    kept,
                    isConfirmed: known,
                    at: now
                )
            }
            return kept.reply
        }
    }

    /// What the OPEN comes to.
    private func openReply(_ arguments: OpenArguments, isConfirmed: Bool) async -> KeptReply {
        do throws(NFSStatus) {
            guard arguments.access.rawValue <= ShareAccess.both.rawValue,
                let share = ShareRequest(arguments.access, arguments.deny)
            else { throw .invalid }
            guard arguments.creation?.attributes?.isIn(.v40) != false else {
                throw .attributeNotSupported
            }
            var open = try await opened(arguments, share, by: arguments.owner.client)
            open.flags = isConfirmed ? [.lockTypePOSIX] : [.lockTypePOSIX, .confirm]
            guard case .inode(let object)? = current else { throw .serverFault }
            return KeptReply(.open(open), file: object.key)
        } catch {
            return KeptReply(.failure(error.inV40(of: .open), of: .open))
        }
    }

    /// Makes the file of a kept reply the current object, unless its file system is gone.
    private func become(_ file: FileKey) {
        guard let fileSystem = server.exports.fileSystem(file.fileSystem) else { return }
        become(.inode(InodeObject(fileSystem, file.inode, at: file.view)))
    }

    func confirmOpen(_ arguments: OpenConfirmArguments) async throws(NFSStatus) -> OperationReply {
        let request = try sequenced(
            .openConfirm(arguments),
            arguments.stateID,
            arguments.sequence
        )
        return await store.change { state, now in state.confirmOpen(request, at: now) }
    }

    func downgradeV40(_ arguments: OpenDowngradeArguments) async throws(NFSStatus)
        -> OperationReply
    {
        let request = try sequenced(
            .openDowngrade(arguments),
            arguments.stateID,
            arguments.sequence
        )
        let isKnown = arguments.access.rawValue <= ShareAccess.both.rawValue
        let share = isKnown ? ShareRequest(arguments.access, arguments.deny) : nil
        return await store.change { state, now in state.downgradeV40(request, share, at: now) }
    }

    func closeV40(_ arguments: CloseArguments) async throws(NFSStatus) -> OperationReply {
        let request = try sequenced(.close(arguments), arguments.stateID, arguments.sequence)
        return await store.change { state, now in state.closeV40(request, at: now) }
    }
}

extension OpenArguments {
    /// Whether 4.0 has its claim and its way to create (RFC 7531): the others are no XDR there.
    fileprivate var isInV40: Bool {
        if case .exclusiveWithAttributes? = creation { return false }
        switch claim {
        case .name, .previous, .delegateCurrent, .delegatePrevious: return true
        case .fileHandle, .delegateCurrentFileHandle, .delegatePreviousFileHandle: return false
        }
    }
}

extension OpenCreation {
    fileprivate var attributes: FileAttributes? {
        switch self {
        case .unchecked(let attributes), .guarded(let attributes): attributes
        case .exclusive, .exclusiveWithAttributes: nil
        }
    }
}
