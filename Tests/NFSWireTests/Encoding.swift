import NFSWire
import NIOCore
import TestKit

/// The bytes of a value.
func encoded(_ value: some XDRValue) -> [UInt8] {
    encoded { value.encode(to: &$0) }
}

/// What is written, as bytes.
func encoded(_ write: (inout XDRWriter) -> Void) -> [UInt8] {
    var writer = XDRWriter()
    write(&writer)
    return writer.finish().bytes
}

/// Hexadecimal words as a person writes them, blanks between.
func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.filter { !$0.isWhitespace }
    precondition(digits.count.isMultiple(of: 2))
    var result: [UInt8] = []
    var index = digits.startIndex
    while index < digits.endIndex {
        let next = digits.index(index, offsetBy: 2)
        guard let byte = UInt8(digits[index..<next], radix: 16) else {
            preconditionFailure("bytes are written in hexadecimal")
        }
        result.append(byte)
        index = next
    }
    return result
}

/// A reader of bytes in one piece.
func reader(_ bytes: [UInt8]) -> XDRReader {
    XDRReader(ByteBuffer(bytes: bytes))
}

/// A reader of the same bytes in one to five pieces.
func reader(_ bytes: [UInt8], cutBy generator: inout SeededGenerator) -> XDRReader {
    let pieces = Int.random(in: 1...5, using: &generator)
    return XDRReader(generator.cut(ByteBuffer(bytes: bytes), pieces: pieces))
}

/// The error that a reading throws; `nil` when it answers.
func failure<Value>(_ read: () throws(XDRError) -> Value) -> XDRError? {
    do throws(XDRError) {
        _ = try read()
        return nil
    } catch {
        return error
    }
}
