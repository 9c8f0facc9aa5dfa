import Disk
import FileSystemEngine
import Keyring
import Lifecycle
import MetadataStore
import Policies
import Synchronization
import VarveModel

/// The wall's time, set on by whole days: nobody waits until a file is cold.
final class ShiftedClock: VarveClock {
    private let days = Atomic<Int64>(0)

    func now() -> Timestamp {
        WallClock().now().adding(seconds: days.load(ordering: .relaxed) * 86_400)
    }

    func pass(days more: Int64) {
        days.wrappingAdd(more, ordering: .relaxed)
    }
}

/// A file system with the journal and the lifecycle that the daemon gives it.
struct AgedFileSystem: Sendable {
    let clock = ShiftedClock()
    let recorder = AccessRecorder()
    let fileSystem: FileSystem
    let journal: JournalStore
    let service: LifecycleService

    init(_ ground: Ground) async throws {
        var configuration = ground.newConfiguration()
        configuration.clock = clock
        configuration.accessObserver = recorder
        fileSystem = try await FileSystem.create(configuration)
        journal = try JournalStore(
            disk: HostDisk(),
            path: ground.path + "/varve/journal.sqlite",
            key: .random(),
            id: .random(),
            create: true
        )
        service = LifecycleService(journal: journal, clock: clock)
    }

    /// Moves what was not used for so long, whatever its size; brings nothing back.
    static func policy(
        toInfrequentAccess: LifecycleTransitions.Age?,
        toArchive: LifecycleTransitions.Age? = nil,
        except pattern: String? = nil
    ) throws -> LifecyclePolicy {
        LifecyclePolicy(
            name: "bench",
            transitions: try LifecycleTransitions(
                toInfrequentAccess: toInfrequentAccess,
                toArchive: toArchive,
                isPromotedOnAccess: false
            ),
            minimumSize: 0,
            exclude: try pattern.map { [try PathGlob($0)] } ?? []
        )
    }

    /// Lets days pass as the daemon does: what was used is written down before.
    func pass(days: Int64) async throws {
        try await recorder.flush(to: journal, as: fileSystem.id)
        clock.pass(days: days)
    }

    /// Runs the policy; every file that is due has to move.
    func run(_ policy: LifecyclePolicy) async throws -> LifecycleOutcome {
        let outcome = try await service.run(fileSystem, policy, uses: recorder)
        if let failure = outcome.failures.first {
            throw ProgramFailure(message: "a file did not move: \(failure.reason)")
        }
        return outcome
    }
}
