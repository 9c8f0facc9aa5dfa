import FoundationEssentials

/// The policy files of a directory: `*.yaml`, `*.yml` and `*.json`, not those of its subdirectories.
enum PolicyDirectory {
    /// A file's bytes, or why they cannot be had.
    struct File {
        let path: String
        let content: Result<[UInt8], PolicyError>
    }

    /// Files in a directory beyond this are a mistake.
    static let filesMax = 10_000

    /// Reads the directory; hidden files and all other endings are passed over.
    ///
    /// - Parameter directory: Without a slash at the end.
    /// - Returns: Its policy files by name.
    /// - Throws: `.unreadable` when it cannot be listed.
    static func files(of directory: String) throws(PolicyError) -> [File] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw PolicyError(
                .unreadable,
                "the policy directory '\(directory)' cannot be read: \(reason(error))",
                remedy: "Create it, or correct the settings 'Jobs' and 'Retention'."
            )
        }
        let wanted = names.filter { name in
            !name.hasPrefix(".")
                && [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
        }
        guard wanted.count <= filesMax else {
            throw PolicyError(
                .unreadable,
                "'\(directory)' holds \(wanted.count) policy files",
                remedy: "Keep at most \(filesMax) in one directory."
            )
        }
        return wanted.sorted().map { read(directory + "/" + $0) }
    }

    private static func read(_ path: String) -> File {
        do {
            // One byte past the limit is enough to refuse the file.
            let handle = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
            return File(
                path: path,
                content: .success([UInt8](handle.prefix(PolicyText.bytesMax + 1)))
            )
        } catch {
            return File(
                path: path,
                content: .failure(
                    PolicyError(
                        .unreadable,
                        "the file cannot be read: \(reason(error))",
                        remedy: "Give the daemon's user leave to read it.",
                        place: PolicyPlace(file: path, line: 1, column: 1)
                    )
                )
            )
        }
    }

    /// The system's reason in a few words.
    private static func reason(_ error: any Error) -> String {
        guard let error = error as? CocoaError else { return "\(error)" }
        return switch error.code {
        case .fileNoSuchFile, .fileReadNoSuchFile: "it does not exist"
        case .fileReadNoPermission: "permission denied"
        default: "error \(error.code.rawValue)"
        }
    }
}
