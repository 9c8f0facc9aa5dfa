import NFSWire
import TestKit
import Testing
import VarveModel

/// fattr4 and bitmaps, byte by byte from RFC 8881 §3.3.7 and §5.
@Suite struct AttributeTests {
    @Test func `an attribute's number is its bit, 32 a word`() throws {
        #expect(encoded(Bitmap([])) == bytes("00000000"))
        #expect(encoded(Bitmap([1, 3, 4])) == bytes("00000001 0000001a"))
        #expect(encoded(Bitmap([0, 33, 53])) == bytes("00000002 00000001 00200002"))
        #expect(encoded(Bitmap([82])) == bytes("00000003 00000000 00000000 00040000"))
        #expect(encoded(Bitmap([127])) == bytes("00000004 00000000 00000000 00000000 80000000"))
    }

    @Test func `words of zeros and numbers over 127 are read`() throws {
        var zeros = reader(bytes("00000006 00000002 00000000 00000000 00000000 00000000 00000000"))
        #expect(try Bitmap(from: &zeros) == [1])
        var far = reader(bytes("00000005 00000002 00000000 00000000 00000000 00000400"))
        let bitmap = try Bitmap(from: &far)
        #expect(bitmap.numbers == [1] && bitmap.hasUnknown && !bitmap.isEmpty)
        var long = reader(bytes("00000009") + [UInt8](repeating: 0, count: 36))
        #expect(failure { () throws(XDRError) in try Bitmap(from: &long) }?.code == .tooLong)
    }

    @Test func `sets of numbers add and subtract`() {
        let left: Bitmap = [1, 40, 70, 100]
        let right: Bitmap = [40, 100, 101]
        #expect(left.intersection(right) == [40, 100])
        #expect(left.union(right) == [1, 40, 70, 100, 101])
        #expect(left.subtracting(right) == [1, 70])
        var changed = left
        changed.remove(70)
        changed.remove(40)
        #expect(changed == [1, 100] && changed.contains(100) && !changed.contains(70))
    }

    @Test func `values stand in the order of their numbers`() throws {
        let attributes = FileAttributes([
            .mode(0o644), .size(5), .type(.regular), .owner(Array("1000".utf8)),
            .modified(NFSTime(seconds: -1, nanoseconds: 500)),
        ])
        let expected = bytes(
            """
            00000002 00000012 00200012
            00000024 00000001 0000000000000005 000001a4 00000004 31303030 ffffffffffffffff 000001f4
            """
        )
        #expect(encoded(attributes) == expected)
        var reader = reader(expected)
        let read = try FileAttributes(from: &reader)
        #expect(read == attributes && read.unknown.isEmpty)
        #expect(read[.mode] == .mode(0o644) && read[.change] == nil)
    }

    @Test func `an attribute that we do not know is named, and the request goes on behind it`()
        throws
    {
        // size, then number 90, then the next field.
        let message = bytes(
            "00000003 00000010 00000000 04000000 0000000c 0000000000000007 000000ff 00000001"
        )
        var reader = reader(message)
        let attributes = try FileAttributes(from: &reader)
        #expect(attributes.values == [.size(7)])
        #expect(attributes.unknown == [90])
        #expect(try reader.uint32("next") == 1)
    }

    @Test(arguments: ["00000004 00000000", "0000000c 0000000000000007 00000000"])
    func `values shorter or longer than their bitmap are refused`(body: String) {
        var reader = reader(bytes("00000001 00000010" + body))
        #expect(failure { () throws(XDRError) in try FileAttributes(from: &reader) } != nil)
    }

    @Test func `attributes written one by one are those of the list`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 21))
        for _ in 0..<200 {
            let list = FileAttributes(arbitrary: &generator)
            let streamed = encoded { writer in
                writer.writeAttributes(list.mask) { attribute, body in
                    guard let value = list[attribute] else { return false }
                    value.encode(to: &body)
                    return true
                }
            }
            #expect(streamed == encoded(list))
        }
    }

    @Test func `an attribute without an answer is left out of the bitmap`() throws {
        let requested: Bitmap = [1, 4, 33, 82, 120]
        let written = encoded { writer in
            writer.writeAttributes(requested) { attribute, body in
                switch attribute {
                case .size: AttributeValue.size(9).encode(to: &body)
                case .mode: AttributeValue.mode(0o755).encode(to: &body)
                default: return false
                }
                return true
            }
        }
        // The words keep their number: one of zeros says nothing.
        #expect(
            written
                == bytes("00000003 00000010 00000002 00000000 0000000c 0000000000000009 000001ed")
        )
        var reader = reader(written)
        #expect(try FileAttributes(from: &reader) == FileAttributes([.size(9), .mode(0o755)]))
    }

    @Test func `each minor version has its attributes`() {
        #expect(Attribute.known(in: .v40).numbers == Array(0...55))
        #expect(Attribute.known(in: .v41).numbers == Array(0...76))
        #expect(Attribute.known(in: .v42) == Attribute.known)
        #expect(Attribute.known.numbers == Array(0...82))
        #expect(Attribute.writeOnly.subtracting(Attribute.settable).isEmpty)
        #expect(Attribute.settable.contains(Attribute.mode.rawValue))
        #expect(!Attribute.settable.contains(Attribute.change.rawValue))
    }

    @Test func `a time may be none`() {
        #expect(NFSTime(seconds: 5, nanoseconds: 999_999_999).timestamp?.seconds == 5)
        #expect(NFSTime(seconds: 5, nanoseconds: 1_000_000_000).timestamp == nil)
    }
}
