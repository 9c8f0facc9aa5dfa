/// The free ranges of one segment, merged where they touch.
struct FreeRuns: Sendable {
    /// Holes smaller than this are not worth the file system's work.
    static let punchBytesMin: UInt64 = 64 << 10
    /// The file system gives whole pages back.
    static let page: UInt64 = 4096

    struct Run: Hashable, Sendable {
        var range: Range<UInt64>
        /// Bytes that became free since the run was punched last.
        var unpunched: UInt64
    }

    private(set) var runs: [Run] = []

    /// Adds a range.
    ///
    /// - Parameter range: Not empty.
    /// - Returns: False, and nothing is changed, when a part of it is free already.
    mutating func insert(_ range: Range<UInt64>) -> Bool {
        let next = firstRun(endingAfter: range.lowerBound)
        if next < runs.count, runs[next].range.lowerBound < range.upperBound { return false }
        var run = Run(range: range, unpunched: range.upperBound - range.lowerBound)
        var replaced = next..<next
        if next < runs.count, runs[next].range.lowerBound == range.upperBound {
            run.range = run.range.lowerBound..<runs[next].range.upperBound
            run.unpunched += runs[next].unpunched
            replaced = next..<next + 1
        }
        if next > 0, runs[next - 1].range.upperBound == range.lowerBound {
            run.range = runs[next - 1].range.lowerBound..<run.range.upperBound
            run.unpunched += runs[next - 1].unpunched
            replaced = next - 1..<replaced.upperBound
        }
        runs.replaceSubrange(replaced, with: [run])
        return true
    }

    /// Whether a part of the range is free.
    func overlaps(_ range: Range<UInt64>) -> Bool {
        let next = firstRun(endingAfter: range.lowerBound)
        return next < runs.count && runs[next].range.lowerBound < range.upperBound
    }

    /// The whole pages of runs in which enough has become free; counted as punched from now on.
    mutating func takePunchable(bytesMin: UInt64 = punchBytesMin) -> [Range<UInt64>] {
        var found: [Range<UInt64>] = []
        for index in runs.indices where runs[index].unpunched >= bytesMin {
            let range = runs[index].range
            let lower = (range.lowerBound + FreeRuns.page - 1) / FreeRuns.page * FreeRuns.page
            let upper = range.upperBound / FreeRuns.page * FreeRuns.page
            guard lower < upper else { continue }
            found.append(lower..<upper)
            runs[index].unpunched = 0
        }
        return found
    }

    /// Has a range that could not be punched punched another time.
    mutating func putBack(_ range: Range<UInt64>) {
        let index = firstRun(endingAfter: range.lowerBound)
        guard index < runs.count else { return }
        let run = runs[index].range
        runs[index].unpunched = min(
            runs[index].unpunched + (range.upperBound - range.lowerBound),
            run.upperBound - run.lowerBound
        )
    }

    /// The first run that ends after `offset`, by binary search.
    private func firstRun(endingAfter offset: UInt64) -> Int {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].range.upperBound > offset { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
