/// AES-256-GCM (NIST SP 800-38D) under one key, whose schedule is made once.
///
/// Any thread may seal and open at any time. A nonce must never come twice under one key.
package final class Sealer: Sendable {
    /// Bytes that a seal adds.
    package static let tagBytes = 16
    package static let nonceBytes = 12

    let cipher: Cipher

    package init(_ key: DataKey) {
        cipher = Cipher(key.secret)
    }

    /// Seals `plain` into `sealed`, whose last 16 bytes become the tag.
    ///
    /// The two may be the same memory.
    ///
    /// - Parameters:
    ///   - plain: Any number of bytes, none included.
    ///   - sealed: Exactly `plain.count + 16` bytes.
    ///   - nonce: Never used before under this key.
    ///   - header: Authenticated, not encrypted.
    package func seal(
        _ plain: UnsafeRawBufferPointer,
        into sealed: UnsafeMutableRawBufferPointer,
        nonce: Nonce,
        authenticating header: UnsafeRawBufferPointer
    ) {
        precondition(sealed.count == plain.count + Sealer.tagBytes, "sealed bytes need 16 more")
        cipher.seal(plain, into: sealed, nonce: nonce, header: header)
    }

    /// Opens `sealed` into `plain`, exactly 16 bytes fewer; they may be the same memory.
    ///
    /// On a bad tag, `plain` holds zeros and the answer is false.
    package func open(
        _ sealed: UnsafeRawBufferPointer,
        into plain: UnsafeMutableRawBufferPointer,
        nonce: Nonce,
        authenticating header: UnsafeRawBufferPointer
    ) -> Bool {
        guard sealed.count >= Sealer.tagBytes else { return false }
        precondition(plain.count == sealed.count - Sealer.tagBytes, "plain bytes are 16 fewer")
        return cipher.open(sealed, into: plain, nonce: nonce, header: header)
    }

    /// Seals arrays; for what is not hot.
    package func seal(_ plain: [UInt8], nonce: Nonce, authenticating header: [UInt8] = [])
        -> [UInt8]
    {
        [UInt8](unsafeUninitializedCapacity: plain.count + Sealer.tagBytes) { buffer, count in
            plain.withUnsafeBytes { plain in
                header.withUnsafeBytes { header in
                    seal(
                        plain,
                        into: UnsafeMutableRawBufferPointer(
                            rebasing: UnsafeMutableRawBufferPointer(buffer)[
                                0..<plain.count + Sealer.tagBytes
                            ]
                        ),
                        nonce: nonce,
                        authenticating: header
                    )
                }
            }
            count = plain.count + Sealer.tagBytes
        }
    }

    /// Opens arrays; `.notAuthentic` on a bad tag.
    package func open(
        _ sealed: [UInt8],
        nonce: Nonce,
        authenticating header: [UInt8] = []
    ) throws(KeyringError) -> [UInt8] {
        guard sealed.count >= Sealer.tagBytes else {
            throw KeyringError(
                .notAuthentic,
                "\(sealed.count) sealed bytes are too few to hold a tag"
            )
        }
        let size = sealed.count - Sealer.tagBytes
        var isAuthentic = false
        let plain = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            isAuthentic = sealed.withUnsafeBytes { sealed in
                header.withUnsafeBytes { header in
                    open(
                        sealed,
                        into: UnsafeMutableRawBufferPointer(
                            rebasing: UnsafeMutableRawBufferPointer(buffer)[0..<size]
                        ),
                        nonce: nonce,
                        authenticating: header
                    )
                }
            }
            count = size
        }
        guard isAuthentic else {
            throw KeyringError(.notAuthentic, "\(sealed.count) sealed bytes do not open")
        }
        return plain
    }
}

/// 12 bytes: a 64-bit number and a 32-bit number, both little-endian.
package struct Nonce: Sendable, Hashable {
    package let number: UInt64
    package let index: UInt32

    package init(number: UInt64, index: UInt32 = 0) {
        self.number = number
        self.index = index
    }

    /// Lends its 12 bytes.
    func withBytes<Result>(_ body: (UnsafeRawPointer?) -> Result) -> Result {
        let words: (UInt64, UInt32) = (number.littleEndian, index.littleEndian)
        return withUnsafeBytes(of: words) { body($0.baseAddress) }
    }
}
