import TestKit
import Testing
import VarveModel

@testable import Keyring

/// age files (C2SP age.md) against published vectors, and against whoever changes them.
@Suite struct AgeTests {
    /// Of C2SP's test vectors for age, "stanza_valid_characters": stanzas of unknown kinds stand before ours.
    static let vector = #"""
        age-encryption.org/v1
        -> !"#$%&' ()*+,-./ 01234567 89:;<=>? @ABCDEFG HIJKLMNO

        -> PQRSTUVW XYZ[\]^_ `abcdefg hijklmno pqrstuvw xyz{|}~

        -> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc
        EmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U
        --- x538z9xJq9XEK1aTTTv80aWDVvVdROvaXn2tpqXPC8g

        """#
    static let identity =
        "AGE-SECRET-KEY-1XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F6"
    static let fileKey = "59454c4c4f57205355424d4152494e45"

    @Test func `the keys of age's specification are read and written`() throws {
        let text = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
        let recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
        let identity = try #require(AgeIdentity(text))
        #expect(identity.text == text)
        #expect(identity.recipient.description == recipient)
        #expect(try AgeRecipient(recipient) == identity.recipient)
        // One letter, mixed case, another kind.
        #expect(AgeIdentity(text.replacing("GAEX", with: "GAEZ")) == nil)
        #expect(AgeIdentity(text.replacing("AGE-SECRET", with: "age-secret")) == nil)
        #expect(AgeIdentity(recipient) == nil)
        #expect(throws: KeyringError.self) { try AgeRecipient(recipient + "q") }
        let tag = "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e"
        #expect(throws: KeyringError.self) { try AgeRecipient(tag) }
    }

    /// Goal: who takes the secret for the public key, or names the wrong file, does not find it in a log.
    @Test func `what is no recipient is not repeated`() throws {
        let secret = AgeIdentity.random().text
        let others = [
            secret, secret.lowercased(), secret + "Q", String(secret.dropLast()), " " + secret,
            "correct horse battery staple", "age1" + secret.lowercased().dropFirst(16),
            String(repeating: "a", count: 70_000),
        ]
        for text in others {
            let error = #expect(throws: KeyringError.self) { try AgeRecipient(text) }
            let told = ((error?.message ?? "") + (error?.remedy ?? "")).lowercased()
            // Words that say what belongs there are no secret; six letters of the key are.
            let letters = Array(text.lowercased().replacing("age-secret-key-1", with: ""))
            for start in 0..<min(letters.count, 100) - 6 {
                let piece = String(letters[start..<start + 6])
                #expect(!told.contains(piece), "'\(piece)' of '\(told)'")
            }
        }
        let swapped = #expect(throws: KeyringError.self) { try AgeRecipient(secret) }
        #expect(swapped?.message.contains("secret identity") == true)
    }

    @Test func `digests are equal when all of their bytes are`() {
        let digest = [UInt8](0..<32)
        #expect(Digest.areEqual(digest, digest))
        #expect(Digest.areEqual([], []))
        for place in digest.indices {
            var other = digest
            other[place] ^= 0x80
            #expect(!Digest.areEqual(digest, other), "byte \(place)")
        }
        #expect(!Digest.areEqual(digest, Array(digest.dropLast())))
        #expect(!Digest.areEqual(digest, digest + [0]))
    }

    @Test func `made keys come back from their texts`() throws {
        for _ in 0..<20 {
            let made = AgeIdentity.random()
            #expect(AgeIdentity(made.text)?.text == made.text)
            #expect(try AgeRecipient(made.recipient.description) == made.recipient)
        }
    }

    @Test func `a published header opens to its file key`() throws {
        let header = try AgeHeader(Array(Self.vector.utf8) + [1, 2, 3])
        #expect(header.bytes == Array(Self.vector.utf8))
        #expect(header.byteCount == Self.vector.utf8.count)
        let identity = try #require(AgeIdentity(Self.identity))
        #expect(Hex.encode(try header.fileKey([.random(), identity]).rawBytes) == Self.fileKey)
        let error = #expect(throws: KeyringError.self) { try header.fileKey([.random()]) }
        #expect(error?.code == .wrongKey)
    }

    /// C2SP's "x25519_low_order": the share makes a shared secret of zeros.
    @Test func `a share that gives no secret is refused`() throws {
        let text = """
            age-encryption.org/v1
            -> X25519 X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEdc
            3E0NpFans/m0WLWF7+54ZBdNj3iqQqpraGDFiaRkvBA
            --- sXw327YMT1/ULXe+ZyRMbMY0Z2jnWHGgI9j1we6yQ8A

            """
        let identity = try #require(
            AgeIdentity(
                "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0"
            )
        )
        let header = try AgeHeader(Array(text.utf8))
        let error = #expect(throws: KeyringError.self) { try header.fileKey([identity]) }
        #expect(error?.code == .malformed)
    }

    @Test func `every changed byte of a header is noticed`() throws {
        let identity = try #require(AgeIdentity(Self.identity))
        let valid = Array(Self.vector.utf8)
        for place in valid.indices {
            for bit in [1, 0x20] as [UInt8] {
                var bytes = valid
                bytes[place] ^= bit
                let opened = try? AgeHeader(bytes).fileKey([identity])
                #expect(opened == nil, "byte \(place)")
            }
        }
        for count in valid.indices {
            #expect(throws: KeyringError.self) { try AgeHeader(Array(valid.prefix(count))) }
        }
    }

    @Test func `any recipient's identity opens a header, and no other's`() throws {
        let people = (0..<5).map { _ in AgeIdentity.random() }
        let key = AgeFileKey.random()
        let header = try AgeHeader(key, to: people.map(\.recipient))
        let read = try AgeHeader(header.bytes)
        for person in people { #expect(try read.fileKey([person]).rawBytes == key.rawBytes) }
        #expect(throws: KeyringError.self) { try read.fileKey([.random(), .random()]) }
        #expect(throws: KeyringError.self) { try read.fileKey(AgePassphrase([1], logWork: 1)) }
    }

    @Test func `a passphrase opens its own header, alone and within bounds`() throws {
        let key = AgeFileKey.random()
        let right = AgePassphrase(Array("correct horse".utf8), logWork: 10)
        let header = try AgeHeader(AgeHeader(key, with: right).bytes)
        #expect(header.needsPassphrase)
        #expect(try header.fileKey(right).rawBytes == key.rawBytes)
        let wrong = #expect(throws: KeyringError.self) {
            try header.fileKey(AgePassphrase(Array("battery staple".utf8), logWork: 10))
        }
        #expect(wrong?.code == .wrongKey)
        #expect(throws: KeyringError.self) { try header.fileKey([.random()]) }
        let text = String(decoding: header.bytes, as: UTF8.self)
        for (work, code) in [
            ("21", KeyringError.Code.unsupported), ("9999", .unsupported), ("010", .malformed),
            ("0", .malformed), ("-1", .malformed), ("0x0a", .malformed), ("99999", .malformed),
        ] {
            let changed = text.replacing(" 10\n", with: " \(work)\n")
            let error = #expect(throws: KeyringError.self) {
                try AgeHeader(Array(changed.utf8)).fileKey(right)
            }
            #expect(error?.code == code, "\(work)")
        }
        // Beside another stanza it proves nothing about who wrote the file.
        let both = AgeHeader(
            [try right.stanza(key), try AgeIdentity.random().recipient.stanza(key)],
            for: key
        )
        let error = #expect(throws: KeyringError.self) { try both.fileKey(right) }
        #expect(error?.code == .malformed)
    }

    @Test func `a header is bounded in length and in recipients`() throws {
        let line = "-> x y\n\n"
        let many = "age-encryption.org/v1\n" + String(repeating: line, count: 1_001)
        #expect(throws: KeyringError.self) { try AgeHeader(Array(many.utf8)) }
        let long = "age-encryption.org/v1\n-> " + String(repeating: "a", count: AgeHeader.bytesMax)
        #expect(throws: KeyringError.self) { try AgeHeader(Array((long + "\n\n").utf8)) }
        let other = #expect(throws: KeyringError.self) {
            try AgeHeader(Array("age-encryption.org/v2\n".utf8))
        }
        #expect(other?.code == .unsupported)
    }

    /// RFC 7914 §12: the first 32 bytes of the third vector.
    @Test func `scrypt answers as RFC 7914 says`() throws {
        let key = try #require(
            OpenSSL.scrypt(
                Array("pleaseletmein".utf8),
                salt: Array("SodiumChloride".utf8),
                logWork: 14
            )
        )
        #expect(
            key.withBytes { Hex.encode($0) }
                == "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        )
    }

    /// RFC 7748 §6.1.
    @Test func `X25519 answers as RFC 7748 says`() throws {
        func key(_ text: String) throws -> SecretBytes {
            SecretBytes(try #require(Hex.decode(text)))
        }
        let alice = try key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
        let bob = try key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
        let points = [alice, bob].map { OpenSSL.x25519Public($0) }
        #expect(
            points.map { Hex.encode($0) } == [
                "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
                "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            ]
        )
        let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
        #expect(OpenSSL.x25519(alice, points[1]).map { Hex.encode($0) } == shared)
        #expect(OpenSSL.x25519(bob, points[0]).map { Hex.encode($0) } == shared)
        #expect(OpenSSL.x25519(alice, [UInt8](repeating: 0, count: 32)) == nil)
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 200_000])
    func `a payload comes back, and only as it was`(count: Int) throws {
        var generator = SeededGenerator(seed: testSeed(default: UInt64(count)))
        let plain = generator.bytes(count)
        let key = AgeFileKey.random()
        let header = try AgeHeader(key, to: [AgeIdentity.random().recipient])
        var writer = AgeWriter(header, key)
        var file: [UInt8] = []
        var done = 0
        while done < count {
            let more = min(count - done, Int.random(in: 1...70_000, using: &generator))
            file += writer.add(plain[done..<done + more])
            done += more
        }
        file += writer.finish()
        let start = header.byteCount + AgePayload.nonceBytes
        let sealed = Array(file[start...])
        #expect(AgePayload.plainBytes(ofSealed: UInt64(sealed.count)) == UInt64(count))
        let payload = AgePayload(key, nonce: Array(file[header.byteCount..<start]))
        var opened: [UInt8] = []
        let chunks = max(1, (count + AgePayload.chunkBytes - 1) / AgePayload.chunkBytes)
        for index in 0..<chunks {
            let from = index * AgePayload.sealedBytes
            let chunk = Array(sealed[from..<min(sealed.count, from + AgePayload.sealedBytes)])
            let isLast = index == chunks - 1
            opened += try #require(payload.open(chunk, index: UInt64(index), isLast: isLast))
            #expect(payload.open(chunk, index: UInt64(index), isLast: !isLast) == nil)
            #expect(payload.open(chunk, index: UInt64(index) + 1, isLast: isLast) == nil)
            var changed = chunk
            changed[chunk.count / 2] ^= 1
            #expect(payload.open(changed, index: UInt64(index), isLast: isLast) == nil)
        }
        #expect(opened == plain)
    }

    @Test func `no payload has a length that a last chunk cannot`() {
        for count in [0, 1, 15, 65_552 + 1, 65_552 + 16, 2 * 65_552 + 8] as [UInt64] {
            #expect(AgePayload.plainBytes(ofSealed: count) == nil, "\(count)")
        }
        #expect(AgePayload.plainBytes(ofSealed: 16) == 0)
        #expect(AgePayload.plainBytes(ofSealed: 65_552) == 65_536)
        #expect(AgePayload.plainBytes(ofSealed: 65_552 + 17) == 65_537)
    }

    @Test func `any bytes are a header or a typed error`() throws {
        let identity = try #require(AgeIdentity(Self.identity))
        let valid = Array(Self.vector.utf8)
        var generator = SeededGenerator(seed: testSeed(default: 11))
        for _ in 0..<TestSizes.current.fuzzInputs {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes.removeLast(bytes.count - place)
                case 1: bytes.insert(UInt8.random(in: 32...126, using: &generator), at: place)
                case 2: bytes[place] = UInt8(ascii: "\n")
                default: bytes[place] = .random(in: .min ... .max, using: &generator)
                }
            }
            guard let header = try? AgeHeader(bytes) else { continue }
            #expect(header.bytes == Array(bytes.prefix(header.byteCount)), "one way to write it")
            #expect(bytes == valid || (try? header.fileKey([identity])) == nil)
        }
    }

    @Test func `any bytes are base64 and Bech32 in one way alone`() {
        var generator = SeededGenerator(seed: testSeed(default: 12))
        let letters = Array("ABCDabcd0189+/=Zz_-".utf8)
        for _ in 0..<TestSizes.current.fuzzInputs {
            let text = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                letters.randomElement(using: &generator) ?? 65
            }
            if let bytes = RawBase64.decode(text) { #expect(RawBase64.encode(bytes) == text) }
            let bytes = generator.bytes(Int.random(in: 0...40, using: &generator))
            #expect(RawBase64.decode(RawBase64.encode(bytes)) == bytes)
            let key = Bech32.encode(prefix: "age", bytes)
            #expect(Bech32.decode(key)?.bytes == bytes)
            var changed = Array(key.utf8)
            changed[Int.random(in: 4..<changed.count, using: &generator)] = UInt8(ascii: "q")
            let other = String(decoding: changed, as: UTF8.self)
            #expect(other == key || Bech32.decode(other) == nil)
        }
    }
}
