import ArgumentParser

/// `varve zone`.
struct ZoneCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zone",
        abstract: "Look after the zones that Regional file systems are kept in.",
        discussion: """
            EXAMPLES
              varve zone list
              varve zone status
            """,
        subcommands: [
            ListZonesCommand.self, ZoneStatusCommand.self, RepairZoneCommand.self,
            ScrubZonesCommand.self,
        ]
    )
}
