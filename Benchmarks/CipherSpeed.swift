import COpenSSL
import Keyring

/// Measures opening sealed blocks on one core against Debian's OpenSSL: why the cipher is another's.
struct CipherSpeed {
    let blocks: Int
    let rounds: Int
    /// A record of 1 MiB has a header of 392 bytes, which every block authenticates.
    private let header = [UInt8](repeating: 3, count: 392)

    init(small: Bool, rounds: Int) {
        blocks = small ? 10 : 20_000
        self.rounds = rounds
    }

    func run() async throws {
        for blockBytes in [4_096, 16_384, 65_536] {
            var figures = Rounds("AES-256-GCM open, \(blockBytes) bytes, a core", unit: "MB/s")
            for round in 0..<rounds {
                let pair = try await alternate(
                    round,
                    ours: { try ours(blockBytes) },
                    floor: { try floor(blockBytes) }
                )
                figures.add(ours: pair.ours, floor: pair.floor)
            }
            figures.show()
        }
    }

    private func megabytes(_ watch: Stopwatch, _ blockBytes: Int) -> Side {
        let side = watch.side(blocks * blockBytes)
        return Side(rate: side.rate / 1e6, cpuSeconds: side.cpuSeconds)
    }

    private func ours(_ blockBytes: Int) throws -> Side {
        let sealer = Sealer(.random())
        let plain = [UInt8](repeating: 5, count: blockBytes)
        let sealed = sealer.seal(plain, nonce: Nonce(number: 1), authenticating: header)
        var opened = plain
        let watch = Stopwatch()
        for _ in 0..<blocks {
            let isAuthentic = sealed.withUnsafeBytes { sealed in
                opened.withUnsafeMutableBytes { opened in
                    header.withUnsafeBytes { header in
                        sealer.open(
                            sealed,
                            into: opened,
                            nonce: Nonce(number: 1),
                            authenticating: header
                        )
                    }
                }
            }
            precondition(isAuthentic, "a block does not open")
        }
        return megabytes(watch, blockBytes)
    }

    private func floor(_ blockBytes: Int) throws -> Side {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        let key = [UInt8](repeating: 1, count: 32)
        let nonce = [UInt8](repeating: 2, count: 12)
        let plain = [UInt8](repeating: 5, count: blockBytes)
        var sealed = plain
        var tag = [UInt8](repeating: 0, count: 16)
        var count: Int32 = 0
        EVP_CipherInit_ex2(context, EVP_aes_256_gcm(), key, nonce, 1, nil)
        EVP_CipherUpdate(context, nil, &count, header, Int32(header.count))
        EVP_CipherUpdate(context, &sealed, &count, plain, Int32(blockBytes))
        EVP_CipherFinal_ex(context, &tag, &count)
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag)
        EVP_CipherInit_ex2(context, nil, key, nonce, 0, nil)
        var opened = plain
        let watch = Stopwatch()
        for _ in 0..<blocks {
            EVP_CipherInit_ex2(context, nil, nil, nonce, -1, nil)
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, &tag)
            EVP_CipherUpdate(context, nil, &count, header, Int32(header.count))
            EVP_CipherUpdate(context, &opened, &count, sealed, Int32(blockBytes))
            precondition(EVP_CipherFinal_ex(context, &tag, &count) == 1, "OpenSSL does not open")
        }
        return megabytes(watch, blockBytes)
    }
}
