import ArgumentParser
import LocalAPI

/// `varve umount`.
struct UnmountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "umount",
        abstract: "Unmount what 'varve mount' mounted (root only).",
        discussion: """
            What was written is sent to the daemon first; when the daemon is away for good, --lazy takes the mount out of \
            sight, and what it had not sent is lost.

            EXAMPLES
              sudo varve umount /mnt/shared
              sudo varve umount --lazy /mnt/shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Flag(help: "Take it out of sight now, and away when nobody uses it any more (umount(8)).")
    var lazy = false

    @Flag(help: "Print the command, and do not run it.")
    var dryRun = false

    @Argument(help: "Where it is mounted.", transform: Parse.hostPath)
    var directory: [UInt8]

    /// What was, or would be, done.
    private struct Done: Codable {
        let command: [EscapedBytes]
        let isUnmounted: Bool
    }

    func run() async throws {
        let words = ["umount"] + (lazy ? ["--lazy"] : [])
        let program = SystemProgram(words: words.map { Array($0.utf8) } + [directory])
        if !global.json {
            try Output.line(program.line)
        }
        if !dryRun {
            try SystemProgram.requireRoot("unmounting")
            try program.run()
        }
        guard global.json else { return }
        try Output.json(
            Done(command: program.words.map { EscapedBytes($0) }, isUnmounted: !dryRun)
        )
    }
}
