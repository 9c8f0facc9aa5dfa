import Foundation
import Testing

/// Holds ARCHITECTURE.md's promises against the tests that it names.
@Suite struct ArchitectureTests {
    @Test func `each invariant names tests, and they exist`() throws {
        let page = try String(
            contentsOf: SourceTree.root.appendingPathComponent("ARCHITECTURE.md"),
            encoding: .utf8
        )
        let tests = try SourceTree.files(in: "Tests").flatMap(\.lines).joined(separator: "\n")
        for number in 1...7 {
            let row = try #require(
                page.split(separator: "\n").first { $0.hasPrefix("| **I\(number)**") },
                "no row for I\(number)"
            )
            for name in row.matches(of: /\*([a-z][^*]+)\*/).map(\.1) {
                #expect(tests.contains("func `\(name)`"), "I\(number) names no test: \(name)")
            }
            #expect(row.contains("Tests") || row.contains("Properties"))
        }
    }

    @Test func `the page stays under 300 lines`() throws {
        let page = try String(
            contentsOf: SourceTree.root.appendingPathComponent("ARCHITECTURE.md"),
            encoding: .utf8
        )
        #expect(page.split(separator: "\n", omittingEmptySubsequences: false).count < 300)
    }
}
