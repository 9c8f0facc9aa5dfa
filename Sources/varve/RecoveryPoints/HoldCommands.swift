import ArgumentParser
import LocalAPI

/// `varve recovery-point hold`.
struct HoldCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold",
        abstract: "Keep recovery points from expiry and deletion, as a legal hold does.",
        discussion: """
            A held point neither expires nor can be deleted until its last hold is taken away.

            EXAMPLES
              varve recovery-point hold add rp-0123… 'case 17' --reason 'Counsel asked for it.'
              varve recovery-point hold list
              varve recovery-point hold remove rp-0123… 'case 17'
            """,
        subcommands: [AddHoldCommand.self, RemoveHoldCommand.self, ListHoldsCommand.self]
    )
}

/// `varve recovery-point hold add`.
struct AddHoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Place a hold.",
        discussion: """
            EXAMPLES
              varve recovery-point hold add rp-0123… 'case 17' --reason 'Counsel asked for it.'
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var place: PointVaultOption

    @Argument(help: ArgumentHelp("The recovery point.", valueName: "RP"))
    var recoveryPoint: String

    @Argument(help: "A name for the hold: up to 64 bytes.")
    var name: String

    @Option(help: "Why.")
    var reason: String

    func run() async throws {
        let held = try await global.client.call(
            Route.addHold,
            HoldRequest(
                point: RecoveryPointReference(id: recoveryPoint, vault: place.vault),
                name: name,
                reason: reason
            )
        )
        if global.json { try Output.json(held) }
    }
}

/// `varve recovery-point hold remove`.
struct RemoveHoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Take a hold away.",
        discussion: """
            EXAMPLES
              varve recovery-point hold remove rp-0123… 'case 17'
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var place: PointVaultOption

    @Argument(help: ArgumentHelp("The recovery point.", valueName: "RP"))
    var recoveryPoint: String

    @Argument(help: "The hold's name.")
    var name: String

    func run() async throws {
        let held = try await global.client.call(
            Route.removeHold,
            HoldRequest(
                point: RecoveryPointReference(id: recoveryPoint, vault: place.vault),
                name: name
            )
        )
        if global.json { return try Output.json(held) }
        if !held.holds.isEmpty {
            Output.note("still held by \(held.holds.map(\.name).joined(separator: ", "))")
        }
    }
}

/// `varve recovery-point hold list`.
struct ListHoldsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the holds of a recovery point, or of all.",
        discussion: """
            EXAMPLES
              varve recovery-point hold list
              varve recovery-point hold list rp-0123…
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var place: PointVaultOption

    @Argument(help: ArgumentHelp("Of this recovery point alone.", valueName: "RP"))
    var recoveryPoint: String?

    func run() async throws {
        let found = try await global.client.call(
            Route.listHolds,
            ListHolds(point: recoveryPoint, vault: place.vault)
        )
        if global.json {
            try Output.json(found.points)
        } else {
            try Output.table(
                ["ID", "VAULT", "HOLD", "PLACED", "BY", "REASON"],
                found.points.flatMap { point in
                    point.holds.map { hold in
                        [
                            point.id, point.vault, hold.name, UserTime.local(hold.placed),
                            hold.placedBy, hold.reason,
                        ]
                    }
                }
            )
        }
        let count = UInt64(found.unreadable.count)
        try Output.end(left: found.unreadable, of: count, "not listed")
    }
}
