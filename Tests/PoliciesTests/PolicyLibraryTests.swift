import Foundation
import TestKit
import Testing

@testable import Policies

@Suite struct PolicyLibraryTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: directory.path + "/" + name, atomically: true, encoding: .utf8)
    }

    func job(_ name: String, schedule: String = "@daily", retention: String = "keep") -> String {
        """
        # Why.
        format: 1
        kind: job
        name: \(name)
        action: backup
        Resources: ["*"]
        TargetBackupVaultName: main
        ScheduleExpression: "\(schedule)"
        retention: \(retention)
        """
    }

    func retention(_ name: String, last: Int) -> String {
        "# Why.\nformat: 1\nkind: retention\nname: \(name)\nkeep-last: \(last)\n"
    }

    @Test func `hooks are taken from files that root or the daemon's user alone may write`() throws
    {
        var library = PolicyLibrary()
        let text = job("nightly") + "\nbefore: {command: [/bin/true]}\n"
        try write("keep.yaml", retention("keep", last: 3))
        try write("nightly.yaml", text)
        let path = directory.path + "/nightly.yaml"
        for (mode, isTaken) in [(0o644, true), (0o600, true), (0o664, false), (0o646, false)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            var fresh = PolicyLibrary()
            let problems = fresh.load(directories: [directory.path])
            #expect(problems.isEmpty == isTaken, "\(problems)")
            #expect(fresh.jobs.isEmpty != isTaken)
            if !isTaken {
                let said = try #require(problems.first)
                #expect(said.place?.file == path && said.place?.line == 10)
                #expect(said.message.contains("(mode \(String(mode, radix: 8)))"))
            }
        }
        #expect(PolicyDirectory.distrust(owner: 0, mode: 0o644, daemon: 77) == nil)
        #expect(PolicyDirectory.distrust(owner: 77, mode: 0o644, daemon: 77) == nil)
        #expect(
            PolicyDirectory.distrust(owner: 1_000, mode: 0o600, daemon: 77)
                == "it belongs to uid 1000"
        )
        // A link may lead to anything that root owns, and a directory of others may hold it.
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        let target = try TemporaryDirectory()
        try FileManager.default.moveItem(atPath: path, toPath: target.path + "/nightly.yaml")
        try FileManager.default.createSymbolicLink(
            atPath: path,
            withDestinationPath: target.path + "/nightly.yaml"
        )
        var linked = PolicyLibrary()
        let said = linked.load(directories: [directory.path])
        #expect(said.map(\.message).contains { $0.contains("it is a symbolic link") }, "\(said)")
        try FileManager.default.removeItem(atPath: path)
        try write("nightly.yaml", text)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o775],
            ofItemAtPath: directory.path
        )
        var shared = PolicyLibrary()
        let refused = shared.load(directories: [directory.path])
        #expect(refused.map(\.message).contains { $0.contains("of its directory") }, "\(refused)")
        // Without hooks anybody's file is taken, as it always was.
        try write("nightly.yaml", job("nightly"))
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
        #expect(library.load(directories: [directory.path]).isEmpty)
        #expect(library.jobs.count == 1)
    }

    @Test func `a file gone bad keeps its last good reading until it is good or gone`() throws {
        var library = PolicyLibrary()
        try write("keep.yaml", retention("keep", last: 3))
        try write("nightly.yaml", job("nightly"))
        try write("notes.txt", "not a policy")
        try write(".hidden.yaml", "not: a policy")
        #expect(library.load(directories: [directory.path]).isEmpty)
        #expect(library.fileCount == 2)
        let good = library.jobs
        #expect(good.map(\.name) == ["nightly"])

        try write("nightly.yaml", job("nightly", schedule: "whenever"))
        let problems = library.load(directories: [directory.path])
        #expect(problems.count == 1 && problems[0].place?.line == 8)
        #expect(library.jobs == good)

        try write("nightly.yaml", job("nightly", schedule: "@weekly"))
        #expect(library.load(directories: [directory.path]).isEmpty)
        #expect(library.jobs.first?.schedule.expression == "@weekly")

        try FileManager.default.removeItem(atPath: directory.path + "/nightly.yaml")
        #expect(library.load(directories: [directory.path]).isEmpty)
        #expect(library.jobs.isEmpty)
    }

    @Test func `a job whose retention went missing stays as it was, and is told of`() throws {
        var library = PolicyLibrary()
        try write("keep.yaml", retention("keep", last: 3))
        try write("nightly.yaml", job("nightly"))
        _ = library.load(directories: [directory.path])
        let good = library.jobs
        try FileManager.default.removeItem(atPath: directory.path + "/keep.yaml")
        try write("keeps.yaml", retention("keeps", last: 3))
        let problems = library.load(directories: [directory.path])
        #expect(problems.map(\.code) == [.unknownName])
        #expect(problems.first?.remedy == "Did you mean 'keeps'?")
        #expect(library.jobs == good)
        // An edit of the retention alone reaches the job.
        try write("keep.yaml", retention("keep", last: 9))
        _ = library.load(directories: [directory.path])
        guard case .backup(let action) = library.jobs.first?.action else {
            Issue.record("\(library.jobs)")
            return
        }
        #expect(action.retention?.rule.keep[.last] == 9)
    }

    @Test func `one name is one policy, also over two directories`() throws {
        let other = try TemporaryDirectory()
        try write("keep.yaml", retention("keep", last: 3))
        try retention("keep", last: 4).write(
            toFile: other.path + "/keep.yml",
            atomically: true,
            encoding: .utf8
        )
        var library = PolicyLibrary()
        let problems = library.load(directories: [directory.path, other.path])
        #expect(problems.map(\.code) == [.duplicate])
        #expect(library.retentions.count == 1)
    }

    @Test func `a directory that is gone is told of, and what it held stays`() throws {
        var library = PolicyLibrary()
        let other = try TemporaryDirectory()
        try retention("keep", last: 3).write(
            toFile: other.path + "/keep.yaml",
            atomically: true,
            encoding: .utf8
        )
        try write("nightly.yaml", job("nightly"))
        #expect(library.load(directories: [directory.path, other.path]).isEmpty)
        try FileManager.default.removeItem(atPath: other.path)
        let problems = library.load(directories: [directory.path, other.path])
        #expect(problems.map(\.code) == [.unreadable])
        #expect(problems.first?.message.hasSuffix("cannot be read: it does not exist") == true)
        #expect(library.jobs.count == 1 && library.retentions.count == 1)
    }
}
