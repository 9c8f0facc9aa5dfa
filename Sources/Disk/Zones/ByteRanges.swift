/// Ranges of one file, kept few: what is near enough becomes one.
struct ByteRanges: Sendable, Hashable {
    /// A file that is changed here and there: past it, if more than half are left when those that touch became one, the one that spans all.
    private static let countMax = 256

    /// Sorted and apart, but for what was inserted since the last ``tidy()``.
    private(set) var ranges: [Range<UInt64>] = []

    static let whole = ByteRanges([0..<UInt64.max])

    init(_ ranges: [Range<UInt64>] = []) {
        self.ranges = ranges
    }

    var isEmpty: Bool { ranges.isEmpty }

    mutating func insert(_ range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        if let last = ranges.last, last.lowerBound <= range.lowerBound,
            range.lowerBound <= last.upperBound
        {
            // What is appended, or written over and over.
            ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            return
        }
        ranges.append(range)
        if ranges.count > ByteRanges.countMax { tidy() }
    }

    mutating func formUnion(_ other: ByteRanges) {
        for range in other.ranges { insert(range) }
    }

    /// Sorted, apart, and clipped to a file of `size` bytes.
    func clipped(to size: UInt64) -> [Range<UInt64>] {
        var copy = self
        copy.tidy()
        return copy.ranges.map { $0.clamped(to: 0..<size) }.filter { !$0.isEmpty }
    }

    private mutating func tidy() {
        var merged: [Range<UInt64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound {
                merged[merged.count - 1] =
                    last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        if merged.count > ByteRanges.countMax / 2, let first = merged.first,
            let last = merged.last
        {
            merged = [first.lowerBound..<last.upperBound]
        }
        ranges = merged
    }
}
