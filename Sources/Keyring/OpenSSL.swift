private import COpenSSL

/// The one file that sees OpenSSL's libcrypto: bytes in, bytes out, no C type in a signature.
///
/// Randomness, digests and key derivation, and what age files are made of; the cipher of our own formats is another library's (``Cipher``).
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

    static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
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

    /// Begins a digest of bytes that come in pieces; ``freeSHA256(_:)`` ends it.
    static func makeSHA256() -> OpaquePointer {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("out of memory") }
        let result = EVP_DigestInit_ex2(context, sha256Algorithm, nil)
        precondition(result == 1, "SHA-256 failed")
        return context
    }

    static func add(_ bytes: UnsafeRawBufferPointer, toSHA256 context: OpaquePointer) {
        let result = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(result == 1, "SHA-256 failed")
    }

    static func finishSHA256(_ context: OpaquePointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { digest, initialized in
            var count: UInt32 = 0
            let result = EVP_DigestFinal_ex(context, digest.baseAddress, &count)
            precondition(result == 1 && count == 32, "SHA-256 failed")
            initialized = 32
        }
    }

    static func freeSHA256(_ context: OpaquePointer) {
        EVP_MD_CTX_free(context)
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

    static func hmac(_ bytes: UnsafeRawBufferPointer, rawKey: [UInt8]) -> [UInt8] {
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

    // MARK: What age files are made of

    /// X25519 (RFC 7748 §5) of a secret and the base point.
    static func x25519Public(_ secret: SecretBytes) -> [UInt8] {
        let key = x25519Key(secret)
        defer { EVP_PKEY_free(key) }
        return [UInt8](unsafeUninitializedCapacity: 32) { buffer, initialized in
            var count = 32
            let result = EVP_PKEY_get_raw_public_key(key, buffer.baseAddress, &count)
            precondition(result == 1 && count == 32, "X25519 made no public key")
            initialized = 32
        }
    }

    /// X25519 of a secret and a point of 32 bytes; `nil` when all of it is zero (RFC 7748 §6.1).
    static func x25519(_ secret: SecretBytes, _ point: [UInt8]) -> [UInt8]? {
        let key = x25519Key(secret)
        defer { EVP_PKEY_free(key) }
        guard let peer = EVP_PKEY_new_raw_public_key(NID_X25519, nil, point, point.count),
            let context = EVP_PKEY_CTX_new(key, nil)
        else { return nil }
        defer {
            EVP_PKEY_CTX_free(context)
            EVP_PKEY_free(peer)
        }
        var shared = [UInt8](repeating: 0, count: 32)
        var count = 32
        guard EVP_PKEY_derive_init(context) == 1, EVP_PKEY_derive_set_peer(context, peer) == 1,
            EVP_PKEY_derive(context, &shared, &count) == 1, count == 32,
            shared.contains(where: { $0 != 0 })
        else {
            ERR_clear_error()
            return nil
        }
        return shared
    }

    private static func x25519Key(_ secret: SecretBytes) -> OpaquePointer {
        let key = secret.withBytes { bytes in
            let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return EVP_PKEY_new_raw_private_key(NID_X25519, nil, start, bytes.count)
        }
        guard isReady, let key else { preconditionFailure("X25519 took no key") }
        return key
    }

    /// ChaCha20-Poly1305 (RFC 8439 §2.8) without further authenticated bytes; the tag is the last 16 bytes.
    static func chachaSeal(
        _ plain: UnsafeRawBufferPointer,
        key: SecretBytes,
        nonce: [UInt8]
    ) -> [UInt8] {
        precondition(isReady && nonce.count == 12, "a ChaCha20-Poly1305 nonce is 12 bytes")
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        return [UInt8](unsafeUninitializedCapacity: plain.count + 16) { buffer, initialized in
            var count: Int32 = 0
            var rest: Int32 = 0
            let start = plain.baseAddress?.assumingMemoryBound(to: UInt8.self)
            let tag = buffer.baseAddress.map { $0 + plain.count }
            let isSealed = key.withBytes { key in
                let key = key.baseAddress?.assumingMemoryBound(to: UInt8.self)
                return EVP_EncryptInit_ex(context, chacha, nil, key, nonce) == 1
                    && EVP_EncryptUpdate(
                        context,
                        buffer.baseAddress,
                        &count,
                        start,
                        Int32(plain.count)
                    ) == 1
                    && EVP_EncryptFinal_ex(context, tag, &rest) == 1
                    && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1
            }
            // Going on would risk writing plain bytes.
            precondition(isSealed && Int(count) == plain.count, "ChaCha20-Poly1305 could not seal")
            initialized = plain.count + 16
        }
    }

    /// Opens what ``chachaSeal(_:key:nonce:)`` made; `nil` on a bad tag.
    static func chachaOpen(
        _ sealed: UnsafeRawBufferPointer,
        key: SecretBytes,
        nonce: [UInt8]
    ) -> [UInt8]? {
        precondition(isReady && nonce.count == 12, "a ChaCha20-Poly1305 nonce is 12 bytes")
        guard sealed.count >= 16 else { return nil }
        let size = sealed.count - 16
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var tag = Array(sealed[size...])
        var isAuthentic = false
        let plain = [UInt8](unsafeUninitializedCapacity: size + 1) { buffer, initialized in
            var count: Int32 = 0
            var rest: Int32 = 0
            let start = sealed.baseAddress?.assumingMemoryBound(to: UInt8.self)
            isAuthentic = key.withBytes { key in
                let key = key.baseAddress?.assumingMemoryBound(to: UInt8.self)
                return EVP_DecryptInit_ex(context, chacha, nil, key, nonce) == 1
                    && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, &tag) == 1
                    && EVP_DecryptUpdate(context, buffer.baseAddress, &count, start, Int32(size))
                        == 1
                    && EVP_DecryptFinal_ex(context, buffer.baseAddress.map { $0 + size }, &rest)
                        == 1
            }
            initialized = isAuthentic ? size : 0
        }
        if !isAuthentic { ERR_clear_error() }
        return isAuthentic ? plain : nil
    }

    /// scrypt (RFC 7914) with r = 8 and p = 1, to 32 bytes; takes 1 KiB << `logWork` of memory.
    static func scrypt(_ passphrase: [UInt8], salt: [UInt8], logWork: Int) -> SecretBytes? {
        guard isReady else { return nil }
        let work = UInt64(1) << UInt64(logWork)
        var derived = [UInt8](repeating: 0, count: 32)
        let result = passphrase.withUnsafeBufferPointer { passphrase in
            passphrase.withMemoryRebound(to: CChar.self) { passphrase in
                EVP_PBE_scrypt(
                    passphrase.baseAddress,
                    passphrase.count,
                    salt,
                    salt.count,
                    work,
                    8,
                    1,
                    (work << 10) + (1 << 20),
                    &derived,
                    32
                )
            }
        }
        guard result == 1 else {
            ERR_clear_error()
            return nil
        }
        defer { derived.withUnsafeMutableBytes { wipe($0) } }
        return SecretBytes(derived)
    }

    // SAFETY: as below.
    private nonisolated(unsafe) static let chacha = {
        precondition(isReady, "libcrypto cannot be initialised")
        return EVP_CIPHER_fetch(nil, "ChaCha20-Poly1305", nil)
    }()

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
