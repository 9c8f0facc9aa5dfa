import NIOCore
import TestKit
import Testing

@testable import NFSWire

/// Writing values of RFC 4506, and going back on it.
@Suite struct XDRWriterTests {
    @Test func `strings are counted and padded with zeros`() {
        let written = encoded {
            $0.write(opaque: Array("abcde".utf8))
            $0.write(fixedOpaque: [9])
            $0.write(true)
        }
        #expect(written == bytes("00000005 6162636465 000000 09000000 00000001"))
    }

    @Test(arguments: [0, 1, 3, 1_024, 1_025, 70_001])
    func `a payload is counted, padded and in its place`(count: Int) {
        let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var writer = XDRWriter()
        writer.write(UInt32(1))
        writer.write(payload: ByteChain(copying: data))
        writer.write(UInt32(2))
        #expect(writer.count == 12 + (count + 3) / 4 * 4)
        let chain = writer.finish()
        #expect(chain.pieceCount == (count > XDRWriter.copiedBytesMax ? 3 : 1))
        let plain = encoded {
            $0.write(UInt32(1))
            $0.write(opaque: data)
            $0.write(UInt32(2))
        }
        #expect(chain.bytes == plain)
    }

    @Test func `a large payload is not copied`() {
        let data = ByteBuffer(repeating: 7, count: 100_000)
        var writer = XDRWriter()
        writer.write(payload: ByteChain(data))
        let place = { (buffer: ByteBuffer) in
            buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        }
        let pieces = writer.finish().pieces
        #expect(pieces.count == 2)
        #expect(pieces.last.map(place) == place(data))
    }

    @Test func `what was written is taken back, payloads too`() {
        var writer = XDRWriter()
        writer.write(UInt32(1))
        let mark = writer.mark
        writer.write(UInt32(2))
        writer.write(payload: ByteChain(ByteBuffer(repeating: 3, count: 5_000)))
        writer.rollBack(to: mark)
        #expect(writer.count == 4)
        writer.patch(9, at: XDRWriter.start)
        writer.write(UInt32(4))
        #expect(writer.finish().bytes == bytes("00000009 00000004"))
    }

    @Test func `a body is counted when it is known`() {
        let written = encoded { writer in
            writer.writeBody { $0.write(fixedOpaque: [1, 2, 3, 4]) }
            writer.writeBody { _ in }
        }
        #expect(written == bytes("00000004 01020304 00000000"))
    }

    @Test func `a record has its length before it`() {
        var writer = XDRWriter.record()
        writer.write(UInt32(7))
        writer.write(payload: ByteChain(ByteBuffer(repeating: 1, count: 2_000)))
        let record = writer.finishRecord().bytes
        #expect(record.count == 4 + 8 + 2_000)
        #expect(Array(record.prefix(12)) == bytes("800007d8 00000007 000007d0"))
    }
}
