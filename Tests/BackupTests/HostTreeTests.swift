import Backup
import Foundation
import TestKit
import Testing

/// Host directory to host directory: the walk, the reader and the writer without an engine between.
@Suite(.enabled(if: Witness.isPresent), .serialized)
struct HostTreeTests {
    @Test func `an odd tree is copied in every respect`() async throws {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        let to = directory.path + "/to"
        try Witness.plantOddTree(at: from)
        let report = try await TreeCopy.run(from: .host(from), to: .host(to))
        #expect(report.omissions == [])
        #expect(try Witness.differences(from, to) == "")
        #expect(report.hardLinks == 2)
    }

    @Test func `a copy over what exists says so, replaces it, or mirrors`() async throws {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        let to = directory.path + "/to"
        try Witness.plantOddTree(at: from)
        _ = try await TreeCopy.run(from: .host(from), to: .host(to))
        let refused = try await TreeCopy.run(from: .host(from), to: .host(to))
        #expect(refused.omissionsCount > 20)
        // A further name of a file that was refused has nothing to be a name of.
        #expect(refused.omissions.allSatisfy { $0.errno == EEXIST || $0.call == "link" })
        try Data("changed".utf8).write(to: URL(fileURLWithPath: to + "/holes/end"))
        try Data("extra".utf8).write(to: URL(fileURLWithPath: to + "/names/extra"))
        try FileManager.default.createDirectory(
            atPath: to + "/names/below/deeper",
            withIntermediateDirectories: true
        )
        let replaced = try await TreeCopy.run(
            from: .host(from),
            to: .host(to),
            existing: .replace
        )
        #expect(replaced.omissions == [])
        #expect(try Witness.differences(from, to).contains("extra"))
        let mirrored = try await TreeCopy.run(from: .host(from), to: .host(to), existing: .mirror)
        #expect(mirrored.omissions == [])
        #expect(try Witness.differences(from, to) == "")
    }

    @Test func `one file is copied to a name`() async throws {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        try Data("bytes".utf8).write(to: URL(fileURLWithPath: from))
        let report = try await TreeCopy.run(from: .host(from), to: .host(directory.path + "/to"))
        #expect(report.files == 1)
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.path + "/to")).count == 5)
    }

    @Test func `what is not there is an error`() async throws {
        let directory = try TemporaryDirectory()
        do throws(BackupError) {
            _ = try await TreeCopy.run(
                from: .host(directory.path + "/none"),
                to: .host(directory.path + "/to")
            )
            Issue.record("nothing was copied")
        } catch {
            #expect(error.code == .notFound)
        }
    }

    @Test func `a directory of thousands and a deep one are walked with few descriptors`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let from = directory.path + "/from"
        let script = """
            mkdir -p "$0/wide" && cd "$0/wide" && seq 3000 | xargs touch && mkdir d && cd d &&
            seq 2000 | xargs mkdir && cd "$0" && for i in $(seq 300); do mkdir deep$i; cd deep$i; done
            """
        #expect(try Witness.run("/bin/bash", ["-c", script, from]).status == 0)
        let report = try await TreeCopy.run(
            from: .host(from),
            to: .host(directory.path + "/to")
        )
        #expect(report.isComplete)
        #expect(report.files == 3_000)
        #expect(report.directories == 2_000 + 300 + 3)
    }
}
