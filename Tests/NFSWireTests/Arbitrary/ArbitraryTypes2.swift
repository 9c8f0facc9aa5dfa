import NFSWire
import TestKit

extension LayoutIOMode: Arbitrary {}

extension LayoutBody: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(type: generator.number(), body: generator.opaque(max: NFSLimits.bodyBytesMax))
    }
}

extension Layout: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            offset: generator.number(),
            length: generator.number(),
            mode: LayoutIOMode(arbitrary: &generator),
            content: LayoutBody(arbitrary: &generator)
        )
    }
}

extension LayoutReturnFile: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            offset: generator.number(),
            length: generator.number(),
            stateID: StateID(arbitrary: &generator),
            body: generator.opaque(max: NFSLimits.bodyBytesMax)
        )
    }
}

extension LayoutReturn: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: self = .file(LayoutReturnFile(arbitrary: &generator))
        case 1: self = .fileSystem
        default: self = .all
        }
    }
}

extension DeviceError: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            device: DeviceID(arbitrary: &generator),
            status: NFSStatus(arbitrary: &generator),
            operation: generator.number()
        )
    }
}

extension InputOutputInfo: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(count: generator.number(), bytes: generator.number())
    }
}

extension GSSService: Arbitrary {}

extension GSSFlavor: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            mechanism: generator.opaque(max: NFSLimits.opaqueBytesMax),
            quality: generator.number(),
            service: GSSService(arbitrary: &generator)
        )
    }
}

extension GSSCallbackHandles: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            service: GSSService(arbitrary: &generator),
            fromServer: generator.opaque(max: NFSLimits.opaqueBytesMax),
            fromClient: generator.opaque(max: NFSLimits.opaqueBytesMax)
        )
    }
}

extension CallbackSecurity: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: self = .none
        case 1: self = .system(AuthSys(arbitrary: &generator))
        default: self = .gss(GSSCallbackHandles(arbitrary: &generator))
        }
    }
}

extension StateProtectOperations: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            mustEnforce: Bitmap(arbitrary: &generator),
            mustAllow: Bitmap(arbitrary: &generator)
        )
    }
}

extension OpaqueBody: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(bytes: generator.opaque(max: NFSLimits.bodyBytesMax))
    }
}

extension StateSecretParameters: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            operations: StateProtectOperations(arbitrary: &generator),
            hashAlgorithms: generator.list(),
            encryptionAlgorithms: generator.list(),
            window: generator.number(),
            gssHandleCount: generator.number()
        )
    }
}

extension StateSecretInfo: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            operations: StateProtectOperations(arbitrary: &generator),
            hashAlgorithm: generator.number(),
            encryptionAlgorithm: generator.number(),
            secretBytes: generator.number(),
            window: generator.number(),
            handles: generator.list()
        )
    }
}

extension StateProtectRequest: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: self = .none
        case 1: self = .machineCredential(StateProtectOperations(arbitrary: &generator))
        default: self = .secret(StateSecretParameters(arbitrary: &generator))
        }
    }
}

extension StateProtectGrant: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: self = .none
        case 1: self = .machineCredential(StateProtectOperations(arbitrary: &generator))
        default: self = .secret(StateSecretInfo(arbitrary: &generator))
        }
    }
}
