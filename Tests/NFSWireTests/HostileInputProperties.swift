import NFSWire
import NIOCore
import TestKit
import Testing

/// Goal: whatever arrives, the decoders answer a value or a typed error; they never trap and make room for nothing absurd.
///
/// Method: noise that leans to small numbers, so that it gets deep; valid messages with bytes flipped, words replaced and
/// tails cut off. What decodes is written again and must then read the same.
@Suite struct HostileInputProperties {
    private let inputs = TestSizes.current.fuzzInputs

    /// Words that are mostly small, so that counts and discriminants are often right.
    private func noise(_ generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...60, using: &generator) {
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: bytes += generator.bytes(4)
            case 1: bytes += [0xFF, 0xFF, 0xFF, 0xFF]
            default: bytes += [0, 0, 0, UInt8.random(in: 0..<8, using: &generator)]
            }
        }
        return bytes + generator.bytes(Int.random(in: 0...3, using: &generator))
    }

    /// Reads arguments; what is read must survive being written.
    private func checkArguments(_ reader: inout XDRReader, in version: MinorVersion) throws {
        guard
            let value = try decoded({ () throws(XDRError) in
                try OperationArguments(from: &reader, in: version)
            })
        else { return }
        let once = encoded { value.encode(to: &$0) }
        var again = NFSWireTests.reader(once)
        let second = try OperationArguments(from: &again, in: version)
        #expect(encoded { second.encode(to: &$0) } == once)
    }

    private func checkReply(_ reader: inout XDRReader) throws {
        guard
            let value = try decoded({ () throws(XDRError) in
                try OperationReply(from: &reader)
            })
        else { return }
        let once = encoded(value)
        var again = NFSWireTests.reader(once)
        #expect(encoded(try OperationReply(from: &again)) == once)
    }

    /// The value, or `nil` for a typed error whose offset lies in the message.
    private func decoded<Value>(_ read: () throws(XDRError) -> Value) throws -> Value? {
        do throws(XDRError) {
            return try read()
        } catch {
            #expect(error.offset >= 0 && !error.field.isEmpty && !error.message.isEmpty)
            #expect(NFSStatus(error) == .badXDR)
            return nil
        }
    }

    @Test(arguments: OperationSamples.codes)
    func `any bytes behind an operation's number give arguments or an error`(
        code: OperationCode
    ) throws {
        var generator = SeededGenerator(seed: testSeed(default: UInt64(code.rawValue) + 10_000))
        for _ in 0..<inputs / 10 {
            let message = encoded(code) + noise(&generator)
            var reader = reader(message, cutBy: &generator)
            try checkArguments(&reader, in: .v42)
        }
    }

    @Test(arguments: OperationSamples.codes)
    func `any bytes behind a result's number give a reply or an error`(code: OperationCode) throws {
        var generator = SeededGenerator(seed: testSeed(default: UInt64(code.rawValue) + 20_000))
        for _ in 0..<inputs / 10 {
            let status = Int.random(in: 0..<3, using: &generator) == 0 ? NFSStatus.denied : .ok
            let message = encoded(code) + encoded(status) + noise(&generator)
            var reader = reader(message, cutBy: &generator)
            try checkReply(&reader)
        }
    }

    @Test func `any bytes give an RPC message, a compound, a callback, or an error`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 12))
        for _ in 0..<inputs {
            let message = noise(&generator)
            var first = reader(message, cutBy: &generator)
            _ = try decoded { () throws(XDRError) in try RPCMessage(from: &first) }
            var second = reader(message, cutBy: &generator)
            _ = try decoded { () throws(XDRError) in try CallbackCompound(from: &second) }
            var third = reader(message, cutBy: &generator)
            _ = try decoded { () throws(XDRError) in try CallbackCompoundReply(from: &third) }
            var fourth = reader(message, cutBy: &generator)
            _ = try decoded { () throws(XDRError) in try CompoundReply(from: &fourth) }
            let whole = reader(message, cutBy: &generator)
            _ = try decoded { () throws(XDRError) in
                var compound = try CompoundReader(whole)
                while try compound.next() != nil {}
            }
        }
    }

    @Test func `any bytes give attributes or an error`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 13))
        for _ in 0..<inputs {
            let mask = encoded(Bitmap(arbitrary: &generator))
            let body = noise(&generator)
            let message = mask + encoded { $0.write(opaque: body) }
            var reader = reader(message, cutBy: &generator)
            guard
                let value = try decoded({ () throws(XDRError) in
                    try FileAttributes(from: &reader)
                })
            else { continue }
            #expect(reader.remaining == 0)
            var again = NFSWireTests.reader(encoded(value))
            #expect(try FileAttributes(from: &again).values == value.values)
        }
    }

    @Test(arguments: OperationSamples.codes)
    func `arguments cut off at any byte are refused`(code: OperationCode) throws {
        var generator = SeededGenerator(seed: testSeed(default: UInt64(code.rawValue) + 30_000))
        for _ in 0..<max(2, inputs / 1_000) {
            let value = OperationArguments(arbitrary: code, &generator)
            let bytes = encoded { value.encode(to: &$0) }
            for count in 0..<bytes.count {
                var reader = reader(Array(bytes.prefix(count)))
                guard
                    let read = try decoded({ () throws(XDRError) in
                        try OperationArguments(from: &reader, in: .v42)
                    })
                else { continue }
                // Without the padding of its last field a message is whole (see `XDRReader`).
                #expect(read == value && bytes.count - count < 4, "cut at \(count)")
            }
        }
    }

    @Test(arguments: OperationSamples.codes)
    func `replies cut off at any byte are refused`(code: OperationCode) throws {
        var generator = SeededGenerator(seed: testSeed(default: UInt64(code.rawValue) + 40_000))
        for _ in 0..<max(2, inputs / 1_000) {
            let value = OperationSamples.reply(code, &generator)
            let bytes = encoded(value)
            for count in 0..<bytes.count {
                var reader = reader(Array(bytes.prefix(count)))
                guard
                    let read = try decoded({ () throws(XDRError) in
                        try OperationReply(from: &reader)
                    })
                else { continue }
                #expect(read == value && bytes.count - count < 4, "cut at \(count)")
            }
        }
    }

    @Test func `any bytes changed in valid messages give a value or an error`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 14))
        for _ in 0..<inputs * 2 {
            let code = OperationSamples.codes.randomElement(using: &generator)!
            var request = OperationSamples.arguments(code, &generator)
            mutate(&request, &generator)
            var first = reader(request, cutBy: &generator)
            try checkArguments(&first, in: MinorVersion.allCases.randomElement(using: &generator)!)
            var reply = encoded(OperationSamples.reply(code, &generator))
            mutate(&reply, &generator)
            var second = reader(reply, cutBy: &generator)
            try checkReply(&second)
        }
    }

    /// One to three of: a bit flipped, a word replaced, a byte more or less.
    private func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            guard !bytes.isEmpty else { return }
            let index = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[index] = .random(in: .min ... .max, using: &generator)
            case 2: bytes.remove(at: index)
            case 3: bytes.insert(.random(in: .min ... .max, using: &generator), at: index)
            default:
                let word: UInt32 = generator.number()
                let start = index & ~3
                guard start + 4 <= bytes.count else { continue }
                bytes.replaceSubrange(start..<start + 4, with: encoded(word))
            }
        }
    }

    @Test func `a huge count in every word of every request makes no room`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 15))
        for code in OperationSamples.codes {
            let request = OperationSamples.arguments(code, &generator)
            for start in stride(from: 4, to: request.count, by: 4) {
                var changed = request
                changed.replaceSubrange(start..<start + 4, with: [0xFF, 0xFF, 0xFF, 0xFF])
                var reader = reader(changed)
                _ = try decoded { () throws(XDRError) in
                    try OperationArguments(from: &reader, in: .v42)
                }
            }
        }
    }
}
