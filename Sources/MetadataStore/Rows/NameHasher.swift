private import Keyring

/// The keyed hash by which names are found: SipHash-2-4 (Aumasson and Bernstein, 2012).
///
/// Keyed, so that nobody who chooses names can choose collisions.
package struct NameHasher: Sendable {
    /// Collision numbers of one hash.
    package static let collisions: UInt64 = 256
    /// Cookies 0 to 2 mean something else to NFS (RFC 8881 §18.23.3).
    package static let hashMin: UInt64 = 3
    package static let keyBytes = 16

    private let hash: SipHash
    /// Bits of the hash that are used: 55; tests inject fewer.
    package let bits: Int

    /// Makes a hasher.
    ///
    /// - Parameters:
    ///   - key: 16 bytes, drawn when the file system was made and never changed.
    ///   - bits: 1 to 55.
    package init(key: [UInt8], bits: Int = 55) {
        precondition(key.count == NameHasher.keyBytes, "a name-hash key is 16 bytes")
        precondition((1...55).contains(bits), "a name hash has 1 to 55 bits")
        hash = SipHash(key0: NameHasher.word(key, at: 0), key1: NameHasher.word(key, at: 8))
        self.bits = bits
    }

    /// The hashes that `name` may have: one for each collision number.
    package func candidates(_ name: [UInt8]) -> ClosedRange<UInt64> {
        let base = (sipHash(name) >> UInt64(64 - bits)) << 8
        return max(base, NameHasher.hashMin)...(base + NameHasher.collisions - 1)
    }

    /// SipHash-2-4 of `bytes`.
    package func sipHash(_ bytes: [UInt8]) -> UInt64 {
        hash.hash(bytes)
    }

    private static func word(_ bytes: [UInt8], at position: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<8 {
            word |= UInt64(bytes[position + index]) << UInt64(8 * index)
        }
        return word
    }
}
