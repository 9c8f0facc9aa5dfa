import NFSWire
import TestKit

extension CallbackArguments {
    /// Random arguments of one callback operation.
    init(arbitrary code: CallbackCode, _ generator: inout SeededGenerator) {
        switch code {
        case .illegal: self = .illegal(9_999)
        case .getAttributes:
            self = .getAttributes(CallbackGetAttributesArguments(arbitrary: &generator))
        case .recall: self = .recall(CallbackRecallArguments(arbitrary: &generator))
        case .layoutRecall:
            self = .layoutRecall(CallbackLayoutRecallArguments(arbitrary: &generator))
        case .notify: self = .notify(CallbackNotifyArguments(arbitrary: &generator))
        case .pushDelegation:
            self = .pushDelegation(CallbackPushDelegationArguments(arbitrary: &generator))
        case .recallAny: self = .recallAny(CallbackRecallAnyArguments(arbitrary: &generator))
        case .recallableObjectAvailable:
            self = .recallableObjectAvailable(CallbackRecallAnyArguments(arbitrary: &generator))
        case .recallSlot: self = .recallSlot(generator.number())
        case .sequence: self = .sequence(CallbackSequenceArguments(arbitrary: &generator))
        case .wantsCancelled:
            self = .wantsCancelled(CallbackWantsCancelledArguments(arbitrary: &generator))
        case .notifyLock: self = .notifyLock(CallbackNotifyLockArguments(arbitrary: &generator))
        case .notifyDevice:
            self = .notifyDevice(CallbackNotifyDeviceArguments(arbitrary: &generator))
        case .offload: self = .offload(CallbackOffloadArguments(arbitrary: &generator))
        }
    }
}
