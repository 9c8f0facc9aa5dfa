import NFSWire
import TestKit

extension AccessRights: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(rawValue: generator.number())
    }
}

extension AccessArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(rights: AccessRights(arbitrary: &generator))
    }
}

extension AccessReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            supported: AccessRights(arbitrary: &generator),
            granted: AccessRights(arbitrary: &generator)
        )
    }
}

extension CloseArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(sequence: generator.number(), stateID: StateID(arbitrary: &generator))
    }
}

extension OpenDowngradeArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            sequence: generator.number(),
            access: ShareAccess(arbitrary: &generator),
            deny: ShareDeny(arbitrary: &generator)
        )
    }
}

extension OpenConfirmArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(stateID: StateID(arbitrary: &generator), sequence: generator.number())
    }
}

extension WriteArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            offset: generator.number(),
            stability: StableHow(arbitrary: &generator),
            data: generator.payload()
        )
    }
}

extension WriteReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            count: generator.number(),
            committed: StableHow(arbitrary: &generator),
            verifier: Verifier(arbitrary: &generator)
        )
    }
}

extension CommitArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(offset: generator.number(), count: generator.number())
    }
}

extension WriteResponse: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            callbackID: generator.optional(),
            count: generator.number(),
            committed: StableHow(arbitrary: &generator),
            verifier: Verifier(arbitrary: &generator)
        )
    }
}

extension DataBlockPattern: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            offset: generator.number(),
            blockSize: generator.number(),
            blockCount: generator.number(),
            blockNumberOffset: generator.number(),
            blockNumber: generator.number(),
            patternOffset: generator.number(),
            pattern: generator.opaque(max: NFSLimits.bodyBytesMax)
        )
    }
}

extension WriteSameArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            stability: StableHow(arbitrary: &generator),
            block: DataBlockPattern(arbitrary: &generator)
        )
    }
}

extension ReadArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            offset: generator.number(),
            count: generator.number()
        )
    }
}

extension ReadReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(isAtEnd: .random(using: &generator), data: generator.payload())
    }
}

extension ReadPlusData: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(offset: generator.number(), data: generator.payload())
    }
}

extension ReadPlusHole: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(offset: generator.number(), length: generator.number())
    }
}

extension ReadPlusSegment: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<2, using: &generator) {
        case 0: self = .data(ReadPlusData(arbitrary: &generator))
        default: self = .hole(ReadPlusHole(arbitrary: &generator))
        }
    }
}

extension ReadPlusReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(isAtEnd: .random(using: &generator), segments: generator.list())
    }
}

extension SeekArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            offset: generator.number(),
            what: DataContent(arbitrary: &generator)
        )
    }
}

extension SeekReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(isAtEnd: .random(using: &generator), offset: generator.number())
    }
}

extension IOAdvice: Arbitrary {}

extension IOAdviseArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            offset: generator.number(),
            count: generator.number(),
            hints: Bitmap(arbitrary: &generator)
        )
    }
}

extension CreateKind: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<9, using: &generator) {
        case 0: self = .regular
        case 1: self = .directory
        case 2: self = .blockDevice(DeviceSpecification(arbitrary: &generator))
        case 3: self = .characterDevice(DeviceSpecification(arbitrary: &generator))
        case 4: self = .symlink(generator.opaque(max: NFSLimits.nameBytesMax))
        case 5: self = .socket
        case 6: self = .fifo
        case 7: self = .attributeDirectory
        default: self = .namedAttribute
        }
    }
}

extension CreateArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            kind: CreateKind(arbitrary: &generator),
            name: generator.opaque(max: NFSLimits.nameBytesMax),
            attributes: FileAttributes(arbitrary: &generator)
        )
    }
}

extension CreateReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            change: ChangeInfo(arbitrary: &generator),
            attributesSet: Bitmap(arbitrary: &generator)
        )
    }
}

extension GetAttributesArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(attributes: Bitmap(arbitrary: &generator))
    }
}
