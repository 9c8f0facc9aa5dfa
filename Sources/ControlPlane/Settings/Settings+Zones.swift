import Disk
import LocalAPI

/// A zone as the settings name it: a disk, or a directory that stands for one.
package struct ZonePlace: Sendable, Hashable {
    package let name: String
    /// Absolute; file systems have one directory each beneath it.
    package let directory: String
    /// Whether the settings say where it is: then it is somebody's disk, and is never made.
    package let isNamed: Bool

    package init(name: String, directory: String, isNamed: Bool) {
        self.name = name
        self.directory = directory
        self.isNamed = isNamed
    }
}

extension Settings {
    /// 3: what a Regional file system is kept in; one may be lost.
    package static let zoneCount = 3

    /// The zones of Regional file systems, in reading order.
    package var zones: [ZonePlace] {
        let paths = StatePaths(root: state)
        return (SettingName.zones(self[.zones]) ?? []).map { name, directory in
            ZonePlace(
                name: name,
                directory: directory ?? "\(paths.zones)/\(name)",
                isNamed: directory != nil
            )
        }
    }

    /// Refuses zones that would be lost together, or lie where the daemon keeps other things.
    ///
    /// - Throws: `.usage`, naming both directories.
    func checkZones() throws(APIError) {
        let zones = zones
        for (index, zone) in zones.enumerated() {
            for other in zones[..<index] where Self.overlap(zone.directory, other.directory) {
                throw refusal(
                    "'\(zone.directory)' of \(zone.name) and '\(other.directory)' of \(other.name) are one place",
                    "Give each zone a disk of its own: what takes one of them would take both."
                )
            }
            guard zone.isNamed, Self.overlap(zone.directory, state) else { continue }
            throw refusal(
                "'\(zone.directory)' of \(zone.name) and the state directory '\(state)' lie in each other",
                "Name a directory beside it, or none: then the zone is '\(state)/zones/\(zone.name)'."
            )
        }
    }

    private func refusal(_ what: String, _ remedy: String) -> APIError {
        APIError(.usage, "\(values[.zones]?.origin ?? ""): zones: \(what)", remedy: remedy)
    }

    /// Whether two paths are one, or one of them lies in the other.
    private static func overlap(_ one: String, _ other: String) -> Bool {
        let (short, long) = one.utf8.count <= other.utf8.count ? (one, other) : (other, one)
        return short == long || short == "/" || long.hasPrefix(short + "/")
    }
}

extension SettingName {
    /// `local-a, local-b=/srv/b, …`: three names, each once, each with a directory or without; `nil` for anything else.
    static func zones(_ text: String) -> [(name: String, directory: String?)]? {
        var zones: [(name: String, directory: String?)] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { trimmed($0) }
            guard isZoneName(parts[0]), !zones.contains(where: { $0.name == parts[0] })
            else { return nil }
            guard parts.count == 2 else {
                zones.append((parts[0], nil))
                continue
            }
            guard let directory = plainPath(parts[1]) else { return nil }
            zones.append((parts[0], directory))
        }
        return zones.count == Settings.zoneCount ? zones : nil
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// An absolute path without a slash at its end; `nil` where `.`, `..` or nothing stands between slashes, so that paths compare
    /// as texts.
    private static func plainPath(_ text: String) -> String? {
        guard text.hasPrefix("/") else { return nil }
        var text = text
        while text.count > 1, text.hasSuffix("/") { text.removeLast() }
        let parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = text == "/" || parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
        return isPlain ? text : nil
    }
}
