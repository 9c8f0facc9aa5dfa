import Backup
import Foundation
import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

/// Archives in memory, what writes them and what opens them.
enum ColdArchiveWorld {
    static let identity = AgeIdentity.random()
    static let created = Timestamp(seconds: 1_800_000_000)

    /// All bytes that a writer sent.
    private final class Collected: Sendable {
        let bytes = Mutex<[UInt8]>([])
    }

    static func archive(
        _ place: TreePlace,
        to recipients: [AgeRecipient] = [identity.recipient],
        key: AgeFileKey = .random(),
        level: Int32 = 1,
        info: ColdArchiveInfo = ColdArchiveInfo(
            created: created,
            instant: created,
            labels: ["name": "test"]
        )
    ) async throws -> (bytes: [UInt8], report: TransferReport) {
        let collected = Collected()
        let cover = ColdArchiveCover(
            header: try AgeHeader(key, to: recipients),
            fileKey: key,
            level: level,
            info: info
        )
        let report = try await ColdArchive.write(place, cover) { part in
            collected.bytes.withLock { $0 += part }
        }
        return (collected.bytes.withLock { $0 }, report)
    }

    static func open(_ bytes: [UInt8]) throws -> ColdArchiveReader {
        try ColdArchiveReader(HeldBytes(bytes), identities: [identity])
    }

    static func extract(
        _ bytes: [UInt8],
        _ paths: [String] = [],
        to path: String,
        existing: ExistingNames = .refuse
    ) async throws -> TransferReport {
        try await ColdArchive.extract(
            ColdArchiveFeed(try open(bytes), paths: paths.map { Array($0.utf8) }),
            to: .host(path),
            existing: existing
        )
    }

    static func names(_ reader: ColdArchiveReader) throws -> [ColdArchiveEntry] {
        var found: [ColdArchiveEntry] = []
        try reader.entries(beneath: []) { found += $0 }
        return found
    }
}

/// An archive in memory.
struct HeldBytes: ArchiveBytes {
    let bytes: [UInt8]
    let name = "held"

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var byteCount: UInt64 { UInt64(bytes.count) }

    func read(_ range: Range<UInt64>) throws(BackupError) -> [UInt8] {
        Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
    }
}

/// The programs that archives promise to open with.
enum StockTools {
    static var isPresent: Bool {
        let isMissing = ["age", "age-keygen", "zstd", "tar", "bsdtar"].contains { program in
            !["/usr/bin/", "/bin/", "/usr/local/bin/"].contains {
                FileManager.default.isExecutableFile(atPath: $0 + program)
            }
        }
        if isMissing, ProcessInfo.processInfo.environment["VARVE_REQUIRE"] == "all" {
            Issue.record("age, zstd, tar and libarchive-tools must be installed for these tests")
        }
        return !isMissing && Witness.isPresent
    }

    /// Runs a script in a directory; answers what it printed.
    @discardableResult
    static func run(
        _ script: String,
        in directory: String,
        isFailure: Bool = false
    ) throws -> String {
        let ended = try Witness.run(
            "/bin/bash",
            ["-c", "set -euo pipefail; cd \"$0\"; \(script)", directory]
        )
        #expect((ended.status != 0) == isFailure, "\(script): \(ended.output)")
        return ended.output
    }
}
