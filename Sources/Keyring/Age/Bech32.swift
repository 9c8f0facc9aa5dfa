/// Bech32 (BIP 173) without a limit on its length, as age's keys are written.
enum Bech32 {
    private static let letters = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)

    /// `prefix1…`, in lower case.
    static func encode(prefix: String, _ bytes: [UInt8]) -> String {
        let words = regrouped(bytes, from: 8, to: 5, isPadded: true) ?? []
        let head = expanded(Array(prefix.utf8))
        let sum = checksum(head + words + [UInt8](repeating: 0, count: 6)) ^ 1
        let tail = (0..<6).map { UInt8(truncatingIfNeeded: sum >> (5 * (5 - $0))) & 31 }
        return prefix + "1"
            + String(decoding: (words + tail).map { letters[Int($0)] }, as: UTF8.self)
    }

    /// The prefix in lower case and the bytes; `nil` for mixed case, a wrong checksum or padding that is not zero.
    static func decode(_ text: String) -> (prefix: String, bytes: [UInt8])? {
        let source = Array(text.utf8)
        let hasUpper = source.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        let hasLower = source.contains { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        guard !(hasUpper && hasLower) else { return nil }
        let lower = hasUpper ? Array(text.lowercased().utf8) : source
        guard let one = lower.lastIndex(of: UInt8(ascii: "1")), one > 0, lower.count - one > 6,
            lower[..<one].allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        var words: [UInt8] = []
        for letter in lower[(one + 1)...] {
            guard let word = letters.firstIndex(of: letter) else { return nil }
            words.append(UInt8(word))
        }
        guard checksum(expanded(Array(lower[..<one])) + words) == 1,
            let bytes = regrouped(words.dropLast(6), from: 5, to: 8, isPadded: false)
        else { return nil }
        return (String(decoding: lower[..<one], as: UTF8.self), bytes)
    }

    /// Cuts bits into groups of another size.
    private static func regrouped(
        _ values: some Sequence<UInt8>,
        from: UInt32,
        to: UInt32,
        isPadded: Bool
    ) -> [UInt8]? {
        var result: [UInt8] = []
        var held: UInt32 = 0
        var bits: UInt32 = 0
        for value in values {
            held = (held << from | UInt32(value)) & 0xFFFF
            bits += from
            while bits >= to {
                bits -= to
                result.append(UInt8(truncatingIfNeeded: held >> bits & (1 << to - 1)))
            }
        }
        let rest = held & (1 << bits - 1)
        if isPadded {
            if bits > 0 { result.append(UInt8(truncatingIfNeeded: rest << (to - bits))) }
        } else if bits >= from || rest != 0 {
            return nil
        }
        return result
    }

    private static func expanded(_ prefix: [UInt8]) -> [UInt8] {
        prefix.map { $0 >> 5 } + [0] + prefix.map { $0 & 31 }
    }

    private static func checksum(_ words: [UInt8]) -> UInt32 {
        let generators: [UInt32] = [
            0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3,
        ]
        var sum: UInt32 = 1
        for word in words {
            let top = sum >> 25
            sum = (sum & 0x1FF_FFFF) << 5 ^ UInt32(word)
            for (index, generator) in generators.enumerated() where top >> UInt32(index) & 1 == 1 {
                sum ^= generator
            }
        }
        return sum
    }
}
