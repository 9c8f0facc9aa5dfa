/// One operation of a COMPOUND, as the client sent it: nfs_argop4 (RFC 8881 §18, RFC 7862 §15).
package enum OperationArguments: Sendable, Equatable {
    /// A number that the minor version does not have; nothing behind it can be read.
    case illegal(UInt32)
    /// ACCESS (RFC 8881 §18.1).
    case access(AccessArguments)
    /// CLOSE (RFC 8881 §18.2).
    case close(CloseArguments)
    /// COMMIT (RFC 8881 §18.3).
    case commit(CommitArguments)
    /// CREATE (RFC 8881 §18.4).
    case create(CreateArguments)
    /// DELEGPURGE (RFC 8881 §18.5).
    case delegationPurge(ClientID)
    /// DELEGRETURN (RFC 8881 §18.6).
    case delegationReturn(StateID)
    /// GETATTR (RFC 8881 §18.7).
    case getAttributes(GetAttributesArguments)
    /// GETFH (RFC 8881 §18.8).
    case getFileHandle
    /// LINK (RFC 8881 §18.9).
    case link(NameArguments)
    /// LOCK (RFC 8881 §18.10).
    case lock(LockArguments)
    /// LOCKT (RFC 8881 §18.11).
    case lockTest(LockTestArguments)
    /// LOCKU (RFC 8881 §18.12).
    case unlock(UnlockArguments)
    /// LOOKUP (RFC 8881 §18.13).
    case lookup(NameArguments)
    /// LOOKUPP (RFC 8881 §18.14).
    case lookupParent
    /// NVERIFY (RFC 8881 §18.15).
    case verifyNot(VerifyArguments)
    /// OPEN (RFC 8881 §18.16).
    case open(OpenArguments)
    /// OPENATTR (RFC 8881 §18.17).
    case openAttributeDirectory(OpenAttributeDirectoryArguments)
    /// OPEN_CONFIRM (RFC 7530 §16.18).
    case openConfirm(OpenConfirmArguments)
    /// OPEN_DOWNGRADE (RFC 8881 §18.18).
    case openDowngrade(OpenDowngradeArguments)
    /// PUTFH (RFC 8881 §18.19).
    case putFileHandle(NFSFileHandle)
    /// PUTPUBFH (RFC 8881 §18.20).
    case putPublicFileHandle
    /// PUTROOTFH (RFC 8881 §18.21).
    case putRootFileHandle
    /// READ (RFC 8881 §18.22).
    case read(ReadArguments)
    /// READDIR (RFC 8881 §18.23).
    case readDirectory(ReadDirectoryArguments)
    /// READLINK (RFC 8881 §18.24).
    case readLink
    /// REMOVE (RFC 8881 §18.25).
    case remove(NameArguments)
    /// RENAME (RFC 8881 §18.26).
    case rename(RenameArguments)
    /// RENEW (RFC 7530 §16.28).
    case renew(ClientID)
    /// RESTOREFH (RFC 8881 §18.27).
    case restoreFileHandle
    /// SAVEFH (RFC 8881 §18.28).
    case saveFileHandle
    /// SECINFO (RFC 8881 §18.29).
    case securityInfo(NameArguments)
    /// SETATTR (RFC 8881 §18.30).
    case setAttributes(SetAttributesArguments)
    /// SETCLIENTID (RFC 7530 §16.33).
    case setClientID(SetClientIDArguments)
    /// SETCLIENTID_CONFIRM (RFC 7530 §16.34).
    case setClientIDConfirm(SetClientIDReply)
    /// VERIFY (RFC 8881 §18.31).
    case verify(VerifyArguments)
    /// WRITE (RFC 8881 §18.32).
    case write(WriteArguments)
    /// RELEASE_LOCKOWNER (RFC 7530 §16.37).
    case releaseLockOwner(StateOwner)
    /// BACKCHANNEL_CTL (RFC 8881 §18.33).
    case backChannelControl(BackChannelControlArguments)
    /// BIND_CONN_TO_SESSION (RFC 8881 §18.34).
    case bindConnection(BindConnectionArguments)
    /// EXCHANGE_ID (RFC 8881 §18.35).
    case exchangeID(ExchangeIDArguments)
    /// CREATE_SESSION (RFC 8881 §18.36).
    case createSession(CreateSessionArguments)
    /// DESTROY_SESSION (RFC 8881 §18.37).
    case destroySession(SessionID)
    /// FREE_STATEID (RFC 8881 §18.38).
    case freeStateID(StateID)
    /// GET_DIR_DELEGATION (RFC 8881 §18.39).
    case getDirectoryDelegation(GetDirectoryDelegationArguments)
    /// GETDEVICEINFO (RFC 8881 §18.40).
    case getDeviceInfo(GetDeviceInfoArguments)
    /// GETDEVICELIST (RFC 8881 §18.41).
    case getDeviceList(GetDeviceListArguments)
    /// LAYOUTCOMMIT (RFC 8881 §18.42).
    case layoutCommit(LayoutCommitArguments)
    /// LAYOUTGET (RFC 8881 §18.43).
    case layoutGet(LayoutGetArguments)
    /// LAYOUTRETURN (RFC 8881 §18.44).
    case layoutReturn(LayoutReturnArguments)
    /// SECINFO_NO_NAME (RFC 8881 §18.45).
    case securityInfoNoName(SecurityInfoStyle)
    /// SEQUENCE (RFC 8881 §18.46).
    case sequence(SequenceArguments)
    /// SET_SSV (RFC 8881 §18.47).
    case setStateSecret(SetStateSecretArguments)
    /// TEST_STATEID (RFC 8881 §18.48).
    case testStateIDs(TestStateIDsArguments)
    /// WANT_DELEGATION (RFC 8881 §18.49).
    case wantDelegation(WantDelegationArguments)
    /// DESTROY_CLIENTID (RFC 8881 §18.50).
    case destroyClientID(ClientID)
    /// RECLAIM_COMPLETE (RFC 8881 §18.51).
    case reclaimComplete(ReclaimCompleteArguments)
    /// ALLOCATE (RFC 7862 §15.1).
    case allocate(AllocateArguments)
    /// COPY (RFC 7862 §15.2).
    case copy(CopyArguments)
    /// COPY_NOTIFY (RFC 7862 §15.3).
    case copyNotify(CopyNotifyArguments)
    /// DEALLOCATE (RFC 7862 §15.4).
    case deallocate(AllocateArguments)
    /// IO_ADVISE (RFC 7862 §15.5).
    case ioAdvise(IOAdviseArguments)
    /// LAYOUTERROR (RFC 7862 §15.6).
    case layoutError(LayoutErrorArguments)
    /// LAYOUTSTATS (RFC 7862 §15.7).
    case layoutStats(LayoutStatsArguments)
    /// OFFLOAD_CANCEL (RFC 7862 §15.8).
    case offloadCancel(StateID)
    /// OFFLOAD_STATUS (RFC 7862 §15.9).
    case offloadStatus(StateID)
    /// READ_PLUS (RFC 7862 §15.10).
    case readPlus(ReadArguments)
    /// SEEK (RFC 7862 §15.11).
    case seek(SeekArguments)
    /// WRITE_SAME (RFC 7862 §15.12).
    case writeSame(WriteSameArguments)
    /// CLONE (RFC 7862 §15.13).
    case clone(CloneArguments)
    /// GETXATTR (RFC 8276 §8.4.1).
    case getXattr(NameArguments)
    /// SETXATTR (RFC 8276 §8.4.2).
    case setXattr(SetXattrArguments)
    /// LISTXATTRS (RFC 8276 §8.4.3).
    case listXattrs(ListXattrsArguments)
    /// REMOVEXATTR (RFC 8276 §8.4.4).
    case removeXattr(NameArguments)

    /// Which operation it is.
    package var code: OperationCode {
        switch self {
        case .illegal: .illegal
        case .access: .access
        case .close: .close
        case .commit: .commit
        case .create: .create
        case .delegationPurge: .delegationPurge
        case .delegationReturn: .delegationReturn
        case .getAttributes: .getAttributes
        case .getFileHandle: .getFileHandle
        case .link: .link
        case .lock: .lock
        case .lockTest: .lockTest
        case .unlock: .unlock
        case .lookup: .lookup
        case .lookupParent: .lookupParent
        case .verifyNot: .verifyNot
        case .open: .open
        case .openAttributeDirectory: .openAttributeDirectory
        case .openConfirm: .openConfirm
        case .openDowngrade: .openDowngrade
        case .putFileHandle: .putFileHandle
        case .putPublicFileHandle: .putPublicFileHandle
        case .putRootFileHandle: .putRootFileHandle
        case .read: .read
        case .readDirectory: .readDirectory
        case .readLink: .readLink
        case .remove: .remove
        case .rename: .rename
        case .renew: .renew
        case .restoreFileHandle: .restoreFileHandle
        case .saveFileHandle: .saveFileHandle
        case .securityInfo: .securityInfo
        case .setAttributes: .setAttributes
        case .setClientID: .setClientID
        case .setClientIDConfirm: .setClientIDConfirm
        case .verify: .verify
        case .write: .write
        case .releaseLockOwner: .releaseLockOwner
        default: laterCode
        }
    }

    private var laterCode: OperationCode {
        switch self {
        case .backChannelControl: .backChannelControl
        case .bindConnection: .bindConnection
        case .exchangeID: .exchangeID
        case .createSession: .createSession
        case .destroySession: .destroySession
        case .freeStateID: .freeStateID
        case .getDirectoryDelegation: .getDirectoryDelegation
        case .getDeviceInfo: .getDeviceInfo
        case .getDeviceList: .getDeviceList
        case .layoutCommit: .layoutCommit
        case .layoutGet: .layoutGet
        case .layoutReturn: .layoutReturn
        case .securityInfoNoName: .securityInfoNoName
        case .sequence: .sequence
        case .setStateSecret: .setStateSecret
        case .testStateIDs: .testStateIDs
        case .wantDelegation: .wantDelegation
        case .destroyClientID: .destroyClientID
        case .reclaimComplete: .reclaimComplete
        case .allocate: .allocate
        case .copy: .copy
        case .copyNotify: .copyNotify
        case .deallocate: .deallocate
        case .ioAdvise: .ioAdvise
        case .layoutError: .layoutError
        case .layoutStats: .layoutStats
        case .offloadCancel: .offloadCancel
        case .offloadStatus: .offloadStatus
        case .readPlus: .readPlus
        case .seek: .seek
        case .writeSame: .writeSame
        case .clone: .clone
        case .getXattr: .getXattr
        case .setXattr: .setXattr
        case .listXattrs: .listXattrs
        case .removeXattr: .removeXattr
        default: preconditionFailure("an operation of NFSv4.0")
        }
    }
}
