/// One operation of a CB_COMPOUND, as the server sends it: nfs_cb_argop4 (RFC 8881 §20, RFC 7862 §16).
package enum CallbackArguments: Sendable, Equatable {
    /// A number that the minor version does not have; nothing behind it can be read.
    case illegal(UInt32)
    /// CB_GETATTR (RFC 8881 §20.1).
    case getAttributes(CallbackGetAttributesArguments)
    /// CB_RECALL (RFC 8881 §20.2).
    case recall(CallbackRecallArguments)
    /// CB_LAYOUTRECALL (RFC 8881 §20.3).
    case layoutRecall(CallbackLayoutRecallArguments)
    /// CB_NOTIFY (RFC 8881 §20.4).
    case notify(CallbackNotifyArguments)
    /// CB_PUSH_DELEG (RFC 8881 §20.5).
    case pushDelegation(CallbackPushDelegationArguments)
    /// CB_RECALL_ANY (RFC 8881 §20.6).
    case recallAny(CallbackRecallAnyArguments)
    /// CB_RECALLABLE_OBJ_AVAIL (RFC 8881 §20.7).
    case recallableObjectAvailable(CallbackRecallAnyArguments)
    /// CB_RECALL_SLOT (RFC 8881 §20.8).
    case recallSlot(UInt32)
    /// CB_SEQUENCE (RFC 8881 §20.9).
    case sequence(CallbackSequenceArguments)
    /// CB_WANTS_CANCELLED (RFC 8881 §20.10).
    case wantsCancelled(CallbackWantsCancelledArguments)
    /// CB_NOTIFY_LOCK (RFC 8881 §20.11).
    case notifyLock(CallbackNotifyLockArguments)
    /// CB_NOTIFY_DEVICEID (RFC 8881 §20.12).
    case notifyDevice(CallbackNotifyDeviceArguments)
    /// CB_OFFLOAD (RFC 7862 §16.1).
    case offload(CallbackOffloadArguments)

    /// Which operation it is.
    package var code: CallbackCode {
        switch self {
        case .illegal: .illegal
        case .getAttributes: .getAttributes
        case .recall: .recall
        case .layoutRecall: .layoutRecall
        case .notify: .notify
        case .pushDelegation: .pushDelegation
        case .recallAny: .recallAny
        case .recallableObjectAvailable: .recallableObjectAvailable
        case .recallSlot: .recallSlot
        case .sequence: .sequence
        case .wantsCancelled: .wantsCancelled
        case .notifyLock: .notifyLock
        case .notifyDevice: .notifyDevice
        case .offload: .offload
        }
    }

    /// Reads an operation's number and its arguments: a client's side.
    package init(
        from reader: inout XDRReader,
        in version: MinorVersion
    ) throws(XDRError) {
        let number = try reader.uint32("argop")
        guard let code = CallbackCode(rawValue: number), code.since <= version else {
            self = .illegal(number)
            return
        }
        switch code {
        case .illegal: self = .illegal(number)
        case .getAttributes:
            self = .getAttributes(try CallbackGetAttributesArguments(from: &reader))
        case .recall: self = .recall(try CallbackRecallArguments(from: &reader))
        case .layoutRecall: self = .layoutRecall(try CallbackLayoutRecallArguments(from: &reader))
        case .notify: self = .notify(try CallbackNotifyArguments(from: &reader))
        case .pushDelegation:
            self = .pushDelegation(try CallbackPushDelegationArguments(from: &reader))
        case .recallAny: self = .recallAny(try CallbackRecallAnyArguments(from: &reader))
        case .recallableObjectAvailable:
            self = .recallableObjectAvailable(try CallbackRecallAnyArguments(from: &reader))
        case .recallSlot: self = .recallSlot(try reader.uint32("rsa_target_highest_slotid"))
        case .sequence: self = .sequence(try CallbackSequenceArguments(from: &reader))
        case .wantsCancelled:
            self = .wantsCancelled(try CallbackWantsCancelledArguments(from: &reader))
        case .notifyLock: self = .notifyLock(try CallbackNotifyLockArguments(from: &reader))
        case .notifyDevice: self = .notifyDevice(try CallbackNotifyDeviceArguments(from: &reader))
        case .offload: self = .offload(try CallbackOffloadArguments(from: &reader))
        }
    }

    /// Writes the operation's number and its arguments.
    package func encode(to writer: inout XDRWriter) {
        if case .illegal(let number) = self {
            writer.write(number)
            return
        }
        writer.write(code.rawValue)
        switch self {
        case .illegal: break
        case .getAttributes(let value): value.encode(to: &writer)
        case .recall(let value): value.encode(to: &writer)
        case .layoutRecall(let value): value.encode(to: &writer)
        case .notify(let value): value.encode(to: &writer)
        case .pushDelegation(let value): value.encode(to: &writer)
        case .recallAny(let value): value.encode(to: &writer)
        case .recallableObjectAvailable(let value): value.encode(to: &writer)
        case .recallSlot(let value): writer.write(value)
        case .sequence(let value): value.encode(to: &writer)
        case .wantsCancelled(let value): value.encode(to: &writer)
        case .notifyLock(let value): value.encode(to: &writer)
        case .notifyDevice(let value): value.encode(to: &writer)
        case .offload(let value): value.encode(to: &writer)
        }
    }
}
