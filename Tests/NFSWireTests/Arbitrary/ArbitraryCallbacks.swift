import NFSWire
import TestKit

extension CallbackGetAttributesArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            file: NFSFileHandle(arbitrary: &generator),
            attributes: Bitmap(arbitrary: &generator)
        )
    }
}

extension CallbackRecallArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            truncate: .random(using: &generator),
            file: NFSFileHandle(arbitrary: &generator)
        )
    }
}

extension Notification: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            mask: Bitmap(arbitrary: &generator),
            values: generator.opaque(max: NFSLimits.bodyBytesMax)
        )
    }
}

extension CallbackNotifyArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            file: NFSFileHandle(arbitrary: &generator),
            changes: generator.list()
        )
    }
}

extension CallbackPushDelegationArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            file: NFSFileHandle(arbitrary: &generator),
            delegation: OpenDelegation(arbitrary: &generator)
        )
    }
}

extension CallbackRecallAnyArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(objectsToKeep: generator.number(), types: Bitmap(arbitrary: &generator))
    }
}

extension CallbackWantsCancelledArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(contended: .random(using: &generator), resourced: .random(using: &generator))
    }
}

extension CallbackNotifyLockArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            file: NFSFileHandle(arbitrary: &generator),
            owner: StateOwner(arbitrary: &generator)
        )
    }
}

extension LayoutRecallFile: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            file: NFSFileHandle(arbitrary: &generator),
            offset: generator.number(),
            length: generator.number(),
            stateID: StateID(arbitrary: &generator)
        )
    }
}

extension LayoutRecall: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: self = .file(LayoutRecallFile(arbitrary: &generator))
        case 1: self = .fileSystem(FileSystemID(arbitrary: &generator))
        default: self = .all
        }
    }
}

extension CallbackLayoutRecallArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            layoutType: generator.number(),
            mode: LayoutIOMode(arbitrary: &generator),
            isChanged: .random(using: &generator),
            what: LayoutRecall(arbitrary: &generator)
        )
    }
}

extension CallbackNotifyDeviceArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(changes: generator.list())
    }
}

extension ReferringCall: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(sequence: generator.number(), slot: generator.number())
    }
}

extension ReferringCallList: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(session: SessionID(arbitrary: &generator), calls: generator.list())
    }
}

extension CallbackSequenceArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            session: SessionID(arbitrary: &generator),
            sequence: generator.number(),
            slot: generator.number(),
            highestSlot: generator.number(),
            cacheReply: .random(using: &generator),
            referringCalls: generator.list()
        )
    }
}

extension CallbackSequenceReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            session: SessionID(arbitrary: &generator),
            sequence: generator.number(),
            slot: generator.number(),
            highestSlot: generator.number(),
            targetHighestSlot: generator.number()
        )
    }
}

extension CallbackOffloadArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            file: NFSFileHandle(arbitrary: &generator),
            stateID: StateID(arbitrary: &generator),
            outcome: OffloadOutcome(arbitrary: &generator)
        )
    }
}
