import LocalAPI
import MetadataStore
import VarveModel

/// The one clock of a daemon: the machine's, or a simulated one whose time is kept in `control.sqlite`.
struct DaemonClock: VarveClock {
    private enum Kind: Sendable {
        case machine
        case simulated(SimulatedClock)
    }

    private let kind: Kind
    private let control: ControlStore
    private static let setting = "simulated-clock"

    /// The clock that the state directory's format asks for; a simulated one goes on where it stood.
    init(_ format: StateFormat, control: ControlStore) async throws {
        self.control = control
        guard let start = format.simulatedStart else {
            kind = .machine
            return
        }
        let stood = try await control.setting(DaemonClock.setting).flatMap {
            TimeParser.rfc3339($0)
        }
        kind = .simulated(SimulatedClock(stood ?? start))
    }

    var isSimulated: Bool {
        switch kind {
        case .machine: false
        case .simulated: true
        }
    }

    func now() -> Timestamp {
        switch kind {
        case .machine: SystemClock().now()
        case .simulated(let clock): clock.now()
        }
    }

    /// Moves a simulated clock, durably: it never stands earlier after a restart.
    ///
    /// - Throws: `.unsupported` for the machine's own.
    func move(to instant: Timestamp) async throws {
        switch kind {
        case .machine: throw DaemonClock.refusal
        case .simulated(let clock):
            try await control.set(DaemonClock.setting, TimeText(instant).text)
            clock.advance(to: instant)
        }
    }

    static let refusal = APIError(
        .unsupported,
        "this state directory follows the machine's own clock, which nobody moves",
        remedy: "Only one made by 'varved init --simulated-clock START' has a clock to advance."
    )
}
