import NFSWire
import TestKit

extension SetAttributesArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            attributes: FileAttributes(arbitrary: &generator)
        )
    }
}

extension SetAttributesReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            status: NFSStatus(arbitrary: &generator),
            attributesSet: Bitmap(arbitrary: &generator)
        )
    }
}

extension VerifyArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(attributes: FileAttributes(arbitrary: &generator))
    }
}

extension OpenAttributeDirectoryArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(create: .random(using: &generator))
    }
}

extension NameArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(name: generator.opaque(max: NFSLimits.nameBytesMax))
    }
}

extension RenameArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            oldName: generator.opaque(max: NFSLimits.nameBytesMax),
            newName: generator.opaque(max: NFSLimits.nameBytesMax)
        )
    }
}

extension RenameReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            source: ChangeInfo(arbitrary: &generator),
            target: ChangeInfo(arbitrary: &generator)
        )
    }
}

extension ReadLinkReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(target: generator.opaque(max: NFSLimits.nameBytesMax))
    }
}

extension ShareAccess: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(rawValue: generator.number())
    }
}

extension ShareDeny: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(rawValue: generator.number())
    }
}

extension OpenDelegationType: Arbitrary {}

extension CreateVerifierAttributes: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            verifier: Verifier(arbitrary: &generator),
            attributes: FileAttributes(arbitrary: &generator)
        )
    }
}

extension OpenCreation: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: self = .unchecked(FileAttributes(arbitrary: &generator))
        case 1: self = .guarded(FileAttributes(arbitrary: &generator))
        case 2: self = .exclusive(Verifier(arbitrary: &generator))
        default: self = .exclusiveWithAttributes(CreateVerifierAttributes(arbitrary: &generator))
        }
    }
}

extension DelegateCurrentClaim: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            name: generator.opaque(max: NFSLimits.nameBytesMax)
        )
    }
}

extension OpenClaim: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: self = .name(generator.opaque(max: NFSLimits.nameBytesMax))
        case 1: self = .previous(OpenDelegationType(arbitrary: &generator))
        case 2: self = .delegateCurrent(DelegateCurrentClaim(arbitrary: &generator))
        case 3: self = .delegatePrevious(generator.opaque(max: NFSLimits.nameBytesMax))
        case 4: self = .fileHandle
        case 5: self = .delegateCurrentFileHandle(StateID(arbitrary: &generator))
        default: self = .delegatePreviousFileHandle
        }
    }
}

extension OpenArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            sequence: generator.number(),
            access: ShareAccess(arbitrary: &generator),
            deny: ShareDeny(arbitrary: &generator),
            owner: StateOwner(arbitrary: &generator),
            creation: generator.optional(),
            claim: OpenClaim(arbitrary: &generator)
        )
    }
}

extension OpenFlags: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(rawValue: generator.number())
    }
}

extension OpenReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            change: ChangeInfo(arbitrary: &generator),
            flags: OpenFlags(arbitrary: &generator),
            attributesSet: Bitmap(arbitrary: &generator),
            delegation: OpenDelegation(arbitrary: &generator)
        )
    }
}

extension ModifiedLimit: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(blocks: generator.number(), bytesPerBlock: generator.number())
    }
}

extension SpaceLimit: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<2, using: &generator) {
        case 0: self = .fileSize(generator.number())
        default: self = .blocks(ModifiedLimit(arbitrary: &generator))
        }
    }
}

extension ReadDelegation: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            isRecalled: .random(using: &generator),
            permissions: AccessControlEntry(arbitrary: &generator)
        )
    }
}

extension WriteDelegation: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            isRecalled: .random(using: &generator),
            limit: SpaceLimit(arbitrary: &generator),
            permissions: AccessControlEntry(arbitrary: &generator)
        )
    }
}

extension NoDelegation: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<9, using: &generator) {
        case 0: self = .notWanted
        case 1: self = .contention(.random(using: &generator))
        case 2: self = .resource(.random(using: &generator))
        case 3: self = .fileType
        case 4: self = .writeFileType
        case 5: self = .upgrade
        case 6: self = .downgrade
        case 7: self = .cancelled
        default: self = .isDirectory
        }
    }
}

extension OpenDelegation: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: self = .none
        case 1: self = .read(ReadDelegation(arbitrary: &generator))
        case 2: self = .write(WriteDelegation(arbitrary: &generator))
        default: self = .noneExtended(NoDelegation(arbitrary: &generator))
        }
    }
}

extension DelegationClaim: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: self = .previous(OpenDelegationType(arbitrary: &generator))
        case 1: self = .fileHandle
        default: self = .delegatePreviousFileHandle
        }
    }
}

extension WantDelegationArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(want: generator.number(), claim: DelegationClaim(arbitrary: &generator))
    }
}
