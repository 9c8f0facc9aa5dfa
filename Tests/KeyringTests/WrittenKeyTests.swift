import Keyring
import TestKit
import Testing

/// A root key is written down and typed in again.
@Suite struct WrittenKeyTests {
    @Test func `a written key is read again, whatever its case and spaces`() throws {
        for _ in 0..<20 {
            let key = RootKey.random()
            let written = key.written
            #expect(written.split(separator: " ").map(\.count) == Array(repeating: 4, count: 17))
            #expect(written.hasPrefix("VARV EROO T1"))
            for text in [
                written, written.lowercased(), written.replacing(" ", with: ""),
                "\n  " + written.replacing(" ", with: "\n\t") + "\n",
            ] {
                #expect(try RootKey(written: text).encoded() == key.encoded())
            }
        }
    }

    @Test func `any mistake in a letter is found`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 331))
        let letters = Array("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")
        let whole = Array(RootKey.random().written.replacing(" ", with: ""))
        for place in whole.indices {
            var wrong = whole
            repeat {
                wrong[place] = letters.randomElement(using: &generator) ?? "Q"
            } while wrong[place] == whole[place]
            #expect(throws: KeyringError.self) { try RootKey(written: String(wrong)) }
        }
        for _ in 0..<200 {
            var wrong = whole
            for _ in 0..<4 {
                let place = Int.random(in: 10..<whole.count, using: &generator)
                wrong[place] = letters.randomElement(using: &generator) ?? "Q"
            }
            guard wrong != whole else { continue }
            #expect(throws: KeyringError.self) { try RootKey(written: String(wrong)) }
        }
        for text in ["", "VARVEROOT1", String(whole.dropLast()), String(whole) + "Q", "rk-0123"] {
            #expect(throws: KeyringError.self) { try RootKey(written: text) }
        }
    }

    @Test func `a key's name is its own, and tells nothing of it`() {
        let (one, other) = (RootKey.random(), RootKey.random())
        #expect(one.id == one.id && one.id != other.id)
        #expect(RootKeyID(one.id.description) == one.id)
        for text in ["", "rk-", "rk-0123456789abcde", "rk-0123456789ABCDEF", "0123456789abcdef"] {
            #expect(RootKeyID(text) == nil)
        }
    }
}
