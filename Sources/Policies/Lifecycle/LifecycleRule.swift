import VarveModel

/// Other transitions for the files that it fits: by path, owner, size and age.
package struct LifecycleRule: Hashable, Sendable {
    package let name: String
    /// None of them given: what it fits stays where it is.
    package let transitions: LifecycleTransitions
    /// Empty for all paths.
    package let include: [PathGlob]
    package let exclude: [PathGlob]
    /// User ids; empty for all.
    package let owners: [UInt32]
    /// Group ids; empty for all.
    package let groups: [UInt32]
    /// In place of the policy's.
    package let minimumSize: UInt64?
    package let maximumSize: UInt64?
    /// Seconds since the file was made.
    package let minimumAge: Int64

    package init(
        name: String,
        transitions: LifecycleTransitions,
        include: [PathGlob] = [],
        exclude: [PathGlob] = [],
        owners: [UInt32] = [],
        groups: [UInt32] = [],
        minimumSize: UInt64? = nil,
        maximumSize: UInt64? = nil,
        minimumAge: Int64 = 0
    ) {
        self.name = name
        self.transitions = transitions
        self.include = include
        self.exclude = exclude
        self.owners = owners
        self.groups = groups
        self.minimumSize = minimumSize
        self.maximumSize = maximumSize
        self.minimumAge = minimumAge
    }

    /// Whether a file fits, but for its age.
    func fits(_ file: LifecycleFile) -> Bool {
        if let minimumSize, file.size < minimumSize { return false }
        if let maximumSize, file.size > maximumSize { return false }
        if !owners.isEmpty, !owners.contains(file.owner) { return false }
        if !groups.isEmpty, !groups.contains(file.group) { return false }
        if exclude.contains(where: { $0.matches(file.path) }) { return false }
        return include.isEmpty || include.contains { $0.matches(file.path) }
    }

    /// When a file is old enough.
    func oldEnough(_ file: LifecycleFile) -> Timestamp { file.created.adding(seconds: minimumAge) }

    /// As of ``LifecyclePolicy/fingerprint``.
    var fingerprint: String {
        let words: [String] = [
            transitions.fingerprint, LifecycleRule.words(include), LifecycleRule.words(exclude),
            "\(owners)", "\(groups)", minimumSize.map { "\($0)" } ?? "",
            maximumSize.map { "\($0)" } ?? "", "\(minimumAge)",
        ]
        return words.joined(separator: ";")
    }

    static func words(_ patterns: [PathGlob]) -> String {
        "\(patterns.map(\.description))"
    }
}
