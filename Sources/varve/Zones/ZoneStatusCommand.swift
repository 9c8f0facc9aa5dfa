import ArgumentParser
import LocalAPI

/// `varve zone status`.
struct ZoneStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract:
            "Show how the zones of each Regional file system stand. Exits 1 when one is degraded.",
        discussion: """
            A zone that is out holds a copy that is neither read nor written, until its disk is back and it is made \
            equal; what it missed is told. One whose disk fails reads stays, and is named with what the disk says. With \
            two of three zones out, changes are refused and reads go on.

            EXAMPLES
              varve zone status
              varve zone status shared
              varve --json zone status || mail -s 'a zone is out' root
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "This file system alone. Default: all Regional ones.")
    var fileSystem: String?

    func run() async throws {
        let found = try await global.client.call(
            Route.zoneStatus,
            OptionalFileSystem(fileSystem: fileSystem)
        )
        if global.json { try Output.json(found) } else { try show(found) }
        if found.contains(where: \.isDegraded) { throw ExitCode(ExitStatus.failed.rawValue) }
    }

    private func show(_ found: [RegionalStatus]) throws {
        if found.isEmpty {
            try Output.line(
                fileSystem == nil
                    ? "no file system is Regional ('varve fs create NAME --regional' makes one)"
                    : "'\(fileSystem ?? "")' is One Zone: it has no other copies"
            )
        }
        for status in found {
            try Output.line("\(status.fileSystem)  \(status.name)  \(status.word)")
            if let reason = status.reason { try Output.line("  \(reason)") }
            for zone in status.zones {
                try Output.line("  \(zone.zone)  \(zone.words)")
                if let reads = zone.failedReads {
                    try Output.line(
                        "    failed \(reads) reads, which another zone answered; the last: "
                            + "\(zone.lastFailedRead ?? "")"
                    )
                }
            }
            if let bytes = status.mendedBytes, bytes > 0 {
                try Output.line(
                    "  \(Output.size(bytes)) did not verify in a zone and were put right"
                )
            }
        }
    }
}

extension RegionalStatus {
    /// How it stands, in a few words.
    fileprivate var word: String {
        if reason != nil { return "does not serve" }
        if !isDegraded { return "in sync" }
        return mayWrite ? "degraded" : "degraded: changes are refused"
    }
}

extension ZoneStanding {
    /// How it stands, on one line.
    var words: String {
        var words: String
        switch state {
        case .inSync: return "in sync"
        case .out:
            words = "out: \(reason ?? "")"
            if let since { words += ", since \(UserTime.local(since))" }
        case .resilvering:
            words = "being made equal: \(Output.size(doneBytes ?? 0))"
            if let totalBytes { words += " of \(Output.size(totalBytes))" }
            if let bytesPerSecond { words += ", \(Output.size(bytesPerSecond)) a second" }
        case .unknown: return reason.map { "unknown: \($0)" } ?? "unknown"
        case .away: return "away, with the key: \(reason ?? "")"
        }
        if let missedFiles {
            words += "; missed \(missedFiles) files"
            if let missedBytes { words += ", \(Output.size(missedBytes))" }
        } else {
            words += "; is compared whole"
        }
        return words
    }
}
