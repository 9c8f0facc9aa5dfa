/// A YAML text of one flat mapping, as a settings file is.
///
/// Keys and values keep their places, so that whoever gives them meaning can name file and line.
package struct YAMLMapping: Sendable {
    /// One `key: value`.
    package struct Entry: Sendable {
        /// What stands after the colon.
        package enum Value: Sendable, Hashable {
            case scalar(String)
            case list([String])
        }

        package let key: String
        package let value: Value
        package let place: PolicyPlace

        /// The key's line, from 1.
        package var line: Int { place.line }
    }

    /// In the text's order; no key comes twice.
    package let entries: [Entry]

    /// Parses a text; an empty one, or one of comments, has no entries.
    ///
    /// - Parameters:
    ///   - text: The whole file.
    ///   - file: Its path, for errors.
    /// - Throws: `.syntax`, `.duplicate`, or `.wrongType` for a value that is neither a scalar nor a
    ///   list of scalars.
    package init(text: String, file: String) throws(PolicyError) {
        let source = try PolicyText(Array(text.utf8), file: file)
        guard let root = try PolicyNode.parse(source) else {
            entries = []
            return
        }
        guard case .map(let pairs) = root.content else {
            throw PolicyError(
                .wrongType,
                "the file holds \(root.kind) instead of keys and values",
                remedy: "Write 'key: value' lines.",
                place: root.place
            )
        }
        var entries: [Entry] = []
        for pair in pairs {
            let value: Entry.Value
            switch pair.value.content {
            case .scalar(let text, _): value = .scalar(text)
            case .list(let items): value = .list(try items.map(Self.scalar))
            case .map:
                throw PolicyError(
                    .wrongType,
                    "a value is a word or a list of words, not a mapping",
                    remedy: "Write 'key: value' or 'key: [A, B]'.",
                    place: pair.value.place
                )
            }
            entries.append(
                Entry(key: try Self.scalar(pair.key), value: value, place: pair.key.place)
            )
        }
        self.entries = entries
    }

    private static func scalar(_ node: PolicyNode) throws(PolicyError) -> String {
        if case .scalar(let text, _) = node.content { return text }
        throw PolicyError(
            .wrongType,
            "a word is wanted here, not \(node.kind)",
            remedy: "Write 'key: value' or 'key: [A, B]'.",
            place: node.place
        )
    }
}
