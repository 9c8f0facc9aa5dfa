/// The policies of some directories, and the last good ones where a file has gone bad.
///
/// A file with a problem never takes effect: what it held before stays in force until the file is
/// good again or gone. A job whose retention or lifecycle policy went missing stays as it was, too.
package struct PolicyLibrary: Sendable {
    /// The jobs in force, by name.
    package private(set) var jobs: [Job] = []
    /// The retentions in force, by name.
    package private(set) var retentions: [RetentionPolicy] = []
    /// The lifecycle policies in force, by name.
    package private(set) var lifecycles: [LifecyclePolicy] = []
    /// How many policy files the last load found.
    package private(set) var fileCount = 0

    private let timeZones: TimeZoneDatabase
    private var readings: [String: PolicyFile] = [:]
    private var jobsByFile: [String: Job] = [:]

    package init(timeZones: TimeZoneDatabase = .system) {
        self.timeZones = timeZones
    }

    /// Reads every policy file of the directories anew.
    ///
    /// - Parameter directories: As `./Jobs` and `./Retention`; any kind may stand in any of them.
    /// - Returns: Every problem, by file and place. The library holds what is good all the same.
    package mutating func load(directories: [String]) -> [PolicyError] {
        var contents: [PolicyDirectory.File] = []
        var problems: [PolicyError] = []
        var unreadable: Set<String> = []
        for directory in directories {
            do {
                contents += try PolicyDirectory.files(of: directory)
            } catch {
                problems.append(error)
                unreadable.insert(directory + "/")
            }
        }
        let kept = readings.keys.filter { file in unreadable.contains { file.hasPrefix($0) } }
        return problems + update(contents, keeping: Set(kept))
    }

    /// Takes these files' bytes as all that there is.
    ///
    /// - Parameters:
    ///   - files: Bytes, or why they cannot be had, by path.
    ///   - kept: Paths that cannot be looked for now, and stay as they were.
    /// - Returns: Every problem, by file and place.
    mutating func update(
        _ files: [PolicyDirectory.File],
        keeping kept: Set<String> = []
    ) -> [PolicyError] {
        var problems: [PolicyError] = []
        var present = kept
        for file in files {
            present.insert(file.path)
            switch file.content {
            case .success(let bytes):
                let reading = PolicyFile.read(
                    bytes,
                    file: file.path,
                    timeZones: timeZones,
                    distrust: file.distrust
                )
                problems += reading.problems
                if let policy = reading.policy { readings[file.path] = policy }
            case .failure(let error):
                problems.append(error)
            }
        }
        fileCount = files.count
        readings = readings.filter { present.contains($0.key) }
        jobsByFile = jobsByFile.filter { present.contains($0.key) }
        return problems + link()
    }

    /// Gives each job the policies that it names.
    private mutating func link() -> [PolicyError] {
        var problems: [PolicyError] = []
        var retentionsByName: [String: RetentionPolicy] = [:]
        var lifecyclesByName: [String: LifecyclePolicy] = [:]
        var seen: [String: String] = [:]
        var drafts: [JobDraft] = []
        for (path, policy) in readings.sorted(by: { $0.key < $1.key }) {
            let identity = "\(policy.kind.rawValue) '\(policy.name)'"
            if let other = seen.updateValue(path, forKey: identity) {
                seen[identity] = other
                jobsByFile[path] = nil
                problems.append(
                    PolicyError(
                        .duplicate,
                        "the \(identity) is in '\(other)' already",
                        remedy: "Rename one of the two, or remove it.",
                        place: PolicyPlace(file: path, line: 1, column: 1)
                    )
                )
                continue
            }
            switch policy {
            case .job(let draft): drafts.append(draft)
            case .retention(let policy): retentionsByName[policy.name] = policy
            case .lifecycle(let policy): lifecyclesByName[policy.name] = policy
            }
        }
        for draft in drafts {
            do {
                jobsByFile[draft.file] = try draft.resolved(
                    retention: { reference throws(PolicyError) in
                        try Self.find(reference, in: retentionsByName, kind: .retention)
                    },
                    lifecycle: { reference throws(PolicyError) in
                        try Self.find(reference, in: lifecyclesByName, kind: .lifecycle)
                    }
                )
            } catch {
                problems.append(error)
            }
        }
        jobs = jobsByFile.values.sorted { $0.name < $1.name }
        retentions = retentionsByName.values.sorted { $0.name < $1.name }
        lifecycles = lifecyclesByName.values.sorted { $0.name < $1.name }
        return problems
    }

    private static func find<Policy>(
        _ reference: JobDraft.Reference,
        in known: [String: Policy],
        kind: PolicyFile.Kind
    ) throws(PolicyError) -> Policy {
        if let found = known[reference.name] { return found }
        let names = known.keys.sorted()
        let list = names.isEmpty ? "there are none" : "there are \(names.joined(separator: ", "))"
        throw PolicyError(
            .unknownName,
            "no good file holds a \(kind.rawValue) '\(PolicyNode.shortened(reference.name))'",
            remedy: Suggestion.remedy(
                for: reference.name,
                among: names,
                otherwise: "Add '\(reference.name).yaml' of kind \(kind.rawValue); \(list)."
            ),
            place: reference.place
        )
    }
}
