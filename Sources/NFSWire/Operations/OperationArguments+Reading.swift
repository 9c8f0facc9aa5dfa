extension OperationArguments {
    /// Reads an operation's number and its arguments.
    ///
    /// - Parameters:
    ///   - reader: At the number.
    ///   - version: The COMPOUND's minor version, which decides what is illegal.
    /// - Throws: `XDRError` when the arguments do not decode; nothing behind them can be read then.
    package init(
        from reader: inout XDRReader,
        in version: MinorVersion
    ) throws(XDRError) {
        let number = try reader.uint32("argop")
        guard let code = OperationCode(rawValue: number), code.isDefined(in: version) else {
            self = .illegal(number)
            return
        }
        switch code.since {
        case .v40: self = try Self.original(code, from: &reader)
        case .v41: self = try Self.session(code, from: &reader)
        case .v42: self = try Self.newest(code, from: &reader)
        }
    }

    /// Of NFSv4.0.
    private static func original(
        _ code: OperationCode,
        from reader: inout XDRReader
    ) throws(XDRError) -> OperationArguments {
        switch code {
        case .access: return .access(try AccessArguments(from: &reader))
        case .close: return .close(try CloseArguments(from: &reader))
        case .commit: return .commit(try CommitArguments(from: &reader))
        case .create: return .create(try CreateArguments(from: &reader))
        case .delegationPurge: return .delegationPurge(try ClientID(from: &reader))
        case .delegationReturn: return .delegationReturn(try StateID(from: &reader))
        case .getAttributes: return .getAttributes(try GetAttributesArguments(from: &reader))
        case .getFileHandle: return .getFileHandle
        case .link: return .link(try NameArguments(from: &reader))
        case .lock: return .lock(try LockArguments(from: &reader))
        case .lockTest: return .lockTest(try LockTestArguments(from: &reader))
        case .unlock: return .unlock(try UnlockArguments(from: &reader))
        case .lookup: return .lookup(try NameArguments(from: &reader))
        case .lookupParent: return .lookupParent
        case .verifyNot: return .verifyNot(try VerifyArguments(from: &reader))
        case .open: return .open(try OpenArguments(from: &reader))
        case .openAttributeDirectory:
            return .openAttributeDirectory(try OpenAttributeDirectoryArguments(from: &reader))
        case .openConfirm: return .openConfirm(try OpenConfirmArguments(from: &reader))
        case .openDowngrade: return .openDowngrade(try OpenDowngradeArguments(from: &reader))
        case .putFileHandle: return .putFileHandle(try NFSFileHandle(from: &reader))
        case .putPublicFileHandle: return .putPublicFileHandle
        case .putRootFileHandle: return .putRootFileHandle
        case .read: return .read(try ReadArguments(from: &reader))
        case .readDirectory: return .readDirectory(try ReadDirectoryArguments(from: &reader))
        case .readLink: return .readLink
        case .remove: return .remove(try NameArguments(from: &reader))
        case .rename: return .rename(try RenameArguments(from: &reader))
        case .renew: return .renew(try ClientID(from: &reader))
        case .restoreFileHandle: return .restoreFileHandle
        case .saveFileHandle: return .saveFileHandle
        case .securityInfo: return .securityInfo(try NameArguments(from: &reader))
        case .setAttributes: return .setAttributes(try SetAttributesArguments(from: &reader))
        case .setClientID: return .setClientID(try SetClientIDArguments(from: &reader))
        case .setClientIDConfirm: return .setClientIDConfirm(try SetClientIDReply(from: &reader))
        case .verify: return .verify(try VerifyArguments(from: &reader))
        case .write: return .write(try WriteArguments(from: &reader))
        case .releaseLockOwner: return .releaseLockOwner(try StateOwner(from: &reader))
        default: preconditionFailure("an operation of another minor version")
        }
    }

    /// Since NFSv4.1.
    private static func session(
        _ code: OperationCode,
        from reader: inout XDRReader
    ) throws(XDRError) -> OperationArguments {
        switch code {
        case .backChannelControl:
            return .backChannelControl(try BackChannelControlArguments(from: &reader))
        case .bindConnection: return .bindConnection(try BindConnectionArguments(from: &reader))
        case .exchangeID: return .exchangeID(try ExchangeIDArguments(from: &reader))
        case .createSession: return .createSession(try CreateSessionArguments(from: &reader))
        case .destroySession: return .destroySession(try SessionID(from: &reader))
        case .freeStateID: return .freeStateID(try StateID(from: &reader))
        case .getDirectoryDelegation:
            return .getDirectoryDelegation(try GetDirectoryDelegationArguments(from: &reader))
        case .getDeviceInfo: return .getDeviceInfo(try GetDeviceInfoArguments(from: &reader))
        case .getDeviceList: return .getDeviceList(try GetDeviceListArguments(from: &reader))
        case .layoutCommit: return .layoutCommit(try LayoutCommitArguments(from: &reader))
        case .layoutGet: return .layoutGet(try LayoutGetArguments(from: &reader))
        case .layoutReturn: return .layoutReturn(try LayoutReturnArguments(from: &reader))
        case .securityInfoNoName: return .securityInfoNoName(try SecurityInfoStyle(from: &reader))
        case .sequence: return .sequence(try SequenceArguments(from: &reader))
        case .setStateSecret: return .setStateSecret(try SetStateSecretArguments(from: &reader))
        case .testStateIDs: return .testStateIDs(try TestStateIDsArguments(from: &reader))
        case .wantDelegation: return .wantDelegation(try WantDelegationArguments(from: &reader))
        case .destroyClientID: return .destroyClientID(try ClientID(from: &reader))
        case .reclaimComplete: return .reclaimComplete(try ReclaimCompleteArguments(from: &reader))
        default: preconditionFailure("an operation of another minor version")
        }
    }

    /// Since NFSv4.2.
    private static func newest(
        _ code: OperationCode,
        from reader: inout XDRReader
    ) throws(XDRError) -> OperationArguments {
        switch code {
        case .allocate: return .allocate(try AllocateArguments(from: &reader))
        case .copy: return .copy(try CopyArguments(from: &reader))
        case .copyNotify: return .copyNotify(try CopyNotifyArguments(from: &reader))
        case .deallocate: return .deallocate(try AllocateArguments(from: &reader))
        case .ioAdvise: return .ioAdvise(try IOAdviseArguments(from: &reader))
        case .layoutError: return .layoutError(try LayoutErrorArguments(from: &reader))
        case .layoutStats: return .layoutStats(try LayoutStatsArguments(from: &reader))
        case .offloadCancel: return .offloadCancel(try StateID(from: &reader))
        case .offloadStatus: return .offloadStatus(try StateID(from: &reader))
        case .readPlus: return .readPlus(try ReadArguments(from: &reader))
        case .seek: return .seek(try SeekArguments(from: &reader))
        case .writeSame: return .writeSame(try WriteSameArguments(from: &reader))
        case .clone: return .clone(try CloneArguments(from: &reader))
        case .getXattr: return .getXattr(try NameArguments(from: &reader))
        case .setXattr: return .setXattr(try SetXattrArguments(from: &reader))
        case .listXattrs: return .listXattrs(try ListXattrsArguments(from: &reader))
        case .removeXattr: return .removeXattr(try NameArguments(from: &reader))
        default: preconditionFailure("an operation of another minor version")
        }
    }
}
