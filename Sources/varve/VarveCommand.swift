import ArgumentParser
import Glibc
import LocalAPI
import NIOCore

/// `varve`: asks the daemon of this machine.
struct VarveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "varve",
        abstract:
            "A shared file system that keeps its layers: every moment of a window is restorable.",
        discussion: """
            FS:/path names a file: FS is a file system's id or unique Name. Times are RFC 3339, local \
            ('2026-11-23 14:03:22') or relative (-3h).

            Exit codes: 0 done, 1 failed, 2 found damage or a difference, 3 done in part, 64 usage.

            EXAMPLES
              varve fs create shared
              varve import /home/projects shared:/projects
              varve ls -l shared:/projects --at -3h
              varve restore shared:/projects/plan.txt --at '2026-11-23 14:03:22' --in-place
            """,
        version: "0.1.0",
        subcommands: [
            FileSystemCommands.self, ZoneCommands.self, MountTargetCommands.self,
            ImportCommand.self,
            ExportCommand.self, ListCommand.self,
            CatCommand.self, PutCommand.self, GetCommand.self, RemoveCommand.self,
            MakeDirectoryCommand.self, MoveCommand.self, LinkCommand.self, ChangeModeCommand.self,
            ChangeOwnerCommand.self, TruncateCommand.self, TouchCommand.self,
            SetAttributeCommand.self, StatCommand.self, UsageCommand.self, SnapshotCommands.self,
            RestoreCommand.self, HistoryCommand.self, BackupCommands.self,
            RecoveryPointCommands.self, VaultCommands.self, ArchiveCommands.self,
            JobCommands.self, LifecycleCommands.self, MountCommand.self, UnmountCommand.self,
            DoctorCommand.self, ClockCommands.self,
        ]
    )

    @OptionGroup var global: GlobalOptions

    /// Reads the arguments' bytes, runs the command, and ends the process.
    static func start() async {
        signal(SIGPIPE, SIG_IGN)
        NIOSingletons.groupLoopCountSuggestion = 1
        var arguments: [String] = []
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[index] else { break }
            arguments.append(
                ArgumentBytes.text(
                    Array(UnsafeRawBufferPointer(start: argument, count: strlen(argument)))
                )
            )
        }
        do {
            var command = try parseAsRoot(
                ArgumentBytes.joiningTimes(
                    arguments,
                    options: ["--at", "--modified", "--accessed"]
                )
            )
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Output.flush()
            Glibc.exit(ExitStatus.done.rawValue)
        } catch let error as APIError {
            Output.flush()
            Output.complain(error)
            Glibc.exit(error.exitStatus.rawValue)
        } catch let error as ExitCode {
            Output.flush()
            Glibc.exit(error.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}
