/// The time of a server's `Date` header.
enum HTTPDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 §5.6.7); `nil` for anything else.
    static func seconds(_ text: String) -> Int64? {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 6, words[5] == "GMT", let day = Int64(words[1]),
            let month = months.firstIndex(of: words[2]), let year = Int64(words[3])
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, (1...31).contains(day), (1970...9999).contains(year),
            clock.allSatisfy({ (0...60).contains($0) }), clock[0] < 24
        else { return nil }
        // Days of the civil calendar: years begin in March, so that a leap day ends one.
        let shifted = Int64(month + 1) > 2 ? year : year - 1
        let monthFromMarch = (Int64(month) + 10) % 12
        let days =
            shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400
            + (monthFromMarch * 153 + 2) / 5 + day - 1
        return (days - 719_468) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }
}
