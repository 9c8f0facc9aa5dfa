import NFSWire
import TestKit

extension OperationArguments {
    /// Random arguments of one operation.
    init(arbitrary code: OperationCode, _ generator: inout SeededGenerator) {
        switch code {
        case .illegal: self = .illegal(9_999)
        case .access: self = .access(AccessArguments(arbitrary: &generator))
        case .close: self = .close(CloseArguments(arbitrary: &generator))
        case .commit: self = .commit(CommitArguments(arbitrary: &generator))
        case .create: self = .create(CreateArguments(arbitrary: &generator))
        case .delegationPurge: self = .delegationPurge(ClientID(arbitrary: &generator))
        case .delegationReturn: self = .delegationReturn(StateID(arbitrary: &generator))
        case .getAttributes: self = .getAttributes(GetAttributesArguments(arbitrary: &generator))
        case .getFileHandle: self = .getFileHandle
        case .link: self = .link(NameArguments(arbitrary: &generator))
        case .lock: self = .lock(LockArguments(arbitrary: &generator))
        case .lockTest: self = .lockTest(LockTestArguments(arbitrary: &generator))
        case .unlock: self = .unlock(UnlockArguments(arbitrary: &generator))
        case .lookup: self = .lookup(NameArguments(arbitrary: &generator))
        case .lookupParent: self = .lookupParent
        case .verifyNot: self = .verifyNot(VerifyArguments(arbitrary: &generator))
        case .open: self = .open(OpenArguments(arbitrary: &generator))
        case .openAttributeDirectory:
            self = .openAttributeDirectory(OpenAttributeDirectoryArguments(arbitrary: &generator))
        case .openConfirm: self = .openConfirm(OpenConfirmArguments(arbitrary: &generator))
        case .openDowngrade: self = .openDowngrade(OpenDowngradeArguments(arbitrary: &generator))
        case .putFileHandle: self = .putFileHandle(NFSFileHandle(arbitrary: &generator))
        case .putPublicFileHandle: self = .putPublicFileHandle
        case .putRootFileHandle: self = .putRootFileHandle
        case .read: self = .read(ReadArguments(arbitrary: &generator))
        case .readDirectory: self = .readDirectory(ReadDirectoryArguments(arbitrary: &generator))
        case .readLink: self = .readLink
        case .remove: self = .remove(NameArguments(arbitrary: &generator))
        case .rename: self = .rename(RenameArguments(arbitrary: &generator))
        case .renew: self = .renew(ClientID(arbitrary: &generator))
        case .restoreFileHandle: self = .restoreFileHandle
        case .saveFileHandle: self = .saveFileHandle
        case .securityInfo: self = .securityInfo(NameArguments(arbitrary: &generator))
        case .setAttributes: self = .setAttributes(SetAttributesArguments(arbitrary: &generator))
        case .setClientID: self = .setClientID(SetClientIDArguments(arbitrary: &generator))
        case .setClientIDConfirm:
            self = .setClientIDConfirm(SetClientIDReply(arbitrary: &generator))
        case .verify: self = .verify(VerifyArguments(arbitrary: &generator))
        case .write: self = .write(WriteArguments(arbitrary: &generator))
        case .releaseLockOwner: self = .releaseLockOwner(StateOwner(arbitrary: &generator))
        case .backChannelControl:
            self = .backChannelControl(BackChannelControlArguments(arbitrary: &generator))
        case .bindConnection: self = .bindConnection(BindConnectionArguments(arbitrary: &generator))
        case .exchangeID: self = .exchangeID(ExchangeIDArguments(arbitrary: &generator))
        case .createSession: self = .createSession(CreateSessionArguments(arbitrary: &generator))
        case .destroySession: self = .destroySession(SessionID(arbitrary: &generator))
        case .freeStateID: self = .freeStateID(StateID(arbitrary: &generator))
        case .getDirectoryDelegation:
            self = .getDirectoryDelegation(GetDirectoryDelegationArguments(arbitrary: &generator))
        case .getDeviceInfo: self = .getDeviceInfo(GetDeviceInfoArguments(arbitrary: &generator))
        case .getDeviceList: self = .getDeviceList(GetDeviceListArguments(arbitrary: &generator))
        case .layoutCommit: self = .layoutCommit(LayoutCommitArguments(arbitrary: &generator))
        case .layoutGet: self = .layoutGet(LayoutGetArguments(arbitrary: &generator))
        case .layoutReturn: self = .layoutReturn(LayoutReturnArguments(arbitrary: &generator))
        case .securityInfoNoName:
            self = .securityInfoNoName(SecurityInfoStyle(arbitrary: &generator))
        case .sequence: self = .sequence(SequenceArguments(arbitrary: &generator))
        case .setStateSecret: self = .setStateSecret(SetStateSecretArguments(arbitrary: &generator))
        case .testStateIDs: self = .testStateIDs(TestStateIDsArguments(arbitrary: &generator))
        case .wantDelegation: self = .wantDelegation(WantDelegationArguments(arbitrary: &generator))
        case .destroyClientID: self = .destroyClientID(ClientID(arbitrary: &generator))
        case .reclaimComplete:
            self = .reclaimComplete(ReclaimCompleteArguments(arbitrary: &generator))
        case .allocate: self = .allocate(AllocateArguments(arbitrary: &generator))
        case .copy: self = .copy(CopyArguments(arbitrary: &generator))
        case .copyNotify: self = .copyNotify(CopyNotifyArguments(arbitrary: &generator))
        case .deallocate: self = .deallocate(AllocateArguments(arbitrary: &generator))
        case .ioAdvise: self = .ioAdvise(IOAdviseArguments(arbitrary: &generator))
        case .layoutError: self = .layoutError(LayoutErrorArguments(arbitrary: &generator))
        case .layoutStats: self = .layoutStats(LayoutStatsArguments(arbitrary: &generator))
        case .offloadCancel: self = .offloadCancel(StateID(arbitrary: &generator))
        case .offloadStatus: self = .offloadStatus(StateID(arbitrary: &generator))
        case .readPlus: self = .readPlus(ReadArguments(arbitrary: &generator))
        case .seek: self = .seek(SeekArguments(arbitrary: &generator))
        case .writeSame: self = .writeSame(WriteSameArguments(arbitrary: &generator))
        case .clone: self = .clone(CloneArguments(arbitrary: &generator))
        case .getXattr: self = .getXattr(NameArguments(arbitrary: &generator))
        case .setXattr: self = .setXattr(SetXattrArguments(arbitrary: &generator))
        case .listXattrs: self = .listXattrs(ListXattrsArguments(arbitrary: &generator))
        case .removeXattr: self = .removeXattr(NameArguments(arbitrary: &generator))
        }
    }
}

extension OperationReply {
    /// A random success of one operation.
    init(arbitrary code: OperationCode, _ generator: inout SeededGenerator) {
        switch code {
        case .access: self = .access(AccessReply(arbitrary: &generator))
        case .close: self = .close(StateID(arbitrary: &generator))
        case .commit: self = .commit(Verifier(arbitrary: &generator))
        case .create: self = .create(CreateReply(arbitrary: &generator))
        case .getAttributes: self = .getAttributes(FileAttributes(arbitrary: &generator))
        case .getFileHandle: self = .getFileHandle(NFSFileHandle(arbitrary: &generator))
        case .link: self = .link(ChangeInfo(arbitrary: &generator))
        case .lock: self = .lock(StateID(arbitrary: &generator))
        case .unlock: self = .unlock(StateID(arbitrary: &generator))
        case .open: self = .open(OpenReply(arbitrary: &generator))
        case .openConfirm: self = .openConfirm(StateID(arbitrary: &generator))
        case .openDowngrade: self = .openDowngrade(StateID(arbitrary: &generator))
        case .read: self = .read(ReadReply(arbitrary: &generator))
        case .readDirectory: self = .readDirectory(ReadDirectoryReply(arbitrary: &generator))
        case .readLink: self = .readLink(ReadLinkReply(arbitrary: &generator))
        case .remove: self = .remove(ChangeInfo(arbitrary: &generator))
        case .rename: self = .rename(RenameReply(arbitrary: &generator))
        case .securityInfo: self = .securityInfo(generator.list())
        case .setAttributes:
            self = .setAttributes(
                SetAttributesReply(status: .ok, attributesSet: Bitmap(arbitrary: &generator))
            )
        case .setClientID: self = .setClientID(SetClientIDReply(arbitrary: &generator))
        case .write: self = .write(WriteReply(arbitrary: &generator))
        case .bindConnection: self = .bindConnection(BindConnectionReply(arbitrary: &generator))
        case .exchangeID: self = .exchangeID(ExchangeIDReply(arbitrary: &generator))
        case .createSession: self = .createSession(CreateSessionReply(arbitrary: &generator))
        case .getDirectoryDelegation:
            self = .getDirectoryDelegation(GetDirectoryDelegationReply(arbitrary: &generator))
        case .getDeviceInfo: self = .getDeviceInfo(GetDeviceInfoReply(arbitrary: &generator))
        case .getDeviceList: self = .getDeviceList(GetDeviceListReply(arbitrary: &generator))
        case .layoutCommit: self = .layoutCommit(LayoutCommitReply(arbitrary: &generator))
        case .layoutGet: self = .layoutGet(LayoutGetReply(arbitrary: &generator))
        case .layoutReturn: self = .layoutReturn(LayoutReturnReply(arbitrary: &generator))
        case .securityInfoNoName: self = .securityInfoNoName(generator.list())
        case .sequence: self = .sequence(SequenceReply(arbitrary: &generator))
        case .setStateSecret: self = .setStateSecret(OpaqueBody(arbitrary: &generator))
        case .testStateIDs: self = .testStateIDs(TestStateIDsReply(arbitrary: &generator))
        case .wantDelegation: self = .wantDelegation(OpenDelegation(arbitrary: &generator))
        case .copy: self = .copy(CopyReply(arbitrary: &generator))
        case .copyNotify: self = .copyNotify(CopyNotifyReply(arbitrary: &generator))
        case .ioAdvise: self = .ioAdvise(Bitmap(arbitrary: &generator))
        case .offloadStatus: self = .offloadStatus(OffloadStatusReply(arbitrary: &generator))
        case .readPlus: self = .readPlus(ReadPlusReply(arbitrary: &generator))
        case .seek: self = .seek(SeekReply(arbitrary: &generator))
        case .writeSame: self = .writeSame(WriteResponse(arbitrary: &generator))
        case .getXattr: self = .getXattr(GetXattrReply(arbitrary: &generator))
        case .setXattr: self = .setXattr(ChangeInfo(arbitrary: &generator))
        case .listXattrs: self = .listXattrs(ListXattrsReply(arbitrary: &generator))
        case .removeXattr: self = .removeXattr(ChangeInfo(arbitrary: &generator))
        case .illegal: self = .failed(.illegal, .illegalOperation)
        default: self = .ok(code)
        }
    }

    /// A random one of the failures that say why.
    init(arbitraryFailure generator: inout SeededGenerator) {
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: self = .lockDenied(LockDenied(arbitrary: &generator))
        case 1: self = .lockTestDenied(LockDenied(arbitrary: &generator))
        case 2: self = .clientIDInUse(NetworkAddress(arbitrary: &generator))
        case 3: self = .deviceInfoTooSmall(generator.number())
        case 4: self = .layoutTryLater(.random(using: &generator))
        case 5: self = .copyRequirementsNotMet(CopyRequirements(arbitrary: &generator))
        default:
            self = .setAttributes(
                SetAttributesReply(status: .noSpace, attributesSet: Bitmap(arbitrary: &generator))
            )
        }
    }
}
