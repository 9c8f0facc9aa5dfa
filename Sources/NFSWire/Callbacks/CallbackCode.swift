/// The number of a callback operation: nfs_cb_opnum4 (RFC 8881 §20, RFC 7862 §16).
package enum CallbackCode: UInt32, XDREnumeration, Hashable {
    package static let name = "nfs_cb_opnum4"

    /// CB_GETATTR (RFC 8881 §20.1).
    case getAttributes = 3
    /// CB_RECALL (RFC 8881 §20.2).
    case recall = 4
    /// CB_LAYOUTRECALL (RFC 8881 §20.3).
    case layoutRecall = 5
    /// CB_NOTIFY (RFC 8881 §20.4).
    case notify = 6
    /// CB_PUSH_DELEG (RFC 8881 §20.5).
    case pushDelegation = 7
    /// CB_RECALL_ANY (RFC 8881 §20.6).
    case recallAny = 8
    /// CB_RECALLABLE_OBJ_AVAIL (RFC 8881 §20.7).
    case recallableObjectAvailable = 9
    /// CB_RECALL_SLOT (RFC 8881 §20.8).
    case recallSlot = 10
    /// CB_SEQUENCE (RFC 8881 §20.9).
    case sequence = 11
    /// CB_WANTS_CANCELLED (RFC 8881 §20.10).
    case wantsCancelled = 12
    /// CB_NOTIFY_LOCK (RFC 8881 §20.11).
    case notifyLock = 13
    /// CB_NOTIFY_DEVICEID (RFC 8881 §20.12).
    case notifyDevice = 14
    /// CB_OFFLOAD (RFC 7862 §16.1).
    case offload = 15
    /// CB_ILLEGAL (RFC 8881 §20.13): names an operation that there is not, in replies alone.
    case illegal = 10_044

    /// The minor version that brought it.
    package var since: MinorVersion {
        switch rawValue {
        case ...4: .v40
        case ...14: .v41
        default: .v42
        }
    }
}
