/// Takes the keys of one mapping by name and type; what nobody took is an unknown key.
///
/// Problems gather in a list that all readers of a file share, so that one reading names them all.
final class FieldReader {
    /// The problems found in one file.
    final class Problems {
        var list: [PolicyError] = []
    }

    /// What the mapping is, as `a job`.
    let what: String
    let place: PolicyPlace
    let problems: Problems
    private let entries: [(key: PolicyNode, value: PolicyNode)]
    /// Keys asked for so far, which are those that exist.
    private var asked: [String] = []
    /// Unknown keys that a missing one has explained already.
    private var reported: Set<String> = []

    init?(_ node: PolicyNode, what: String, problems: Problems) {
        guard case .map(let entries) = node.content else {
            problems.list.append(
                PolicyError(
                    .wrongType,
                    "\(what) is a mapping of keys to values, not \(node.kind)",
                    remedy: "Write 'key: value' lines.",
                    place: node.place
                )
            )
            return nil
        }
        self.what = what
        self.place = node.place
        self.problems = problems
        self.entries = entries
    }

    func fail(_ code: PolicyError.Code, _ message: String, remedy: String, at place: PolicyPlace) {
        problems.list.append(PolicyError(code, message, remedy: remedy, place: place))
    }

    /// The value of a key, whatever it is; `nil` when the key is absent.
    func node(_ key: String) -> PolicyNode? {
        if !asked.contains(key) { asked.append(key) }
        for entry in entries {
            if case .scalar(let text, _) = entry.key.content, text == key { return entry.value }
        }
        return nil
    }

    /// The value of a key that must be there.
    ///
    /// When a key nearly of that name is there, that one is the problem.
    func requiredNode(_ key: String, remedy: String) -> PolicyNode? {
        if let found = node(key) { return found }
        for entry in entries {
            guard case .scalar(let text, _) = entry.key.content, !asked.contains(text),
                Suggestion.nearest(to: text, among: [key]) != nil
            else { continue }
            fail(
                .unknownKey,
                "unknown key '\(PolicyNode.shortened(text))'",
                remedy: "Did you mean '\(key)'?",
                at: entry.key.place
            )
            reported.insert(text)
            return nil
        }
        fail(.missingKey, "\(what) has no '\(key)'", remedy: remedy, at: place)
        return nil
    }

    /// One word or line of text.
    func text(_ key: String, required remedy: String? = nil) -> (value: String, place: PolicyPlace)?
    {
        let found = remedy.map { requiredNode(key, remedy: $0) } ?? node(key)
        guard let found else { return nil }
        return text(of: found, key: key)
    }

    /// The text of a scalar node; an empty one is refused.
    func text(of node: PolicyNode, key: String) -> (value: String, place: PolicyPlace)? {
        guard case .scalar(let text, _) = node.content, !text.isEmpty else {
            fail(
                .wrongType,
                "'\(key)' is text, not \(node.kind)",
                remedy: "Write '\(key): VALUE'.",
                at: node.place
            )
            return nil
        }
        return (text, node.place)
    }

    /// A whole number in a range.
    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        node(key).flatMap { integer(of: $0, key: key, in: range) }
    }

    /// The whole number of a scalar node.
    func integer(of node: PolicyNode, key: String, in range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let text, true) = node.content, let value = Int(text) else {
            fail(
                .wrongType,
                "'\(key)' is a whole number, not \(node.kind)",
                remedy: "Write a number without quotes or unit.",
                at: node.place
            )
            return nil
        }
        guard range.contains(value) else {
            fail(
                .badValue,
                "'\(key)' is \(value)",
                remedy: "Give \(range.lowerBound) to \(range.upperBound).",
                at: node.place
            )
            return nil
        }
        return value
    }

    /// One of a few words.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String,
        _ type: Choice.Type,
        required remedy: String? = nil
    ) -> Choice? where Choice.RawValue == String {
        guard let (word, place) = text(key, required: remedy) else { return nil }
        if let choice = Choice(rawValue: word) { return choice }
        let known = Choice.allCases.map(\.rawValue)
        let list = "Give one of \(known.joined(separator: ", "))."
        fail(
            .badValue,
            "'\(key)' is '\(PolicyNode.shortened(word))'",
            remedy: Suggestion.remedy(for: word, among: known, otherwise: list),
            at: place
        )
        return nil
    }

    /// A value that a function reads from its text; its error gets this place.
    func parsed<Value>(
        _ key: String,
        required remedy: String? = nil,
        _ parse: (String) throws(PolicyError) -> Value
    ) -> Value? {
        guard let (text, place) = text(key, required: remedy) else { return nil }
        return parsed(text, at: place, parse)
    }

    /// The value that a function reads from `text`; its error gets `place`.
    func parsed<Value>(
        _ text: String,
        at place: PolicyPlace,
        _ parse: (String) throws(PolicyError) -> Value
    ) -> Value? {
        do {
            return try parse(text)
        } catch {
            problems.list.append(error.at(place))
            return nil
        }
    }

    /// The values of a list; `nil` when the key is absent.
    func list(_ key: String) -> [PolicyNode]? {
        guard let found = node(key) else { return nil }
        guard case .list(let nodes) = found.content else {
            fail(
                .wrongType,
                "'\(key)' is a list, not \(found.kind)",
                remedy: "Write '\(key): [A, B]', or '- A' lines.",
                at: found.place
            )
            return nil
        }
        return nodes
    }

    /// The texts of a list, each read by a function; empty when the key is absent.
    func texts<Value>(
        _ key: String,
        _ parse: (String) throws(PolicyError) -> Value
    ) -> [Value] {
        (list(key) ?? []).compactMap { node in
            guard case .scalar(let text, _) = node.content, !text.isEmpty else {
                fail(
                    .wrongType,
                    "an entry of '\(key)' is text, not \(node.kind)",
                    remedy: "Write '- VALUE'.",
                    at: node.place
                )
                return nil
            }
            return parsed(text, at: node.place, parse)
        }
    }

    /// Reports the keys that nobody asked for.
    ///
    /// - Parameter foreign: Keys of AWS's that mean something there and nothing here, and why.
    func finish(foreign: [String: String] = [:]) {
        for entry in entries {
            guard case .scalar(let key, _) = entry.key.content else {
                fail(
                    .wrongType,
                    "a key is a word, not \(entry.key.kind)",
                    remedy: "Write 'key: value' lines.",
                    at: entry.key.place
                )
                continue
            }
            if asked.contains(key) || reported.contains(key) { continue }
            if let reason = foreign[key] {
                fail(
                    .unsupported,
                    "'\(key)' is a key of AWS that has no effect here: \(reason)",
                    remedy: "Remove the key.",
                    at: entry.key.place
                )
                continue
            }
            let list = "\(what) has these keys: \(asked.joined(separator: ", "))."
            fail(
                .unknownKey,
                "unknown key '\(PolicyNode.shortened(key))'",
                remedy: Suggestion.remedy(
                    for: key,
                    among: asked,
                    otherwise: list.prefix(1).uppercased() + list.dropFirst()
                ),
                at: entry.key.place
            )
        }
    }
}
