import NFSWire
import TestKit

extension SequenceArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            session: SessionID(arbitrary: &generator),
            sequence: generator.number(),
            slot: generator.number(),
            highestSlot: generator.number(),
            cacheReply: .random(using: &generator)
        )
    }
}

extension SequenceStatusFlags: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(rawValue: generator.number())
    }
}

extension SequenceReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            session: SessionID(arbitrary: &generator),
            sequence: generator.number(),
            slot: generator.number(),
            highestSlot: generator.number(),
            targetHighestSlot: generator.number(),
            status: SequenceStatusFlags(arbitrary: &generator)
        )
    }
}

extension SetStateSecretArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            secret: generator.opaque(max: NFSLimits.bodyBytesMax),
            digest: generator.opaque(max: NFSLimits.bodyBytesMax)
        )
    }
}

extension TestStateIDsArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(stateIDs: generator.list())
    }
}

extension TestStateIDsReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(statuses: generator.list())
    }
}

extension ReclaimCompleteArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(oneFileSystem: .random(using: &generator))
    }
}

extension GetDeviceInfoArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            device: DeviceID(arbitrary: &generator),
            layoutType: generator.number(),
            bytesMax: generator.number(),
            notifyTypes: Bitmap(arbitrary: &generator)
        )
    }
}

extension GetDeviceInfoReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            address: LayoutBody(arbitrary: &generator),
            notification: Bitmap(arbitrary: &generator)
        )
    }
}

extension GetDeviceListArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            layoutType: generator.number(),
            devicesMax: generator.number(),
            cookie: generator.number(),
            verifier: Verifier(arbitrary: &generator)
        )
    }
}

extension GetDeviceListReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            cookie: generator.number(),
            verifier: Verifier(arbitrary: &generator),
            devices: generator.list(),
            isAtEnd: .random(using: &generator)
        )
    }
}

extension LayoutCommitArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            offset: generator.number(),
            length: generator.number(),
            isReclaim: .random(using: &generator),
            stateID: StateID(arbitrary: &generator),
            lastWriteOffset: generator.optional(),
            modified: generator.optional(),
            update: LayoutBody(arbitrary: &generator)
        )
    }
}

extension LayoutCommitReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(size: generator.optional())
    }
}

extension LayoutGetArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            signalWhenAvailable: .random(using: &generator),
            layoutType: generator.number(),
            mode: LayoutIOMode(arbitrary: &generator),
            offset: generator.number(),
            length: generator.number(),
            lengthMin: generator.number(),
            stateID: StateID(arbitrary: &generator),
            bytesMax: generator.number()
        )
    }
}

extension LayoutGetReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            returnOnClose: .random(using: &generator),
            stateID: StateID(arbitrary: &generator),
            layouts: generator.list()
        )
    }
}

extension LayoutReturnArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            isReclaim: .random(using: &generator),
            layoutType: generator.number(),
            mode: LayoutIOMode(arbitrary: &generator),
            what: LayoutReturn(arbitrary: &generator)
        )
    }
}

extension LayoutReturnReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(stateID: generator.optional())
    }
}

extension LayoutErrorArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            offset: generator.number(),
            length: generator.number(),
            stateID: StateID(arbitrary: &generator),
            errors: generator.list()
        )
    }
}

extension LayoutStatsArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            offset: generator.number(),
            length: generator.number(),
            stateID: StateID(arbitrary: &generator),
            read: InputOutputInfo(arbitrary: &generator),
            write: InputOutputInfo(arbitrary: &generator),
            device: DeviceID(arbitrary: &generator),
            update: LayoutBody(arbitrary: &generator)
        )
    }
}

extension CloneArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            source: StateID(arbitrary: &generator),
            destination: StateID(arbitrary: &generator),
            sourceOffset: generator.number(),
            destinationOffset: generator.number(),
            count: generator.number()
        )
    }
}

extension CopyArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            source: StateID(arbitrary: &generator),
            destination: StateID(arbitrary: &generator),
            sourceOffset: generator.number(),
            destinationOffset: generator.number(),
            count: generator.number(),
            isConsecutive: .random(using: &generator),
            isSynchronous: .random(using: &generator),
            sourceServers: generator.list()
        )
    }
}

extension CopyRequirements: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            isConsecutive: .random(using: &generator),
            isSynchronous: .random(using: &generator)
        )
    }
}

extension CopyReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            response: WriteResponse(arbitrary: &generator),
            requirements: CopyRequirements(arbitrary: &generator)
        )
    }
}

extension CopyNotifyArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            source: StateID(arbitrary: &generator),
            destinationServer: NetworkLocation(arbitrary: &generator)
        )
    }
}

extension CopyNotifyReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            lease: NFSTime(arbitrary: &generator),
            stateID: StateID(arbitrary: &generator),
            sourceServers: generator.list()
        )
    }
}

extension OffloadStatusReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(count: generator.number(), complete: generator.optional())
    }
}
