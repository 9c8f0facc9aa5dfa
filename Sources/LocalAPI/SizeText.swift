/// Sizes as people write them: `200GiB`.
package enum SizeText {
    private static let units: [String: UInt64] = [
        "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50,
    ]

    /// Bytes below 2^63; `nil` for anything but a whole number and a unit.
    package static func bytes(_ text: String) -> UInt64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits), let unit = units[String(text.dropFirst(digits.count))]
        else { return nil }
        let (bytes, isOver) = number.multipliedReportingOverflow(by: unit)
        return isOver || bytes > UInt64(Int64.max) ? nil : bytes
    }

    /// `1.5 MiB` of bytes, for people.
    package static func short(_ bytes: UInt64) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
        guard bytes >= 1_024 else { return "\(bytes) B" }
        var value = Double(bytes) / 1_024
        var unit = 0
        while value >= 1_024, unit < units.count - 1 {
            value /= 1_024
            unit += 1
        }
        let tenths = UInt64((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
