import Foundation
import Testing

/// Holds `./x fuzz` and `./x crash` against the tests there are: none whose name says that it is one is left out.
///
/// The verbs choose files by what stands in them (`fuzz_marks`, `crash_marks` in `x`), so that a new test is run
/// without being entered anywhere.
@Suite struct VerbTests {
    struct Verb: CustomTestStringConvertible {
        let name: String
        /// What the verb matches names with, besides files.
        let names: Regex<Substring>
        /// What says of a test that the verb is to run it.
        let claims: Regex<Substring>
        /// Tests that were once missed.
        let missed: [String]

        var testDescription: String { name }
    }

    private static var verbs: [Verb] {
        [
            Verb(
                name: "fuzz",
                names: /any bytes/,
                claims: /any bytes|random bytes|fuzz|decoded|exactly or not at all/,
                missed: ["a map node is decoded exactly or not at all"]
            ),
            Verb(
                name: "crash",
                names: /power cut|kill/,
                claims:
                    /power cut|power ends|kill -9|killed|leaving out|leaves out one|goes at any request/,
                missed: [
                    "leaving out any sync breaks the promise",
                    "what replaces a deleted pack has its name for certain",
                    "a sync that a move leaves out shows", "a prune that goes at any request takes",
                ]
            ),
        ]
    }

    @Test(arguments: [0, 1])
    func `the verbs that run a kind of tests run every test of the kind`(number: Int) throws {
        let verb = Self.verbs[number]
        let door = try String(
            contentsOf: SourceTree.root.appendingPathComponent("x"),
            encoding: .utf8
        )
        let line = try #require(
            door.split(separator: "\n").first { $0.hasPrefix("\(verb.name)_marks='") }
        )
        let marks = try Regex(String(line.dropFirst(verb.name.count + 8).dropLast()))
        var run: [String] = []
        for file in try SourceTree.files(in: "Tests") where file.target != "TidyTests" {
            let isChosen = file.lines.contains { $0.contains(marks) }
            for line in file.lines {
                guard let name = line.firstMatch(of: /func `([^`]+)`/)?.1 else { continue }
                let isRun = isChosen || name.contains(verb.names)
                if name.contains(verb.claims), !isRun {
                    Issue.record("\(file.path): './x \(verb.name)' does not run: \(name)")
                }
                if isRun { run.append(String(name)) }
            }
        }
        for name in verb.missed {
            #expect(run.contains { $0.hasPrefix(name) }, "\(verb.name): \(name)")
        }
        print("./x \(verb.name): \(run.count) tests")
    }
}
