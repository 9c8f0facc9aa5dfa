import NFSWire
import NIOCore
import TestKit

/// A value of which a seeded generator makes random ones.
protocol Arbitrary {
    init(arbitrary generator: inout SeededGenerator)
}

extension SeededGenerator {
    /// Small, large and any numbers, since those are the ones that code trips over.
    mutating func number<Number: FixedWidthInteger>() -> Number {
        switch Int.random(in: 0..<4, using: &self) {
        case 0: Number(truncatingIfNeeded: Int.random(in: 0..<4, using: &self))
        case 1: Number.max
        default: Number.random(in: .min ... .max, using: &self)
        }
    }

    /// Mostly few bytes; sometimes as many as a test can afford, and the limit allows.
    mutating func opaque(max limit: Int) -> [UInt8] {
        let top = Int.random(in: 0..<20, using: &self) == 0 ? 2_000 : 24
        return bytes(Int.random(in: 0...min(limit, top), using: &self))
    }

    /// Few bytes, or more than the writer copies, in one piece or several.
    mutating func payload() -> ByteChain {
        let count = Int.random(in: 0..<3, using: &self) == 0 ? 3_001 : 9
        let bytes = bytes(Int.random(in: 0...count, using: &self))
        return cut(ByteBuffer(bytes: bytes), pieces: Int.random(in: 1...3, using: &self))
    }

    mutating func list<Element: Arbitrary>() -> [Element] {
        (0..<Int.random(in: 0...3, using: &self)).map { _ in Element(arbitrary: &self) }
    }

    mutating func optional<Value: Arbitrary>() -> Value? {
        Bool.random(using: &self) ? Value(arbitrary: &self) : nil
    }

    /// The same bytes in about so many pieces, each with storage of its own.
    mutating func cut(_ buffer: ByteBuffer, pieces: Int) -> ByteChain {
        var left = Array(buffer.readableBytesView)[...]
        var chain = ByteChain()
        for piece in 0..<pieces where !left.isEmpty {
            let isLast = piece == pieces - 1
            let count = isLast ? left.count : Int.random(in: 0...left.count, using: &self)
            chain.append(ByteBuffer(bytes: left.prefix(count)))
            left = left.dropFirst(count)
        }
        return chain
    }
}

extension UInt32: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) { self = generator.number() }
}

extension UInt64: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) { self = generator.number() }
}

extension Bool: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) { self = .random(using: &generator) }
}

extension XDREnumeration where Self: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        guard let chosen = Self.allCases.randomElement(using: &generator) else {
            preconditionFailure("an enumeration has cases")
        }
        self = chosen
    }
}

extension NFSStatus: Arbitrary {}

extension Bitmap: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        let count = Int.random(in: 0...6, using: &generator)
        self.init((0..<count).map { _ in Int.random(in: 0..<Bitmap.bitsMax, using: &generator) })
    }
}

extension StateID: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            sequence: generator.number(),
            otherHigh: generator.number(),
            otherLow: generator.number()
        )
    }
}

extension SessionID: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(high: generator.number(), low: generator.number())
    }
}

extension DeviceID: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(high: generator.number(), low: generator.number())
    }
}

extension ClientID: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) { self.init(rawValue: generator.number()) }
}

extension Verifier: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) { self.init(rawValue: generator.number()) }
}

extension NFSFileHandle: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(bytes: generator.opaque(max: NFSLimits.fileHandleBytesMax))
    }
}

extension NFSTime: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(seconds: generator.number(), nanoseconds: generator.number())
    }
}

extension SetTime: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self = Bool.random(using: &generator) ? .now : .to(NFSTime(arbitrary: &generator))
    }
}

extension AuthSys: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self.init(
            stamp: generator.number(),
            machineName: generator.opaque(max: NFSLimits.machineNameBytesMax),
            uid: generator.number(),
            gid: generator.number(),
            groups: generator.list()
        )
    }
}

extension SecurityFlavor: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self =
            Bool.random(using: &generator)
            ? .gss(GSSFlavor(arbitrary: &generator))
            : .flavor(UInt32.random(in: 0...5, using: &generator))
    }
}

extension OffloadOutcome: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        self =
            Bool.random(using: &generator)
            ? .done(WriteResponse(arbitrary: &generator))
            : .failed(.noSpace, bytesCopied: generator.number())
    }
}

extension ReadDirectoryReply: Arbitrary {
    init(arbitrary generator: inout SeededGenerator) {
        let count = Int.random(in: 0...3, using: &generator)
        self.init(
            verifier: Verifier(arbitrary: &generator),
            entries: (0..<count).map { _ in
                Entry(
                    cookie: generator.number(),
                    name: generator.opaque(max: 255),
                    attributes: FileAttributes(arbitrary: &generator)
                )
            },
            isAtEnd: .random(using: &generator)
        )
    }
}
