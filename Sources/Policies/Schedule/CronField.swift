/// One field of a cron expression as the set of values that it allows.
struct CronField: Hashable {
    /// What a field may hold.
    struct Kind {
        let name: String
        let range: ClosedRange<Int>
        /// Names for values, in the order of the range from `namesFrom`.
        let names: [String]
        let namesFrom: Int

        static let minute = Kind("minutes", 0...59)
        static let hour = Kind("hours", 0...23)
        static let dayOfMonth = Kind("day of month", 1...31)
        static let month = Kind(
            "month",
            1...12,
            names: [
                "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
            ],
            from: 1
        )
        static let days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        /// crontab(5): 0 and 7 are Sunday.
        static let crontabWeekday = Kind("day of week", 0...7, names: days, from: 0)
        /// AWS: 1 is Sunday.
        static let awsWeekday = Kind("day of week", 1...7, names: days, from: 1)
        /// AWS.
        static let year = Kind("year", 1970...2199)

        private init(
            _ name: String,
            _ range: ClosedRange<Int>,
            names: [String] = [],
            from: Int = 0
        ) {
            self.name = name
            self.range = range
            self.names = names
            namesFrom = from
        }

        /// The value of a number or name; the error says what the field takes.
        func value(_ word: Substring) throws(PolicyError) -> Int {
            if let index = names.firstIndex(of: word.uppercased()) { return namesFrom + index }
            if word.count <= 4, word.allSatisfy({ $0.isASCII && $0.isNumber }),
                let number = Int(word), range.contains(number)
            {
                return number
            }
            let orNames =
                names.isEmpty ? "" : " or \(names.first ?? "") to \(names.last ?? "")"
            throw PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(String(word)))' is no value of the field '\(name)'",
                remedy: "Give \(range.lowerBound) to \(range.upperBound)\(orNames)."
            )
        }
    }

    /// The values, ascending and unique.
    let values: [Int]
    /// Whether the text begins with `*` or is `?`: the field restricts nothing (or steps from all).
    let isStar: Bool

    /// Parses a list of values, ranges (which may wrap round) and steps.
    init(_ text: Substring, kind: Kind) throws(PolicyError) {
        var found: Set<Int> = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            found.formUnion(try Self.expand(item, kind: kind))
        }
        values = found.sorted()
        isStar = text.hasPrefix("*")
    }

    private static func expand(_ item: Substring, kind: Kind) throws(PolicyError) -> [Int] {
        let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let low = kind.range.lowerBound
        let high = kind.range.upperBound
        let first = parts[0]
        let ends = first.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let range: (from: Int, to: Int)
        // 0 to 7 names Sunday twice: what runs to the end of the week ends with 6.
        let end = kind.range == 0...7 ? 6 : high
        if first == "*" {
            range = (low, end)
        } else if ends.count == 2 {
            range = (try kind.value(ends[0]), try kind.value(ends[1]))
        } else {
            let value = try kind.value(first)
            range = (value, parts.count == 2 ? max(value, end) : value)
        }
        let step = parts.count == 2 ? try self.step(parts[1], kind: kind) : 1
        let span = kind.range == 0...7 && range.from > range.to ? 7 : high - low + 1
        let last = range.from <= range.to ? range.to : range.to + span
        return stride(from: range.from, through: last, by: step).map {
            $0 > high ? $0 - span : $0
        }
    }

    private static func step(_ text: Substring, kind: Kind) throws(PolicyError) -> Int {
        let span = kind.range.upperBound - kind.range.lowerBound + 1
        guard text.count <= 4, text.allSatisfy({ $0.isASCII && $0.isNumber }),
            let step = Int(text), step >= 1, step < span
        else {
            throw PolicyError(
                .badValue,
                "'/\(PolicyNode.shortened(String(text)))' is no step of the field '\(kind.name)'",
                remedy: "Give a step of 1 to \(span - 1)."
            )
        }
        return step
    }
}
