private import COpenSSL

/// The one file that sees libcrypto: bytes in, bytes out, no C type in a signature.
///
/// A failing libcrypto call here means memory or the library itself is broken; going on would
/// risk writing plain or predictable bytes, so each is a crash with a sentence.
enum OpenSSL {
    static func random(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            precondition(
                count == 0 || RAND_bytes(buffer.baseAddress, Int32(count)) == 1,
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
    private nonisolated(unsafe) static let sha256Algorithm = EVP_MD_fetch(nil, "SHA256", nil)
    private nonisolated(unsafe) static let aes256GCM = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)

    /// One AES-256-GCM context with its key schedule made once.
    final class Cipher {
        enum Direction { case seal, open }

        // SAFETY: owned by this object alone, freed in deinit.
        private let context: OpaquePointer

        init(_ key: SecretBytes, direction: Direction) {
            guard let made = EVP_CIPHER_CTX_new() else { preconditionFailure("out of memory") }
            context = made
            let result = key.withBytes { key in
                EVP_CipherInit_ex2(
                    made,
                    aes256GCM,
                    key.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    nil,
                    direction == .seal ? 1 : 0,
                    nil
                )
            }
            precondition(result == 1, "AES-256-GCM could not be set up")
        }

        deinit {
            EVP_CIPHER_CTX_free(context)
        }

        func seal(
            _ plain: UnsafeRawBufferPointer,
            into sealed: UnsafeMutableRawBufferPointer,
            nonce: Nonce,
            header: UnsafeRawBufferPointer
        ) {
            begin(nonce, header)
            var count: Int32 = 0
            let output = sealed.baseAddress?.assumingMemoryBound(to: UInt8.self)
            if !plain.isEmpty {
                let input = plain.baseAddress?.assumingMemoryBound(to: UInt8.self)
                precondition(
                    EVP_CipherUpdate(context, output, &count, input, Int32(plain.count)) == 1,
                    "AES-256-GCM could not seal"
                )
            }
            var last: Int32 = 0
            precondition(
                EVP_CipherFinal_ex(context, output.map { $0 + Int(count) }, &last) == 1,
                "AES-256-GCM could not finish"
            )
            let tag = sealed.baseAddress.map { $0 + plain.count }
            precondition(
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1,
                "AES-256-GCM gave no tag"
            )
        }

        func open(
            _ sealed: UnsafeRawBufferPointer,
            into plain: UnsafeMutableRawBufferPointer,
            nonce: Nonce,
            header: UnsafeRawBufferPointer
        ) -> Bool {
            begin(nonce, header)
            guard let input = sealed.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
                return false
            }
            let size = sealed.count - Sealer.tagBytes
            let tag = UnsafeMutableRawPointer(mutating: sealed.baseAddress.map { $0 + size })
            precondition(
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1,
                "AES-256-GCM took no tag"
            )
            var count: Int32 = 0
            let output = plain.baseAddress?.assumingMemoryBound(to: UInt8.self)
            if size > 0 {
                guard EVP_CipherUpdate(context, output, &count, input, Int32(size)) == 1 else {
                    return false
                }
            }
            var last: Int32 = 0
            var spare: UInt8 = 0
            if EVP_CipherFinal_ex(context, &spare, &last) == 1 { return true }
            if let base = plain.baseAddress { OPENSSL_cleanse(base, size) }
            return false
        }

        private func begin(_ nonce: Nonce, _ header: UnsafeRawBufferPointer) {
            var bytes: (UInt64, UInt32) = (nonce.number.littleEndian, nonce.index.littleEndian)
            let result = withUnsafeBytes(of: &bytes) { buffer in
                EVP_CipherInit_ex2(
                    context,
                    nil,
                    nil,
                    buffer.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    -1,
                    nil
                )
            }
            precondition(result == 1, "AES-256-GCM took no nonce")
            guard !header.isEmpty else { return }
            var count: Int32 = 0
            let input = header.baseAddress?.assumingMemoryBound(to: UInt8.self)
            precondition(
                EVP_CipherUpdate(context, nil, &count, input, Int32(header.count)) == 1,
                "AES-256-GCM took no header"
            )
        }
    }
}
