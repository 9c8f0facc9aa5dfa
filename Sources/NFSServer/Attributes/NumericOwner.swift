/// Owners and groups as numbers in text, which AUTH_SYS clients send and take (RFC 8881 §5.9).
enum NumericOwner {
    static func text(_ id: UInt32) -> [UInt8] {
        // By hand: a listing writes two for each name, and `String` goes through printf.
        [UInt8](unsafeUninitializedCapacity: digitsMax) { digits, count in
            var rest = id
            repeat {
                digits[count] = 0x30 + UInt8(rest % 10)
                count += 1
                rest /= 10
            } while rest > 0
            digits[..<count].reverse()
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
