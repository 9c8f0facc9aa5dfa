package import VarveModel

/// Which file systems a job is for: by id, Name, pattern or tag (AWS Backup's selections).
///
/// A file system is selected when a resource or a tag names it, and no exclusion does; it is asked
/// at run time, so a new file system joins without an edit.
package struct FileSystemSelection: Hashable, Sendable, CustomStringConvertible {
    /// A tag that selects.
    package struct Tag: Hashable, Sendable {
        package let key: String
        package let value: String

        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// One entry of `Resources` or `NotResources`.
    struct Pattern: Hashable, Sendable {
        /// As written.
        let text: String
        private let glob: Glob
        /// An ARN names file systems by id alone.
        private let isIDOnly: Bool

        init(_ text: String) throws(PolicyError) {
            var pattern = text
            self.text = text
            isIDOnly = text.hasPrefix("arn:")
            if isIDOnly {
                let parts = text.split(separator: ":", omittingEmptySubsequences: false)
                let resource = parts.last.map(String.init) ?? ""
                guard parts.count == 6, parts[2] == "elasticfilesystem",
                    resource.hasPrefix("file-system/")
                else {
                    throw PolicyError(
                        .badValue,
                        "'\(PolicyNode.shortened(text))' names no file system",
                        remedy: "Give arn:aws:elasticfilesystem:*:*:file-system/ID, an id, a Name "
                            + "or a pattern."
                    )
                }
                pattern = String(resource.dropFirst("file-system/".count))
            }
            glob = Glob(pattern.utf8)
        }

        func matches(id: FileSystemID, name: String?) -> Bool {
            if glob.matches(Array(id.text.utf8)) { return true }
            guard !isIDOnly, let name else { return false }
            return glob.matches(Array(name.utf8))
        }
    }

    let resources: [Pattern]
    let excluded: [Pattern]
    let tags: [Tag]

    /// Every file system.
    package static let all = FileSystemSelection(
        resources: [Pattern.everything],
        excluded: [],
        tags: []
    )

    /// As `home-*, keep=seven-years; not home-tmp`.
    package var description: String {
        let wanted = resources.map(\.text) + tags.map { "\($0.key)=\($0.value)" }
        let unwanted =
            excluded.isEmpty ? "" : "; not " + excluded.map(\.text).joined(separator: ", ")
        return wanted.joined(separator: ", ") + unwanted
    }

    /// Whether a file system is meant.
    ///
    /// - Parameters:
    ///   - id: Its id.
    ///   - name: Its Name, if it has one.
    ///   - own: Its tags.
    /// - Returns: Whether the job is for it.
    package func selects(id: FileSystemID, name: String?, tags own: [String: String]) -> Bool {
        guard !excluded.contains(where: { $0.matches(id: id, name: name) }) else { return false }
        return resources.contains { $0.matches(id: id, name: name) }
            || tags.contains { own[$0.key] == $0.value }
    }
}

extension FileSystemSelection.Pattern {
    fileprivate static let everything = FileSystemSelection.Pattern(anything: ())

    private init(anything: Void) {
        text = "*"
        glob = Glob("*".utf8)
        isIDOnly = false
    }
}
