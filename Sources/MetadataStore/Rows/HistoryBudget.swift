/// How many bytes the past may hold beside the present.
package struct HistoryBudget: Hashable, Sendable {
    /// Of the live bytes as stored, this many in a hundred; `nil` sets no bound at all.
    package let percentOfLive: UInt64?
    /// So much at least, however little lives.
    package let bytesMin: UInt64

    package init(percentOfLive: UInt64?, bytesMin: UInt64) {
        self.percentOfLive = percentOfLive
        self.bytesMin = bytesMin
    }

    /// A quarter of the live bytes, at least 10 GiB.
    package static let standard = HistoryBudget(percentOfLive: 25, bytesMin: 10 << 30)
    package static let unlimited = HistoryBudget(percentOfLive: nil, bytesMin: 0)

    /// The bound beside `live` bytes; `nil` for none.
    package func bytes(live: UInt64) -> UInt64? {
        guard let percentOfLive else { return nil }
        // Divided first: no product overflows, and a hundredth of a percent is no matter.
        return max(bytesMin, live / 100 * percentOfLive)
    }
}
