import NFSWire

/// Owners and groups as numbers in text, which AUTH_SYS clients send and take (RFC 8881 §5.9).
enum NumericOwner {
    static func text(_ id: UInt32) -> [UInt8] {
        let count = digitCount(id)
        return [UInt8](unsafeUninitializedCapacity: count) { digits, initialized in
            put(id, in: UnsafeMutableRawBufferPointer(digits))
            initialized = count
        }
    }

    /// The same where it goes out from: a listing writes two for each name.
    static func write(_ id: UInt32, to writer: inout XDRWriter) {
        writer.write(opaqueBytes: digitCount(id)) { put(id, in: $0) }
    }

    private static func digitCount(_ id: UInt32) -> Int {
        var count = 1
        var rest = id / 10
        while rest > 0 {
            count += 1
            rest /= 10
        }
        return count
    }

    /// By hand: `String` goes through printf.
    // SAFETY: `digits` is written at its own indices alone, and each of them is.
    private static func put(_ id: UInt32, in digits: UnsafeMutableRawBufferPointer) {
        var rest = id
        for index in digits.indices.reversed() {
            digits[index] = 0x30 + UInt8(rest % 10)
            rest /= 10
        }
    }

    /// Of 4,294,967,295.
    private static let digitsMax = 10

    /// The number that a text is; `nil`, NFS4ERR_BADOWNER, for any other.
    static func number(_ text: [UInt8]) -> UInt32? {
        let isDigits =
            (1...digitsMax).contains(text.count) && text.allSatisfy { (0x30...0x39).contains($0) }
        return isDigits ? UInt32(String(decoding: text, as: UTF8.self)) : nil
    }
}
