import LocalAPI
import VarveModel

/// How long something is to be kept, as a caller says it.
enum KeepSpan {
    /// 36,500 days, the most that AWS Backup's lifecycles take.
    static let secondsMax: Int64 = 36_500 * 86_400

    /// The moment at which it ends.
    ///
    /// - Throws: `.usage` for what is no time from now, or more than ``secondsMax``.
    static func end(from now: Timestamp, seconds: Int64) throws(APIError) -> Timestamp {
        guard (1...secondsMax).contains(seconds) else {
            throw APIError(
                .usage,
                "nothing can be kept for \(seconds) seconds",
                remedy: "Give 1 second to 36500 days."
            )
        }
        return now.adding(seconds: seconds)
    }

    /// The moment at which so many days end.
    ///
    /// - Throws: `.usage` as ``end(from:seconds:)``.
    static func end(from now: Timestamp, days: Int64) throws(APIError) -> Timestamp {
        guard (1...secondsMax / 86_400).contains(days) else {
            throw APIError(
                .usage,
                "nothing can be kept for \(days) days",
                remedy: "Give 1 to 36500 days."
            )
        }
        return try end(from: now, seconds: days * 86_400)
    }
}
