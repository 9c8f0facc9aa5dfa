import NFSWire
import TestKit

extension ChangeAttributeType: Arbitrary {}

extension MaskedMode: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(value: generator.number(), mask: generator.number())
    }
}

extension ModeUmask: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(mode: generator.number(), umask: generator.number())
    }
}

extension SecurityLabel: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            format: generator.number(),
            policy: generator.number(),
            label: generator.opaque(max: NFSLimits.bodyBytesMax)
        )
    }
}

extension FileSystemStatusType: Arbitrary {}

extension FileSystemStatus: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            isAbsent: .random(using: &generator),
            type: FileSystemStatusType(arbitrary: &generator),
            source: generator.opaque(max: NFSLimits.nameBytesMax),
            current: generator.opaque(max: NFSLimits.nameBytesMax),
            age: generator.number(),
            version: NFSTime(arbitrary: &generator)
        )
    }
}

extension ThresholdItem: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            layoutType: generator.number(),
            hints: Bitmap(arbitrary: &generator),
            values: generator.opaque(max: NFSLimits.bodyBytesMax)
        )
    }
}

extension Retention: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(duration: generator.number(), begin: generator.optional())
    }
}

extension SetRetention: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(enable: .random(using: &generator), duration: generator.optional())
    }
}
