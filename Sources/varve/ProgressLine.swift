import ArgumentParser
import FoundationEssentials
import Glibc
import LocalAPI
import Synchronization

/// How a command shows how far it is, on standard error.
enum ProgressMode: String, Sendable, CaseIterable, ExpressibleByArgument {
    /// A line that is overwritten, where standard error is a terminal.
    case auto
    /// A line of JSON a second, wherever standard error goes.
    case json
    case none
}

/// How far work is: one line on a terminal's standard error that is overwritten as it goes on, or lines of JSON.
enum ProgressLine {
    private struct State {
        var mode = ProgressMode.auto
        /// Whether a line stands there, and must go before anything else is said.
        var isStanding = false
        var meter = ProgressMeter()
        var shown: Duration?
        var phase: String?
        /// What came too soon after the one before it.
        var unshown: ProgressMeter.Reading?
    }

    private static let state = Mutex(State())
    private static let began = ContinuousClock.now

    /// 0.1 s: an eye sees no more, and a terminal is slower than a socket.
    private static let lineInterval = Duration.milliseconds(100)
    private static let jsonInterval = Duration.seconds(1)

    static func use(_ mode: ProgressMode) {
        state.withLock { $0.mode = mode }
    }

    static func show(_ progress: Progress) {
        let bytes = state.withLock { state -> [UInt8]? in
            guard state.mode == .json || (state.mode == .auto && isatty(2) == 1) else { return nil }
            let now = began.duration(to: .now)
            let reading = state.meter.take(progress, at: now)
            let interval = state.mode == .json ? jsonInterval : lineInterval
            // The first of a phase is shown at once.
            let isNew = state.phase != progress.phase
            state.phase = progress.phase
            if let shown = state.shown, !isNew, now - shown < interval {
                state.unshown = reading
                return nil
            }
            // What a phase came to last is told, though the next one has begun.
            let last = state.unshown.map(json) ?? []
            (state.shown, state.unshown) = (now, nil)
            guard state.mode == .auto else { return last + json(reading) }
            state.isStanding = true
            return line(reading)
        }
        // Harmless: work whose progress cannot be shown goes on.
        if let bytes { try? Output.write(bytes, to: 2) }
    }

    /// Takes the line away; as JSON the last state is told, if it was not.
    static func end() {
        let bytes = state.withLock { state -> [UInt8]? in
            let last = state.unshown
            (state.unshown, state.phase) = (nil, nil)
            if state.mode == .json { return last.map(json) }
            guard state.isStanding else { return nil }
            state.isStanding = false
            return Array("\r\u{1B}[K".utf8)
        }
        // Harmless: a line that cannot be taken away was not shown.
        if let bytes { try? Output.write(bytes, to: 2) }
    }

    private static func line(_ reading: ProgressMeter.Reading) -> [UInt8] {
        // The last column stays free: a terminal that wraps there would scroll.
        Array("\r\u{1B}[K\(ProgressText.line(reading, width: columns() - 1))".utf8)
    }

    private static func json(_ reading: ProgressMeter.Reading) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Harmless: numbers and a text encode; what did not would only not be shown.
        let bytes = (try? encoder.encode(ProgressRecord(reading))).map(Array.init) ?? []
        return bytes + [UInt8(ascii: "\n")]
    }

    /// The terminal's width; 80 where it does not say.
    private static func columns() -> Int {
        var size = winsize()
        guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
