import COpenSSL
import Keyring
import TestKit
import Testing
import VarveModel

/// Another library's AES-256-GCM beside ours: what one seals, the other opens, byte for byte.
@Suite struct CipherWitness {
    /// Lengths around every border of the kernels, and those of pages and blocks.
    private static let lengths =
        Array(0...66) + [
            95, 127, 128, 129, 255, 256, 257, 511, 4_064, 4_095, 4_096, 16_384, 65_536,
        ]

    @Test func `OpenSSL and the sealer agree on random keys, nonces, headers and bytes`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 20))
        for length in Self.lengths {
            for headerLength in [0, 1, 15, 16, 17, 20, 56, 200, 1_160] {
                let key = generator.bytes(32)
                let nonce = Nonce(
                    number: generator.next(),
                    index: UInt32.random(in: 0 ... .max, using: &generator)
                )
                let header = generator.bytes(headerLength)
                let plain = generator.bytes(length)
                let sealer = Sealer(try #require(DataKey(bytes: key)))
                let ours = sealer.seal(plain, nonce: nonce, authenticating: header)
                let theirs = Self.seal(plain, key, nonce, header)
                try #require(ours == theirs, "\(length) bytes under a header of \(headerLength)")
                #expect(try sealer.open(theirs, nonce: nonce, authenticating: header) == plain)
            }
        }
    }

    @Test func `sealing and opening in place give the same bytes`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 21))
        let sealer = Sealer(.random())
        for length in Self.lengths {
            let nonce = Nonce(number: generator.next())
            let plain = generator.bytes(length)
            let header = generator.bytes(20)
            let apart = sealer.seal(plain, nonce: nonce, authenticating: header)
            var bytes = plain + [UInt8](repeating: 0, count: Sealer.tagBytes)
            let isAuthentic = bytes.withUnsafeMutableBytes { all in
                header.withUnsafeBytes { header in
                    let inside = UnsafeMutableRawBufferPointer(rebasing: all[0..<length])
                    sealer.seal(
                        UnsafeRawBufferPointer(inside),
                        into: all,
                        nonce: nonce,
                        authenticating: header
                    )
                    guard all.elementsEqual(apart) else { return false }
                    return sealer.open(
                        UnsafeRawBufferPointer(all),
                        into: inside,
                        nonce: nonce,
                        authenticating: header
                    )
                }
            }
            #expect(isAuthentic && Array(bytes[0..<length]) == plain, "\(length) bytes")
        }
    }

    @Test func `what does not open leaves zeros`() {
        let sealer = Sealer(.random())
        var sealed = sealer.seal([UInt8](repeating: 9, count: 300), nonce: Nonce(number: 1))
        sealed[7] ^= 1
        var plain = [UInt8](repeating: 5, count: 300)
        let isAuthentic = sealed.withUnsafeBytes { sealed in
            plain.withUnsafeMutableBytes { plain in
                sealer.open(
                    sealed,
                    into: plain,
                    nonce: Nonce(number: 1),
                    authenticating: UnsafeRawBufferPointer(start: nil, count: 0)
                )
            }
        }
        #expect(!isAuthentic)
        #expect(plain == [UInt8](repeating: 0, count: 300))
    }

    @Test func `one sealer serves many threads at once`() async throws {
        let sealer = Sealer(.random())
        let isRight = await withTaskGroup(of: Bool.self) { group in
            for lane in 0..<8 {
                group.addTask { Self.serve(sealer, UInt64(lane)) }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(isRight)
    }

    private static func serve(_ sealer: Sealer, _ lane: UInt64) -> Bool {
        var generator = SeededGenerator(seed: lane)
        for round in 0..<200 {
            let nonce = Nonce(number: lane << 32 | UInt64(round))
            let plain = generator.bytes(1_000 + round)
            let sealed = sealer.seal(plain, nonce: nonce)
            // A failure to open is a wrong answer here.
            guard let opened = try? sealer.open(sealed, nonce: nonce), opened == plain else {
                return false
            }
        }
        return true
    }

    /// AES-256-GCM by OpenSSL; the tag behind the ciphertext.
    private static func seal(
        _ plain: [UInt8],
        _ key: [UInt8],
        _ nonce: Nonce,
        _ header: [UInt8]
    ) -> [UInt8] {
        var writer = ByteWriter(capacity: 12)
        writer.append(nonce.number)
        writer.append(nonce.index)
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var sealed = [UInt8](repeating: 0, count: plain.count + 16)
        var count: Int32 = 0
        var last: Int32 = 0
        precondition(
            EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), key, writer.bytes, nil) == 1
        )
        if !header.isEmpty {
            precondition(EVP_EncryptUpdate(context, nil, &count, header, Int32(header.count)) == 1)
        }
        count = 0
        sealed.withUnsafeMutableBufferPointer { sealed in
            if !plain.isEmpty {
                let base = sealed.baseAddress
                precondition(
                    EVP_EncryptUpdate(context, base, &count, plain, Int32(plain.count)) == 1
                )
            }
            let end = sealed.baseAddress.map { $0 + Int(count) }
            precondition(EVP_EncryptFinal_ex(context, end, &last) == 1)
            precondition(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, end) == 1)
        }
        return sealed
    }
}
