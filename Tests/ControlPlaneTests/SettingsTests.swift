import Disk
import Foundation
import JobScheduler
import LocalAPI
import MetadataStore
import Policies
import TestKit
import Testing

@testable import ControlPlane

@Suite struct SettingsTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func settings(
        _ text: String?,
        flags: [SettingName: String] = [:],
        config: String? = nil
    ) throws -> Settings {
        let path = directory.path + "/varve.yaml"
        if let text { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
        return try Settings(
            state: directory.path,
            file: config,
            flags: flags,
            workingDirectory: "/here",
            disk: HostDisk()
        )
    }

    @Test func `jobs at once are bounded for all actions and for each`() {
        #expect(SettingName.jobLimits("4") == JobLimits(total: 4))
        let each = JobLimits(total: 64, byAction: [.backup: 2, .lifecycle: 1])
        #expect(SettingName.jobLimits("64 backup=2, lifecycle=1") == each)
        let wrong = [
            "", "0", "65", "-1", "many", "backup=2", "4 backup", "4 backup=", "4 backup=0",
            "4 backup=65", "4 backup=1 backup=2", "4 sing=1", "4 4",
        ]
        for text in wrong { #expect(SettingName.jobLimits(text) == nil, "\(text)") }
    }

    @Test func `a flag wins over the file, and the file over the default`() throws {
        let found = try settings(
            "# why\njobs: /from/file\nretention: /from/file\n",
            flags: [.retention: "/from/flag"]
        )
        #expect(found[.jobs] == "/from/file")
        #expect(found[.retention] == "/from/flag")
        #expect(found[.logLevel] == "info")
        #expect(found.values[.jobs]?.origin == directory.path + "/varve.yaml:2")
        #expect(found.values[.retention]?.origin == "flag")
        #expect(found.values[.logLevel]?.origin == "default")
    }

    @Test func `the past may hold a part of the live bytes, a size, or anything`() throws {
        #expect(try settings("").history == .standard)
        let part = try settings("keepBytes: 40%\n").history
        #expect(part.bytes(live: 1 << 40) == (1 << 40) / 100 * 40)
        #expect(part.bytes(live: 0) == 10 << 30)
        #expect(try settings("keepBytes: 200GiB\n").history.bytes(live: 1 << 50) == 200 << 30)
        #expect(try settings("keepBytes: unlimited\n").history.bytes(live: 1) == nil)
    }

    @Test func `NFS listens on this machine alone until it is told otherwise`() throws {
        #expect(try settings("").nfs == ListenAddress("127.0.0.1:2049"))
        #expect(try settings("nfs: 0.0.0.0:20490\n").nfs?.port == 20_490)
        let version6 = try #require(try settings("nfs: '[::1]:2049'\n").nfs)
        #expect(version6.host == "::1" && version6.description == "[::1]:2049")
        #expect(try settings("nfs: 'off'\n").nfs == nil)
        for wrong in ["2049", "::1:2049", "localhost:", ":2049", "a:65536", "a b:1", "on"] {
            let refused = #expect(throws: APIError.self) {
                try settings("", flags: [.nfs: wrong])
            }
            #expect(refused?.code == .usage, "'\(wrong)'")
        }
    }

    @Test func `NFS clients come from privileged ports until any are let in`() throws {
        #expect(try settings("").requiresPrivilegedNFSPorts)
        #expect(try settings("nfsPorts: privileged\n").requiresPrivilegedNFSPorts)
        #expect(try !settings("nfsPorts: any\n").requiresPrivilegedNFSPorts)
        let refused = #expect(throws: APIError.self) { try settings("nfsPorts: all\n") }
        #expect(refused?.code == .usage)
    }

    @Test func `zones lie where the settings say, and else in the state directory`() throws {
        let found = try settings("zones: local-a=/srv/a/, x-1 = /srv/b, c\n").zones
        #expect(found.map(\.name) == ["local-a", "x-1", "c"])
        #expect(found.map(\.directory) == ["/srv/a", "/srv/b", directory.path + "/zones/c"])
        #expect(found.map(\.isNamed) == [true, true, false])
        #expect(try settings("").zones.map(\.name) == ["local-a", "local-b", "local-c"])
    }

    @Test(arguments: [
        "a, b", "a, b, c, d", "a, b, b", "a, b, C", "a, b, c=srv", "a, b, c=/srv/../x", "a, b, c=",
        "a, b, c=/srv//x", ", b, c",
    ])
    func `what names no three zones is refused`(text: String) throws {
        let refused = #expect(throws: APIError.self) { try settings("zones: '\(text)'\n") }
        #expect(refused?.code == .usage && refused?.message.contains("varve.yaml:1: zones") == true)
    }

    @Test(arguments: [
        "a=/srv/a, b=/srv/a, c", "a=/srv/a, b=/srv/a/b, c", "a=/srv/a/b/c, b, c=/srv/a",
        "a=/, b, c",
    ])
    func `zones that are one place are refused, with both directories`(text: String) throws {
        let refused = #expect(throws: APIError.self) { try settings("zones: '\(text)'\n") }
        #expect(refused?.code == .usage)
        #expect(
            refused?.message.contains("varve.yaml:1: zones: ") == true,
            "\(refused?.message ?? "")"
        )
        #expect(refused?.message.contains("'/") == true)
    }

    @Test func `a zone does not lie in the state directory, nor around it`() throws {
        for place in [
            directory.path, directory.path + "/vaults/x", "/tmp", directory.path + "/zones/b",
        ]
        where directory.path.hasPrefix("/tmp/") || place != "/tmp" {
            let refused = #expect(throws: APIError.self) {
                try settings("zones: 'a=\(place), b, c'\n")
            }
            #expect(refused?.message.contains(directory.path) == true, "\(place)")
        }
        // Its name begins alike, and that is all.
        #expect(try settings("zones: 'a=\(directory.path)-a, b, c'\n").zones.count == 3)
    }

    @Test func `relative paths count from where they are written`() throws {
        let found = try settings("jobs: ./Plans\n", flags: [.retention: "Keep"])
        #expect(found[.jobs] == directory.path + "/Plans")
        #expect(found[.retention] == "/here/Keep")
        #expect(try settings("").values[.jobs]?.text == "/here/Jobs")
    }

    @Test(arguments: [
        ("jobs: /a\njbos: /b\n", ":2:", "jbos"), ("logLevel: loud\n", ":1:", "loud"),
        ("keepBytes: much\n", ":1:", "much"), ("keepBytes: 99999%\n", ":1:", "99999%"),
        ("\n\nkeepSeconds: ever\n", ":3:", "ever"), ("jobs: [a, b]\n", ":1:", "jobs"),
        ("jobs: /a\njobs: /b\n", ":1:", "jobs"), ("\nzones: a, b\n", ":2:", "three zones"),
        ("availabilityZone: ../x\n", ":1:", "../x"),
    ])
    func `a mistake names file and line`(text: String, line: String, word: String) throws {
        do {
            _ = try settings(text)
            Issue.record("'\(text)' was taken")
        } catch let error as APIError {
            #expect(error.code == .usage)
            #expect(error.message.contains("varve.yaml\(line)"), "\(error.message)")
            #expect(error.message.contains(word), "\(error.message)")
        }
    }

    @Test func `a bad flag is refused by its name`() throws {
        #expect(throws: APIError.self) { try settings(nil, flags: [.logFormat: "xml"]) }
    }

    @Test func `a settings file that was named must be there`() throws {
        do {
            _ = try settings(nil, config: directory.path + "/none.yaml")
            Issue.record("it was not missed")
        } catch let error as APIError {
            #expect(error.code == .notFound)
        }
    }
}
