/// The bytes of a policy file, checked before any parser sees them.
///
/// A policy file is UTF-8, small, flat, and begins with a comment that says why it exists. Anchors
/// and deep nesting have no use in one, and are how YAML is made to explode, so they are refused.
struct PolicyText {
    /// 256 KiB: the largest shipped file has 2.
    static let bytesMax = 256 << 10
    /// Lists and mappings inside each other; the deepest key has 3.
    static let depthMax = 32

    let file: String
    let text: String
    /// The first comment's words, its lines joined by spaces; empty when there is none.
    let why: String

    /// Checks `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - file: Its name, for errors.
    /// - Throws: `.unreadable` or `.syntax`.
    init(_ bytes: [UInt8], file: String) throws(PolicyError) {
        guard bytes.count <= Self.bytesMax else {
            throw PolicyError(
                .unreadable,
                "the file has \(bytes.count) bytes, a policy at most \(Self.bytesMax)",
                remedy: "Keep one policy a file; move anything else out of the directory.",
                place: PolicyPlace(file: file, line: 1, column: 1)
            )
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw PolicyError(
                .unreadable,
                "the file is not UTF-8 text",
                remedy: "Save it in UTF-8.",
                place: Self.firstInvalid(in: bytes, file: file)
            )
        }
        self.file = file
        self.text = text
        self.why = Self.firstComment(of: text)
        try Self.checkTokens(of: text, file: file)
    }

    /// Where UTF-8 ends being UTF-8.
    private static func firstInvalid(in bytes: [UInt8], file: String) -> PolicyPlace {
        var start = 0
        var line = 1
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            guard String(validating: bytes[start..<index], as: UTF8.self) != nil else { break }
            start = index + 1
            line += 1
        }
        return PolicyPlace(file: file, line: line, column: 1)
    }

    /// The `#` lines at the top (after `---` and blank lines).
    private static func firstComment(of text: String) -> String {
        var words: [Substring] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let bare = line.drop { $0 == " " || $0 == "\t" || $0 == "\u{FEFF}" }
            if words.isEmpty, bare.isEmpty || bare == "---" { continue }
            guard bare.hasPrefix("#") else { break }
            words += bare.drop { $0 == "#" }.split(whereSeparator: \.isWhitespace)
        }
        return words.joined(separator: " ")
    }

    /// Refuses anchors, aliases that would need one, and deep nesting.
    ///
    /// A scan of each line outside quotes and comments; a quote that spans lines is beyond it, and
    /// at worst makes it refuse a file that a parser would take.
    private static func checkTokens(of text: String, file: String) throws(PolicyError) {
        var depth = 0
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            var quote: Unicode.Scalar?
            var previous: Unicode.Scalar = " "
            var isPrefix = true
            for (column, scalar) in line.unicodeScalars.enumerated() {
                let place = PolicyPlace(file: file, line: index + 1, column: column + 1)
                isPrefix = isPrefix && " -?:\t".unicodeScalars.contains(scalar)
                guard !isPrefix || column <= 4 * depthMax else { throw tooDeep(place) }
                defer { previous = scalar }
                if let open = quote {
                    if scalar == open, previous != "\\" || open == "'" { quote = nil }
                    continue
                }
                let startsToken = " \t[{,:-?".unicodeScalars.contains(previous)
                if scalar == "#", startsToken { break }
                if scalar == "\"" || scalar == "'", startsToken { quote = scalar }
                if scalar == "[" || scalar == "{" { depth += 1 }
                if scalar == "]" || scalar == "}" { depth = max(0, depth - 1) }
                guard depth <= depthMax else { throw tooDeep(place) }
                guard scalar != "&" || !startsToken else {
                    throw PolicyError(
                        .syntax,
                        "YAML anchors ('&name') are not used in policies",
                        remedy: "Write the value out; put text that begins with & in quotes.",
                        place: place
                    )
                }
            }
        }
    }

    private static func tooDeep(_ place: PolicyPlace) -> PolicyError {
        PolicyError(
            .syntax,
            "lists and mappings are nested more than \(depthMax) deep",
            remedy: "See docs/policies.md for the shape of a policy.",
            place: place
        )
    }
}
