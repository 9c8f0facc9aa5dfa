import Foundation

/// Rounds of one figure on both sides; the order alternates from round to round.
struct Rounds {
    let title: String
    let unit: String
    private var ours: [Double] = []
    private var floors: [Double] = []

    init(_ title: String, unit: String) {
        self.title = title
        self.unit = unit
    }

    mutating func add(ours our: Double, floor: Double) {
        ours.append(our)
        floors.append(floor)
    }

    /// One line: medians, the ratio of each round's pair, and its spread.
    func show() {
        let ratios = zip(ours, floors).map { $0 / $1 }
        print(
            title.padding(toLength: 44, withPad: " ", startingAt: 0),
            String(
                format: "%10.0f %@  floor %10.0f  ratio %.2f (%.2f to %.2f of %d)",
                Rounds.median(ours),
                unit,
                Rounds.median(floors),
                Rounds.median(ratios),
                ratios.min() ?? 0,
                ratios.max() ?? 0,
                ratios.count
            )
        )
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}

/// Runs two sides in turn, the first one first in even rounds.
func alternate(
    _ round: Int,
    ours: () async throws -> Double,
    floor: () async throws -> Double
) async throws -> (ours: Double, floor: Double) {
    if round.isMultiple(of: 2) {
        let our = try await ours()
        return (our, try await floor())
    }
    let base = try await floor()
    return (try await ours(), base)
}
