import Backup
import Foundation
import Synchronization
import TestKit
import Testing

/// pax archives: ours unpacked by others, others' by us, and our own both ways.
@Suite(.enabled(if: Witness.isPresent), .serialized)
struct ArchiveTests {
    /// All bytes that a writer sent.
    private final class Collected: Sendable {
        let bytes = Mutex<[UInt8]>([])
    }

    private func archive(_ from: String) async throws -> (bytes: [UInt8], report: TransferReport) {
        let collected = Collected()
        let report = try await ArchiveStream.write(.host(from)) { part in
            collected.bytes.withLock { $0 += part }
        }
        return (collected.bytes.withLock { $0 }, report)
    }

    private func unpack(_ bytes: [UInt8], to path: String) async throws -> TransferReport {
        let input = ArchiveInput()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for start in stride(from: 0, to: bytes.count, by: 100_000) {
                    await input.send(Array(bytes[start..<min(start + 100_000, bytes.count)]))
                }
                input.finish()
            }
            let report = try await ArchiveStream.read(input, to: .host(path))
            try await group.waitForAll()
            return report
        }
    }

    @Test func `an odd tree goes through an archive and back`() async throws {
        let directory = try TemporaryDirectory()
        let (from, to) = (directory.path + "/from", directory.path + "/to")
        try Witness.plantOddTree(at: from)
        let (bytes, written) = try await archive(from)
        #expect(written.omissions == [])
        let read = try await unpack(bytes, to: to)
        #expect(read.omissions == [])
        #expect(try Witness.differences(from, to) == "")
        #expect(bytes.count < 40 << 20, "holes take no space")
    }

    @Test func `GNU tar unpacks what we write, and we what it writes`() async throws {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        try Witness.plantOddTree(at: from)
        let (bytes, _) = try await archive(from)
        let tar = directory.path + "/ours.tar"
        try Data(bytes).write(to: URL(fileURLWithPath: tar))
        let theirs = directory.path + "/theirs"
        let options = "--xattrs --xattrs-include='*' --numeric-owner -p"
        let unpacked = try Witness.run(
            "/bin/bash",
            ["-c", "mkdir \(theirs) && tar -x \(options) -f \(tar) -C \(theirs)"]
        )
        #expect(unpacked.status == 0, "\(unpacked.output)")
        let theirDifferences = try Witness.differences(from, theirs)
        #expect(theirDifferences == "", "\(theirDifferences)")
        let made = try Witness.run(
            "/bin/bash",
            [
                "-c",
                "tar -c --format=pax --sparse --xattrs --xattrs-include='*' --numeric-owner"
                    + " -f \(directory.path)/made.tar -C \(from) .",
            ]
        )
        #expect(made.status == 0, "\(made.output)")
        let data = try Data(contentsOf: URL(fileURLWithPath: directory.path + "/made.tar"))
        let report = try await unpack(Array(data), to: directory.path + "/to")
        #expect(report.omissions == [])
        let differences = try Witness.differences(from, directory.path + "/to")
        #expect(differences == "", "\(differences)")
    }

    @Test func `an archive that is cut short is an error`() async throws {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        try Witness.plantOddTree(at: from)
        let (bytes, _) = try await archive(from)
        await #expect(throws: BackupError.self) {
            _ = try await unpack(Array(bytes.prefix(bytes.count / 2)), to: directory.path + "/half")
        }
        await #expect(throws: BackupError.self) {
            _ = try await unpack(
                Array("this is no archive, whatever it may look like".utf8),
                to: directory.path + "/none"
            )
        }
    }

    @Test func `a name never leads out of the target`() async throws {
        let directory = try TemporaryDirectory()
        let script = "cd $0 && mkdir in && echo out > out && cd in && tar -cPf ../up.tar ../out"
        #expect(try Witness.run("/bin/bash", ["-c", script, directory.path]).status == 0)
        let data = try Data(contentsOf: URL(fileURLWithPath: directory.path + "/up.tar"))
        let to = directory.path + "/below/to"
        try FileManager.default.createDirectory(
            atPath: directory.path + "/below",
            withIntermediateDirectories: false
        )
        let report = try await unpack(Array(data), to: to)
        #expect(report.omissionsCount == 1)
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/below/out"))
    }
}
