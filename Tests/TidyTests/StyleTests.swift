import Foundation
import Testing

/// Holds the house style where a reader cannot be relied on to notice.
@Suite struct StyleTests {
    @Test func `the sources are where the tests look`() throws {
        #expect(SourceTree.sources.count > 50)
    }

    @Test func `no banned word stands in the sources`() throws {
        let banned: [(word: String, instead: String)] = [
            ("TODO", "finish it, or leave it out"),
            ("FIXME", "finish it, or leave it out"),
            ("try!", "throw"),
            ("Task.detached", "a structured task: every task has a parent"),
            (" Task {", "a structured task: every task has a parent"),
            ("Thread.sleep", "wait for the event"),
            ("usleep(", "wait for the event"),
            ("Blob", "chunk, record or segment"),
            ("NSError", "the target's own error struct"),
        ]
        for file in SourceTree.sources {
            for (number, line) in zip(1..., file.codeLines) {
                for (word, instead) in banned where line.contains(word) {
                    Issue.record("\(file.path):\(number): '\(word)': \(instead)")
                }
            }
        }
    }

    @Test func `no file or folder is a drawer for everything`() throws {
        let drawers = ["Utils", "Common", "Helpers", "Manager", "Base", "Misc"]
        for file in SourceTree.sources {
            let words = file.path.dropLast(6).split(separator: "/")
            for drawer in drawers where words.contains(where: { $0.hasSuffix(drawer) }) {
                Issue.record("\(file.path): what is its name?")
            }
        }
    }

    @Test func `nothing is public`() throws {
        for file in SourceTree.sources {
            for (number, line) in zip(1..., file.codeLines)
            where (line.contains("public ") || line.contains("open "))
                && line.contains(#/^\s*(?:public|open) (?!=)/#)
            {
                Issue.record("\(file.path):\(number): targets share 'package' declarations")
            }
        }
    }

    @Test func `unsafe code says why it is safe`() throws {
        for file in SourceTree.sources {
            for (number, line) in zip(1..., file.codeLines)
            where line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") {
                let near = file.lines[max(0, number - 16)..<min(number + 2, file.lines.count)]
                if !near.contains(where: { $0.contains("SAFETY:") }) {
                    Issue.record("\(file.path):\(number): no '// SAFETY:' line above")
                }
            }
        }
    }

    @Test func `every shared type is documented`() throws {
        let declaration =
            #/^(?:@\w+ )*package (?:final |indirect )*(?:func|struct|enum|class|actor|protocol|typealias) /#
        for file in SourceTree.sources {
            for (index, line) in file.lines.enumerated()
            where line.contains("package ") && line.contains(declaration) {
                if line.contains(/func (?:==|<|hash|encode|now|description)/) { continue }
                var above = index - 1
                while above >= 0, file.lines[above].contains(/^\s*@/) { above -= 1 }
                let isDocumented = above >= 0 && file.lines[above].contains(/^\s*(?:\/\/\/|\*\/)/)
                if !isDocumented {
                    Issue.record("\(file.path):\(index + 1): no doc comment: \(line)")
                }
            }
        }
    }

    @Test func `no function is longer than a screen`() throws {
        for file in SourceTree.sources {
            for function in FunctionLengths.measure(file.codeLines) where function.count > 70 {
                Issue.record("\(file.path):\(function.line): a function of \(function.count) lines")
            }
        }
    }

    /// bash: neither `set -e` nor a trap on ERR looks at a command behind `!`, so a script would go on whatever it did.
    @Test func `no script asserts with a bare exclamation mark`() throws {
        let bare = /^\s*!\s|(?:;|\bthen|\bdo|\belse|\{)\s+!\s/
        for bad in ["! flock f true", "  ! rm f", "if a; then ! rm f; fi", "a; ! b"] {
            try #require(bad.contains(bare), "\(bad)")
        }
        for good in ["if ! a; then b; fi", "until ! a; do b; done", "a && ! b || c", "[ ! -e f ]"] {
            try #require(!good.contains(bare), "\(good)")
        }
        var scripts = try ["Tests", "Benchmarks"].flatMap {
            try SourceTree.files(in: $0, endings: ["sh"])
        }
        try #require(scripts.count > 25)
        for path in ["x", ".ci/run"] {
            let url = SourceTree.root.appendingPathComponent(path)
            scripts.append(
                SourceTree.File(path: path, text: try String(contentsOf: url, encoding: .utf8))
            )
        }
        for file in scripts {
            for (number, line) in zip(1..., file.lines) where line.contains(bare) {
                Issue.record("\(file.path):\(number): asserts nothing: \(line)")
            }
        }
    }

    @Test func `nothing names the place where it was written`() throws {
        let endings: Set<String> = ["swift", "c", "h", "sh", "py", "md", "yaml", "json", "yml"]
        let place = /\/work\/|\.\.\/shared|https?:\/\/(?:deb|pypi|files)\./
        for folder in ["Sources", "Tests", "docs", "Jobs", "Retention", "Benchmarks"] {
            for file in try SourceTree.files(in: folder, endings: endings)
            where !file.path.hasPrefix("Tests/TidyTests") {
                for (number, line) in zip(1..., file.lines) where line.contains(place) {
                    Issue.record("\(file.path):\(number): \(line)")
                }
            }
        }
    }
}

/// Where functions begin and how many lines they take, by counting braces.
enum FunctionLengths {
    static func measure(_ lines: [String]) -> [(line: Int, count: Int)] {
        var found: [(line: Int, count: Int)] = []
        for (start, line) in lines.enumerated()
        where line.contains(/^\s*(?:@\w+ )*(?:[a-z]+(?:\(\w+\))? )*(?:func |init[?(<])/) {
            var depth = 0
            var isOpen = false
            for (offset, body) in lines[start...].enumerated() {
                depth += body.count(where: { $0 == "{" }) - body.count(where: { $0 == "}" })
                isOpen = isOpen || body.contains("{")
                if isOpen, depth <= 0 {
                    found.append((line: start + 1, count: offset + 1))
                    break
                }
                if !isOpen, offset > 14 { break }
            }
        }
        return found
    }
}
