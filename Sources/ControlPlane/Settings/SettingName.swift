/// What `varve.yaml` may say.
package enum SettingName: String, Sendable, Hashable, CaseIterable {
    /// The root key's file.
    case keyFile
    /// Where the local API listens.
    case socket
    /// The directory of job files.
    case jobs
    /// The directory of retention and lifecycle files.
    case retention
    /// `logfmt` or `json`.
    case logFormat
    /// `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
    case logLevel
    /// The zone of new One Zone file systems.
    case availabilityZone
    /// The three zones of Regional file systems, as `local-a=/srv/a, local-b=/srv/b, local-c=/srv/c`.
    case zones
    /// How long any second of the past stays restorable.
    case keepSeconds
    /// How long any minute does, after that.
    case keepMinutes
    /// How long any hour does, after that.
    case keepHours
    /// How many bytes the past may hold, whatever its age.
    case keepBytes
    /// How many jobs run side by side, in all and of an action, as `4 backup=2`.
    case jobsAtOnce
    /// Where the NFS gateway listens, as `127.0.0.1:2049`, or `off`.
    case nfs
    /// From which ports NFS clients are let in: `privileged`, or `any`.
    case nfsPorts

    /// Whether a relative value in the file counts from the file's own directory.
    var isPath: Bool {
        switch self {
        case .keyFile, .socket, .jobs, .retention: true
        case .logFormat, .logLevel, .availabilityZone, .zones, .keepSeconds, .keepMinutes,
            .keepHours, .keepBytes, .jobsAtOnce, .nfs, .nfsPorts:
            false
        }
    }

    /// Says what a value must be; `nil` when `value` is one.
    func complaint(about value: String) -> String? {
        switch self {
        case .keyFile, .socket, .jobs, .retention:
            value.isEmpty ? "a path" : nil
        case .logFormat:
            ["logfmt", "json"].contains(value) ? nil : "logfmt or json"
        case .logLevel:
            LogLevelNames.all.contains(value) ? nil : LogLevelNames.all.joined(separator: ", ")
        case .availabilityZone:
            SettingName.isZoneName(value) ? nil : "1 to 32 of a-z, 0-9 and '-'"
        case .zones:
            SettingName.zones(value) == nil
                ? "three zones as local-a=/srv/a, local-b=/srv/b, local-c=/srv/c: each name once, of 1 to 32 of "
                    + "a-z, 0-9 and '-'; directories from the root, or none" : nil
        case .keepSeconds, .keepMinutes, .keepHours:
            SettingName.span(value) == nil ? "a duration from 0s to 36500d, as 24h or 7d" : nil
        case .keepBytes:
            SettingName.budget(value) == nil
                ? "a part of the live bytes as 25%, a size as 200GiB, or unlimited" : nil
        case .jobsAtOnce:
            SettingName.jobLimits(value) == nil
                ? "a number from 1 to 64, and then others by action, as: 4 backup=2 lifecycle=1"
                : nil
        case .nfs:
            value == "off" || ListenAddress(value) != nil
                ? nil : "an address and a port as 127.0.0.1:2049 or [::1]:2049, or off"
        case .nfsPorts:
            ["privileged", "any"].contains(value)
                ? nil : "privileged (ports below 1024, which only root may take) or any"
        }
    }

    static func isZoneName(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || $0 == UInt8(ascii: "-")
            }
    }
}

/// The names of swift-log's levels.
enum LogLevelNames {
    static let all = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
}
