/// How one operation of a COMPOUND went: nfs_resop4 (RFC 8881 §18, RFC 7862 §15).
///
/// A failure has a status and no more, save for the few that say why; a success that has nothing to say is `.ok`.
package enum OperationReply: Sendable, Equatable {
    /// A success without results.
    case ok(OperationCode)
    /// A failure without results.
    case failed(OperationCode, NFSStatus)
    /// ACCESS (RFC 8881 §18.1).
    case access(AccessReply)
    /// CLOSE (RFC 8881 §18.2).
    case close(StateID)
    /// COMMIT (RFC 8881 §18.3).
    case commit(Verifier)
    /// CREATE (RFC 8881 §18.4).
    case create(CreateReply)
    /// GETATTR (RFC 8881 §18.7).
    case getAttributes(FileAttributes)
    /// GETFH (RFC 8881 §18.8).
    case getFileHandle(NFSFileHandle)
    /// LINK (RFC 8881 §18.9).
    case link(ChangeInfo)
    /// LOCK (RFC 8881 §18.10).
    case lock(StateID)
    /// LOCK met another lock: NFS4ERR_DENIED.
    case lockDenied(LockDenied)
    /// LOCKT met another lock: NFS4ERR_DENIED.
    case lockTestDenied(LockDenied)
    /// LOCKU (RFC 8881 §18.12).
    case unlock(StateID)
    /// OPEN (RFC 8881 §18.16).
    case open(OpenReply)
    /// OPEN_CONFIRM (RFC 7530 §16.18).
    case openConfirm(StateID)
    /// OPEN_DOWNGRADE (RFC 8881 §18.18).
    case openDowngrade(StateID)
    /// READ (RFC 8881 §18.22).
    case read(ReadReply)
    /// READDIR (RFC 8881 §18.23).
    case readDirectory(ReadDirectoryReply)
    /// READLINK (RFC 8881 §18.24).
    case readLink(ReadLinkReply)
    /// REMOVE (RFC 8881 §18.25).
    case remove(ChangeInfo)
    /// RENAME (RFC 8881 §18.26).
    case rename(RenameReply)
    /// SECINFO (RFC 8881 §18.29).
    case securityInfo([SecurityFlavor])
    /// SETATTR (RFC 8881 §18.30): success and failure alike.
    case setAttributes(SetAttributesReply)
    /// SETCLIENTID (RFC 7530 §16.33).
    case setClientID(SetClientIDReply)
    /// SETCLIENTID: NFS4ERR_CLID_INUSE, and who uses it.
    case clientIDInUse(NetworkAddress)
    /// WRITE (RFC 8881 §18.32).
    case write(WriteReply)
    /// BIND_CONN_TO_SESSION (RFC 8881 §18.34).
    case bindConnection(BindConnectionReply)
    /// EXCHANGE_ID (RFC 8881 §18.35).
    case exchangeID(ExchangeIDReply)
    /// CREATE_SESSION (RFC 8881 §18.36).
    case createSession(CreateSessionReply)
    /// GET_DIR_DELEGATION (RFC 8881 §18.39).
    case getDirectoryDelegation(GetDirectoryDelegationReply)
    /// GETDEVICEINFO (RFC 8881 §18.40).
    case getDeviceInfo(GetDeviceInfoReply)
    /// GETDEVICEINFO: NFS4ERR_TOOSMALL, and the bytes needed.
    case deviceInfoTooSmall(UInt32)
    /// GETDEVICELIST (RFC 8881 §18.41).
    case getDeviceList(GetDeviceListReply)
    /// LAYOUTCOMMIT (RFC 8881 §18.42).
    case layoutCommit(LayoutCommitReply)
    /// LAYOUTGET (RFC 8881 §18.43).
    case layoutGet(LayoutGetReply)
    /// LAYOUTGET: NFS4ERR_LAYOUTTRYLATER, and whether the server will say when.
    case layoutTryLater(Bool)
    /// LAYOUTRETURN (RFC 8881 §18.44).
    case layoutReturn(LayoutReturnReply)
    /// SECINFO_NO_NAME (RFC 8881 §18.45).
    case securityInfoNoName([SecurityFlavor])
    /// SEQUENCE (RFC 8881 §18.46).
    case sequence(SequenceReply)
    /// SET_SSV (RFC 8881 §18.47).
    case setStateSecret(OpaqueBody)
    /// TEST_STATEID (RFC 8881 §18.48).
    case testStateIDs(TestStateIDsReply)
    /// WANT_DELEGATION (RFC 8881 §18.49).
    case wantDelegation(OpenDelegation)
    /// COPY (RFC 7862 §15.2).
    case copy(CopyReply)
    /// COPY: NFS4ERR_OFFLOAD_NO_REQS, and what the server can do.
    case copyRequirementsNotMet(CopyRequirements)
    /// COPY_NOTIFY (RFC 7862 §15.3).
    case copyNotify(CopyNotifyReply)
    /// IO_ADVISE (RFC 7862 §15.5).
    case ioAdvise(Bitmap)
    /// OFFLOAD_STATUS (RFC 7862 §15.9).
    case offloadStatus(OffloadStatusReply)
    /// READ_PLUS (RFC 7862 §15.10).
    case readPlus(ReadPlusReply)
    /// SEEK (RFC 7862 §15.11).
    case seek(SeekReply)
    /// WRITE_SAME (RFC 7862 §15.12).
    case writeSame(WriteResponse)
    /// GETXATTR (RFC 8276 §8.4.1).
    case getXattr(GetXattrReply)
    /// SETXATTR (RFC 8276 §8.4.2).
    case setXattr(ChangeInfo)
    /// LISTXATTRS (RFC 8276 §8.4.3).
    case listXattrs(ListXattrsReply)
    /// REMOVEXATTR (RFC 8276 §8.4.4).
    case removeXattr(ChangeInfo)

    /// A failure of an operation, in the form that the operation has for it.
    package static func failure(_ status: NFSStatus, of code: OperationCode) -> OperationReply {
        precondition(status != .ok, "a failure has a status of failure")
        if code == .setAttributes {
            return .setAttributes(SetAttributesReply(status: status, attributesSet: []))
        }
        return .failed(code, status)
    }

    /// Whether this status of this operation comes with results: then `.failed` cannot say it.
    static func hasBody(_ status: NFSStatus, of code: OperationCode) -> Bool {
        switch (code, status) {
        case (.setAttributes, _): true
        case (.lock, .denied): true
        case (.lockTest, .denied): true
        case (.setClientID, .clientIDInUse): true
        case (.getDeviceInfo, .tooSmall): true
        case (.layoutGet, .layoutTryLater): true
        case (.copy, .offloadRequirementsNotMet): true
        default: false
        }
    }

    /// How it ended.
    package var status: NFSStatus {
        switch self {
        case .failed(_, let status): status
        case .setAttributes(let reply): reply.status
        case .lockDenied, .lockTestDenied: .denied
        case .clientIDInUse: .clientIDInUse
        case .deviceInfoTooSmall: .tooSmall
        case .layoutTryLater: .layoutTryLater
        case .copyRequirementsNotMet: .offloadRequirementsNotMet
        default: .ok
        }
    }

    /// Which operation it answers.
    package var code: OperationCode {
        switch self {
        case .ok(let code), .failed(let code, _): code
        case .access: .access
        case .close: .close
        case .commit: .commit
        case .create: .create
        case .getAttributes: .getAttributes
        case .getFileHandle: .getFileHandle
        case .link: .link
        case .lock, .lockDenied: .lock
        case .lockTestDenied: .lockTest
        case .unlock: .unlock
        case .open: .open
        case .openConfirm: .openConfirm
        case .openDowngrade: .openDowngrade
        case .read: .read
        case .readDirectory: .readDirectory
        case .readLink: .readLink
        case .remove: .remove
        case .rename: .rename
        case .securityInfo: .securityInfo
        case .setAttributes: .setAttributes
        case .setClientID, .clientIDInUse: .setClientID
        case .write: .write
        default: laterCode
        }
    }

    private var laterCode: OperationCode {
        switch self {
        case .bindConnection: .bindConnection
        case .exchangeID: .exchangeID
        case .createSession: .createSession
        case .getDirectoryDelegation: .getDirectoryDelegation
        case .getDeviceInfo, .deviceInfoTooSmall: .getDeviceInfo
        case .getDeviceList: .getDeviceList
        case .layoutCommit: .layoutCommit
        case .layoutGet, .layoutTryLater: .layoutGet
        case .layoutReturn: .layoutReturn
        case .securityInfoNoName: .securityInfoNoName
        case .sequence: .sequence
        case .setStateSecret: .setStateSecret
        case .testStateIDs: .testStateIDs
        case .wantDelegation: .wantDelegation
        case .copy, .copyRequirementsNotMet: .copy
        case .copyNotify: .copyNotify
        case .ioAdvise: .ioAdvise
        case .offloadStatus: .offloadStatus
        case .readPlus: .readPlus
        case .seek: .seek
        case .writeSame: .writeSame
        case .getXattr: .getXattr
        case .setXattr: .setXattr
        case .listXattrs: .listXattrs
        case .removeXattr: .removeXattr
        default: preconditionFailure("a reply of NFSv4.0")
        }
    }
}
