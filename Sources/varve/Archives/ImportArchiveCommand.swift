import ArgumentParser
import Backup
import LocalAPI
import NIOCore

/// `varve archive import`.
struct ImportArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring an archive, or a part of it, into a file system.",
        discussion: """
            Into a directory, where files that are there are replaced, or --to-new into a file system made for it. --dry-run \
            lists what would be replaced, and changes nothing; it reads the index alone. The daemon is sent the archive's \
            content, and hears of no key. What is damaged is left out and named; the exit code is then 2.

            EXAMPLES
              varve archive import ./shared.tar.zst.age shared:/ --identity vault.key --dry-run
              varve archive import ./shared.tar.zst.age shared:/back --path docs --identity vault.key
              varve archive import ./shared.tar.zst.age --to-new shared-again --passphrase
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var unlock: UnlockOptions

    @Option(help: ArgumentHelp("Into a new file system of this Name.", valueName: "name"))
    var toNew: String?

    @Option(
        help: ArgumentHelp("Only this, with all beneath it; may be repeated.", valueName: "path")
    )
    var path: [String] = []

    @Flag(help: "Only say what would be replaced.")
    var dryRun = false

    @Argument(help: ArgumentHelp("The archive.", valueName: "archive"), transform: Parse.hostPath)
    var archive: [UInt8]

    @Argument(
        help: ArgumentHelp("Where to; made when missing.", valueName: "FS:/path"),
        transform: Parse.file
    )
    var target: FileReference?

    func validate() throws {
        if (target == nil) == (toNew == nil) {
            throw ValidationError("Say where to: FS:/path, or --to-new NAME.")
        }
        if dryRun, toNew != nil {
            throw ValidationError("--dry-run is for FS:/path: a new file system has nothing.")
        }
    }

    func run() async throws {
        let asked = try ArchivePath.all(path)
        let feed = ColdArchiveFeed(try unlock.open(archive), paths: asked, isNamesOnly: dryRun)
        do throws(BackupError) {
            // All of the index first: when it does not verify, the daemon makes nothing.
            try feed.begin()
        } catch {
            throw APIError(error)
        }
        let report: ImportArchiveReport = try await global.client.upload(
            Route.importArchive,
            ImportArchive(file: target, newFileSystem: toNew, isPlan: dryRun),
            body: ArchiveParts(feed: feed),
            length: nil
        )
        ProgressLine.end()
        if global.json { try Output.json(report) } else { try show(report) }
        if let copied = report.copied {
            try Output.end(left: copied.left, of: copied.leftCount)
        }
    }

    private func show(_ report: ImportArchiveReport) throws {
        if let taken = report.taken {
            for name in taken {
                let line = Array("M ".utf8) + Output.name(name.path)
                let what = "  (\(name.kind) in place of \(name.existing))\n"
                try Output.write(line + Array(what.utf8))
            }
            return Output.note(
                "\(report.entries ?? 0) names, \(report.takenCount ?? 0) of them would be replaced; nothing was changed"
            )
        }
        if let made = report.fileSystem { try Output.line(made) }
        guard let copied = report.copied else { return }
        Output.note(
            "\(copied.files) files, \(copied.directories) directories, \(copied.others) others, \(Output.size(copied.bytes))"
        )
    }
}

/// What is read out of an archive, as the body of a request.
struct ArchiveParts: AsyncSequence, Sendable {
    let feed: ColdArchiveFeed

    struct AsyncIterator: AsyncIteratorProtocol {
        let feed: ColdArchiveFeed
        private var sent: UInt64 = 0

        init(feed: ColdArchiveFeed) {
            self.feed = feed
        }

        mutating func next() async throws -> ByteBuffer? {
            guard let bytes = try ArchiveParts.bytes(of: feed) else { return nil }
            sent += UInt64(bytes.count)
            ProgressLine.show(Progress(phase: "importing", bytes: sent))
            return ByteBuffer(bytes: bytes)
        }
    }

    /// 256 KiB: parts of small files travel together.
    private static let pieceBytes = 256 << 10

    /// The next parts as they travel.
    private static func bytes(of feed: ColdArchiveFeed) throws(APIError) -> [UInt8]? {
        do throws(BackupError) {
            var bytes: [UInt8] = []
            while bytes.count < pieceBytes, let part = try feed.next() { bytes += part.bytes }
            return bytes.isEmpty ? nil : bytes
        } catch {
            throw APIError(error)
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(feed: feed)
    }
}
