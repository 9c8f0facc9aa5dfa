import Foundation

/// The repository as text: what the tidy tests read.
struct SourceTree {
    struct File {
        /// From the repository's root, as `Sources/Disk/Disk.swift`.
        let path: String
        let lines: [String]
        /// Each line without its `//` comment and without the insides of its string literals.
        let codeLines: [String]

        /// The target's name: the second component of the path.
        var target: String {
            path.split(separator: "/").dropFirst().first.map(String.init) ?? ""
        }

        init(path: String, text: String) {
            self.path = path
            lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            codeLines = lines.map(File.code)
        }

        /// By hand, since a regular expression a line took most of the tests' time.
        private static func code(_ line: String) -> String {
            guard line.contains("\"") || line.contains("//") else { return line }
            var kept: [Character] = []
            var isQuoted = false
            var isEscaped = false
            for character in line {
                if isQuoted {
                    if character == "\"", !isEscaped {
                        isQuoted = false
                        kept.append(character)
                    }
                    isEscaped = character == "\\" && !isEscaped
                } else if character == "/", kept.last == "/" {
                    kept.removeLast()
                    break
                } else {
                    isQuoted = character == "\""
                    kept.append(character)
                }
            }
            return String(kept)
        }
    }

    /// The Swift files of `Sources/`, read once.
    static let sources: [File] = {
        // Without sources every expectation about their number fails, with a sentence.
        (try? files(in: "Sources")) ?? []
    }()

    /// The repository's root.
    static let root: URL = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every file below `folder` with one of the endings, sorted by path.
    static func files(in folder: String, endings: Set<String> = ["swift"]) throws -> [File] {
        let start = root.appendingPathComponent(folder)
        guard let walk = FileManager.default.enumerator(atPath: start.path) else { return [] }
        var paths: [String] = []
        for case let path as String in walk
        where endings.contains((path as NSString).pathExtension) {
            paths.append(path)
        }
        return try paths.sorted().map { path in
            let bytes = try Data(contentsOf: start.appendingPathComponent(path))
            let text = String(decoding: bytes, as: UTF8.self)
            return File(path: folder + "/" + path, text: text)
        }
    }
}
