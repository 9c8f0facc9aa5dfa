import NFSWire
import TestKit

extension AllocateArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stateID: StateID(arbitrary: &generator),
            offset: generator.number(),
            length: generator.number()
        )
    }
}

extension SetXattrOption: Arbitrary {}

extension SetXattrArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            option: SetXattrOption(arbitrary: &generator),
            name: generator.opaque(max: NFSLimits.nameBytesMax),
            value: generator.opaque(max: NFSLimits.xattrBytesMax)
        )
    }
}

extension GetXattrReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(value: generator.opaque(max: NFSLimits.xattrBytesMax))
    }
}

extension ListXattrsArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(cookie: generator.number(), bytesMax: generator.number())
    }
}

extension ListXattrsReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            cookie: generator.number(),
            names: generator.list(),
            isAtEnd: .random(using: &generator)
        )
    }
}

extension ReadDirectoryArguments: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            cookie: generator.number(),
            verifier: Verifier(arbitrary: &generator),
            directoryBytesMax: generator.number(),
            bytesMax: generator.number(),
            attributes: Bitmap(arbitrary: &generator)
        )
    }
}
