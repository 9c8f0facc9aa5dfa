import Backup
import BackupVault
import Disk
import Foundation
import LocalAPI
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// Which recovery point a restore takes, and which it refuses.
@Suite struct RestoreSourceTests {
    @Test func `a point of a former file system takes no place of the one that has its Name now`()
        throws
    {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("vault", "create", "main")
        try daemon.done("fs", "create", "home")
        try daemon.done("put", "-", "home:/old", input: Data("old".utf8))
        let point = try daemon.done("backup", "run", "home", "--vault", "main").line
        try daemon.done("restore", "home:/", "--recovery-point", point, "--in-place")
        try daemon.done("fs", "delete", "home", "--yes")
        try daemon.done("fs", "create", "home")
        try daemon.done("put", "-", "home:/new", input: Data("new".utf8))
        for more in [[], ["--dry-run"], ["--include", "old"]] {
            let words = ["restore", "home:/", "--recovery-point", point, "--in-place"] + more
            let refused = try DaemonProcess.run("varve", ["--socket", daemon.socket] + words)
            #expect(refused.status == 1, "\(refused.errors)")
            #expect(refused.errors.contains("'home' is fs-"), "\(refused.errors)")
            #expect(refused.errors.contains("--to-new"), "\(refused.errors)")
        }
        #expect(try daemon.done("ls", "home:/").line == "new")
        // Beside what is there it may come, by the Name that it had.
        try daemon.done("restore", "home:/", "--recovery-point", point, "--to-new", "back")
        #expect(try daemon.done("cat", "back:/old") == Data("old".utf8))
        #expect(daemon.stop() == 0)
    }

    @Test func `no point is taken that may show what came after the time asked for`() async throws {
        let disk = SimulatedDisk(capacity: 1 << 40, recording: false)
        try StateWorld.create(on: disk)
        let world = try await StateWorld(opening: disk)
        let vault = try await world.vaults.create("main")
        let source = try await world.fileSystems.create(name: "home", tags: [:], owner: .root)
        let id = source.record.id.text
        var made: [Timestamp] = []
        for _ in 0..<2 {
            let service = BackupService(clock: world.clock)
            let point = try await service.backUp(source.engine, source: id, to: vault).point
            made.append(point.instantTime)
            try await world.clock.move(to: world.clock.now().adding(seconds: 10))
        }
        let finder = PointFinder(vaults: world.vaults)
        func nearest(_ seconds: Int64, _ nanoseconds: UInt32 = 0) async throws -> Timestamp? {
            try await finder.nearest(
                of: id,
                atOrBefore: Timestamp(seconds: seconds, nanoseconds: nanoseconds),
                in: nil
            ).best?.point.instantTime
        }
        // A whole second means its end, and may show what was in it.
        #expect(try await nearest(made[1].seconds) == made[1])
        // In the middle of that second the point may have been made later.
        #expect(try await nearest(made[1].seconds, 300_000_000) == made[0])
        #expect(try await nearest(made[1].seconds + 1, 300_000_000) == made[1])
        #expect(try await nearest(made[0].seconds, 1) == nil)
        await world.close()
    }
}
