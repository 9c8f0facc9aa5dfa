import NFSWire
import TestKit

extension NFSFileType: Arbitrary {}

extension DeviceSpecification: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(major: generator.number(), minor: generator.number())
    }
}

extension FileSystemID: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(major: generator.number(), minor: generator.number())
    }
}

extension ChangeInfo: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            isAtomic: .random(using: &generator),
            before: generator.number(),
            after: generator.number()
        )
    }
}

extension ChangePolicy: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(major: generator.number(), minor: generator.number())
    }
}

extension StableHow: Arbitrary {}

extension DataContent: Arbitrary {}

extension NetworkAddress: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            networkID: generator.opaque(max: NFSLimits.addressBytesMax),
            address: generator.opaque(max: NFSLimits.addressBytesMax)
        )
    }
}

extension ClientOwner: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            verifier: Verifier(arbitrary: &generator),
            owner: generator.opaque(max: NFSLimits.opaqueBytesMax)
        )
    }
}

extension ServerOwner: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            minorID: generator.number(),
            majorID: generator.opaque(max: NFSLimits.opaqueBytesMax)
        )
    }
}

extension StateOwner: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            client: ClientID(arbitrary: &generator),
            owner: generator.opaque(max: NFSLimits.opaqueBytesMax)
        )
    }
}

extension ImplementationID: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            domain: generator.opaque(max: NFSLimits.nameBytesMax),
            name: generator.opaque(max: NFSLimits.nameBytesMax),
            date: NFSTime(arbitrary: &generator)
        )
    }
}

extension CallbackClient: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(program: generator.number(), location: NetworkAddress(arbitrary: &generator))
    }
}

extension ACEType: Arbitrary {}

extension ACEFlags: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(rawValue: generator.number())
    }
}

extension ACEMask: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(rawValue: generator.number())
    }
}

extension AccessControlEntry: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            type: ACEType(arbitrary: &generator),
            flags: ACEFlags(arbitrary: &generator),
            mask: ACEMask(arbitrary: &generator),
            who: generator.opaque(max: NFSLimits.nameBytesMax)
        )
    }
}

extension AccessControlList: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(flags: generator.number(), entries: generator.list())
    }
}

extension PathName: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(components: generator.list())
    }
}

extension PathComponent: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(bytes: generator.opaque(max: NFSLimits.nameBytesMax))
    }
}

extension FileSystemLocation: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(servers: generator.list(), rootPath: PathName(arbitrary: &generator))
    }
}

extension FileSystemLocations: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(root: PathName(arbitrary: &generator), locations: generator.list())
    }
}

extension LocationsServer: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            currency: generator.number(),
            info: generator.opaque(max: NFSLimits.bodyBytesMax),
            server: generator.opaque(max: NFSLimits.nameBytesMax)
        )
    }
}

extension LocationsItem: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(entries: generator.list(), rootPath: PathName(arbitrary: &generator))
    }
}

extension FileSystemLocationsInfo: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            flags: generator.number(),
            validFor: generator.number(),
            root: PathName(arbitrary: &generator),
            items: generator.list()
        )
    }
}

extension NetworkLocation: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: self = .name(generator.opaque(max: NFSLimits.nameBytesMax))
        case 1: self = .url(generator.opaque(max: NFSLimits.nameBytesMax))
        default: self = .address(NetworkAddress(arbitrary: &generator))
        }
    }
}
