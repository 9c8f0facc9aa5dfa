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
}
