import NIOCore
import TestKit
import Testing

@testable import NFSWire

/// Record marking (RFC 5531 §11): any cuts in, the same records out.
@Suite struct RecordAssemblerTests {
    /// A record in fragments of these lengths.
    private func marked(_ body: [UInt8], fragments: [Int]) -> [UInt8] {
        var left = body[...]
        var bytes: [UInt8] = []
        for (index, length) in fragments.enumerated() {
            let isLast = index == fragments.count - 1
            let mark = UInt32(length) | (isLast ? 0x8000_0000 : 0)
            bytes += encoded { $0.write(mark) } + left.prefix(length)
            left = left.dropFirst(length)
        }
        precondition(left.isEmpty)
        return bytes
    }

    private func records(
        of stream: [UInt8],
        cuts: [Int],
        _ assembler: inout RecordAssembler
    ) throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        var start = 0
        for end in cuts + [stream.count] {
            assembler.receive(ByteBuffer(bytes: stream[start..<end]))
            while let record = try assembler.next() { found.append(record.bytes) }
            start = end
        }
        return found
    }

    @Test func `a stream cut at any two places gives its records`() throws {
        let first = Array("the first record".utf8)
        let second = Array("two".utf8)
        let stream =
            marked(first, fragments: [5, 0, 11]) + marked(second, fragments: [3])
            + marked([], fragments: [0])
        for low in 0...stream.count {
            for high in low...stream.count {
                var assembler = RecordAssembler(recordBytesMax: 100)
                let found = try records(of: stream, cuts: [low, high], &assembler)
                #expect(found == [first, second, []], "cuts at \(low) and \(high)")
            }
        }
    }

    @Test func `a record over its limit ends the connection before it is gathered`() throws {
        var assembler = RecordAssembler(recordBytesMax: 10)
        assembler.receive(ByteBuffer(bytes: bytes("0000000a 00000000000000000000 80000001")))
        #expect(throws: RecordAssembler.Failure.recordTooLong(11)) { try assembler.next() }
    }

    @Test func `endless empty fragments end the connection`() throws {
        var assembler = RecordAssembler(recordBytesMax: 10)
        let zeros = [UInt8](repeating: 0, count: 4 * (RecordAssembler.fragmentsMax + 1))
        assembler.receive(ByteBuffer(bytes: zeros))
        #expect(throws: RecordAssembler.Failure.tooManyFragments) { try assembler.next() }
    }

    @Test func `a sender of single bytes holds no receive buffer each`() throws {
        var assembler = RecordAssembler(recordBytesMax: 1 << 20)
        let body = (0..<150_000).map { UInt8(truncatingIfNeeded: $0) }
        var found: ByteChain?
        for byte in marked(body, fragments: [150_000]) {
            var received = ByteBufferAllocator().buffer(capacity: 4_096)
            received.writeInteger(byte)
            assembler.receive(received)
            if let record = try assembler.next() { found = record }
        }
        let record = try #require(found)
        #expect(record.bytes == body)
        let capacity = record.pieces.map(\.storageCapacity).reduce(0, +)
        #expect(record.pieceCount <= 4, "two pieces of 64 KiB, a rest, and the last byte")
        #expect(capacity < 4 * body.count, "\(capacity) bytes held for \(body.count)")
    }

    @Test func `a write of 1 MiB keeps the socket's buffers`() throws {
        var assembler = RecordAssembler(recordBytesMax: 2 << 20)
        let stream = marked([UInt8](repeating: 5, count: 1 << 20), fragments: [1 << 20])
        var found: ByteChain?
        for start in stride(from: 0, to: stream.count, by: 1 << 18) {
            let end = min(start + 1 << 18, stream.count)
            assembler.receive(ByteBuffer(bytes: stream[start..<end]))
            if let record = try assembler.next() { found = record }
        }
        #expect(found?.count == 1 << 20)
        #expect(found?.pieceCount == 5)
    }

    @Test func `any bytes give records or a failure`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 11))
        for _ in 0..<TestSizes.current.fuzzInputs / 10 {
            var assembler = RecordAssembler(recordBytesMax: 64)
            do throws(RecordAssembler.Failure) {
                for _ in 0..<20 {
                    var part = generator.bytes(Int.random(in: 1...12, using: &generator))
                    if Bool.random(using: &generator) { part[0] &= 0x80 }
                    assembler.receive(ByteBuffer(bytes: part))
                    while let record = try assembler.next() { #expect(record.count <= 64) }
                    #expect(assembler.heldBytes <= 64)
                }
            } catch {
                // A typed failure is an answer.
            }
        }
    }
}
