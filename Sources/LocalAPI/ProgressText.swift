/// A reading as one line for people, no wider than their terminal.
package enum ProgressText {
    /// The line.
    ///
    /// What does not fit goes, the least first: counts, then bytes, then the rate; phase and remaining time stay longest.
    ///
    /// - Parameters:
    ///   - reading: How far work is.
    ///   - width: Columns at most.
    /// - Returns: At most that many characters, none of which moves the cursor.
    package static func line(_ reading: ProgressMeter.Reading, width: Int) -> String {
        let progress = reading.progress
        let phase = String(
            progress.phase.map { $0.unicodeScalars.contains(where: isControl) ? "?" : $0 }
        )
        var parts: [(rank: Int, text: String)] = [(0, phase)]
        if let fraction = reading.fraction {
            parts.append((2, "\(Int(fraction * 100)) %"))
        }
        if let done = progress.done {
            parts.append((5, "\(done)" + (progress.total.map { " of \($0)" } ?? "")))
        }
        if let bytes = progress.bytes {
            let whole = progress.bytesTotal.map { " of \(SizeText.short($0))" } ?? ""
            parts.append((4, SizeText.short(bytes) + whole))
        }
        if let rate = reading.bytesPerSecond {
            parts.append((3, SizeText.short(UInt64(rate.rounded())) + "/s"))
        }
        if let remaining = reading.remaining {
            parts.append((1, "ETA " + clock(remaining.components.seconds)))
        }
        while joined(parts).count > width, let least = parts.map(\.rank).max(), least > 0 {
            parts.removeAll { $0.rank == least }
        }
        return String(joined(parts).prefix(max(0, width)))
    }

    private static func joined(_ parts: [(rank: Int, text: String)]) -> String {
        parts.map(\.text).joined(separator: "  ")
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }

    /// `0:07`, `12:34`, `1:02:03`; of more than a day `3d 4h`.
    static func clock(_ seconds: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (minutes, hours) = (seconds / 60 % 60, seconds / 3_600)
        if hours >= 24 { return "\(hours / 24)d \(hours % 24)h" }
        if hours > 0 { return "\(hours):\(two(minutes)):\(two(seconds % 60))" }
        return "\(minutes):\(two(seconds % 60))"
    }
}
