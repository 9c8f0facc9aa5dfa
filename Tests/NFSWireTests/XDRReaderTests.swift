import NIOCore
import TestKit
import Testing

@testable import NFSWire

/// Reading values of RFC 4506 from pieces.
@Suite struct XDRReaderTests {
    @Test func `numbers are big-endian and may lie over the edge of pieces`() throws {
        let message = bytes("01020304 05060708090a0b0c ffffffff fffffffffffffffe")
        for cut in 0...message.count {
            var chain = ByteChain(ByteBuffer(bytes: message[..<cut]))
            chain.append(ByteBuffer(bytes: message[cut...]))
            var reader = XDRReader(chain)
            #expect(try reader.uint32("a") == 0x0102_0304)
            #expect(try reader.uint64("b") == 0x0506_0708_090A_0B0C)
            #expect(try reader.int32("c") == -1)
            #expect(try reader.int64("d") == -2)
            #expect(reader.remaining == 0 && reader.offset == 24)
        }
    }

    @Test func `a number in pieces of one byte is whole`() throws {
        var reader = XDRReader(ByteChain(bytes("0102030405060708").map { ByteBuffer(bytes: [$0]) }))
        #expect(try reader.uint64("a") == 0x0102_0304_0506_0708)
    }

    @Test func `looking ahead moves nothing, over the edge of pieces too`() throws {
        let message = bytes("01020304 05060708 090a0b0c 0d0e0f10")
        for size in 1...message.count {
            let pieces = stride(from: 0, to: message.count, by: size).map {
                ByteBuffer(bytes: message[$0..<min($0 + size, message.count)])
            }
            var reader = XDRReader(ByteChain(pieces))
            var numbers: [UInt32] = []
            while let ahead = reader.upcoming {
                for limit in [0, 1, 3, 7, 100] {
                    var seen: [UInt8] = []
                    reader.withUpcoming(limit) { seen += $0 }
                    #expect(seen == Array(message[reader.offset...].prefix(limit)))
                }
                numbers.append(ahead)
                #expect(try reader.uint32("n") == ahead)
            }
            #expect(numbers == [0x0102_0304, 0x0506_0708, 0x090A_0B0C, 0x0D0E_0F10])
            #expect(reader.remaining == 0)
        }
        let short = XDRReader(ByteBuffer(bytes: [1, 2, 3]))
        #expect(short.upcoming == nil)
    }

    @Test func `a boolean is 0 or 1`() throws {
        var reader = reader(bytes("00000001 00000000 00000002"))
        #expect(try reader.bool("a"))
        #expect(try !reader.bool("b"))
        #expect(
            failure { () throws(XDRError) in try reader.bool("c") }
                == XDRError(.badValue, "c", at: 8)
        )
    }

    @Test func `opaque bytes are padded to four, and the padding may be anything or missing`()
        throws
    {
        var first = reader(bytes("00000003 6162637a 00000001"))
        #expect(try first.opaque("a", max: 3) == Array("abc".utf8))
        #expect(try first.uint32("b") == 1)
        var last = reader(bytes("00000003 616263"))
        #expect(try last.opaque("a", max: 3) == Array("abc".utf8))
        #expect(last.remaining == 0)
    }

    @Test func `a length over its limit is refused before it is looked for`() {
        var reader = reader(bytes("ffffffff 00000000"))
        let error = failure { () throws(XDRError) in try reader.opaque("name", max: 255) }
        #expect(error == XDRError(.tooLong, "name", at: 0))
        #expect(error?.message == "name at byte 0 is longer than its limit")
    }

    @Test func `a count of 2^32 - 1 makes no room`() {
        var reader = reader(bytes("ffffffff 00000000"))
        let error = failure { () throws(XDRError) in
            try reader.array("list", max: .max, of: StateID.self)
        }
        #expect(error == XDRError(.truncated, "list", at: 0))
    }

    @Test func `a payload shares the storage of the message`() throws {
        let data = (0..<4_000).map { UInt8(truncatingIfNeeded: $0) }
        let message = encoded { $0.write(opaque: data) } + bytes("00000007")
        let buffer = ByteBuffer(bytes: message)
        var reader = XDRReader(buffer)
        let payload = try reader.payload("data", max: 4_000)
        #expect(payload.bytes == data)
        #expect(try reader.uint32("next") == 7)
        let start = buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        payload.forEachPiece { piece in
            let place = piece.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
            #expect(place == start + 4)
        }
    }

    @Test func `a payload over pieces comes out in pieces`() throws {
        let message = encoded { $0.write(opaque: Array(0..<10)) }
        for cut in 0...message.count {
            var chain = ByteChain(ByteBuffer(bytes: message[..<cut]))
            chain.append(ByteBuffer(bytes: message[cut...]))
            var reader = XDRReader(chain)
            let payload = try reader.payload("data", max: 10)
            #expect(payload.bytes == Array(0..<10))
            #expect(payload.pieceCount == (5..<14 ~= cut ? 2 : 1), "cut at \(cut)")
            #expect(reader.remaining == 0)
        }
    }

    @Test func `a counted body is read whole and not beyond`() throws {
        let message = bytes("00000008 00000001 00000002 00000003")
        var exact = reader(message)
        let sum = try exact.body("body", max: 8) { (body: inout XDRReader) throws(XDRError) in
            let first = try body.uint32("a")
            return first + (try body.uint32("b"))
        }
        #expect(sum == 3)
        #expect(try exact.uint32("c") == 3)
        var over = reader(message)
        let beyond = failure { () throws(XDRError) in
            try over.body("body", max: 8) { (body: inout XDRReader) throws(XDRError) in
                _ = try body.uint64("a")
                return try body.uint32("b")
            }
        }
        #expect(beyond?.code == .truncated && beyond?.field == "b")
        var short = reader(message)
        let left = failure { () throws(XDRError) in
            try short.body("body", max: 8) { (body: inout XDRReader) throws(XDRError) in
                try body.uint32("a")
            }
        }
        #expect(left == XDRError(.trailingBytes, "body", at: 8))
    }

    @Test func `what is left can be taken as it is`() throws {
        var reader = XDRReader(
            ByteChain([ByteBuffer(bytes: [0, 0, 0, 1, 5]), ByteBuffer(bytes: [6])])
        )
        _ = try reader.uint32("a")
        #expect(
            failure { () throws(XDRError) in try reader.requireEnd("a") }?.code == .trailingBytes
        )
        #expect(reader.takeRest().bytes == [5, 6])
        #expect(reader.remaining == 0 && reader.offset == 6)
    }

    @Test func `chains are equal when their bytes are`() {
        var generator = SeededGenerator(seed: testSeed(default: 1))
        let whole = ByteBuffer(bytes: generator.bytes(50))
        for _ in 0..<100 {
            let left = generator.cut(whole, pieces: 4)
            #expect(left == generator.cut(whole, pieces: 3))
            #expect(left.bytes == Array(whole.readableBytesView))
        }
        var other = Array(whole.readableBytesView)
        other[30] ^= 1
        #expect(
            generator.cut(ByteBuffer(bytes: other), pieces: 3) != generator.cut(whole, pieces: 4)
        )
    }
}
