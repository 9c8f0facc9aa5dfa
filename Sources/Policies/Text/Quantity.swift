/// Durations and sizes as people write them: `24h`, `7d`, `128KiB`.
enum Quantity {
    private static let secondsPerUnit: [String: Int64] = [
        "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800,
    ]
    private static let bytesPerUnit: [String: Int64] = [
        "": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
    ]

    /// Seconds; a unit is required except for 0, and the most is ten years.
    static func seconds(_ text: String) throws(PolicyError) -> Int64 {
        let limit: Int64 = 3_660 * 86_400
        guard text != "0" else { return 0 }
        guard let value = read(text, units: secondsPerUnit), value <= limit else {
            throw PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(text))' is no duration up to ten years",
                remedy: "Write a number and s, m, h, d or w, as 24h."
            )
        }
        return value
    }

    /// Bytes; up to 1,024 TiB.
    static func bytes(_ text: String) throws(PolicyError) -> UInt64 {
        guard let value = read(text, units: bytesPerUnit), value <= 1 << 50 else {
            throw PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(text))' is no size",
                remedy: "Write a number and B, KiB, MiB, GiB or TiB, as 128KiB."
            )
        }
        return UInt64(value)
    }

    private static func read(_ text: String, units: [String: Int64]) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = Int64(digits), let scale = units[String(unit)] else { return nil }
        let (product, isOver) = number.multipliedReportingOverflow(by: scale)
        return isOver ? nil : product
    }
}
