package import VarveModel

/// What a GiB costs in each tier, in an operator's own money: what plans count savings with.
package struct TierPrices: Hashable, Sendable {
    package let currency: String
    /// Millionths for a GiB stored for a month.
    package let month: [Tier: UInt64]
    /// Millionths for a GiB read; Standard is read for nothing.
    package let read: [Tier: UInt64]

    package init(currency: String, month: [Tier: UInt64], read: [Tier: UInt64]) {
        self.currency = currency
        self.month = month
        self.read = read
    }

    /// What so many stored bytes cost in a month.
    package func perMonth(_ bytes: UInt64, in tier: Tier) -> Double {
        TierPrices.cost(bytes, month[tier] ?? 0)
    }

    /// What reading so many bytes costs once.
    package func reading(_ bytes: UInt64, from tier: Tier) -> Double {
        TierPrices.cost(bytes, read[tier] ?? 0)
    }

    private static func cost(_ bytes: UInt64, _ millionths: UInt64) -> Double {
        Double(bytes) / Double(1 << 30) * Double(millionths) / 1_000_000
    }

    /// Millionths of a price as `0.3`, `12` or `0.016`.
    ///
    /// - Throws: `.badValue`.
    static func millionths(_ text: String) throws(PolicyError) -> UInt64 {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let areDigits = parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { (48...57).contains($0) }
        }
        // 9 digits before the point: a billion a GiB is a slip of the pen.
        guard areDigits, (1...2).contains(parts.count), parts[0].count <= 9,
            parts.count == 1 || parts[1].count <= 6, let whole = UInt64(parts[0])
        else {
            throw PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(text))' is no price",
                remedy: "Write a number with at most six digits behind the point, as 0.016."
            )
        }
        var rest = parts.count == 2 ? String(parts[1]) : ""
        while rest.count < 6 { rest += "0" }
        return whole * 1_000_000 + (UInt64(rest) ?? 0)
    }
}
