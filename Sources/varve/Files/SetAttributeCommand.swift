import ArgumentParser
import LocalAPI
import VarveModel

/// `varve setfattr`.
struct SetAttributeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "setfattr",
        abstract: "Set or remove an extended attribute.",
        discussion: """
            EXAMPLES
              varve setfattr -n user.project -v falcon shared:/plan.txt
              varve setfattr -n user.raw -v 0x00ff shared:/plan.txt
              varve setfattr -x user.project shared:/plan.txt
            """
    )

    @OptionGroup var global: GlobalOptions

    @Option(name: .shortAndLong, help: "Set the attribute of this name.")
    var name: String?

    @Option(
        name: [.customShort("v"), .long],
        help: "Its value: text, 0xHEX or 0sBASE64. Default: empty."
    )
    var value: String?

    @Option(
        name: [.customShort("x"), .long],
        help: ArgumentHelp("Remove the attribute of this name.", valueName: "name")
    )
    var remove: String?

    @Argument(
        help: ArgumentHelp("The file; a symbolic link is followed.", valueName: "FS:/path"),
        transform: Parse.file
    )
    var file: FileReference

    func validate() throws {
        if (name == nil) == (remove == nil) || (remove != nil && value != nil) {
            throw ValidationError("Give -n NAME [-v VALUE], or -x NAME.")
        }
    }

    func run() async throws {
        let bytes = name == nil ? nil : try SetAttributeCommand.bytes(value ?? "")
        _ = try await global.client.call(
            Route.setXattr,
            SetXattr(
                file: file,
                name: EscapedBytes(ArgumentBytes.bytes(name ?? remove ?? "")),
                value: bytes.map { EscapedBytes($0) }
            )
        )
        if global.json { try Output.json(Nothing()) }
    }

    /// The bytes that a value stands for, as in setfattr(1).
    private static func bytes(_ text: String) throws -> [UInt8] {
        if text.hasPrefix("0x") || text.hasPrefix("0X") {
            guard let bytes = Hex.decode(text.dropFirst(2).lowercased()) else {
                throw APIError(
                    .usage,
                    "'\(text)' is no hexadecimal value",
                    remedy: "Write two digits a byte."
                )
            }
            return bytes
        }
        if text.hasPrefix("0s") || text.hasPrefix("0S") {
            guard let bytes = Base64.decode(String(text.dropFirst(2))) else {
                throw APIError(.usage, "'\(text)' is no base64 value")
            }
            return bytes
        }
        return ArgumentBytes.bytes(text)
    }
}
