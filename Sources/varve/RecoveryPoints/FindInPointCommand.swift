import ArgumentParser
import FoundationEssentials
import LocalAPI

/// `varve recovery-point find`.
struct FindInPointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find",
        abstract: "Find the names of a recovery point that fit a pattern.",
        discussion: """
            A pattern without a slash, as '*.odt', is a name at any depth; one that begins with / counts from the root: * and ? \
            stay within a name, ** is any number of directories, /db/ is everything below /db. Without patterns every name is \
            printed. Names come in no order.

            EXAMPLES
              varve recovery-point find rp-0123… '*.odt'
              varve recovery-point find rp-0123…:/home -l '/home/*/mail/**'
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var place: PointVaultOption
    @OptionGroup var unlock: IdentityOption

    @Flag(name: .customShort("l"), help: "Show kind, mode, links, owner, size and time.")
    var long = false

    @Argument(
        help: ArgumentHelp("Where to look.", valueName: "RP:/path"),
        transform: Parse.point
    )
    var file: RecoveryPointPath

    @Argument(help: ArgumentHelp("Any of these.", valueName: "glob"))
    var globs: [String] = []

    func run() async throws {
        var asked = file
        asked.point.vault = place.vault
        asked.point.fileKey = try await unlock.fileKey(
            of: file.point.id,
            in: place.vault,
            by: global.client
        )
        let request = FindInPoint(
            file: asked,
            patterns: globs.map { EscapedBytes(ArgumentBytes.bytes($0)) }
        )
        var array = JSONArrayOutput()
        var lines = EntryLines()
        let report: FindReport = try await global.client.download(Route.findInPoint, request) {
            for entry in try lines.take($0) {
                if global.json { try array.append(entry) } else { try entry.show(long: long) }
            }
        }
        if global.json { try array.end() }
        try Output.end(left: report.left, of: report.leftCount, "not looked into")
    }
}

/// Puts lines of JSON together from pieces of bytes.
private struct EntryLines {
    private var pending: [UInt8] = []
    private let decoder = JSONDecoder()

    /// The entries that are whole now.
    mutating func take(_ piece: [UInt8]) throws -> [FileEntry] {
        pending += piece
        var entries: [FileEntry] = []
        var start = pending.startIndex
        while let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) {
            entries.append(try decoder.decode(FileEntry.self, from: Data(pending[start..<end])))
            start = end + 1
        }
        pending.removeFirst(start)
        return entries
    }
}
