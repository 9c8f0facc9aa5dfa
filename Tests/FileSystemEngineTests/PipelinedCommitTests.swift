import Disk
import MetadataStore
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: the next transaction runs while the log of the last one syncs, and nobody is told before that of what it changed.
///
/// Method: a door before the log's sync. One operation comes alone and is synced by the committer; two come meanwhile,
/// become one batch, and are synced by the other thread.
@Suite struct PipelinedCommitTests {
    struct Stage {
        let disk = SimulatedDisk(recording: false)
        let door = LogDoor()
        let configuration: FileSystemConfiguration
        let fileSystem: FileSystem

        init() async throws {
            var limits = EngineWorld.smallLimits
            limits.readerLingerMilliseconds = 1
            configuration = try EngineWorld.configuration(
                disk: door.watch(disk),
                clock: SimulatedClock(EngineWorld.start),
                limits: limits
            )
            fileSystem = try await FileSystem.create(configuration)
        }

        /// Files "b" and "c" are made and visible, and their sync waits at the door; "a" is durable.
        func openPipeline() async throws -> (
            Task<InodeNumber, any Error>, Task<InodeNumber, any Error>
        ) {
            door.shut()
            let first = making("a")
            await door.arrival()
            let pair = (making("b"), making("c"))
            await untilQueued(2)
            door.letOne()
            _ = try await first.value
            await door.arrival()
            return pair
        }

        /// Makes a file; as all tasks here no child's, since it is begun before a door and awaited behind it, by each test.
        func making(_ text: String) -> Task<InodeNumber, any Error> {
            Task { try await fileSystem.makeFile(text) }
        }

        func untilQueued(_ count: Int) async {
            while fileSystem.committer.queued < count { await Task.yield() }
        }

        func untilWaiting(_ count: Int) async {
            while fileSystem.core.database.commits.waiting < count { await Task.yield() }
        }
    }

    /// What happened, in order.
    private final class Events: Sendable {
        private let list = Mutex<[String]>([])

        var all: [String] { list.withLock { $0 } }

        func add(_ event: String) {
            list.withLock { $0.append(event) }
        }
    }

    private final class Counter: Sendable {
        private let count = Atomic(0)

        var value: Int { count.load(ordering: .acquiring) }

        func add() { count.add(1, ordering: .acquiringAndReleasing) }
    }

    private static func lookUp(
        _ text: String,
        _ stage: Stage,
        _ events: Events
    ) -> Task<InodeNumber, any Error> {
        Task {
            defer { events.add("\(text) answered") }
            return try await stage.fileSystem.lookup(try name(text), in: .root, as: .root).inode
        }
    }

    @Test func `what is not durable is shown to nobody`() async throws {
        let stage = try await Stage()
        let (b, c) = try await stage.openPipeline()
        let events = Events()
        let lookup = Self.lookUp("b", stage, events)
        let missing = Self.lookUp("none", stage, events)
        await stage.untilWaiting(2)
        events.add("opened")
        stage.door.open()
        #expect(try await lookup.value == b.value)
        await #expect(throws: FileSystemError.self) { _ = try await missing.value }
        #expect(events.all.first == "opened")
        _ = try await c.value
        // And memory keeps what was read meanwhile.
        #expect(stage.fileSystem.rememberedAttributes(of: try await b.value) != nil)
        await stage.fileSystem.close()
    }

    /// Goal: the next operations run while the log syncs, and are in one transaction when it has.
    @Test func `what comes during a sync shares the next`() async throws {
        let stage = try await Stage()
        let (b, c) = try await stage.openPipeline()
        let before = stage.fileSystem.core.database.sealed.statistics.logSyncs
        let ran = Counter()
        let more = (0..<20).map { index in
            Task {
                let (name, new) = (try name("d\(index)"), NewInode(.regular, permissions: 0o644))
                return try await stage.fileSystem.committer.run { context in
                    let made = try context.create(name, in: .root, new, as: .root)
                    ran.add()
                    return made.inode
                }
            }
        }
        // All are run before the sync ends.
        let visible = stage.fileSystem.core.database.commits.begun
        while ran.value < 20 { await Task.yield() }
        #expect(stage.fileSystem.core.database.commits.begun == visible)
        stage.door.open()
        for task in more + [b, c] { _ = try await task.value }
        #expect(stage.fileSystem.core.database.sealed.statistics.logSyncs == before + 2)
        await stage.fileSystem.close()
    }

    /// Goal: a COMMIT that finds its bytes in somebody else's batch waits for that one.
    @Test func `a commit of bytes that another commit took waits for them`() async throws {
        let stage = try await Stage()
        let fileSystem = stage.fileSystem
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 1, count: 9_000))
        let new = [UInt8](repeating: 2, count: 9_000)
        _ = try await fileSystem.write(file, new, at: 0, stability: .unstable, as: .root)
        stage.door.shut()
        let first = stage.making("a")
        await stage.door.arrival()
        let others = [
            Task { _ = try await fileSystem.commit(file) },
            Task { _ = try await stage.making("b").value },
        ]
        await stage.untilQueued(2)
        stage.door.letOne()
        _ = try await first.value
        await stage.door.arrival()
        #expect(fileSystem.core.pending.isClean(file))
        let events = Events()
        let second = Task {
            _ = try await fileSystem.commit(file)
            events.add("answered")
        }
        await stage.untilWaiting(1)
        events.add("opened")
        stage.door.open()
        try await second.value
        for other in others { try await other.value }
        #expect(events.all == ["opened", "answered"])
        await fileSystem.close()
    }

    @Test func `after a failed sync all are told, and what was answered is there`() async throws {
        let stage = try await Stage()
        let file = try await stage.fileSystem.makeFile("f", [1, 2, 3])
        let (b, c) = try await stage.openPipeline()
        let events = Events()
        let lookup = Self.lookUp("b", stage, events)
        await stage.untilWaiting(1)
        stage.door.open(failing: true)
        for task in [b, c, lookup] {
            let refused = await #expect(throws: FileSystemError.self) { _ = try await task.value }
            #expect(refused?.code == .failed)
        }
        let later = await #expect(throws: FileSystemError.self) {
            _ = try await stage.fileSystem.makeFile("d")
        }
        #expect(later?.code == .readOnly)
        await stage.fileSystem.close()
        var configuration = stage.configuration
        configuration.disk = stage.disk.restarted()
        let again = try await FileSystem.open(configuration)
        #expect(try await again.contents(file) == [1, 2, 3])
        _ = try await again.lookup(try name("a"), in: .root, as: .root)
        #expect(try await again.verify().isEmpty)
        await again.close()
    }
}
