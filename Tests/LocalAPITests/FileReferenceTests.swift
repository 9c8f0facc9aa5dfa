import LocalAPI
import TestKit
import Testing

@Suite struct FileReferenceTests {
    @Test func `the first colon and slash part file system and path`() throws {
        let file = try FileReference(argument: Array("home:/a:/b".utf8))
        #expect(file.fileSystem == "home")
        #expect(file.path.bytes == Array("/a:/b".utf8))
        #expect(file.components == [Array("a:".utf8), Array("b".utf8)])
    }

    @Test func `slashes and dots mean nothing, and two dots stay`() throws {
        let file = try FileReference(argument: Array("x://a/./b//../c/".utf8))
        #expect(
            file.components.map { String(decoding: $0, as: UTF8.self) } == ["a", "b", "..", "c"]
        )
        #expect(try FileReference(argument: Array("x:/".utf8)).components.isEmpty)
    }

    @Test func `bytes of a path are taken as they are`() throws {
        let file = try FileReference(argument: Array("x:/%41".utf8) + [0xFF])
        #expect(file.path.bytes == Array("/%41".utf8) + [0xFF])
        #expect(file.description == "x:/%2541%FF")
    }

    @Test(arguments: ["", "x", "x:", ":/a", "x:a", "/x/y"])
    func `anything else is refused with the form to write`(text: String) {
        do {
            _ = try FileReference(argument: Array(text.utf8))
            Issue.record("'\(text)' was taken")
        } catch {
            #expect(error.code == .usage)
            #expect(error.remedy.contains(":/"))
        }
    }

    @Test func `a place of the host begins with a slash or a dot, or has no colon and slash`() {
        for text in ["/a:/b", "./a:/b", "../a", "name", "a:b"] {
            #expect(!FileReference.isReference(Array(text.utf8)), "\(text)")
        }
        #expect(FileReference.isReference(Array("home:/".utf8)))
    }

    @Test func `any bytes give a reference or a usage error`() {
        var generator = SeededGenerator(seed: testSeed(default: 3))
        for _ in 0..<TestSizes.current.fuzzInputs {
            let alphabet = Array("ab:/.%".utf8) + [0xFF, 0x00]
            let count = Int.random(in: 0...12, using: &generator)
            let bytes = (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            do {
                let file = try FileReference(argument: bytes)
                #expect(file.path.bytes.first == UInt8(ascii: "/"))
                #expect(!file.fileSystem.isEmpty)
            } catch {
                #expect(error.code == .usage)
            }
        }
    }
}
