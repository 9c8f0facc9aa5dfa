package import Disk
package import MetadataStore
package import LocalAPI
import Policies

/// What is in force, and where each value came from: a flag, a line of a file, or the built-in default.
package struct Settings: Sendable, Hashable {
    /// A value and its origin, in words.
    package struct Value: Sendable, Hashable {
        package let text: String
        package let origin: String
    }

    /// Absolute.
    package let state: String
    /// Every name has a value.
    package let values: [SettingName: Value]

    /// Reads the settings file and lays the flags over it.
    ///
    /// - Parameters:
    ///   - state: The state directory, absolute.
    ///   - file: The settings file of `--config`; `nil` takes the first that is there of
    ///     `<state>/varve.yaml` and `/etc/varve/varve.yaml`.
    ///   - flags: What the command line says.
    ///   - workingDirectory: What relative paths of flags and defaults count from.
    ///   - disk: Where the files are.
    /// - Throws: `.usage`, naming file and line, for an unknown key, a bad value, or zones that are one place; `.notFound` for a
    ///   missing `--config`.
    package init(
        state: String,
        file: String?,
        flags: [SettingName: String],
        workingDirectory: String,
        disk: any Disk
    ) throws(APIError) {
        let paths = StatePaths(root: state)
        var values = Settings.defaults(paths, workingDirectory)
        let candidates = file.map { [$0] } ?? [paths.settings, "/etc/varve/varve.yaml"]
        for candidate in candidates {
            guard let text = try Settings.text(of: candidate, isNamed: file != nil, disk) else {
                continue
            }
            for (name, value) in try Settings.parse(text, file: candidate) { values[name] = value }
            break
        }
        for (name, value) in flags {
            if let wanted = name.complaint(about: value) {
                throw APIError(.usage, "--\(name.rawValue) '\(value)': not \(wanted)")
            }
            let text = name.isPath ? Settings.absolute(value, from: workingDirectory) : value
            values[name] = Value(text: text, origin: "flag")
        }
        self.state = state
        self.values = values
        try checkZones()
    }

    package subscript(name: SettingName) -> String {
        guard let value = values[name] else { preconditionFailure("every setting has a default") }
        return value.text
    }

    /// How long each step of the past is kept; a coarser step lasts at least as long as a finer one.
    package var ladder: RetentionLadder {
        let steps: [(step: Int64, name: SettingName)] = [
            (1, .keepSeconds), (60, .keepMinutes), (3_600, .keepHours),
        ]
        var longest: Int64 = 0
        return RetentionLadder(
            rungs: steps.map { step, name in
                longest = max(longest, SettingName.span(self[name]) ?? 0)
                return RetentionLadder.Rung(step: step, seconds: longest)
            }
        )
    }

    /// How many bytes the past may hold beside the present.
    package var history: HistoryBudget {
        SettingName.budget(self[.keepBytes]) ?? .standard
    }

    /// Where the NFS gateway listens; `nil` when it is off.
    package var nfs: ListenAddress? {
        ListenAddress(self[.nfs])
    }

    /// Whether NFS clients must speak from a port that only root may take.
    package var requiresPrivilegedNFSPorts: Bool { self[.nfsPorts] == "privileged" }

    private static func defaults(
        _ paths: StatePaths,
        _ workingDirectory: String
    ) -> [SettingName: Value] {
        var values: [SettingName: Value] = [:]
        for name in SettingName.allCases {
            let text =
                switch name {
                case .keyFile: RootKeyFile.defaultPath()
                case .socket: paths.socket
                case .jobs: absolute("Jobs", from: workingDirectory)
                case .retention: absolute("Retention", from: workingDirectory)
                case .logFormat: "logfmt"
                case .logLevel: "info"
                case .availabilityZone: "local-a"
                case .zones: "local-a, local-b, local-c"
                case .keepSeconds: "24h"
                case .keepMinutes: "7d"
                case .keepHours: "35d"
                case .keepBytes: "25%"
                case .jobsAtOnce: "4"
                case .nfs: "127.0.0.1:2049"
                case .nfsPorts: "privileged"
                }
            values[name] = Value(text: text, origin: "default")
        }
        return values
    }

    /// The file's text; `nil` when there is none and nobody named it.
    private static func text(
        of path: String,
        isNamed: Bool,
        _ disk: any Disk
    ) throws(APIError) -> String? {
        do {
            return String(decoding: try disk.contents(of: path, limit: 1 << 20), as: UTF8.self)
        } catch {
            if error.code == .notFound, !isNamed { return nil }
            // /etc/varve may be root's alone; a user's daemon then has no such file.
            if error.code == .denied, !isNamed { return nil }
            throw APIError(error)
        }
    }

    /// The settings that a file's text makes.
    static func parse(_ text: String, file: String) throws(APIError) -> [SettingName: Value] {
        let mapping: YAMLMapping
        do {
            mapping = try YAMLMapping(text: text, file: file)
        } catch {
            throw APIError(.usage, error.description)
        }
        var values: [SettingName: Value] = [:]
        for entry in mapping.entries {
            let place = "\(file):\(entry.line)"
            guard let name = SettingName(rawValue: entry.key) else {
                let known = SettingName.allCases.map(\.rawValue).joined(separator: ", ")
                throw APIError(
                    .usage,
                    "\(place): there is no setting '\(entry.key)'",
                    remedy: "The settings are: \(known)."
                )
            }
            guard case .scalar(let value) = entry.value else {
                throw APIError(.usage, "\(place): '\(entry.key)' takes one value, not a list")
            }
            if let wanted = name.complaint(about: value) {
                throw APIError(.usage, "\(place): \(entry.key): '\(value)' is not \(wanted)")
            }
            let text = name.isPath ? absolute(value, from: DiskPath.parent(of: file)) : value
            values[name] = Value(text: text, origin: place)
        }
        return values
    }

    private static func absolute(_ path: String, from directory: String) -> String {
        if path.hasPrefix("/") { return path }
        let plain = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
        return directory == "/" ? "/" + plain : directory + "/" + plain
    }
}

extension SettingName {
    /// `25%` of the live bytes and 10 GiB at least, `200GiB` whatever lives, `unlimited`.
    static func budget(_ text: String) -> HistoryBudget? {
        if text == "unlimited" { return .unlimited }
        if text.hasSuffix("%") {
            guard let percent = UInt64(text.dropLast()), percent <= 10_000 else { return nil }
            return HistoryBudget(
                percentOfLive: percent,
                bytesMin: HistoryBudget.standard.bytesMin
            )
        }
        return SizeText.bytes(text).map { HistoryBudget(percentOfLive: 0, bytesMin: $0) }
    }

    /// The seconds of a span from 0 to 36,500 days.
    static func span(_ text: String) -> Int64? {
        guard let seconds = DurationText.seconds(text), seconds <= 36_500 * 86_400 else {
            return nil
        }
        return seconds
    }
}
