import ArgumentParser
import LocalAPI

/// `varve lifecycle pin`.
struct PinLifecycleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin",
        abstract: "Keep a file, or all beneath a directory, in Standard.",
        discussion: """
            What is in a colder tier comes back with the next run.

            EXAMPLES
              varve lifecycle pin shared:/databases
              varve lifecycle pin shared:/videos/intro.mp4
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(
        help: ArgumentHelp("The file or directory.", valueName: "FS:/path"),
        transform: Parse.file
    )
    var file: FileReference

    func run() async throws {
        let pin = try await global.client.call(
            Route.pinFile,
            FileRequest(file: file, moment: Moment())
        )
        if global.json { try Output.json(pin) }
    }
}

/// `varve lifecycle unpin`.
struct UnpinLifecycleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin",
        abstract: "Let the policies decide again.",
        discussion: """
            EXAMPLES
              varve lifecycle unpin shared:/databases
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(
        help: ArgumentHelp("The file or directory.", valueName: "FS:/path"),
        transform: Parse.file
    )
    var file: FileReference

    func run() async throws {
        let nothing = try await global.client.call(
            Route.unpinFile,
            FileRequest(file: file, moment: Moment())
        )
        if global.json { try Output.json(nothing) }
    }
}

/// `varve lifecycle pins`.
struct ListPinsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pins",
        abstract: "List what is pinned by hand.",
        discussion: """
            EXAMPLES
              varve lifecycle pins
              varve lifecycle pins shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Of this file system alone.")
    var fileSystem: String?

    func run() async throws {
        let found = try await global.client.call(
            Route.listPins,
            OptionalFileSystem(fileSystem: fileSystem)
        )
        if global.json { return try Output.json(found) }
        for pin in found {
            try Output.write(
                Array("\(UserTime.local(pin.since))  \(pin.placedBy)  \(pin.fileSystem):".utf8)
                    + Output.name(pin.path) + Array("\n".utf8)
            )
        }
    }
}
