import ArgumentParser
import LocalAPI

/// `varve recovery-point ls`.
struct ListPointFilesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List a directory of a recovery point.",
        discussion: """
            By name; a directory of more than 50,000 names comes unsorted. What does not read is named on standard error, \
            and the exit code is then 2.

            EXAMPLES
              varve recovery-point ls rp-0123…:/
              varve recovery-point ls -l -R rp-0123…:/projects
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var place: PointVaultOption
    @OptionGroup var unlock: IdentityOption

    @Flag(name: .customShort("l"), help: "Show kind, mode, links, owner, size and time.")
    var long = false

    @Flag(name: .customShort("R"), help: "Go into directories.")
    var recursive = false

    @Argument(help: ArgumentHelp("What to list.", valueName: "RP:/path"), transform: Parse.point)
    var file: RecoveryPointPath

    /// A directory to list: what its names begin with, and its inode, once that is known.
    private struct Directory {
        let below: [UInt8]
        let inode: UInt64?
    }

    /// What was not listed.
    private struct Left {
        var items: [LeftOut] = []
        var count: UInt64 = 0
    }

    func run() async throws {
        let fileKey = try await unlock.fileKey(
            of: file.point.id,
            in: place.vault,
            by: global.client
        )
        var array = JSONArrayOutput()
        var left = Left()
        var pending = [Directory(below: [], inode: nil)]
        while let directory = pending.popLast() {
            pending += try await list(directory, fileKey, &array, &left).reversed()
        }
        if global.json { try array.end() }
        try Output.end(left: left.items, of: left.count, "not listed")
    }

    /// Prints one directory; answers those in it, when they are to be listed too.
    private func list(
        _ directory: Directory,
        _ fileKey: String?,
        _ array: inout JSONArrayOutput,
        _ left: inout Left
    ) async throws -> [Directory] {
        var asked = file
        asked.point.vault = place.vault
        asked.point.fileKey = fileKey
        var deeper: [Directory] = []
        var held: [FileEntry] = []
        var isSorted = true
        var after: UInt64? = 0
        while let from = after {
            let page = try await global.client.call(
                Route.listPoint,
                ListPoint(file: asked, directory: directory.inode, after: from)
            )
            held += page.entries
            left.count += UInt64(page.left.count)
            left.items += page.left.map { item in
                var item = item
                item.path = EscapedBytes(directory.below + item.path.bytes.dropFirst())
                return item
            }
            after = page.next
            if after != nil, isSorted, held.count < ListCommand.sortedMax { continue }
            isSorted = isSorted && after == nil
            if isSorted {
                held.sort { $0.name.bytes.lexicographicallyPrecedes($1.name.bytes) }
            }
            for var entry in held {
                entry.name = EscapedBytes(directory.below + entry.name.bytes)
                if recursive, entry.kind == "directory" {
                    deeper.append(
                        Directory(below: entry.name.bytes + [UInt8(ascii: "/")], inode: entry.inode)
                    )
                }
                if global.json { try array.append(entry) } else { try entry.show(long: long) }
            }
            held = []
        }
        return deeper
    }
}
