import Foundation

/// What one side of a round did.
struct Side: Sendable {
    /// Units a second.
    let rate: Double
    /// Of this process, all threads.
    let cpuSeconds: Double
}

/// Rounds of one figure on both sides.
struct Rounds {
    let title: String
    let unit: String
    private let floor: String
    private let digits: Int
    private var ours: [Side] = []
    private var floors: [Side] = []

    /// No round yet.
    ///
    /// - Parameters:
    ///   - title: What is measured.
    ///   - unit: Of both sides' rates.
    ///   - floor: What the other side is, where it is no floor.
    ///   - digits: Of the ratio, behind its point.
    init(_ title: String, unit: String, floor: String = "floor", digits: Int = 2) {
        self.title = title
        self.unit = unit
        self.floor = floor
        self.digits = digits
    }

    mutating func add(ours our: Side, floor: Side) {
        ours.append(our)
        floors.append(floor)
    }

    /// One line: medians, the ratio of each round's pair with its spread, CPU seconds of a round.
    func show() {
        let ratios = zip(ours, floors).map { $0.rate / $1.rate }
        let ratio = "%.\(digits)f"
        print(
            title.padding(toLength: 50, withPad: " ", startingAt: 0),
            String(
                format:
                    "%@ %@  \(floor) %@  ratio \(ratio) (\(ratio) to \(ratio) of %d)  "
                    + "CPU %.2f s, \(floor) %.2f s",
                Rounds.figure(ours),
                unit,
                Rounds.figure(floors),
                Rounds.median(ratios),
                ratios.min() ?? 0,
                ratios.max() ?? 0,
                ratios.count,
                Rounds.median(ours.map(\.cpuSeconds)),
                Rounds.median(floors.map(\.cpuSeconds))
            )
        )
        flush()
    }

    private static func figure(_ sides: [Side]) -> String {
        let rate = median(sides.map(\.rate))
        return String(format: rate < 100 ? "%10.2f" : "%10.0f", rate)
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}

/// Times without a floor.
struct Times {
    let title: String
    private var milliseconds: [Double] = []
    private var cpuMilliseconds: [Double] = []

    init(_ title: String) {
        self.title = title
    }

    mutating func add(_ watch: Stopwatch) {
        milliseconds.append(watch.seconds * 1_000)
        cpuMilliseconds.append(watch.cpuSeconds * 1_000)
    }

    /// One line: the median with its spread, and the CPU's part.
    func show() {
        print(
            title.padding(toLength: 50, withPad: " ", startingAt: 0),
            String(
                format: "%10.1f ms (%.1f to %.1f of %d)  CPU %.1f ms",
                Rounds.median(milliseconds),
                milliseconds.min() ?? 0,
                milliseconds.max() ?? 0,
                milliseconds.count,
                Rounds.median(cpuMilliseconds)
            )
        )
        flush()
    }
}

/// The slowest of a hundred calls beside other work, and without it.
struct Tails {
    let title: String
    private var beside: [Double] = []
    private var alone: [Double] = []

    init(_ title: String) {
        self.title = title
    }

    /// Adds a round's calls, in seconds each.
    mutating func add(with: [Double], without: [Double]) {
        beside.append(Tails.slowest(with))
        alone.append(Tails.slowest(without))
    }

    /// One line: medians of the rounds' p99, the ratio of each round's pair with its spread; less is better.
    func show() {
        let ratios = zip(beside, alone).map { $0 / $1 }
        print(
            title.padding(toLength: 50, withPad: " ", startingAt: 0),
            String(
                format: "p99 %10.0f us  without %10.0f us  ratio %.2f (%.2f to %.2f of %d)",
                Rounds.median(beside) * 1e6,
                Rounds.median(alone) * 1e6,
                Rounds.median(ratios),
                ratios.min() ?? 0,
                ratios.max() ?? 0,
                ratios.count
            )
        )
        flush()
    }

    private static func slowest(_ seconds: [Double]) -> Double {
        let sorted = seconds.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count * 99 / 100]
    }
}

/// Shows what is printed though standard output is a file: a run takes minutes.
func flush() {
    fflush(nil)
}

/// Runs two sides in turn, the first one first in even rounds.
func alternate<Figures>(
    _ round: Int,
    ours: () async throws -> Figures,
    floor: () async throws -> Figures
) async throws -> (ours: Figures, floor: Figures) {
    if round.isMultiple(of: 2) {
        let our = try await ours()
        return (our, try await floor())
    }
    let base = try await floor()
    return (try await ours(), base)
}
