/// One policy file, read and checked on its own; a job's references are still names.
enum PolicyFile {
    case job(JobDraft)
    case retention(RetentionPolicy)
    case lifecycle(LifecyclePolicy)

    /// The kinds of policy file.
    enum Kind: String, CaseIterable {
        case job
        case lifecycle
        case retention
    }

    /// The newest `format` that this version reads.
    static let format = 1

    var kind: Kind {
        switch self {
        case .job: .job
        case .retention: .retention
        case .lifecycle: .lifecycle
        }
    }

    var name: String {
        switch self {
        case .job(let draft): draft.name
        case .retention(let policy): policy.name
        case .lifecycle(let policy): policy.name
        }
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - file: Its path, for errors; the last component names JSON, and must bear YAML's `name`.
    ///   - timeZones: Where time zones are looked up.
    ///   - distrust: Why nothing that this file says is run; `nil` when it may be.
    /// - Returns: The policy, unless there are problems; every problem, by place.
    static func read(
        _ bytes: [UInt8],
        file: String,
        timeZones: TimeZoneDatabase,
        distrust: String? = nil
    ) -> (policy: PolicyFile?, problems: [PolicyError]) {
        let problems = FieldReader.Problems()
        var policy: PolicyFile?
        do throws(PolicyError) {
            let text = try PolicyText(bytes, file: file)
            let isJSON = file.hasSuffix(".json")
            guard isJSON || text.why.contains(where: \.isLetter) else {
                throw PolicyError(
                    .noComment,
                    "the file does not begin with a comment that says why it exists",
                    remedy: "Begin the file with '# ' and the reason.",
                    place: PolicyPlace(file: file, line: 1, column: 1)
                )
            }
            guard let root = try PolicyNode.parse(text) else {
                throw PolicyError(
                    .missingKey,
                    "the file holds no policy",
                    remedy: "Begin with 'format: 1', 'kind' and 'name'.",
                    place: PolicyPlace(file: file, line: 1, column: 1)
                )
            }
            let source = Source(
                file: file,
                why: text.why,
                problems: problems,
                timeZones: timeZones,
                distrust: distrust
            )
            policy = isJSON ? source.awsLifecycle(root) : source.policy(root)
        } catch {
            problems.list.append(error)
        }
        let sorted = problems.list.sorted { left, right in
            guard let first = left.place, let second = right.place else { return false }
            return first < second
        }
        return (sorted.isEmpty ? policy : nil, sorted)
    }

    /// The file being read, with what its parts need to know of it.
    struct Source {
        let file: String
        let why: String
        let problems: FieldReader.Problems
        let timeZones: TimeZoneDatabase
        /// Why nothing that the file says is run; `nil` when it may be.
        let distrust: String?

        /// The last component without its ending.
        var stem: String {
            let last = file.split(separator: "/").last ?? ""
            return String(last.split(separator: ".").first ?? "")
        }

        /// Reads the keys that every kind has, and the kind's own.
        func policy(_ root: PolicyNode) -> PolicyFile? {
            guard let fields = FieldReader(root, what: "a policy", problems: problems),
                hasKnownFormat(fields),
                let kind = fields.choice(
                    "kind",
                    Kind.self,
                    required: "Add 'kind: job', 'lifecycle' or 'retention'."
                )
            else { return nil }
            let name = name(fields)
            let read: PolicyFile? =
                switch kind {
                case .job: job(fields, name: name)
                case .lifecycle: lifecycle(fields, name: name)
                case .retention: retention(fields, name: name)
                }
            return read
        }

        private func hasKnownFormat(_ fields: FieldReader) -> Bool {
            let known = PolicyFile.format
            guard let node = fields.requiredNode("format", remedy: "Add 'format: \(known)'."),
                let format = fields.integer(of: node, key: "format", in: 1...Int.max)
            else { return false }
            guard format <= known else {
                fields.fail(
                    .newerFormat,
                    "policy format \(format) is newer than this version of Varve reads (\(known))",
                    remedy: "Upgrade Varve, or write the file in format \(known).",
                    at: node.place
                )
                return false
            }
            return true
        }

        /// The name, which is the file's too: one policy a file, named for what it does.
        private func name(_ fields: FieldReader) -> String {
            guard let (name, place) = fields.text("name", required: "Add 'name: \(stem)'.") else {
                return stem
            }
            let isPlain = name.utf8.count <= 50 && name.utf8.allSatisfy(isNameByte)
            if !isPlain {
                fields.fail(
                    .badValue,
                    "the name '\(PolicyNode.shortened(name))' is not plain",
                    remedy: "Use up to 50 letters, digits, '-', '_' and '.'.",
                    at: place
                )
            } else if name != stem {
                fields.fail(
                    .badValue,
                    "the name '\(name)' is not that of the file",
                    remedy: "Rename the file to '\(name).yaml', or the policy to '\(stem)'.",
                    at: place
                )
            }
            return name
        }

        /// AWS's names of plans, rules and selections: `[a-zA-Z0-9-_.]`.
        private func isNameByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}
