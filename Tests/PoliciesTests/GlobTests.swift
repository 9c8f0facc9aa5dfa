import Policies
import TestKit
import Testing

@Suite struct GlobTests {
    /// Goal: whoever looks only where something may fit misses nothing, and looks hardly anywhere else.
    @Test func `where a pattern may fit beneath, and where not`() throws {
        func names(_ path: String) -> [[UInt8]] {
            path.split(separator: "/").map { Array($0.utf8) }
        }
        let cases: [(pattern: String, open: [String], closed: [String])] = [
            (
                "/home/*/mail/**", ["", "/home", "/home/ann", "/home/ann/mail/old"],
                ["/etc", "/home/ann/x"]
            ),
            ("/db/", ["", "/db", "/db/deep/er"], ["/d", "/x"]), ("*.iso", ["", "/any/where"], []),
            ("/a/b", ["", "/a"], ["/a/b", "/b", "/a/b/c"]),
        ]
        for (pattern, open, closed) in cases {
            let glob = try PathGlob(pattern)
            for path in open { #expect(glob.mayMatch(beneath: names(path)), "\(pattern) \(path)") }
            for path in closed {
                #expect(!glob.mayMatch(beneath: names(path)), "\(pattern) \(path)")
            }
        }
        var random = SeededGenerator(seed: testSeed(default: 72))
        var fits = 0
        for _ in 0..<TestSizes.current.fuzzInputs {
            func path(_ parts: [String], _ most: Int) -> [String] {
                (0..<Int.random(in: 1...most, using: &random)).compactMap { _ in
                    parts.randomElement(using: &random)
                }
            }
            let pattern = "/" + path(["a", "b", "?", "*", "**"], 4).joined(separator: "/")
            let name = path(["a", "b", "ab"], 5)
            let glob = try PathGlob(pattern)
            let bytes = name.map { Array($0.utf8) }
            guard glob.matches(bytes) else { continue }
            fits += 1
            for count in 0..<bytes.count {
                #expect(glob.mayMatch(beneath: Array(bytes.prefix(count))), "\(pattern) \(name)")
            }
        }
        #expect(fits > 20)
        #expect(try PathGlob(bytes: [0x2A, 0xFF]).matches([[0x61, 0xFF]]))
    }

    /// A glob by its definition, exponential and plain.
    static func model(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == UInt8(ascii: "*") {
            return model(pattern.dropFirst(), name)
                || (!name.isEmpty && model(pattern, name.dropFirst()))
        }
        guard let byte = name.first else { return false }
        return (first == UInt8(ascii: "?") || first == byte)
            && model(pattern.dropFirst(), name.dropFirst())
    }

    /// A path pattern by its definition.
    static func model(_ pattern: ArraySlice<[UInt8]>, _ path: ArraySlice<[UInt8]>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        if first == Array("**".utf8) {
            let isLast = pattern.count == 1
            if isLast { return !path.isEmpty }
            return model(pattern.dropFirst(), path)
                || (!path.isEmpty && model(pattern, path.dropFirst()))
        }
        guard let name = path.first else { return false }
        return model(first[...], name[...]) && model(pattern.dropFirst(), path.dropFirst())
    }

    @Test func `a glob agrees with its definition`() {
        var random = SeededGenerator(seed: testSeed(default: 47))
        var hits = 0
        for _ in 0..<TestSizes.current.fuzzInputs {
            let pattern = (0..<Int.random(in: 0..<8, using: &random)).map { _ in
                Array("ab*?*".utf8)[Int.random(in: 0..<5, using: &random)]
            }
            let name = (0..<Int.random(in: 0..<8, using: &random)).map { _ in
                Array("ab".utf8)[Int.random(in: 0..<2, using: &random)]
            }
            let expected = Self.model(pattern[...], name[...])
            hits += expected ? 1 : 0
            #expect(
                Glob(pattern).matches(name) == expected,
                "\(String(decoding: pattern, as: UTF8.self)) \(String(decoding: name, as: UTF8.self))"
            )
        }
        #expect(hits > 0)
    }

    @Test func `a path pattern agrees with its definition`() throws {
        var random = SeededGenerator(seed: testSeed(default: 48))
        var hits = 0
        for _ in 0..<TestSizes.current.fuzzInputs {
            let parts = (0..<Int.random(in: 1..<6, using: &random)).map { _ in
                ["a", "b", "*", "**", "a*"][Int.random(in: 0..<5, using: &random)]
            }
            let path = (0..<Int.random(in: 1..<7, using: &random)).map { _ in
                Array(["a", "b", "ab"][Int.random(in: 0..<3, using: &random)].utf8)
            }
            let expected = Self.model(parts.map { Array($0.utf8) }[...], path[...])
            hits += expected ? 1 : 0
            let pattern = "/" + parts.joined(separator: "/")
            #expect(
                try PathGlob(pattern).matches(path) == expected,
                "\(pattern) \(path.map { String(decoding: $0, as: UTF8.self) })"
            )
        }
        #expect(hits > 0)
    }

    @Test func `names need not be text, and a backslash makes plain`() throws {
        #expect(Glob("a\\*".utf8).matches(Array("a*".utf8)))
        #expect(!Glob("a\\*".utf8).matches(Array("ab".utf8)))
        #expect(Glob("a?c".utf8).matches([0x61, 0xFF, 0x63]))
        #expect(try PathGlob("*.iso").matches([Array("x".utf8), Array("y.iso".utf8)]))
        #expect(try PathGlob("/db/").matches([Array("db".utf8), Array("t".utf8)]))
        #expect(try !PathGlob("/db/").matches([Array("db".utf8)]))
    }

    @Test(arguments: ["", "home/*", "a//b", "//a"])
    func `what is no path pattern is refused`(pattern: String) {
        #expect(throws: PolicyError.self) { try PathGlob(pattern) }
    }

    @Test func `a long name is matched without backtracking through all of it`() {
        let name = [UInt8](repeating: 0x61, count: 4_000)
        let pattern = Array(repeating: Array("a*".utf8), count: 200).flatMap { $0 }
        #expect(!Glob(pattern + Array("b".utf8)).matches(name))
    }
}
