import LocalAPI
import TestKit
import Testing

@Suite struct EscapedBytesTests {
    @Test func `any bytes survive escaping`() {
        var generator = SeededGenerator(seed: testSeed(default: 1))
        for _ in 0..<TestSizes.current.fuzzInputs {
            let bytes = generator.bytes(Int.random(in: 0...40, using: &generator))
            let escaped = EscapedBytes(bytes)
            #expect(EscapedBytes(escaped: escaped.text) == escaped)
            #expect(!escaped.text.utf8.contains { $0 < 0x20 || $0 == 0x7F })
        }
    }

    @Test func `text stands for itself, except percent and control bytes`() {
        #expect(EscapedBytes("straße/日本.txt".utf8).text == "straße/日本.txt")
        #expect(EscapedBytes("100%\n".utf8).text == "100%25%0A")
        #expect(EscapedBytes([0x61, 0xFF, 0xC3, 0x28]).text == "a%FF%C3(")
        #expect(EscapedBytes([0xED, 0xA0, 0x80]).text == "%ED%A0%80", "a surrogate is no UTF-8")
        #expect(EscapedBytes([0xC0, 0x80]).text == "%C0%80", "an overlong form is no UTF-8")
    }

    @Test(arguments: ["%", "%4", "%zz", "a%2", "%G0"])
    func `a percent without two digits is refused`(text: String) {
        #expect(EscapedBytes(escaped: text) == nil)
    }
}

@Suite struct ArgumentBytesTests {
    @Test func `any bytes survive as an argument`() {
        var generator = SeededGenerator(seed: testSeed(default: 2))
        for _ in 0..<TestSizes.current.fuzzInputs {
            let bytes = generator.bytes(Int.random(in: 0...40, using: &generator))
            #expect(ArgumentBytes.bytes(ArgumentBytes.text(bytes)) == bytes)
        }
    }

    @Test func `the characters that stand for bytes survive too`() {
        let bytes = Array("a\u{10FF41}\u{10FFFD}é".utf8)
        #expect(ArgumentBytes.bytes(ArgumentBytes.text(bytes)) == bytes)
        #expect(ArgumentBytes.text(Array("plain é".utf8)) == "plain é")
    }

    @Test func `a relative time is joined to its option`() {
        let options: Set<String> = ["--at"]
        func joined(_ arguments: String...) -> [String] {
            ArgumentBytes.joiningTimes(arguments, options: options)
        }
        #expect(joined("ls", "--at", "-3h", "x:/") == ["ls", "--at=-3h", "x:/"])
        #expect(joined("ls", "--at", "2026-01-01") == ["ls", "--at", "2026-01-01"])
        #expect(joined("ls", "--at", "-l") == ["ls", "--at", "-l"])
        #expect(joined("ls", "--", "--at", "-3h") == ["ls", "--", "--at", "-3h"])
        #expect(joined("ls", "--at") == ["ls", "--at"])
    }
}
