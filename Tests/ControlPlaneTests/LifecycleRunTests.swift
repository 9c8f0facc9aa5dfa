import Disk
import FileSystemEngine
import LocalAPI
import TestKit
import Testing
import VarveModel

@testable import ControlPlane
@testable import MetadataStore

/// What the daemon does about lifecycle beside the moves themselves.
@Suite struct LifecycleRunTests {
    /// Goal: notes of tiers keep no file system from being served.
    ///
    /// Method: the journal holds an open transition that does not decode, so that what a crash left cannot be ended.
    @Test func `a file system opens whose tier moves cannot be ended`() async throws {
        let disk = SimulatedDisk(recording: false)
        try StateWorld.create(on: disk)
        let first = try await StateWorld(opening: disk)
        let made = try await first.fileSystems.create(name: "home", tags: [:], owner: .root)
        try await first.journal.planUnreadable(made.record.id.text)
        await first.close()
        let second = try await StateWorld(opening: disk)
        let found = try await second.fileSystems.find("home")
        #expect(found.record.id == made.record.id)
        #expect(try await found.engine.attributes(of: .root).kind == .directory)
        let error = await #expect(throws: MetadataError.self) {
            try await second.journal.unfinishedTransitions(made.record.id.text)
        }
        #expect(error?.code == .corrupt)
        await second.close()
    }
}

extension JournalStore {
    /// Notes a planned move into a tier that there is not.
    fileprivate func planUnreadable(_ fileSystem: String) throws(MetadataError) {
        let id = try planTransition(
            fileSystem,
            .root,
            from: .standard,
            to: .archive,
            at: Timestamp(seconds: 0),
            bytes: 1,
            policy: "cold",
            reason: "idle"
        )
        try change { () throws(MetadataError) in
            try connection.run("UPDATE transition SET to_tier = 9 WHERE id = ?1", .int(id))
        }
    }
}
