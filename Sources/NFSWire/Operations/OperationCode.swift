/// The number of an operation: nfs_opnum4 (RFC 7530 §16, RFC 8881 §18, RFC 7862 §15, RFC 8276 §8.4).
package enum OperationCode: UInt32, XDREnumeration, Hashable {
    package static let name = "nfs_opnum4"

    /// ACCESS (RFC 8881 §18.1).
    case access = 3
    /// CLOSE (RFC 8881 §18.2).
    case close = 4
    /// COMMIT (RFC 8881 §18.3).
    case commit = 5
    /// CREATE (RFC 8881 §18.4).
    case create = 6
    /// DELEGPURGE (RFC 8881 §18.5).
    case delegationPurge = 7
    /// DELEGRETURN (RFC 8881 §18.6).
    case delegationReturn = 8
    /// GETATTR (RFC 8881 §18.7).
    case getAttributes = 9
    /// GETFH (RFC 8881 §18.8).
    case getFileHandle = 10
    /// LINK (RFC 8881 §18.9).
    case link = 11
    /// LOCK (RFC 8881 §18.10).
    case lock = 12
    /// LOCKT (RFC 8881 §18.11).
    case lockTest = 13
    /// LOCKU (RFC 8881 §18.12).
    case unlock = 14
    /// LOOKUP (RFC 8881 §18.13).
    case lookup = 15
    /// LOOKUPP (RFC 8881 §18.14).
    case lookupParent = 16
    /// NVERIFY (RFC 8881 §18.15).
    case verifyNot = 17
    /// OPEN (RFC 8881 §18.16).
    case open = 18
    /// OPENATTR (RFC 8881 §18.17).
    case openAttributeDirectory = 19
    /// OPEN_CONFIRM (RFC 7530 §16.18).
    case openConfirm = 20
    /// OPEN_DOWNGRADE (RFC 8881 §18.18).
    case openDowngrade = 21
    /// PUTFH (RFC 8881 §18.19).
    case putFileHandle = 22
    /// PUTPUBFH (RFC 8881 §18.20).
    case putPublicFileHandle = 23
    /// PUTROOTFH (RFC 8881 §18.21).
    case putRootFileHandle = 24
    /// READ (RFC 8881 §18.22).
    case read = 25
    /// READDIR (RFC 8881 §18.23).
    case readDirectory = 26
    /// READLINK (RFC 8881 §18.24).
    case readLink = 27
    /// REMOVE (RFC 8881 §18.25).
    case remove = 28
    /// RENAME (RFC 8881 §18.26).
    case rename = 29
    /// RENEW (RFC 7530 §16.28).
    case renew = 30
    /// RESTOREFH (RFC 8881 §18.27).
    case restoreFileHandle = 31
    /// SAVEFH (RFC 8881 §18.28).
    case saveFileHandle = 32
    /// SECINFO (RFC 8881 §18.29).
    case securityInfo = 33
    /// SETATTR (RFC 8881 §18.30).
    case setAttributes = 34
    /// SETCLIENTID (RFC 7530 §16.33).
    case setClientID = 35
    /// SETCLIENTID_CONFIRM (RFC 7530 §16.34).
    case setClientIDConfirm = 36
    /// VERIFY (RFC 8881 §18.31).
    case verify = 37
    /// WRITE (RFC 8881 §18.32).
    case write = 38
    /// RELEASE_LOCKOWNER (RFC 7530 §16.37).
    case releaseLockOwner = 39
    /// BACKCHANNEL_CTL (RFC 8881 §18.33).
    case backChannelControl = 40
    /// BIND_CONN_TO_SESSION (RFC 8881 §18.34).
    case bindConnection = 41
    /// EXCHANGE_ID (RFC 8881 §18.35).
    case exchangeID = 42
    /// CREATE_SESSION (RFC 8881 §18.36).
    case createSession = 43
    /// DESTROY_SESSION (RFC 8881 §18.37).
    case destroySession = 44
    /// FREE_STATEID (RFC 8881 §18.38).
    case freeStateID = 45
    /// GET_DIR_DELEGATION (RFC 8881 §18.39).
    case getDirectoryDelegation = 46
    /// GETDEVICEINFO (RFC 8881 §18.40).
    case getDeviceInfo = 47
    /// GETDEVICELIST (RFC 8881 §18.41).
    case getDeviceList = 48
    /// LAYOUTCOMMIT (RFC 8881 §18.42).
    case layoutCommit = 49
    /// LAYOUTGET (RFC 8881 §18.43).
    case layoutGet = 50
    /// LAYOUTRETURN (RFC 8881 §18.44).
    case layoutReturn = 51
    /// SECINFO_NO_NAME (RFC 8881 §18.45).
    case securityInfoNoName = 52
    /// SEQUENCE (RFC 8881 §18.46).
    case sequence = 53
    /// SET_SSV (RFC 8881 §18.47).
    case setStateSecret = 54
    /// TEST_STATEID (RFC 8881 §18.48).
    case testStateIDs = 55
    /// WANT_DELEGATION (RFC 8881 §18.49).
    case wantDelegation = 56
    /// DESTROY_CLIENTID (RFC 8881 §18.50).
    case destroyClientID = 57
    /// RECLAIM_COMPLETE (RFC 8881 §18.51).
    case reclaimComplete = 58
    /// ALLOCATE (RFC 7862 §15.1).
    case allocate = 59
    /// COPY (RFC 7862 §15.2).
    case copy = 60
    /// COPY_NOTIFY (RFC 7862 §15.3).
    case copyNotify = 61
    /// DEALLOCATE (RFC 7862 §15.4).
    case deallocate = 62
    /// IO_ADVISE (RFC 7862 §15.5).
    case ioAdvise = 63
    /// LAYOUTERROR (RFC 7862 §15.6).
    case layoutError = 64
    /// LAYOUTSTATS (RFC 7862 §15.7).
    case layoutStats = 65
    /// OFFLOAD_CANCEL (RFC 7862 §15.8).
    case offloadCancel = 66
    /// OFFLOAD_STATUS (RFC 7862 §15.9).
    case offloadStatus = 67
    /// READ_PLUS (RFC 7862 §15.10).
    case readPlus = 68
    /// SEEK (RFC 7862 §15.11).
    case seek = 69
    /// WRITE_SAME (RFC 7862 §15.12).
    case writeSame = 70
    /// CLONE (RFC 7862 §15.13).
    case clone = 71
    /// GETXATTR (RFC 8276 §8.4.1).
    case getXattr = 72
    /// SETXATTR (RFC 8276 §8.4.2).
    case setXattr = 73
    /// LISTXATTRS (RFC 8276 §8.4.3).
    case listXattrs = 74
    /// REMOVEXATTR (RFC 8276 §8.4.4).
    case removeXattr = 75
    /// ILLEGAL (RFC 8881 §18.52): names an operation that there is not, in replies alone.
    case illegal = 10_044

    /// The minor version that brought it.
    package var since: MinorVersion {
        switch rawValue {
        case ...39: .v40
        case ...58: .v41
        default: .v42
        }
    }

    /// Whether a minor version has the number; others are NFS4ERR_OP_ILLEGAL.
    package func isDefined(in version: MinorVersion) -> Bool {
        self != .illegal && since <= version
    }

    /// Whether NFSv4.1 took it back: it decodes, and must be answered NFS4ERR_NOTSUPP (RFC 8881 §17).
    package func isRetired(in version: MinorVersion) -> Bool {
        switch self {
        case .openConfirm, .renew, .setClientID, .setClientIDConfirm, .releaseLockOwner:
            version > .v40
        default: false
        }
    }
}
