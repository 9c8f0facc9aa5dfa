import ArgumentParser
import LocalAPI

/// `varve recovery-point describe`.
struct DescribePointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show all that is known of a recovery point: what it cost, and what holds it.",
        discussion: """
            EXAMPLES
              varve recovery-point describe rp-0123456789abcdef0123456789abcdef
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var place: PointVaultOption

    @Argument(help: ArgumentHelp("Its id.", valueName: "RP"))
    var recoveryPoint: String

    func run() async throws {
        let found = try await global.client.call(
            Route.describePoint,
            RecoveryPointReference(id: recoveryPoint, vault: place.vault)
        )
        if global.json { return try Output.json(found) }
        let point = found.point
        var lines = [
            ("id", point.id), ("vault", point.vault),
            ("source", "\(point.fileSystemName) (\(point.fileSystem))"),
            ("instant", UserTime.local(point.instant)), ("created", UserTime.local(point.created)),
            ("expires", point.expires.map(UserTime.local) ?? "never"),
            ("kind", point.isFull ? "full" : "increment"), ("files", String(point.files)),
            ("bytes", Output.size(point.bytes)), ("read", Output.size(point.changedBytes)),
            ("stored", Output.size(point.storedBytes)), ("storage class", point.storageClass),
        ]
        if let copied = found.copied { lines.append(("copied", UserTime.local(copied))) }
        if let moves = point.movesToCold {
            lines.append(("moves to cold", UserTime.local(moves)))
        }
        if let archive = found.archive { lines += archive.lines }
        for label in found.labels.sorted(by: { $0.key < $1.key }) {
            lines.append(("label \(label.key)", label.value))
        }
        for hold in found.holds {
            lines.append(
                (
                    "held by",
                    "\(hold.name): \(hold.reason) (\(hold.placedBy), "
                        + "\(UserTime.local(hold.placed)))"
                )
            )
        }
        let width = lines.map(\.0.count).max() ?? 0
        for (name, value) in lines {
            let padding = String(repeating: " ", count: width - name.count)
            try Output.line("\(name)\(padding)  \(EscapedBytes(value.utf8).text)")
        }
    }
}

extension ArchiveDescription {
    /// For people, line by line.
    fileprivate var lines: [(String, String)] {
        var lines = [
            ("archive", path ?? "not found: \(reason ?? "")"), ("sha-256", sha256),
            ("names", String(entries)), ("moved", UserTime.local(moved)),
        ]
        if opensWithVaultKey { lines.append(("opens with", "the vault's own key")) }
        for recipient in recipients { lines.append(("recipient", recipient)) }
        return lines
    }
}
