import ArgumentParser
import LocalAPI

/// `varve stat`.
struct StatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat",
        abstract: "Show all that is known of a file, now or in the past.",
        discussion: """
            A symbolic link is shown itself.

            EXAMPLES
              varve stat shared:/plan.txt
              varve --json stat shared:/plan.txt --at -1d
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions

    @Argument(help: ArgumentHelp("The file.", valueName: "FS:/path"), transform: Parse.file)
    var file: FileReference

    func run() async throws {
        let found = try await global.client.call(
            Route.stat,
            FileRequest(file: file, moment: past.moment)
        )
        if global.json { return try Output.json(found) }
        try Output.line("file       \(file.description)")
        try Output.line("kind       \(found.kind)\(found.device.map { " \($0)" } ?? "")")
        if let target = found.target { try Output.line("target     \(target.text)") }
        try Output.line("inode      \(found.inode), \(found.links) links")
        try Output.line(
            "mode       \(found.mode) \(Mode.text(kind: found.kind, octal: found.mode))"
        )
        try Output.line("owner      \(found.uid):\(found.gid)")
        try Output.line("size       \(found.size), \(found.allocated) allocated")
        if let tier = found.tier { try Output.line("tier       \(tier)") }
        try Output.line("accessed   \(found.accessed.text)")
        try Output.line("modified   \(found.modified.text)")
        try Output.line("changed    \(found.changed.text)")
        try Output.line("created    \(found.created.text)")
        for (name, value) in found.xattrs.sorted(by: { $0.key < $1.key }) {
            try Output.line("xattr      \(name)=\(value.text)")
        }
    }
}
