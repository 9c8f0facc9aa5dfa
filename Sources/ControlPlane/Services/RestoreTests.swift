import Backup
import BackupVault
import FileSystemEngine
import LocalAPI
import MetadataStore
import Policies
import VarveModel

/// Restores samples of recovery points to file systems that nobody sees, and says whether they came back.
struct RestoreTests: Sendable {
    let fileSystems: FileSystems
    let vaults: Vaults

    /// Tests one recovery point of a file system.
    ///
    /// - Parameters:
    ///   - source: Whose points.
    ///   - action: Which of them, and how much of it.
    ///   - job: Its name and the due instant choose the sample: the same run anew tests the same.
    ///   - due: That instant.
    /// - Returns: The verdict, in words, and the vault's points that do not read.
    /// - Throws: `.corrupt` when something differs; `.notFound` when there is no point.
    func run(
        _ source: OpenFileSystem,
        _ action: RestoreTestAction,
        job: String,
        due: Timestamp
    ) async throws -> JobWords {
        let vault = try await vaults.find(action.vault)
        let id = source.record.id.text
        let listing = try await BlockingCalls.run { try vault.listing() }
        // What is in cold storage was read whole when it moved.
        let points = listing.points.filter { $0.source == id && !$0.isCold }
        let seed = Job.seed("\(job) \(id)", at: due)
        let chosen =
            switch action.point {
            case .latest: points.last
            case .random: points.isEmpty ? nil : points[Int(seed % UInt64(points.count))]
            }
        guard let point = chosen else {
            if let damaged = listing.damaged.first { throw damaged.error }
            throw APIError(
                .notFound,
                "vault '\(action.vault)' has no recovery point of it to test",
                remedy: "Run a backup job first."
            )
        }
        let sample = RestoreTest.Sample(
            filesMax: action.sampleFiles,
            bytesMax: action.sampleBytes,
            seed: seed
        )
        let scratch = try await fileSystems.makeScratch(
            "restore test of \(source.record.name)",
            for: min(action.sampleBytes, point.statistics["bytesTotal"] ?? action.sampleBytes)
        )
        let verdict: RestoreVerdict
        do {
            verdict = try await RestoreTest(
                vault: vault,
                point: point,
                source: source.engine,
                scratch: scratch.engine
            ).run(sample)
        } catch {
            await fileSystems.discard(scratch)
            throw error
        }
        await fileSystems.discard(scratch)
        var words = JobWords()
        do throws(APIError) {
            words.add(try Self.words(verdict, of: point))
        } catch {
            words.add(error)
        }
        // One of them may be the newest of this very source.
        words.add(unread: listing.damaged)
        return words
    }

    private static func words(
        _ verdict: RestoreVerdict,
        of point: RecoveryPoint
    ) throws(APIError) -> String {
        let inodes = point.statistics["inodes"] ?? 0
        guard verdict.namesSeen + verdict.differenceCount > 0 || inodes <= 1 else {
            throw APIError(
                .invalid,
                "\(point.id) shows nothing, and its file system had \(inodes) inodes when it was made",
                remedy:
                    "Look at it ('varve recovery-point ls'), and run a backup job: nothing was tested."
            )
        }
        if verdict.filesSeen + verdict.differenceCount == 0 {
            return "\(point.id) has no regular file, so nothing was there to restore"
        }
        guard verdict.files + verdict.differenceCount > 0 || verdict.filesPassedBy == 0 else {
            throw APIError(
                .invalid,
                "none of the \(verdict.filesPassedBy) files that were chosen of \(point.id) fits into 'sample-bytes'",
                remedy: "Raise it: nothing was tested."
            )
        }
        let passedBy =
            verdict.filesPassedBy == 0
            ? "" : ", \(verdict.filesPassedBy) passed by as too large for 'sample-bytes'"
        let counts =
            "\(verdict.files) of \(verdict.filesSeen) files of \(point.id) restored, \(verdict.bytes) bytes the same, "
            + "\(verdict.filesInHistory) of the files compared with the history too\(passedBy)"
        guard verdict.differenceCount > 0 else { return counts + ", no difference" }
        let told = verdict.differences.map { difference in
            "'\(EscapedBytes(difference.path).text)': \(difference.what)"
        }
        let more = verdict.differenceCount - told.count
        throw APIError(
            .corrupt,
            "\(counts), \(verdict.differenceCount) differences: \(told.joined(separator: "; "))"
                + (more > 0 ? "; and \(more) more" : ""),
            remedy: "Verify the vault: 'varve vault verify NAME --read-data'."
        )
    }
}
