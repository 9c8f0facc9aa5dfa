import FoundationEssentials

/// The system's time zones by name: a directory of TZif files.
package struct TimeZoneDatabase: Sendable {
    /// Where the package tzdata puts them.
    package static let system = TimeZoneDatabase(directory: "/usr/share/zoneinfo")

    private static let utcNames: Set<String> = [
        "UTC", "Etc/UTC", "Etc/GMT", "GMT", "Etc/UCT", "UCT", "Zulu",
    ]

    let directory: String

    package init(directory: String) {
        self.directory = directory
    }

    /// The rules of a zone.
    ///
    /// - Parameter name: An IANA name, as `Europe/Berlin`; UTC is known without a database.
    /// - Returns: The rules up to the year 2200.
    /// - Throws: `.unknownName` with the likely one, or `.badValue` for a damaged file.
    package func rules(named name: String) throws(PolicyError) -> TimeZoneRules {
        if Self.utcNames.contains(name) { return .utc }
        let components = name.split(separator: "/", omittingEmptySubsequences: false)
        let isName =
            name.utf8.count <= 64 && (1...4).contains(components.count)
            && components.allSatisfy { component in
                component.first?.isLetter == true
                    && component.utf8.allSatisfy(Self.isNameByte)
            }
        guard isName, let data = try? Data(contentsOf: URL(fileURLWithPath: path(of: name))),
            data.starts(with: "TZif".utf8)
        else {
            // Whatever the reason, the zone cannot be used under that name.
            throw unknown(name)
        }
        return try TimeZoneFile.rules([UInt8](data), name: name)
    }

    private func path(of name: String) -> String { directory + "/" + name }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "+"):
            true
        default: false
        }
    }

    private func unknown(_ name: String) -> PolicyError {
        let shown = PolicyNode.shortened(name)
        guard FileManager.default.fileExists(atPath: path(of: "Europe")) else {
            return PolicyError(
                .unknownName,
                "the time zone '\(shown)' is not known: \(directory) has no zones",
                remedy: "Install the package tzdata, or use UTC."
            )
        }
        return PolicyError(
            .unknownName,
            "the time zone '\(shown)' is not known",
            remedy: Suggestion.remedy(
                for: name,
                among: candidates(for: name),
                otherwise: "Give a name of \(directory), as Europe/Berlin, or UTC."
            )
        )
    }

    /// The zones of the regions whose names are near to that of `name`.
    private func candidates(for name: String) -> [String] {
        let wanted = name.split(separator: "/").first.map(String.init) ?? ""
        // A directory that cannot be listed suggests nothing.
        let top = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let regions = top.filter { Suggestion.nearest(to: wanted, among: [$0]) != nil }
        return ["UTC"]
            + regions.flatMap { region in
                let inside =
                    (try? FileManager.default.contentsOfDirectory(atPath: path(of: region))) ?? []
                return inside.isEmpty ? [region] : inside.map { region + "/" + $0 }
            }.sorted()
    }
}
