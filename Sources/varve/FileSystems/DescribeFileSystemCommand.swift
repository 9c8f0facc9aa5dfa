import ArgumentParser
import LocalAPI

/// `varve fs describe`.
struct DescribeFileSystemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show one file system: its size, and what its tiers hold.",
        discussion: """
            EXAMPLES
              varve fs describe shared
              varve --json fs describe fs-0123456789abcdef0
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Its id or Name.")
    var fileSystem: String

    func run() async throws {
        let found = try await global.client.call(
            Route.describeFileSystem,
            FileSystemName(fileSystem: fileSystem)
        )
        if global.json { return try Output.json(found) }
        try Output.line("id         \(found.id)")
        try Output.line("name       \(found.name)")
        try Output.line("created    \(UserTime.local(found.created))")
        try Output.line("state      \(found.state)\(found.reason.map { ": \($0)" } ?? "")")
        if let zone = found.availabilityZone { try Output.line("zone       \(zone) (One Zone)") }
        if let zones = found.zones {
            try Output.line("zones      \(zones.joined(separator: ", ")) (Regional)")
        }
        if let degraded = found.degraded { try Output.line("degraded   \(degraded)") }
        for (key, value) in found.tags.sorted(by: { $0.key < $1.key }) {
            try Output.line("tag        \(key)=\(value)")
        }
        if let inodes = found.inodes { try Output.line("inodes     \(inodes)") }
        if let bytes = found.liveBytes { try Output.line("live       \(Output.size(bytes))") }
        for (tier, bytes) in (found.storedBytes ?? [:]).sorted(by: { $0.key > $1.key }) {
            let padding = String(repeating: " ", count: max(1, 11 - tier.count))
            let data = found.tierBytes?[tier].map { ", \(Output.size($0)) of data" } ?? ""
            try Output.line("\(tier)\(padding)\(Output.size(bytes)) stored\(data)")
        }
        if let bytes = found.historyBytes { try Output.line("history    \(Output.size(bytes))") }
        if let bytes = found.snapshotBytes { try Output.line("snapshots  \(Output.size(bytes))") }
        if let bytes = found.metadataBytes { try Output.line("metadata   \(Output.size(bytes))") }
        if let bytes = found.diskAvailableBytes {
            try Output.line("disk free  \(Output.size(bytes))")
        }
    }
}
