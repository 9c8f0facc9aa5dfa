/// Owners and groups as numbers in text, which AUTH_SYS clients send and take (RFC 8881 §5.9).
enum NumericOwner {
    static func text(_ id: UInt32) -> [UInt8] {
        Array(String(id).utf8)
    }

    /// The number that a text is; `nil`, NFS4ERR_BADOWNER, for any other.
    static func number(_ text: [UInt8]) -> UInt32? {
        let isDigits =
            (1...10).contains(text.count) && text.allSatisfy { (0x30...0x39).contains($0) }
        return isDigits ? UInt32(String(decoding: text, as: UTF8.self)) : nil
    }
}
