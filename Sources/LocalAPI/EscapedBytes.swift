import VarveModel

/// Bytes as JSON carries them: names, paths and attribute names need not be UTF-8.
///
/// A byte that belongs to no valid UTF-8 sequence, a control byte (below 0x20, and 0x7F) and `%` itself are
/// written `%XX`; everything else stands for itself. The text is therefore readable, and exact.
package struct EscapedBytes: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
    }

    /// Reads the escaped form; `nil` when a `%` is not followed by two hex digits.
    package init?(escaped text: String) {
        var bytes: [UInt8] = []
        var source = Array(text.utf8)[...]
        while let byte = source.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = source.popFirst().flatMap(EscapedBytes.digit),
                let low = source.popFirst().flatMap(EscapedBytes.digit)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    /// The escaped form.
    package var text: String {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let length = UTF8Sequence.length(at: index, in: bytes)
            let byte = bytes[index]
            if length == 0 || byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "%") {
                result.append(UInt8(ascii: "%"))
                result.append(contentsOf: Hex.encode([byte]).uppercased().utf8)
                index += 1
            } else {
                result.append(contentsOf: bytes[index..<index + length])
                index += length
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension EscapedBytes: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let bytes = EscapedBytes(escaped: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a '%' without two digits")
            )
        }
        self = bytes
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// Where valid UTF-8 sequences stand in bytes (RFC 3629 §4).
package enum UTF8Sequence {
    /// Bytes of the valid sequence that starts at `index`; 0 when none does.
    package static func length(at index: Int, in bytes: [UInt8]) -> Int {
        let first = bytes[index]
        let (count, second): (Int, ClosedRange<UInt8>) =
            switch first {
            case 0x00...0x7F: (1, 0...0)
            case 0xC2...0xDF: (2, 0x80...0xBF)
            case 0xE0: (3, 0xA0...0xBF)
            case 0xE1...0xEC, 0xEE...0xEF: (3, 0x80...0xBF)
            case 0xED: (3, 0x80...0x9F)
            case 0xF0: (4, 0x90...0xBF)
            case 0xF1...0xF3: (4, 0x80...0xBF)
            case 0xF4: (4, 0x80...0x8F)
            default: (0, 0...0)
            }
        guard count > 1 else { return count }
        guard index + count <= bytes.count, second.contains(bytes[index + 1]) else { return 0 }
        let rest = bytes[(index + 2)..<(index + count)]
        return rest.allSatisfy { (0x80...0xBF).contains($0) } ? count : 0
    }
}
