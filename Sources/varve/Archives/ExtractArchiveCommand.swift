import ArgumentParser
import Backup
import LocalAPI

/// `varve archive extract`.
struct ExtractArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract:
            "Take files out of an archive; reads no more of it than they need. No daemon is needed.",
        discussion: """
            As tar does: each name keeps its whole path beneath the directory, and replaces a file that is there. What is \
            damaged is left out and named, and the exit code is then 2; what may not be done (owners and devices, when not \
            root) is listed, and it is 3.

            EXAMPLES
              varve archive extract shared.tar.zst.age docs/plan.txt --identity vault.key --to /tmp/back
              varve archive extract shared.tar.zst.age --passphrase --to /mnt/all
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var unlock: UnlockOptions

    @Option(
        help: ArgumentHelp("The directory to fill; made when missing.", valueName: "dir"),
        transform: Parse.hostPath
    )
    var to: [UInt8]

    @Argument(help: ArgumentHelp("The archive.", valueName: "archive"), transform: Parse.hostPath)
    var archive: [UInt8]

    @Argument(help: "What to take, with all beneath it. Default: everything.")
    var paths: [String] = []

    func run() async throws {
        let asked = try ArchivePath.all(paths)
        guard let target = String(validating: to, as: UTF8.self) else {
            throw APIError(.unsupported, "the directory's path is not UTF-8")
        }
        let reader = try unlock.open(archive)
        do {
            let report = try await ColdArchive.extract(
                ColdArchiveFeed(reader, paths: asked),
                to: .host(target),
                existing: .replace
            ) { progress in
                ProgressLine.show(
                    Progress(
                        phase: "extracting",
                        done: UInt64(progress.entries),
                        bytes: progress.bytes
                    )
                )
            }
            try TreeReport(report).show(json: global.json)
        } catch let error as BackupError {
            throw APIError(error)
        }
    }
}

extension TreeReport {
    fileprivate init(_ report: TransferReport) {
        self.init(
            files: UInt64(report.files),
            directories: UInt64(report.directories),
            others: UInt64(report.symlinks + report.specials),
            bytes: report.bytes,
            left: report.omissions.map {
                LeftOut(
                    path: EscapedBytes($0.path),
                    what: "\($0.call): \($0.reason)",
                    isDamage: $0.isDamage
                )
            },
            leftCount: UInt64(report.omissionsCount)
        )
    }
}
