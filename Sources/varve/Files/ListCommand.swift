import ArgumentParser
import LocalAPI
import VarveModel

/// `varve ls`.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List a directory, now or in the past.",
        discussion: """
            By name; a directory of more than 50,000 names comes unsorted. A terminal shows control bytes and bytes that \
            are no UTF-8 as %XX, a pipe gets them as they are.

            EXAMPLES
              varve ls shared:/
              varve ls -l shared:/projects --at '2026-11-23 14:03:22'
              varve ls -R shared:/ --snapshot before-upgrade
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions

    @Flag(name: .customShort("l"), help: "Show kind, mode, links, owner, size and time.")
    var long = false

    @Flag(name: .customShort("R"), help: "Go into directories.")
    var recursive = false

    @Argument(help: ArgumentHelp("What to list.", valueName: "FS:/path"), transform: Parse.file)
    var file: FileReference

    /// Entries that are held to be sorted by name: some 20 MiB.
    ///
    /// A larger directory comes as it is kept.
    static let sortedMax = 50_000

    func run() async throws {
        let moment = try await steadyMoment()
        var array = JSONArrayOutput()
        var pending: [[UInt8]] = [[]]
        while let below = pending.popLast() {
            pending += try await list(below, moment, &array).reversed()
        }
        if global.json { try array.end() }
    }

    /// Prints one directory; answers those in it, when they are to be listed too.
    private func list(
        _ below: [UInt8],
        _ moment: Moment,
        _ array: inout JSONArrayOutput
    ) async throws -> [[UInt8]] {
        let place = FileReference(
            fileSystem: file.fileSystem,
            path: EscapedBytes(file.path.bytes + [UInt8(ascii: "/")] + below)
        )
        var deeper: [[UInt8]] = []
        var held: [FileEntry] = []
        var isSorted = true
        var after: UInt64 = 0
        repeat {
            let page = try await global.client.call(
                Route.list,
                ListDirectory(file: below.isEmpty ? file : place, moment: moment, after: after)
            )
            held += page.entries
            after = page.next ?? 0
            if after != 0, isSorted, held.count < ListCommand.sortedMax { continue }
            if after != 0, isSorted {
                isSorted = false
                Output.note(
                    "varve: over \(ListCommand.sortedMax) names in one directory: not sorted"
                )
            }
            if isSorted {
                held.sort { $0.name.bytes.lexicographicallyPrecedes($1.name.bytes) }
            }
            for var entry in held {
                entry.name = EscapedBytes(below + entry.name.bytes)
                if recursive, entry.kind == "directory" {
                    deeper.append(entry.name.bytes + [UInt8(ascii: "/")])
                }
                if global.json { try array.append(entry) } else { try entry.show(long: long) }
            }
            held = []
        } while after != 0
        return deeper
    }

    /// The moment asked for, fixed: a relative one must not move while page follows page.
    private func steadyMoment() async throws -> Moment {
        guard case .ago(let seconds) = past.at, seconds > 0 else { return past.moment }
        let now = try await global.client.call(Route.showClock, Nothing()).now.time
        return Moment(at: .moment(now.adding(seconds: -seconds)))
    }
}

extension FileEntry {
    /// Prints it on a line.
    func show(long: Bool) throws {
        var line: [UInt8] = []
        if long {
            let head = [
                Mode.text(kind: kind, octal: mode), Column.right(String(links), 3),
                Column.right(String(uid), 5), Column.right(String(gid), 5),
                Column.right(String(size), 12), UserTime.local(modified), "",
            ]
            line += head.joined(separator: " ").utf8
        }
        line += Output.name(name)
        if long, let target { line += Array(" -> ".utf8) + Output.name(target) }
        try Output.write(line + [UInt8(ascii: "\n")])
    }
}

/// `drwxr-xr-x` of a kind and an octal mode.
enum Mode {
    static func text(kind: String, octal: String) -> String {
        let bits = UInt16(octal, radix: 8) ?? 0
        let letters: [String: Character] = [
            "directory": "d", "symlink": "l", "fifo": "p", "socket": "s",
            "character-device": "c", "block-device": "b",
        ]
        var text = [letters[kind] ?? "-"]
        for shift in [6, 3, 0] {
            text.append(bits >> (shift + 2) & 1 == 1 ? "r" : "-")
            text.append(bits >> (shift + 1) & 1 == 1 ? "w" : "-")
            text.append(bits >> shift & 1 == 1 ? "x" : "-")
        }
        for (bit, place, letter) in [(11, 3, "s"), (10, 6, "s"), (9, 9, "t")]
            as [(UInt16, Int, Character)]
        where bits >> bit & 1 == 1 {
            text[place] = text[place] == "x" ? letter : Character(letter.uppercased())
        }
        return String(text)
    }
}

/// Cells of a listing that is printed line by line.
enum Column {
    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
