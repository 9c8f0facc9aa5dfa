import Keyring
import Testing
import VarveModel

/// The primitives against the vectors that their standards publish.
@Suite struct PublishedVectors {
    private func hex(_ text: String) throws -> [UInt8] {
        try #require(Hex.decode(text))
    }

    private func key(_ text: String) throws -> DataKey {
        let bytes = try hex(text)
        // HMAC pads its key with zeros (RFC 2104 §2), so a shorter one is the same key padded.
        return try #require(DataKey(bytes: bytes + [UInt8](repeating: 0, count: 32 - bytes.count)))
    }

    /// FIPS 180-4's examples.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 answers as FIPS 180-4 says`(text: String, digest: String) {
        #expect(Hex.encode(Digest.sha256(Array(text.utf8))) == digest)
    }

    /// RFC 4231 §4.2 to §4.5.
    @Test(arguments: [
        (
            String(repeating: "0b", count: 20), Hex.encode("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Hex.encode("Jefe".utf8), Hex.encode("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            String(repeating: "aa", count: 20), String(repeating: "dd", count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            "0102030405060708090a0b0c0d0e0f10111213141516171819",
            String(repeating: "cd", count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
    ])
    func `HMAC-SHA-256 answers as RFC 4231 says`(key: String, data: String, digest: String) throws {
        #expect(Hex.encode(Digest.hmac(try hex(data), key: try self.key(key))) == digest)
    }

    /// RFC 5869 appendix A.1 to A.3; the first 32 bytes of each output.
    @Test(arguments: [
        (
            String(repeating: "0b", count: 22), "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
        ),
        (
            Hex.encode(0x00...0x4f), Hex.encode(0x60...0xaf), Hex.encode(0xb0...0xff),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
        ),
        (
            String(repeating: "0b", count: 22), "", "",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
        ),
    ])
    func `HKDF answers as RFC 5869 says`(
        key: String,
        salt: String,
        info: String,
        output: String
    ) throws {
        let derived = Digest.hkdf(try hex(key), salt: try hex(salt), info: try hex(info))
        #expect(Hex.encode(derived) == output)
    }

    /// McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13, 14 and 16.
    @Test func `AES-256-GCM answers as its authors say`() throws {
        let zero = Sealer(try key(String(repeating: "00", count: 32)))
        #expect(
            Hex.encode(zero.seal([], nonce: Nonce(number: 0)))
                == "530f8afbc74536b9a963b4f1c4cb738b"
        )
        #expect(
            Hex.encode(zero.seal([UInt8](repeating: 0, count: 16), nonce: Nonce(number: 0)))
                == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
        )
        let keyText = "feffe9928665731c6d6a8f9467308308"
        let sealer = Sealer(try key(keyText + keyText))
        // The 12 bytes cafebabefacedbaddecaf888, as our little-endian numbers.
        let nonce = Nonce(number: 0xaddb_cefa_beba_feca, index: 0x88f8_cade)
        let plain = try hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        )
        let header = try hex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let sealed = sealer.seal(plain, nonce: nonce, authenticating: header)
        #expect(
            Hex.encode(sealed)
                == "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                + "76fc6ece0f4e1768cddf8853bb2d551b"
        )
        #expect(try sealer.open(sealed, nonce: nonce, authenticating: header) == plain)
    }

    @Test func `derive is HKDF of the key's bytes`() throws {
        let bytes = [UInt8](0..<32)
        let derived = try #require(DataKey(bytes: bytes)).derive(salt: [1, 2], info: [3])
        let expected = try #require(DataKey(bytes: Digest.hkdf(bytes, salt: [1, 2], info: [3])))
        let nonce = Nonce(number: 9)
        #expect(Sealer(derived).seal([5], nonce: nonce) == Sealer(expected).seal([5], nonce: nonce))
    }
}
