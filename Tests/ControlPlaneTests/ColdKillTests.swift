import Foundation
import LocalAPI
import Synchronization
import TestKit
import Testing

/// Goal: kill -9 of the daemon in the middle of moves to cold storage loses no recovery point, and leaves nothing behind.
///
/// Method: points with incompressible files are due together; a seeded number of more bytes of archives is waited for, the
/// daemon is killed and started again, and the move is repeated until all are cold. Each point must show its file at any time.
@Suite(.serialized) struct ColdKillTests {
    private static let retention = """
        # A day is enough for what a test keeps.
        format: 1
        kind: retention
        name: cold-at-once
        Lifecycle:
          MoveToColdStorageAfterDays: 1
        """

    @Test func `points are warm or cold after kill -9 in the middle of moves`() async throws {
        let daemon = try DaemonProcess()
        try Data(Self.retention.utf8).write(
            to: URL(fileURLWithPath: daemon.retention + "/cold-at-once.yaml")
        )
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("vault", "create", "main")
        var generator = SeededGenerator(seed: testSeed(default: 461))
        var points: [(id: String, bytes: Data)] = []
        let folder = daemon.state + "/vaults/main/cold"
        let killsWanted = (TestSizes.current.daemonKills + 1) / 2
        var kills = 0
        // What has moved is moved for good, and a kill may come too late: each try has points of its own.
        for _ in 0..<(killsWanted + 10) where kills < killsWanted {
            for _ in 0..<3 {
                let bytes = Data(generator.bytes(3 << 20))
                try daemon.done("put", "-", "home:/file", input: bytes)
                let id = try daemon.done("backup", "run", "home", "--vault", "main").line
                points.append((id, bytes))
                try daemon.done("clock", "advance", "1m")
            }
            try daemon.done("clock", "advance", "2d")
            let more = Int.random(in: 1...5 << 19, using: &generator)
            let wanted = Self.bytes(in: folder) + more
            if await Self.killMoving(daemon, folder, wanted) { kills += 1 }
            try daemon.start()
            try Self.expectAll(points, daemon)
        }
        print("cold storage: \(kills) kills came among moves")
        try daemon.done("backup", "expire", "--vault", "main", "--retention", "cold-at-once")
        let list = try daemon.done("--json", "backup", "list", "home")
        let found = try JSONDecoder().decode([RecoveryPointDescription].self, from: list)
        let classes = found.map(\.storageClass)
        #expect(classes.dropLast().allSatisfy { $0 == "COLD" } && classes.last == "WARM")
        #expect(found.map(\.id) == points.map(\.id))
        try Self.expectAll(points, daemon)
        let names = Set(try FileManager.default.contentsOfDirectory(atPath: folder))
        let own = points.dropLast().flatMap { ["\($0.id).cold", "\($0.id).tar.zst.age"] }
        #expect(names == Set(own + ["settings"]))
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)
        #expect(kills == killsWanted)
    }

    /// Begins a move, and kills the daemon once so many bytes of archives are there, or nothing moves any more.
    private static func killMoving(
        _ daemon: DaemonProcess,
        _ folder: String,
        _ wanted: Int
    ) async -> Bool {
        let socket = daemon.socket
        let hasEnded = AtomicFlag()
        let ended = DispatchGroup()
        DispatchQueue.global().async(group: ended) {
            // It is cut short on purpose: what it was told is nobody's promise.
            _ = try? DaemonProcess.run(
                "varve",
                [
                    "--socket", socket, "backup", "expire", "--vault", "main", "--retention",
                    "cold-at-once",
                ]
            )
            hasEnded.set()
        }
        // On a thread of its own: what moves is moved soon, and tasks wait for those of other tests.
        let process = daemon.processID
        let isAmong = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                while !hasEnded.isSet, bytes(in: folder) < wanted { sched_yield() }
                let isAmong = !hasEnded.isSet
                if let process { kill(process, SIGKILL) }
                continuation.resume(returning: isAmong)
            }
        }
        daemon.kill()
        await withCheckedContinuation { continuation in
            ended.notify(queue: .global()) { continuation.resume() }
        }
        return isAmong
    }

    /// Of archives, whole or not.
    private static func bytes(in folder: String) -> Int {
        // The folder comes with the first move.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.reduce(0) { sum, name in
            let path = folder + "/" + name
            // One that was renamed meanwhile is counted the next time.
            let attributes = try? FileManager.default.attributesOfItem(atPath: path)
            return sum + ((attributes?[.size] as? Int) ?? 0)
        }
    }

    private static func expectAll(
        _ points: [(id: String, bytes: Data)],
        _ daemon: DaemonProcess
    ) throws {
        for (id, bytes) in points {
            #expect(try daemon.done("recovery-point", "cat", id + ":/file") == bytes, "\(id)")
        }
        #expect(try daemon.varve("vault", "verify", "main").status == 0)
    }
}

/// Whether something has come to its end, for whoever looks at it again and again.
private final class AtomicFlag: Sendable {
    private let value = Mutex(false)

    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}
