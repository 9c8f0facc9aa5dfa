import LocalAPI
import Logging
import MetadataStore
import Synchronization
import VarveModel

/// The one clock of a daemon: the machine's, disciplined, or a simulated one kept in `control.sqlite`.
final class DaemonClock: VarveClock {
    private enum Kind: Sendable {
        case machine(SystemClock)
        case simulated(SimulatedClock)
    }

    private let kind: Kind
    private let control: ControlStore
    /// When the time was last written down.
    private let remembered = Mutex<Timestamp?>(nil)
    private static let simulatedSetting = "simulated-clock"
    private static let lastSetting = "clock"
    /// Ten minutes: a crash forgets at most these, and an idle daemon writes 144 times a day.
    private static let rememberSeconds: Int64 = 600

    /// The clock that the state directory's format asks for; it goes on no earlier than it stood.
    ///
    /// - Parameters:
    ///   - format: Says whether it is simulated.
    ///   - control: Where the last time is kept.
    ///   - acceptsWall: An operator vouches for a machine's clock more than a year ahead of that.
    ///   - logger: Told of steps.
    /// - Throws: `.failed` for such a clock that nobody vouches for.
    init(
        _ format: StateFormat,
        control: ControlStore,
        acceptsWall: Bool,
        logger: Logger
    ) async throws {
        self.control = control
        guard let start = format.simulatedStart else {
            let last = try await DaemonClock.time(DaemonClock.lastSetting, control)
            kind = .machine(try DaemonClock.machine(last: last, acceptsWall: acceptsWall, logger))
            try await remember(isDue: true)
            return
        }
        let stood = try await DaemonClock.time(DaemonClock.simulatedSetting, control)
        kind = .simulated(SimulatedClock(stood ?? start))
    }

    private static func time(_ key: String, _ control: ControlStore) async throws -> Timestamp? {
        try await control.setting(key).flatMap { TimeParser.rfc3339($0) }
    }

    private static func machine(
        last: Timestamp?,
        acceptsWall: Bool,
        _ logger: Logger
    ) throws(APIError) -> SystemClock {
        let reading = SystemClock.reading()
        switch ClockDiscipline.start(reading, last: last, isAccepted: acceptsWall) {
        case .refused(let seconds):
            throw APIError(
                .failed,
                "the machine's clock shows \(TimeText(reading.wall).text), \(seconds / 86_400) days "
                    + "after this state directory last lived (\(TimeText(last ?? .epoch).text)): "
                    + "that would age snapshots and recovery points away",
                remedy:
                    "Set the clock right; or, if it is, start once with 'varved serve --accept-clock'."
            )
        case .began(let discipline):
            if discipline.isAwaitingWall {
                logger.warning(
                    "the machine's clock is behind the last time that was lived; time goes on from there until it has caught up",
                    metadata: [
                        "clock": "\(TimeText(reading.wall).text)",
                        "last": "\(TimeText(last ?? .epoch).text)",
                    ]
                )
            }
            return SystemClock(discipline) { log($0, logger) }
        }
    }

    private static func log(_ news: ClockNews, _ logger: Logger) {
        switch news {
        case .stepped(let seconds):
            logger.error(
                "the machine's clock was stepped by more than an hour and is not followed; set it right, or accept it: 'varve clock accept'",
                metadata: ["seconds": "\(seconds)"]
            )
        case .returned: logger.notice("the machine's clock is near again, and followed")
        case .caughtUp(let seconds):
            logger.notice(
                "the machine's clock has caught up; time goes on from it",
                metadata: ["seconds": "\(seconds)"]
            )
        }
    }

    var isSimulated: Bool {
        switch kind {
        case .machine: false
        case .simulated: true
        }
    }

    func now() -> Timestamp {
        switch kind {
        case .machine(let clock): clock.now()
        case .simulated(let clock): clock.now()
        }
    }

    /// Seconds by which the machine's clock is ahead (below zero: behind) while it is not followed.
    var refusedSeconds: Int64? {
        switch kind {
        case .machine(let clock): clock.refusedSeconds
        case .simulated: nil
        }
    }

    /// Follows the machine's clock where it stands: an operator vouches for it.
    ///
    /// - Throws: `.unsupported` for a simulated one.
    func acceptWall() async throws {
        switch kind {
        case .machine(let clock): clock.acceptWall()
        case .simulated:
            throw APIError(
                .unsupported,
                "a simulated clock follows nothing",
                remedy: "'varve clock advance' moves it."
            )
        }
        try await remember(isDue: true)
    }

    /// Writes the time down for the next start, when it is due or ten minutes have passed.
    func remember(isDue: Bool = false) async throws {
        guard case .machine(let clock) = kind else { return }
        let now = clock.now()
        let isWanted = remembered.withLock { last in
            guard let last, !isDue else { return true }
            return now.seconds - last.seconds >= DaemonClock.rememberSeconds
        }
        guard isWanted else { return }
        try await control.set(DaemonClock.lastSetting, TimeText(now).text)
        remembered.withLock { $0 = now }
    }

    /// Moves a simulated clock, durably: it never stands earlier after a restart.
    ///
    /// - Throws: `.unsupported` for the machine's own.
    func move(to instant: Timestamp) async throws {
        switch kind {
        case .machine: throw DaemonClock.refusal
        case .simulated(let clock):
            try await control.set(DaemonClock.simulatedSetting, TimeText(instant).text)
            clock.advance(to: instant)
        }
    }

    static let refusal = APIError(
        .unsupported,
        "this state directory follows the machine's own clock, which nobody moves",
        remedy: "Only one made by 'varved init --simulated-clock START' has a clock to advance."
    )
}
