/// How an operation ended: nfsstat4 of all minor versions (RFC 7530 §13, RFC 8881 §15.1, RFC 7862 §11.1, RFC 8276 §8).
package enum NFSStatus: UInt32, XDREnumeration, Hashable {
    package static let name = "nfsstat4"

    /// NFS4_OK.
    case ok = 0
    /// NFS4ERR_PERM.
    case notPermitted = 1
    /// NFS4ERR_NOENT.
    case noEntry = 2
    /// NFS4ERR_IO.
    case inputOutput = 5
    /// NFS4ERR_NXIO.
    case noDevice = 6
    /// NFS4ERR_ACCESS.
    case accessDenied = 13
    /// NFS4ERR_EXIST.
    case exists = 17
    /// NFS4ERR_XDEV.
    case crossDevice = 18
    /// NFS4ERR_NOTDIR.
    case notDirectory = 20
    /// NFS4ERR_ISDIR.
    case isDirectory = 21
    /// NFS4ERR_INVAL.
    case invalid = 22
    /// NFS4ERR_FBIG.
    case fileTooLarge = 27
    /// NFS4ERR_NOSPC.
    case noSpace = 28
    /// NFS4ERR_ROFS.
    case readOnly = 30
    /// NFS4ERR_MLINK.
    case tooManyLinks = 31
    /// NFS4ERR_NAMETOOLONG.
    case nameTooLong = 63
    /// NFS4ERR_NOTEMPTY.
    case notEmpty = 66
    /// NFS4ERR_DQUOT.
    case quotaExceeded = 69
    /// NFS4ERR_STALE.
    case stale = 70
    /// NFS4ERR_BADHANDLE.
    case badHandle = 10_001
    /// NFS4ERR_BAD_COOKIE.
    case badCookie = 10_003
    /// NFS4ERR_NOTSUPP.
    case notSupported = 10_004
    /// NFS4ERR_TOOSMALL.
    case tooSmall = 10_005
    /// NFS4ERR_SERVERFAULT.
    case serverFault = 10_006
    /// NFS4ERR_BADTYPE.
    case badType = 10_007
    /// NFS4ERR_DELAY.
    case delay = 10_008
    /// NFS4ERR_SAME.
    case same = 10_009
    /// NFS4ERR_DENIED.
    case denied = 10_010
    /// NFS4ERR_EXPIRED.
    case expired = 10_011
    /// NFS4ERR_LOCKED.
    case locked = 10_012
    /// NFS4ERR_GRACE.
    case grace = 10_013
    /// NFS4ERR_FHEXPIRED.
    case handleExpired = 10_014
    /// NFS4ERR_SHARE_DENIED.
    case shareDenied = 10_015
    /// NFS4ERR_WRONGSEC.
    case wrongSecurity = 10_016
    /// NFS4ERR_CLID_INUSE.
    case clientIDInUse = 10_017
    /// NFS4ERR_RESOURCE.
    case resource = 10_018
    /// NFS4ERR_MOVED.
    case moved = 10_019
    /// NFS4ERR_NOFILEHANDLE.
    case noFileHandle = 10_020
    /// NFS4ERR_MINOR_VERS_MISMATCH.
    case minorVersionMismatch = 10_021
    /// NFS4ERR_STALE_CLIENTID.
    case staleClientID = 10_022
    /// NFS4ERR_STALE_STATEID.
    case staleStateID = 10_023
    /// NFS4ERR_OLD_STATEID.
    case oldStateID = 10_024
    /// NFS4ERR_BAD_STATEID.
    case badStateID = 10_025
    /// NFS4ERR_BAD_SEQID.
    case badSequenceID = 10_026
    /// NFS4ERR_NOT_SAME.
    case notSame = 10_027
    /// NFS4ERR_LOCK_RANGE.
    case lockRange = 10_028
    /// NFS4ERR_SYMLINK.
    case symlink = 10_029
    /// NFS4ERR_RESTOREFH.
    case noSavedHandle = 10_030
    /// NFS4ERR_LEASE_MOVED.
    case leaseMoved = 10_031
    /// NFS4ERR_ATTRNOTSUPP.
    case attributeNotSupported = 10_032
    /// NFS4ERR_NO_GRACE.
    case noGrace = 10_033
    /// NFS4ERR_RECLAIM_BAD.
    case badReclaim = 10_034
    /// NFS4ERR_RECLAIM_CONFLICT.
    case reclaimConflict = 10_035
    /// NFS4ERR_BADXDR.
    case badXDR = 10_036
    /// NFS4ERR_LOCKS_HELD.
    case locksHeld = 10_037
    /// NFS4ERR_OPENMODE.
    case openMode = 10_038
    /// NFS4ERR_BADOWNER.
    case badOwner = 10_039
    /// NFS4ERR_BADCHAR.
    case badCharacter = 10_040
    /// NFS4ERR_BADNAME.
    case badName = 10_041
    /// NFS4ERR_BAD_RANGE.
    case badRange = 10_042
    /// NFS4ERR_LOCK_NOTSUPP.
    case lockNotSupported = 10_043
    /// NFS4ERR_OP_ILLEGAL.
    case illegalOperation = 10_044
    /// NFS4ERR_DEADLOCK.
    case deadlock = 10_045
    /// NFS4ERR_FILE_OPEN.
    case fileOpen = 10_046
    /// NFS4ERR_ADMIN_REVOKED.
    case adminRevoked = 10_047
    /// NFS4ERR_CB_PATH_DOWN.
    case callbackPathDown = 10_048

    // MARK: Since NFSv4.1

    /// NFS4ERR_BADIOMODE.
    case badIOMode = 10_049
    /// NFS4ERR_BADLAYOUT.
    case badLayout = 10_050
    /// NFS4ERR_BAD_SESSION_DIGEST.
    case badSessionDigest = 10_051
    /// NFS4ERR_BADSESSION.
    case badSession = 10_052
    /// NFS4ERR_BADSLOT.
    case badSlot = 10_053
    /// NFS4ERR_COMPLETE_ALREADY.
    case completeAlready = 10_054
    /// NFS4ERR_CONN_NOT_BOUND_TO_SESSION.
    case connectionNotBound = 10_055
    /// NFS4ERR_DELEG_ALREADY_WANTED.
    case delegationAlreadyWanted = 10_056
    /// NFS4ERR_BACK_CHAN_BUSY.
    case backChannelBusy = 10_057
    /// NFS4ERR_LAYOUTTRYLATER.
    case layoutTryLater = 10_058
    /// NFS4ERR_LAYOUTUNAVAILABLE.
    case layoutUnavailable = 10_059
    /// NFS4ERR_NOMATCHING_LAYOUT.
    case noMatchingLayout = 10_060
    /// NFS4ERR_RECALLCONFLICT.
    case recallConflict = 10_061
    /// NFS4ERR_UNKNOWN_LAYOUTTYPE.
    case unknownLayoutType = 10_062
    /// NFS4ERR_SEQ_MISORDERED.
    case sequenceMisordered = 10_063
    /// NFS4ERR_SEQUENCE_POS.
    case sequencePosition = 10_064
    /// NFS4ERR_REQ_TOO_BIG.
    case requestTooBig = 10_065
    /// NFS4ERR_REP_TOO_BIG.
    case replyTooBig = 10_066
    /// NFS4ERR_REP_TOO_BIG_TO_CACHE.
    case replyTooBigToCache = 10_067
    /// NFS4ERR_RETRY_UNCACHED_REP.
    case retryUncachedReply = 10_068
    /// NFS4ERR_UNSAFE_COMPOUND.
    case unsafeCompound = 10_069
    /// NFS4ERR_TOO_MANY_OPS.
    case tooManyOperations = 10_070
    /// NFS4ERR_OP_NOT_IN_SESSION.
    case operationNotInSession = 10_071
    /// NFS4ERR_HASH_ALG_UNSUPP.
    case hashNotSupported = 10_072
    /// NFS4ERR_CLIENTID_BUSY.
    case clientIDBusy = 10_074
    /// NFS4ERR_PNFS_IO_HOLE.
    case pnfsHole = 10_075
    /// NFS4ERR_SEQ_FALSE_RETRY.
    case falseRetry = 10_076
    /// NFS4ERR_BAD_HIGH_SLOT.
    case badHighSlot = 10_077
    /// NFS4ERR_DEADSESSION.
    case deadSession = 10_078
    /// NFS4ERR_ENCR_ALG_UNSUPP.
    case encryptionNotSupported = 10_079
    /// NFS4ERR_PNFS_NO_LAYOUT.
    case pnfsNoLayout = 10_080
    /// NFS4ERR_NOT_ONLY_OP.
    case notOnlyOperation = 10_081
    /// NFS4ERR_WRONG_CRED.
    case wrongCredentials = 10_082
    /// NFS4ERR_WRONG_TYPE.
    case wrongType = 10_083
    /// NFS4ERR_DIRDELEG_UNAVAIL.
    case directoryDelegationUnavailable = 10_084
    /// NFS4ERR_REJECT_DELEG.
    case delegationRejected = 10_085
    /// NFS4ERR_RETURNCONFLICT.
    case returnConflict = 10_086
    /// NFS4ERR_DELEG_REVOKED.
    case delegationRevoked = 10_087

    // MARK: Since NFSv4.2

    /// NFS4ERR_PARTNER_NOTSUPP.
    case partnerNotSupported = 10_088
    /// NFS4ERR_PARTNER_NO_AUTH.
    case partnerNotAuthorized = 10_089
    /// NFS4ERR_UNION_NOTSUPP.
    case unionNotSupported = 10_090
    /// NFS4ERR_OFFLOAD_DENIED.
    case offloadDenied = 10_091
    /// NFS4ERR_WRONG_LFS.
    case wrongLabelFormat = 10_092
    /// NFS4ERR_BADLABEL.
    case badLabel = 10_093
    /// NFS4ERR_OFFLOAD_NO_REQS.
    case offloadRequirementsNotMet = 10_094

    // MARK: Extended attributes (RFC 8276)

    /// NFS4ERR_NOXATTR.
    case noXattr = 10_095
    /// NFS4ERR_XATTR2BIG.
    case xattrTooBig = 10_096

    /// Whether a server may answer it in a minor version.
    ///
    /// RFC 8881 §15.1.16 takes back five statuses of NFSv4.0, and its list lacks NFS4ERR_RESOURCE. RFC 8276 extends NFSv4.2, whose
    /// SEEK answers NFS4ERR_NXIO again (RFC 7862 §15.11.3).
    package func isLegal(in version: MinorVersion) -> Bool {
        switch self {
        case .noDevice: version != .v41
        case .resource, .staleStateID, .badSequenceID, .noSavedHandle, .leaseMoved:
            version == .v40
        default:
            version >= since
        }
    }

    /// The minor version that brought it.
    package var since: MinorVersion {
        switch rawValue {
        case ..<10_049: .v40
        case ..<10_088: .v41
        default: .v42
        }
    }

    /// The status of an operation whose arguments do not decode (RFC 8881 §15.1.1.1).
    package init(_ error: XDRError) {
        self =
            switch error.code {
            case .truncated, .tooLong, .badValue, .trailingBytes: .badXDR
            }
    }
}
