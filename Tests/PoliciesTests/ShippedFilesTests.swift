import Foundation
import Policies
import Testing
import VarveModel

@Suite struct ShippedFilesTests {
    static let directories = ["Jobs", "Retention"].map {
        Repository.root.appendingPathComponent($0).path
    }

    @Test func `every shipped file is good`() throws {
        var library = PolicyLibrary()
        let problems = library.load(directories: Self.directories)
        #expect(problems.map(\.description) == [])
        let policies = library.jobs.count + library.retentions.count + library.lifecycles.count
        #expect(policies == library.fileCount && library.fileCount >= 10)
        // Each action but expire, which a backup's retention does already, has an example.
        let actions = Set(library.jobs.map(\.action.name))
        #expect(actions == [.backup, .snapshot, .lifecycle, .restoreTest, .copy, .scrub])
        for job in library.jobs { #expect(job.why.count > 40, "\(job.name): why?") }
    }

    @Test func `the nightly backup runs at two and keeps the first`() throws {
        var library = PolicyLibrary()
        _ = library.load(directories: Self.directories)
        let job = try #require(library.jobs.first { $0.name == "nightly-backup" })
        guard case .backup(let action) = job.action else {
            Issue.record("\(job)")
            return
        }
        #expect(action.vault == "main")
        #expect(action.selection.selects(id: .random(), name: nil, tags: [:]))
        let start = try instant("2026-11-23T14:00:00Z")
        let due = try #require(job.schedule.next(after: start))
        #expect(text(due) == "2026-11-24T02:00:00Z")
        let retention = try #require(action.retention)
        let points = (0..<40).map {
            RetentionPoint(id: $0, created: due.adding(seconds: Int64($0) * 86_400))
        }
        let kept = retention.rule.verdicts(points, now: due.adding(seconds: 39 * 86_400))
            .filter(\.isKept).map(\.point.id)
        #expect(kept == [0] + Array(10..<40))
    }

    @Test func `cold files are demoted after 30 days and come back on access`() throws {
        var library = PolicyLibrary()
        _ = library.load(directories: Self.directories)
        let job = try #require(library.jobs.first { $0.name == "demote-cold-files" })
        guard case .lifecycle(let action) = job.action else {
            Issue.record("\(job)")
            return
        }
        #expect(action.policy.transitions.toInfrequentAccess == .days30)
        #expect(action.policy.transitions.toArchive == nil)
        #expect(action.policy.transitions.isPromotedOnAccess)
    }
}

@Suite struct DocumentationTests {
    /// Each fenced block of `docs/policies.md`: its language and text.
    static func blocks() throws -> [(language: String, text: String)] {
        let page = try String(
            contentsOf: Repository.root.appendingPathComponent("docs/policies.md"),
            encoding: .utf8
        )
        let parts = page.components(separatedBy: "```")
        return stride(from: 1, to: parts.count, by: 2).map { index in
            let lines = parts[index].components(separatedBy: "\n")
            return (lines[0], lines.dropFirst().joined(separator: "\n"))
        }
    }

    @Test func `every example of the documentation is good`() throws {
        var library = PolicyLibrary()
        var texts: [(name: String, text: String)] = []
        for (language, text) in try Self.blocks() {
            if language == "json" { texts.append(("example.json", text)) }
            // The first block shows the head that all files have, and no more.
            guard language == "yaml", text.components(separatedBy: "\n").count > 6,
                let line = text.components(separatedBy: "\n").first(where: {
                    $0.hasPrefix("name: ")
                })
            else { continue }
            texts.append((line.dropFirst(6) + ".yaml", text))
        }
        #expect(texts.count == 7)
        #expect(library.load(texts: texts, beside: []).map(\.description) == [])
    }
}
