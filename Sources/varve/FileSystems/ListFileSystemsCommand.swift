import ArgumentParser
import LocalAPI

/// `varve fs list`.
struct ListFileSystemsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the file systems.",
        discussion: """
            EXAMPLES
              varve fs list
              varve --json fs list
            """
    )

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let found = try await global.client.call(Route.listFileSystems, Nothing())
        if global.json { return try Output.json(found) }
        defer {
            for item in found {
                if let reason = item.reason { Output.note("varve: \(item.name): \(reason)") }
                if let degraded = item.degraded { Output.note("varve: \(item.name): \(degraded)") }
            }
        }
        try Output.table(
            ["ID", "NAME", "STATE", "ZONES", "INODES", "LIVE", "CREATED"],
            found.map { item in
                [
                    item.id, item.name, item.degraded == nil ? item.state : "degraded",
                    item.availabilityZone ?? "Regional", item.inodes.map(String.init) ?? "-",
                    item.liveBytes.map(Output.size) ?? "-", UserTime.local(item.created),
                ]
            },
            right: [4, 5]
        )
    }
}
