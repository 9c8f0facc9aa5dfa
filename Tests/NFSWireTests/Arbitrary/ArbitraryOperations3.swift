import NFSWire
import TestKit

extension GetDirectoryDelegationArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            signalWhenAvailable: .random(using: &generator),
            notificationTypes: Bitmap(arbitrary: &generator),
            childAttributeDelay: NFSTime(arbitrary: &generator),
            directoryAttributeDelay: NFSTime(arbitrary: &generator),
            childAttributes: Bitmap(arbitrary: &generator),
            directoryAttributes: Bitmap(arbitrary: &generator)
        )
    }
}

extension DirectoryDelegation: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            verifier: Verifier(arbitrary: &generator),
            stateID: StateID(arbitrary: &generator),
            notificationTypes: Bitmap(arbitrary: &generator),
            childAttributes: Bitmap(arbitrary: &generator),
            directoryAttributes: Bitmap(arbitrary: &generator)
        )
    }
}

extension GetDirectoryDelegationReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<2, using: &generator) {
        case 0: self = .granted(DirectoryDelegation(arbitrary: &generator))
        default: self = .unavailable(.random(using: &generator))
        }
    }
}

extension LockType: Arbitrary {}

extension NewLockOwner: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            openSequence: generator.number(),
            openStateID: StateID(arbitrary: &generator),
            lockSequence: generator.number(),
            owner: StateOwner(arbitrary: &generator)
        )
    }
}

extension ExistingLockOwner: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(stateID: StateID(arbitrary: &generator), sequence: generator.number())
    }
}

extension Locker: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<2, using: &generator) {
        case 0: self = .new(NewLockOwner(arbitrary: &generator))
        default: self = .existing(ExistingLockOwner(arbitrary: &generator))
        }
    }
}

extension LockArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            type: LockType(arbitrary: &generator),
            isReclaim: .random(using: &generator),
            offset: generator.number(),
            length: generator.number(),
            locker: Locker(arbitrary: &generator)
        )
    }
}

extension LockDenied: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            offset: generator.number(),
            length: generator.number(),
            type: LockType(arbitrary: &generator),
            owner: StateOwner(arbitrary: &generator)
        )
    }
}

extension LockTestArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            type: LockType(arbitrary: &generator),
            offset: generator.number(),
            length: generator.number(),
            owner: StateOwner(arbitrary: &generator)
        )
    }
}

extension UnlockArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            type: LockType(arbitrary: &generator),
            sequence: generator.number(),
            stateID: StateID(arbitrary: &generator),
            offset: generator.number(),
            length: generator.number()
        )
    }
}

extension SecurityInfoStyle: Arbitrary {}

extension SetClientIDArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            client: ClientOwner(arbitrary: &generator),
            callback: CallbackClient(arbitrary: &generator),
            callbackIdentifier: generator.number()
        )
    }
}

extension SetClientIDReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            client: ClientID(arbitrary: &generator),
            confirmation: Verifier(arbitrary: &generator)
        )
    }
}

extension ExchangeIDFlags: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(rawValue: generator.number())
    }
}

extension ExchangeIDArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            owner: ClientOwner(arbitrary: &generator),
            flags: ExchangeIDFlags(arbitrary: &generator),
            protection: StateProtectRequest(arbitrary: &generator),
            implementation: generator.optional()
        )
    }
}

extension ExchangeIDReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            client: ClientID(arbitrary: &generator),
            sequence: generator.number(),
            flags: ExchangeIDFlags(arbitrary: &generator),
            protection: StateProtectGrant(arbitrary: &generator),
            serverOwner: ServerOwner(arbitrary: &generator),
            serverScope: generator.opaque(max: NFSLimits.opaqueBytesMax),
            implementation: generator.optional()
        )
    }
}

extension ChannelAttributes: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            headerPadding: generator.number(),
            requestBytesMax: generator.number(),
            replyBytesMax: generator.number(),
            cachedReplyBytesMax: generator.number(),
            operationsMax: generator.number(),
            slotsMax: generator.number(),
            rdmaReadDepth: generator.optional()
        )
    }
}

extension CreateSessionFlags: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(rawValue: generator.number())
    }
}

extension CreateSessionArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            client: ClientID(arbitrary: &generator),
            sequence: generator.number(),
            flags: CreateSessionFlags(arbitrary: &generator),
            foreChannel: ChannelAttributes(arbitrary: &generator),
            backChannel: ChannelAttributes(arbitrary: &generator),
            callbackProgram: generator.number(),
            callbackSecurity: generator.list()
        )
    }
}

extension CreateSessionReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            session: SessionID(arbitrary: &generator),
            sequence: generator.number(),
            flags: CreateSessionFlags(arbitrary: &generator),
            foreChannel: ChannelAttributes(arbitrary: &generator),
            backChannel: ChannelAttributes(arbitrary: &generator)
        )
    }
}

extension BackChannelControlArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(callbackProgram: generator.number(), callbackSecurity: generator.list())
    }
}

extension ChannelDirectionRequest: Arbitrary {}

extension ChannelDirection: Arbitrary {}

extension BindConnectionArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            session: SessionID(arbitrary: &generator),
            direction: ChannelDirectionRequest(arbitrary: &generator),
            useRDMA: .random(using: &generator)
        )
    }
}

extension BindConnectionReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            session: SessionID(arbitrary: &generator),
            direction: ChannelDirection(arbitrary: &generator),
            useRDMA: .random(using: &generator)
        )
    }
}
