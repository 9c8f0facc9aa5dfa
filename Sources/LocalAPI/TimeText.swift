package import VarveModel

/// A moment as JSON carries it: RFC 3339 in UTC, with as many decimals as it needs.
package struct TimeText: Hashable, Sendable, Comparable, Codable {
    package let time: Timestamp

    package init(_ time: Timestamp) {
        self.time = time
    }

    /// `2026-11-23T14:03:22Z`, or `…22.5Z`.
    package var text: String {
        let civil = CivilTime(time)
        let year = TimeText.padded(civil.year, 4)
        let date = "\(year)-\(TimeText.padded(civil.month, 2))-\(TimeText.padded(civil.day, 2))"
        let clock = [civil.hour, civil.minute, civil.second].map { TimeText.padded($0, 2) }
            .joined(separator: ":")
        guard civil.nanosecond > 0 else { return "\(date)T\(clock)Z" }
        var decimals = TimeText.padded(Int64(civil.nanosecond), 9)
        while decimals.hasSuffix("0") { decimals.removeLast() }
        return "\(date)T\(clock).\(decimals)Z"
    }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let time = TimeParser.rfc3339(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "'\(text)' is no time")
            )
        }
        self.time = time
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package static func < (left: TimeText, right: TimeText) -> Bool {
        left.time < right.time
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// A time that a user wrote: a moment, or so long before the daemon's now.
package enum TimeExpression: Hashable, Sendable {
    case moment(Timestamp)
    /// Seconds before now.
    case ago(Int64)

    /// The moment meant.
    package func resolved(now: Timestamp) -> Timestamp {
        switch self {
        case .moment(let time): time
        case .ago(let seconds): now.adding(seconds: -seconds)
        }
    }

    /// Reads RFC 3339, local time (`YYYY-MM-DD[ HH:MM[:SS[.f]]]`), `@UNIXSECONDS[.f]`, `now`, or `-3h`.
    ///
    /// - Parameters:
    ///   - text: What the user wrote.
    ///   - local: Turns a date and time of the user's zone into the moment; `nil` when there is none.
    /// - Throws: `.usage`, saying which forms there are.
    package init(
        _ text: String,
        local: (CivilTime) -> Timestamp?
    ) throws(APIError) {
        if text == "now" {
            self = .ago(0)
        } else if text.hasPrefix("-"), let seconds = DurationText.seconds(String(text.dropFirst()))
        {
            self = .ago(seconds)
        } else if let time = TimeParser.rfc3339(text) ?? TimeParser.unix(text) {
            self = .moment(time)
        } else if let civil = TimeParser.civil(text), let time = local(civil) {
            self = .moment(time)
        } else {
            throw APIError(
                .usage,
                "'\(text)' is no time",
                remedy: "Write 2026-11-23T14:03:22Z, '2026-11-23 14:03:22' (your zone) or -3h."
            )
        }
    }
}

extension TimeExpression: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        self = try TimeExpression(text, local: { _ in nil })
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .moment(let time): try container.encode(TimeText(time).text)
        case .ago(let seconds): try container.encode("-\(seconds)s")
        }
    }
}

/// Spans of time as people write them: `90s`, `30m`, `3h`, `2d`, `1w`; parts add up.
package enum DurationText {
    /// The seconds of a span; `nil` when the text is none, or is more than 10,000 years.
    package static func seconds(_ text: String) -> Int64? {
        var total: Int64 = 0
        var digits = ""
        guard !text.isEmpty else { return nil }
        for character in text {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            guard let unit = units[character], let count = Int64(digits) else { return nil }
            let (part, overflow) = count.multipliedReportingOverflow(by: unit)
            guard !overflow, part <= secondsMax, total + part <= secondsMax else { return nil }
            total += part
            digits = ""
        }
        return digits.isEmpty ? total : nil
    }

    /// 10,000 years of 366 days.
    private static let secondsMax: Int64 = 10_000 * 366 * 86_400
    private static let units: [Character: Int64] = [
        "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800,
    ]
}
