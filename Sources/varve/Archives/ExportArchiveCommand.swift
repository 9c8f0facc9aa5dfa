import ArgumentParser
import Keyring
import LocalAPI
import VarveModel

/// `varve archive export`.
struct ExportArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a tree, as it is or was, as an archive that stands alone.",
        discussion: """
            One consistent instant, held while it is read. The archive appears whole or not at all; '-' is standard output. \
            An archive is written once: what is there is not replaced. A run that is killed leaves a '.varve-part-…' beside it. What could not be read is listed, and the exit \
            code is then 3, or 2 when it is damaged; a large file that is damaged half-way ends it all.

            EXAMPLES
              varve archive export shared:/ shared.tar.zst.age --recipient age1…
              varve archive export shared:/projects p.tar.zst.age --at -1d --recipients-file team.txt
              varve archive export shared:/ p.tar.zst.age --recovery-point rp-0123… --passphrase
              varve archive export shared:/ - --recipient age1… | ssh far 'cat >shared.tar.zst.age'
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions
    @OptionGroup var seal: SealOptions
    @OptionGroup var unlock: IdentityOption

    @Option(help: ArgumentHelp("The recovery point to archive.", valueName: "id"))
    var recoveryPoint: String?

    @Option(help: "The vault that holds it. Default: whichever does.")
    var vault: String?

    @Option(help: "How hard zstd tries, from 1 to 19.")
    var level = 3

    @Argument(
        help: ArgumentHelp(
            "What to archive; of a recovery point, FS is its source.",
            valueName: "FS:/path"
        ),
        transform: Parse.file
    )
    var source: FileReference

    @Argument(help: ArgumentHelp("The archive, by custom NAME.tar.zst.age.", valueName: "archive"))
    var archive: String

    func validate() throws {
        if [past.at != nil, past.snapshot != nil, recoveryPoint != nil].count(where: { $0 }) > 1 {
            throw ValidationError("Give one of --at, --snapshot and --recovery-point.")
        }
        if vault != nil || !unlock.identity.isEmpty, recoveryPoint == nil {
            throw ValidationError("--vault and --identity are for --recovery-point.")
        }
        if !ExportArchive.levels.contains(level) {
            throw ValidationError("--level is from 1 to 19.")
        }
        if archive == "-", global.json {
            throw ValidationError("--json and the archive cannot both go to standard output.")
        }
    }

    func run() async throws {
        let fileKey = AgeFileKey.random()
        var moment = past.moment
        moment.recoveryPoint = recoveryPoint
        moment.vault = vault
        if let recoveryPoint {
            moment.fileKey = try await unlock.fileKey(
                of: recoveryPoint,
                in: vault,
                by: global.client
            )
        }
        let path = ArgumentBytes.bytes(archive)
        if archive != "-" { try NewFile.requireFree(path) }
        let request = ExportArchive(
            file: source,
            moment: moment,
            header: String(decoding: try seal.header(fileKey).bytes, as: UTF8.self),
            fileKey: Hex.encode(fileKey.rawBytes),
            level: level
        )
        if archive == "-" {
            let report = try await download(request) { try Output.write($0) }
            return try Output.end(left: report.left, of: report.leftCount)
        }
        let file = try NewFile(path, permissions: 0o666)
        let report: TreeReport
        do {
            report = try await download(request) { try file.write($0) }
            try file.finish()
        } catch {
            file.abandon()
            throw error
        }
        try report.show(json: global.json)
    }

    private func download(
        _ request: ExportArchive,
        _ take: ([UInt8]) throws -> Void
    ) async throws -> TreeReport {
        var bytes: UInt64 = 0
        let report = try await global.client.download(Route.exportArchive, request) { part in
            bytes += UInt64(part.count)
            ProgressLine.show(Progress(phase: "archiving", bytes: bytes))
            try take(part)
        }
        ProgressLine.end()
        return report
    }
}
