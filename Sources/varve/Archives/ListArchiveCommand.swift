import ArgumentParser
import Backup
import LocalAPI
import VarveModel

/// `varve archive ls`.
struct ListArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List an archive; reads its index alone. No daemon is needed.",
        discussion: """
            In the order of the archive: a directory after what it holds. A terminal shows control bytes and bytes that are \
            no UTF-8 as %XX, a pipe gets them as they are.

            EXAMPLES
              varve archive ls shared.tar.zst.age --identity vault.key
              varve archive ls -l shared.tar.zst.age docs --passphrase
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var unlock: UnlockOptions

    @Flag(name: .customShort("l"), help: "Show kind, mode, owner, size and time.")
    var long = false

    @Argument(help: ArgumentHelp("The archive.", valueName: "archive"), transform: Parse.hostPath)
    var archive: [UInt8]

    @Argument(help: "What to list, with all beneath it. Default: everything.")
    var paths: [String] = []

    private struct Entry: Codable {
        let path: EscapedBytes
        let kind: String
        let mode: String
        let uid: UInt32
        let gid: UInt32
        let size: UInt64
        let modified: TimeText
        /// A symlink's target.
        let target: EscapedBytes?
        /// The first name of the same file.
        let firstName: EscapedBytes?
    }

    func run() async throws {
        let asked = try ArchivePath.all(paths)
        let reader = try unlock.open(archive)
        var array = JSONArrayOutput()
        var missing = Set(asked)
        do {
            try reader.entries(beneath: asked) { entries in
                for entry in entries {
                    for path in missing
                    where entry.path == path || entry.path.starts(with: path + [47]) {
                        missing.remove(path)
                    }
                    if global.json {
                        try array.append(ListArchiveCommand.described(entry))
                    } else {
                        try show(entry)
                    }
                }
            }
        } catch let error as BackupError {
            throw APIError(error)
        }
        if global.json { try array.end() }
        if let path = missing.first {
            throw APIError(
                .notFound,
                "the archive has no '\(String(decoding: path, as: UTF8.self))'",
                remedy: "Paths begin at the top of the archive, without a slash."
            )
        }
    }

    private static func described(_ entry: ColdArchiveEntry) -> Entry {
        Entry(
            path: EscapedBytes(entry.path),
            kind: word(entry.kind),
            mode: octal(entry.permissions),
            uid: entry.uid,
            gid: entry.gid,
            size: entry.size,
            modified: TimeText(entry.modified),
            target: entry.kind == .symlink && !entry.isFurtherName ? EscapedBytes(entry.link) : nil,
            firstName: entry.isFurtherName ? EscapedBytes(entry.link) : nil
        )
    }

    private func show(_ entry: ColdArchiveEntry) throws {
        var line: [UInt8] = []
        if long {
            let kind = ListArchiveCommand.word(entry.kind)
            let head = [
                Mode.text(kind: kind, octal: ListArchiveCommand.octal(entry.permissions)),
                Column.right(String(entry.uid), 5), Column.right(String(entry.gid), 5),
                Column.right(String(entry.size), 12), UserTime.local(TimeText(entry.modified)), "",
            ]
            line += head.joined(separator: " ").utf8
        }
        line += entry.path.isEmpty ? [UInt8(ascii: ".")] : Output.name(EscapedBytes(entry.path))
        if long, entry.isFurtherName || entry.kind == .symlink {
            let word = entry.isFurtherName ? " link to " : " -> "
            line += Array(word.utf8) + Output.name(EscapedBytes(entry.link))
        }
        try Output.write(line + [UInt8(ascii: "\n")])
    }

    private static func octal(_ permissions: UInt16) -> String {
        let digits = String(permissions, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private static func word(_ kind: FileKind) -> String {
        switch kind {
        case .fifo: "fifo"
        case .characterDevice: "character-device"
        case .directory: "directory"
        case .blockDevice: "block-device"
        case .regular: "file"
        case .symlink: "symlink"
        case .socket: "socket"
        }
    }
}
