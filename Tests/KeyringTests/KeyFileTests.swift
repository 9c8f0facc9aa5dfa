import Keyring
import TestKit
import Testing
import VarveModel

/// Key files: what opens, and what each damage is called.
@Suite struct KeyFileTests {
    private let root = RootKey.random()
    private let owner = UniqueID.random()

    /// A byte string that tells one key from another.
    private func print(of key: DataKey) -> [UInt8] {
        Digest.hmac([1, 2, 3], key: key)
    }

    private func code(of body: () throws(KeyringError) -> Void) -> KeyringError.Code? {
        do throws(KeyringError) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `a wrapped key comes back under its root key`() throws {
        let key = DataKey.random()
        let wrapped = key.wrapped(by: root, for: owner)
        #expect(wrapped.count == DataKey.wrappedBytes)
        let reread = try RootKey(encoded: root.encoded())
        #expect(print(of: try DataKey(wrapped: wrapped, by: reread, for: owner)) == print(of: key))
    }

    @Test func `a key wrapped twice looks different each time`() {
        let key = DataKey.random()
        #expect(key.wrapped(by: root, for: owner) != key.wrapped(by: root, for: owner))
    }

    @Test func `another root key, another owner and any changed byte are refused`() throws {
        let wrapped = DataKey.random().wrapped(by: root, for: owner)
        #expect(
            code { () throws(KeyringError) in
                _ = try DataKey(wrapped: wrapped, by: .random(), for: owner)
            } == .wrongKey
        )
        #expect(
            code { () throws(KeyringError) in
                _ = try DataKey(wrapped: wrapped, by: root, for: .random())
            } == .wrongKey
        )
        for index in wrapped.indices {
            var changed = wrapped
            changed[index] ^= 1
            let found = code { () throws(KeyringError) in
                _ = try DataKey(wrapped: changed, by: root, for: owner)
            }
            let expected: KeyringError.Code =
                index < 8 ? .malformed : index < 12 ? .unsupported : .wrongKey
            #expect(found == expected, "byte \(index)")
        }
    }

    @Test func `a key file cut short or grown is malformed`() throws {
        let wrapped = DataKey.random().wrapped(by: root, for: owner)
        for count in Array(0..<wrapped.count) + [wrapped.count + 1] {
            let bytes = Array((wrapped + [0]).prefix(count))
            let found = code { () throws(KeyringError) in
                _ = try DataKey(wrapped: bytes, by: root, for: owner)
            }
            #expect(found == .malformed, "\(count) bytes")
        }
        let encoded = root.encoded()
        for count in Array(0..<encoded.count) + [encoded.count + 1] {
            let bytes = Array((encoded + [0]).prefix(count))
            let found = code { () throws(KeyringError) in _ = try RootKey(encoded: bytes) }
            #expect(found == .malformed, "\(count) bytes")
        }
    }

    @Test func `a newer format is named, not guessed at`() throws {
        var encoded = root.encoded()
        encoded[8] = 2
        #expect(
            code { () throws(KeyringError) in _ = try RootKey(encoded: encoded) } == .unsupported
        )
    }

    @Test func `every changed byte of a root key file is found`() throws {
        let encoded = root.encoded()
        for index in encoded.indices {
            var changed = encoded
            changed[index] ^= 0x40
            #expect(code { () throws(KeyringError) in _ = try RootKey(encoded: changed) } != nil)
        }
    }

    @Test func `a changed seal opens to an error and leaves no plain bytes`() throws {
        let sealer = Sealer(.random())
        let sealed = sealer.seal([UInt8](repeating: 7, count: 100), nonce: Nonce(number: 1))
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(
                code { () throws(KeyringError) in
                    _ = try sealer.open(changed, nonce: Nonce(number: 1))
                } == .notAuthentic
            )
        }
        let other = code { () throws(KeyringError) in
            _ = try sealer.open(sealed, nonce: Nonce(number: 2))
        }
        #expect(other == .notAuthentic)
    }

    @Test func `random bytes are never a key`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 5))
        for _ in 0..<TestSizes.current.fuzzInputs {
            let bytes = generator.bytes(Int.random(in: 0...200, using: &generator))
            #expect(code { () throws(KeyringError) in _ = try RootKey(encoded: bytes) } != nil)
            #expect(
                code { () throws(KeyringError) in
                    _ = try DataKey(wrapped: bytes, by: root, for: owner)
                } != nil
            )
        }
    }
}
