import ArgumentParser

/// `varve fs`.
struct FileSystemCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fs",
        abstract: "Make, list, describe and delete file systems.",
        discussion: """
            EXAMPLES
              varve fs create shared
              varve fs list
            """,
        subcommands: [
            CreateFileSystemCommand.self, ListFileSystemsCommand.self,
            DescribeFileSystemCommand.self, DeleteFileSystemCommand.self,
        ]
    )
}
