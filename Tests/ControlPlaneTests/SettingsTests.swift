import ControlPlane
import Disk
import Foundation
import LocalAPI
import MetadataStore
import TestKit
import Testing

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
        ("jobs: /a\njobs: /b\n", ":1:", "jobs"), ("availabilityZone: ../x\n", ":1:", "../x"),
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
