import Yams

extension PolicyNode {
    /// Parses the one document of a file; JSON is YAML and takes the same way.
    ///
    /// - Parameter source: The file's checked text.
    /// - Returns: The root value, or `nil` of a file with nothing but comments.
    /// - Throws: `.syntax` at the parser's own place.
    static func parse(_ source: PolicyText) throws(PolicyError) -> PolicyNode? {
        let start = PolicyPlace(file: source.file, line: 1, column: 1)
        do {
            let parser = try Parser(yaml: source.text, resolver: .basic)
            guard let root = try parser.singleRoot() else { return nil }
            return PolicyNode(root, file: source.file, near: start)
        } catch let error as YamlError {
            throw PolicyError(error, file: source.file, text: source.text)
        } catch {
            throw PolicyError(.syntax, "\(error)", remedy: "Correct the YAML.", place: start)
        }
    }

    private init(_ node: Node, file: String, near: PolicyPlace) {
        let place =
            node.mark.map { PolicyPlace(file: file, line: $0.line, column: $0.column) } ?? near
        self.place = place
        switch node {
        case .scalar(let scalar):
            content = .scalar(scalar.string, isPlain: scalar.style == .plain)
        case .sequence(let sequence):
            content = .list(sequence.map { PolicyNode($0, file: file, near: place) })
        case .mapping(let mapping):
            content = .map(
                mapping.map { key, value in
                    (
                        PolicyNode(key, file: file, near: place),
                        PolicyNode(value, file: file, near: place)
                    )
                }
            )
        case .alias(let alias):  // Parsed without anchors, so none is left; kept as its text.
            content = .scalar("*" + alias.anchor.rawValue, isPlain: true)
        }
    }
}

extension PolicyError {
    /// The parser's complaint, with the remedy for the commonest slips.
    fileprivate init(_ error: YamlError, file: String, text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        func place(_ mark: Mark) -> PolicyPlace {
            PolicyPlace(file: file, line: max(1, mark.line), column: max(1, mark.column))
        }
        func syntax(_ problem: String, _ mark: Mark) -> PolicyError {
            let line = lines.indices.contains(mark.line - 1) ? lines[mark.line - 1] : ""
            let remedy =
                if line.contains("*") || line.contains("@") || line.contains("`") {
                    "A value that begins with *, @ or ` must stand in quotes: \"* * * * *\"."
                } else if line.contains("\t") {
                    "Indent with spaces, not tabs."
                } else {
                    "Correct the YAML; keys are written 'key: value', one a line."
                }
            return PolicyError(.syntax, "not YAML: \(problem)", remedy: remedy, place: place(mark))
        }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _):
            self = syntax(problem, mark)
        case .composer(_, let problem, let mark, _):
            self =
                problem.contains("another document")
                ? PolicyError(
                    .syntax,
                    "a second document begins here",
                    remedy: "Keep one policy a file; remove the '---'.",
                    place: place(mark)
                )
                : syntax(problem, mark)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let key = duplicates.first ?? ""
            self = PolicyError(
                .duplicate,
                "'\(PolicyNode.shortened(key))' is given twice",
                remedy: "Remove one of the two.",
                place: place(context.mark)
            )
        case .reader(let problem, let offset, _, _):
            let before = text.utf8.prefix(offset ?? 0)
            let line = 1 + before.count { $0 == UInt8(ascii: "\n") }
            self = PolicyError(
                .syntax,
                "not YAML: \(problem)",
                remedy: "Remove the control character.",
                place: PolicyPlace(file: file, line: line, column: 1)
            )
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            self = PolicyError(
                .syntax,
                "not YAML: \(error)",
                remedy: "Correct the YAML.",
                place: PolicyPlace(file: file, line: 1, column: 1)
            )
        }
    }
}
