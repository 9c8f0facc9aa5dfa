import NFSWire
import NIOCore
import TestKit
import Testing

/// Goal: what is written is read back, for every operation, in both directions, however the message is cut.
///
/// Method: seeded random values of every operation; the bytes are cut into pieces at random places.
@Suite struct RoundTripProperties {
    private let rounds = TestSizes.current.fuzzInputs / 50

    @Test(arguments: OperationSamples.codes)
    func `arguments are read as they were written`(code: OperationCode) throws {
        var generator = SeededGenerator(seed: testSeed(default: UInt64(code.rawValue)))
        for _ in 0..<rounds {
            let value = OperationArguments(arbitrary: code, &generator)
            #expect(value.code == code)
            let bytes = encoded { value.encode(to: &$0) }
            #expect(bytes.count.isMultiple(of: 4))
            var reader = reader(bytes, cutBy: &generator)
            #expect(try OperationArguments(from: &reader, in: .v42) == value)
            #expect(reader.remaining == 0)
        }
    }

    @Test(arguments: OperationSamples.codes)
    func `replies are read as they were written`(code: OperationCode) throws {
        var generator = SeededGenerator(seed: testSeed(default: UInt64(code.rawValue) + 1_000))
        for _ in 0..<rounds {
            let value = OperationSamples.reply(code, &generator)
            let bytes = encoded(value)
            #expect(bytes.count.isMultiple(of: 4) && bytes.count >= OperationReply.bytesMin)
            var reader = reader(bytes, cutBy: &generator)
            let read = try OperationReply(from: &reader)
            #expect(read == value && read.code == value.code && read.status == value.status)
            #expect(reader.remaining == 0)
        }
    }

    @Test(arguments: OperationSamples.callbackCodes)
    func `callbacks and their replies are read as they were written`(code: CallbackCode) throws {
        var generator = SeededGenerator(seed: testSeed(default: UInt64(code.rawValue) + 2_000))
        for _ in 0..<rounds {
            let value = CallbackArguments(arbitrary: code, &generator)
            #expect(value.code == code)
            var reader = reader(encoded { value.encode(to: &$0) }, cutBy: &generator)
            #expect(try CallbackArguments(from: &reader, in: .v42) == value)
            #expect(reader.remaining == 0)
            let reply = OperationSamples.callbackReply(code, &generator)
            var other = NFSWireTests.reader(encoded(reply), cutBy: &generator)
            #expect(try CallbackReply(from: &other) == reply)
            #expect(other.remaining == 0)
        }
    }

    @Test func `compounds are read as they were written`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 3))
        for _ in 0..<rounds {
            let count = Int.random(in: 0...6, using: &generator)
            let codes = (0..<count).map { _ in
                OperationSamples.codes.randomElement(using: &generator)!
            }
            let sent = Compound(
                tag: generator.opaque(max: 40),
                version: .v42,
                operations: codes.map { OperationArguments(arbitrary: $0, &generator) }
            )
            var compound = try CompoundReader(
                reader(encoded { sent.encode(to: &$0) }, cutBy: &generator)
            )
            #expect(compound.tag == sent.tag && compound.version == .v42)
            #expect(compound.operationCount == count)
            var read: [OperationArguments] = []
            while let operation = try compound.next() { read.append(operation) }
            #expect(read == sent.operations)

            let results = codes.map { OperationSamples.reply($0, &generator) }
            var reply = CompoundReplyWriter(XDRWriter(), tag: sent.tag)
            for result in results { reply.append(result) }
            var answer = reader(reply.finish().finish().bytes, cutBy: &generator)
            let expected = CompoundReply(
                status: results.last?.status ?? .ok,
                tag: sent.tag,
                results: results
            )
            #expect(try CompoundReply(from: &answer) == expected)
            #expect(encoded(expected).count == answer.offset)
        }
    }

    @Test func `callback compounds are read as they were written`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 4))
        for _ in 0..<rounds {
            let codes = (0..<3).map { _ in
                OperationSamples.callbackCodes.randomElement(using: &generator)!
            }
            let sent = CallbackCompound(
                tag: generator.opaque(max: 40),
                version: .v42,
                callbackIdentifier: generator.number(),
                operations: codes.map { CallbackArguments(arbitrary: $0, &generator) }
            )
            var call = reader(encoded { sent.encode(to: &$0) }, cutBy: &generator)
            #expect(try CallbackCompound(from: &call) == sent)
            let results = codes.map { OperationSamples.callbackReply($0, &generator) }
            let reply = CallbackCompoundReply(status: .ok, tag: sent.tag, results: results)
            var answer = reader(encoded(reply), cutBy: &generator)
            #expect(try CallbackCompoundReply(from: &answer) == reply)
        }
    }

    @Test(arguments: Attribute.allCases)
    func `each attribute's value is read as it was written`(attribute: Attribute) throws {
        var generator = SeededGenerator(seed: testSeed(default: UInt64(attribute.rawValue)))
        for _ in 0..<rounds {
            let value = AttributeValue(arbitrary: attribute, &generator)
            #expect(value.attribute == attribute)
            let attributes = FileAttributes([value])
            #expect(attributes.mask.numbers == [attribute.rawValue])
            var reader = reader(encoded(attributes), cutBy: &generator)
            #expect(try FileAttributes(from: &reader) == attributes)
            #expect(reader.remaining == 0)
        }
    }

    @Test func `bitmaps are read as they were written`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 5))
        for _ in 0..<rounds {
            let bitmap = Bitmap(arbitrary: &generator)
            var reader = reader(encoded(bitmap), cutBy: &generator)
            #expect(try Bitmap(from: &reader) == bitmap)
            #expect(Bitmap(bitmap.numbers) == bitmap)
        }
    }
}
