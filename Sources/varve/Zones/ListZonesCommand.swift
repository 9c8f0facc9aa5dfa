import ArgumentParser
import LocalAPI

/// `varve zone list`.
struct ListZonesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract:
            "List the zones: where they are, their devices and space, and how many copies are in sync.",
        discussion: """
            EXAMPLES
              varve zone list
              varve --json zone list
            """
    )

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let found = try await global.client.call(Route.listZones, Nothing())
        if global.json { return try Output.json(found) }
        try Output.table(
            ["NAME", "DIRECTORY", "DEVICE", "SIZE", "FREE", "IN SYNC"],
            found.map { zone in
                [
                    zone.name, zone.directory + (zone.isThere ? "" : " (not there)"),
                    zone.device ?? "-", zone.totalBytes.map(Output.size) ?? "-",
                    zone.availableBytes.map(Output.size) ?? "-",
                    "\(zone.inSync) of \(zone.fileSystems)",
                ]
            },
            right: [3, 4]
        )
        for zone in found where !zone.sharesDeviceWith.isEmpty {
            let others = zone.sharesDeviceWith.joined(separator: ", ")
            Output.note("varve: \(zone.name) lies on one device with \(others): one disk, one loss")
        }
    }
}
