package import VarveModel

/// Reads dates and times from text.
package enum TimeParser {
    /// A moment in RFC 3339 (§5.6): with `T` or a space, and `Z` or an offset.
    package static func rfc3339(_ text: String) -> Timestamp? {
        var scanner = Scanner(text)
        guard let civil = dateAndTime(&scanner, needsSeconds: true) else { return nil }
        if scanner.take("Z") || scanner.take("z") {
            return scanner.isAtEnd ? civil.utc : nil
        }
        let sign: Int64
        if scanner.take("+") {
            sign = 1
        } else if scanner.take("-") {
            sign = -1
        } else {
            return nil
        }
        guard let hours = scanner.number(digits: 2), scanner.take(":"),
            let minutes = scanner.number(digits: 2), scanner.isAtEnd, hours < 24, minutes < 60
        else { return nil }
        return civil.utc.adding(seconds: -sign * (hours * 3_600 + minutes * 60))
    }

    /// A date, or a date and time, without a zone; missing parts are zero.
    package static func civil(_ text: String) -> CivilTime? {
        var scanner = Scanner(text)
        guard let civil = dateAndTime(&scanner, needsSeconds: false), scanner.isAtEnd else {
            return nil
        }
        return civil
    }

    /// `@` and the seconds since 1970 UTC, which may be negative, with up to nine decimals.
    ///
    /// The decimals count forward, as in `Timestamp`: `@-1.25` is three quarters of a second before 1970.
    package static func unix(_ text: String) -> Timestamp? {
        guard text.hasPrefix("@") else { return nil }
        let parts = text.dropFirst().split(
            separator: ".",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        guard let seconds = parts.first.flatMap({ Int64($0) }), abs(seconds) < 1 << 42 else {
            return nil
        }
        guard parts.count == 2 else { return Timestamp(seconds: seconds) }
        var scanner = Scanner(String(parts[1]))
        guard let nanoseconds = scanner.fraction(), scanner.isAtEnd else { return nil }
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    private static func dateAndTime(_ scanner: inout Scanner, needsSeconds: Bool) -> CivilTime? {
        guard let year = scanner.number(digits: 4), scanner.take("-"),
            let month = scanner.number(digits: 2), scanner.take("-"),
            let day = scanner.number(digits: 2)
        else { return nil }
        var civil = CivilTime(year: year, month: month, day: day)
        guard scanner.take("T") || scanner.take("t") || scanner.take(" ") else {
            return needsSeconds || !civil.isValid ? nil : civil
        }
        guard let hour = scanner.number(digits: 2), scanner.take(":"),
            let minute = scanner.number(digits: 2)
        else { return nil }
        civil.hour = hour
        civil.minute = minute
        if scanner.take(":") {
            guard let second = scanner.number(digits: 2) else { return nil }
            civil.second = second
            if scanner.take(".") {
                guard let fraction = scanner.fraction() else { return nil }
                civil.nanosecond = fraction
            }
        } else if needsSeconds {
            return nil
        }
        return civil.isValid ? civil : nil
    }

    /// Takes ASCII from the front.
    private struct Scanner {
        private var rest: ArraySlice<UInt8>

        init(_ text: String) {
            rest = Array(text.utf8)[...]
        }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func number(digits: Int) -> Int64? {
            let head = rest.prefix(digits)
            guard head.count == digits, head.allSatisfy(Scanner.isDigit) else { return nil }
            rest.removeFirst(digits)
            return head.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        }

        /// 1 to 9 decimals, as nanoseconds.
        mutating func fraction() -> UInt32? {
            let head = rest.prefix(while: Scanner.isDigit)
            guard (1...9).contains(head.count) else { return nil }
            rest.removeFirst(head.count)
            let padded = Array(head) + Array(repeating: UInt8(ascii: "0"), count: 9 - head.count)
            return padded.reduce(0) { $0 * 10 + UInt32($1 - UInt8(ascii: "0")) }
        }

        private static func isDigit(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
    }
}
