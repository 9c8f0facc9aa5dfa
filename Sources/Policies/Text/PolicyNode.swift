/// A value in a policy file, with where it stands.
struct PolicyNode {
    enum Content {
        /// The text, and whether it stood there without quotes.
        case scalar(String, isPlain: Bool)
        case list([PolicyNode])
        case map([(key: PolicyNode, value: PolicyNode)])
    }

    let place: PolicyPlace
    let content: Content

    /// What the value is, in the words of an error message.
    var kind: String {
        switch content {
        case .scalar(let text, _): text.isEmpty ? "nothing" : "'\(Self.shortened(text))'"
        case .list: "a list"
        case .map: "a mapping"
        }
    }

    /// `text` as an error message shows it: one line, at most 60 characters.
    static func shortened(_ text: String) -> String {
        let line = text.map { $0.isNewline ? " " : $0 }
        return line.count <= 60 ? String(line) : String(line.prefix(57)) + "..."
    }
}
