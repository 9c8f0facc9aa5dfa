import ArgumentParser
import LocalAPI

/// `varve vault describe`.
struct DescribeVaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show one vault: what it holds, its lock, which key opens it.",
        discussion: """
            EXAMPLES
              varve vault describe main
              varve vault describe main --json
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The vault.")
    var name: String

    func run() async throws {
        let vault = try await global.client.call(Route.describeVault, VaultName(vault: name))
        if global.json { return try Output.json(vault) }
        var rows: [[String]] = [
            ["name", vault.name], ["id", vault.id ?? "-"], ["root key", vault.rootKey ?? "-"],
            ["place", vault.place ?? "-"],
            ["created", vault.created.map(UserTime.local) ?? "-"],
            ["recovery points", vault.recoveryPoints.map(String.init) ?? "-"],
            ["stored", vault.storedBytes.map(Output.size) ?? "-"],
        ]
        if let bucket = vault.bucket { rows.insert(contentsOf: bucket.rows, at: 4) }
        if let cold = vault.coldPoints, cold > 0 {
            rows.append(["cold points", "\(cold), \(Output.size(vault.coldBytes ?? 0))"])
        }
        rows.append(["lock", vault.lock?.words ?? (vault.locked == nil ? "unknown" : "none")])
        if let objectLock = vault.objectLock {
            rows.append([
                "object lock", objectLock ? "on" : "the bucket has none, or may not be asked",
            ])
        }
        for row in rows {
            let padding = String(repeating: " ", count: 17 - row[0].count)
            try Output.line(row[0] + padding + EscapedBytes(row[1].utf8).text)
        }
        if let reason = vault.reason { Output.note("varve: \(reason)") }
    }
}

extension VaultDescription {
    /// What a vault in a bucket is told of Object Lock, once; `nil` in a directory.
    var objectLockNote: String? {
        objectLock.map {
            $0
                ? "the bucket has Object Lock: while the vault is locked, the store keeps its recovery points too"
                : "the bucket has no Object Lock: a lock of the vault does not bind who has the bucket's keys"
        }
    }
}

extension LockDescription {
    /// For people: `governance, 7 to 30 days`.
    var words: String {
        var text = "\(mode), \(minRetentionDays)"
        text += maxRetentionDays.map { " to \($0) days" } ?? " days at least"
        guard let lockDate else { return text }
        return text + (isFinal ? ", final since " : ", changeable until ")
            + UserTime.local(lockDate)
    }
}
