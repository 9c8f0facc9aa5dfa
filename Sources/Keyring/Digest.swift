/// SHA-256 (FIPS 180-4) and its keyed form.
package enum Digest {
    /// Bytes of a digest.
    package static let count = 32

    package static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        OpenSSL.sha256(bytes)
    }

    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { OpenSSL.sha256($0) }
    }

    /// HMAC-SHA-256 (RFC 2104).
    package static func hmac(_ bytes: UnsafeRawBufferPointer, key: DataKey) -> [UInt8] {
        OpenSSL.hmac(bytes, key: key.secret)
    }

    package static func hmac(_ bytes: [UInt8], key: DataKey) -> [UInt8] {
        bytes.withUnsafeBytes { OpenSSL.hmac($0, key: key.secret) }
    }

    /// HMAC-SHA-256 (RFC 2104) with a key of any length, for protocols that ask for one.
    package static func hmac(_ bytes: [UInt8], rawKey: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { OpenSSL.hmac($0, rawKey: rawKey) }
    }

    /// Compares digests in a time that does not tell how much of them is equal.
    package static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        OpenSSL.areEqual(left, right)
    }

    /// The first 32 bytes of HKDF-SHA-256 (RFC 5869) of a key of any length.
    package static func hkdf(_ key: [UInt8], salt: [UInt8], info: [UInt8]) -> [UInt8] {
        key.withUnsafeBytes { OpenSSL.hkdf($0, salt: salt, info: info) }
    }
}

/// Bytes that nobody can guess.
package enum SecureRandom {
    package static func bytes(_ count: Int) -> [UInt8] {
        OpenSSL.random(count)
    }
}
