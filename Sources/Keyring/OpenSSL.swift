private import COpenSSL

/// The one file that sees OpenSSL's libcrypto: bytes in, bytes out, no C type in a signature.
///
/// Randomness, digests and key derivation; the cipher is another library's (``Cipher``).
///
/// A failing libcrypto call here means memory or the library itself is broken; going on would
/// risk writing plain or predictable bytes, so each is a crash with a sentence.
enum OpenSSL {
    static func random(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            precondition(
                isReady && (count == 0 || RAND_bytes(buffer.baseAddress, Int32(count)) == 1),
                "RAND_bytes failed"
            )
            initialized = count
        }
    }

    static func wipe(_ buffer: UnsafeMutableRawBufferPointer) {
        OPENSSL_cleanse(buffer.baseAddress, buffer.count)
    }

    static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { digest, initialized in
            var count: UInt32 = 0
            let result = EVP_Digest(
                bytes.baseAddress,
                bytes.count,
                digest.baseAddress,
                &count,
                sha256Algorithm,
                nil
            )
            precondition(result == 1 && count == 32, "SHA-256 failed")
            initialized = 32
        }
    }

    static func hmac(_ bytes: UnsafeRawBufferPointer, key: SecretBytes) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { digest, initialized in
            var count: UInt32 = 0
            let data = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            let result = key.withBytes { key in
                HMAC(
                    sha256Algorithm,
                    key.baseAddress,
                    Int32(key.count),
                    data,
                    bytes.count,
                    digest.baseAddress,
                    &count
                )
            }
            precondition(result != nil && count == 32, "HMAC-SHA-256 failed")
            initialized = 32
        }
    }

    /// HKDF-SHA-256, extract and expand, to 32 bytes (RFC 5869).
    static func hkdf(_ key: UnsafeRawBufferPointer, salt: [UInt8], info: [UInt8]) -> [UInt8] {
        // Extract: PRK = HMAC(salt, key); an empty salt is 32 zeros. Expand: one block suffices for
        // 32 bytes: T(1) = HMAC(PRK, info || 0x01).
        let salt = salt.isEmpty ? [UInt8](repeating: 0, count: 32) : salt
        let extracted = hmac(key, rawKey: salt)
        return (info + [1]).withUnsafeBytes { hmac($0, rawKey: extracted) }
    }

    private static func hmac(_ bytes: UnsafeRawBufferPointer, rawKey: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { digest, initialized in
            var count: UInt32 = 0
            let data = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            let result = HMAC(
                sha256Algorithm,
                rawKey,
                Int32(rawKey.count),
                data,
                bytes.count,
                digest.baseAddress,
                &count
            )
            precondition(result != nil && count == 32, "HMAC-SHA-256 failed")
            initialized = 32
        }
    }

    // SAFETY: fetched once, never freed, and libcrypto's algorithm objects are thread-safe.
    private nonisolated(unsafe) static let sha256Algorithm = {
        precondition(isReady, "libcrypto cannot be initialised")
        return EVP_MD_fetch(nil, "SHA256", nil)
    }()

    /// Has libcrypto leave its memory alone when the process ends; first of all calls to it (OPENSSL_init_crypto(3)).
    ///
    /// By default exit(3) runs OPENSSL_cleanup, which frees what each thread keeps while threads that end just then free it too: of
    /// 3,000 programs with 24 such threads four ended by "double free or corruption", and without it none.
    private static let isReady = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) == 1
}
