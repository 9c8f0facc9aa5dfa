extension OperationArguments {
    /// Writes the operation's number and its arguments.
    package func encode(to writer: inout XDRWriter) {
        if case .illegal(let number) = self {
            writer.write(number)
            return
        }
        let code = self.code
        writer.write(code.rawValue)
        switch code.since {
        case .v40: encodeOriginal(to: &writer)
        case .v41: encodeSession(to: &writer)
        case .v42: encodeNewest(to: &writer)
        }
    }

    /// Of NFSv4.0.
    private func encodeOriginal(to writer: inout XDRWriter) {
        switch self {
        case .access(let value): value.encode(to: &writer)
        case .close(let value): value.encode(to: &writer)
        case .commit(let value): value.encode(to: &writer)
        case .create(let value): value.encode(to: &writer)
        case .delegationPurge(let value): value.encode(to: &writer)
        case .delegationReturn(let value): value.encode(to: &writer)
        case .getAttributes(let value): value.encode(to: &writer)
        case .link(let value): value.encode(to: &writer)
        case .lock(let value): value.encode(to: &writer)
        case .lockTest(let value): value.encode(to: &writer)
        case .unlock(let value): value.encode(to: &writer)
        case .lookup(let value): value.encode(to: &writer)
        case .verifyNot(let value): value.encode(to: &writer)
        case .open(let value): value.encode(to: &writer)
        case .openAttributeDirectory(let value): value.encode(to: &writer)
        case .openConfirm(let value): value.encode(to: &writer)
        case .openDowngrade(let value): value.encode(to: &writer)
        case .putFileHandle(let value): value.encode(to: &writer)
        case .read(let value): value.encode(to: &writer)
        case .readDirectory(let value): value.encode(to: &writer)
        case .remove(let value): value.encode(to: &writer)
        case .rename(let value): value.encode(to: &writer)
        case .renew(let value): value.encode(to: &writer)
        case .securityInfo(let value): value.encode(to: &writer)
        case .setAttributes(let value): value.encode(to: &writer)
        case .setClientID(let value): value.encode(to: &writer)
        case .setClientIDConfirm(let value): value.encode(to: &writer)
        case .verify(let value): value.encode(to: &writer)
        case .write(let value): value.encode(to: &writer)
        case .releaseLockOwner(let value): value.encode(to: &writer)
        default: break
        }
    }

    /// Since NFSv4.1.
    private func encodeSession(to writer: inout XDRWriter) {
        switch self {
        case .backChannelControl(let value): value.encode(to: &writer)
        case .bindConnection(let value): value.encode(to: &writer)
        case .exchangeID(let value): value.encode(to: &writer)
        case .createSession(let value): value.encode(to: &writer)
        case .destroySession(let value): value.encode(to: &writer)
        case .freeStateID(let value): value.encode(to: &writer)
        case .getDirectoryDelegation(let value): value.encode(to: &writer)
        case .getDeviceInfo(let value): value.encode(to: &writer)
        case .getDeviceList(let value): value.encode(to: &writer)
        case .layoutCommit(let value): value.encode(to: &writer)
        case .layoutGet(let value): value.encode(to: &writer)
        case .layoutReturn(let value): value.encode(to: &writer)
        case .securityInfoNoName(let value): value.encode(to: &writer)
        case .sequence(let value): value.encode(to: &writer)
        case .setStateSecret(let value): value.encode(to: &writer)
        case .testStateIDs(let value): value.encode(to: &writer)
        case .wantDelegation(let value): value.encode(to: &writer)
        case .destroyClientID(let value): value.encode(to: &writer)
        case .reclaimComplete(let value): value.encode(to: &writer)
        default: break
        }
    }

    /// Since NFSv4.2.
    private func encodeNewest(to writer: inout XDRWriter) {
        switch self {
        case .allocate(let value): value.encode(to: &writer)
        case .copy(let value): value.encode(to: &writer)
        case .copyNotify(let value): value.encode(to: &writer)
        case .deallocate(let value): value.encode(to: &writer)
        case .ioAdvise(let value): value.encode(to: &writer)
        case .layoutError(let value): value.encode(to: &writer)
        case .layoutStats(let value): value.encode(to: &writer)
        case .offloadCancel(let value): value.encode(to: &writer)
        case .offloadStatus(let value): value.encode(to: &writer)
        case .readPlus(let value): value.encode(to: &writer)
        case .seek(let value): value.encode(to: &writer)
        case .writeSame(let value): value.encode(to: &writer)
        case .clone(let value): value.encode(to: &writer)
        case .getXattr(let value): value.encode(to: &writer)
        case .setXattr(let value): value.encode(to: &writer)
        case .listXattrs(let value): value.encode(to: &writer)
        case .removeXattr(let value): value.encode(to: &writer)
        default: break
        }
    }
}
