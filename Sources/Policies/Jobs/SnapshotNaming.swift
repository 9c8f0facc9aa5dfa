package import VarveModel

/// The names of a job's snapshots: a text with `{time}`, `{date}` and `{job}` in it.
///
/// `{time}` is `2026-11-23T14:03:22Z` and `{date}` is `2026-11-23`, both in UTC, so that no name
/// comes twice when clocks go back.
package struct SnapshotNaming: Hashable, Sendable {
    /// Without `{job}`.
    private let pattern: String

    /// `JOB-{time}`.
    package init(job: String) {
        pattern = job + "-{time}"
    }

    /// Reads a pattern.
    ///
    /// - Parameters:
    ///   - pattern: As in a job file.
    ///   - job: What `{job}` stands for.
    /// - Throws: `.badValue` when two runs would bear one name, or the name is none of a snapshot.
    package init(_ pattern: String, job: String) throws(PolicyError) {
        let text = pattern.split(separator: "{job}", omittingEmptySubsequences: false)
            .joined(separator: job)
        let words = text.split(separator: "{", omittingEmptySubsequences: false).dropFirst()
        let isKnown = words.allSatisfy { $0.hasPrefix("time}") || $0.hasPrefix("date}") }
        guard words.count == 1, isKnown else {
            throw PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(pattern))' names every snapshot alike",
                remedy: "Put one {time} or {date} into the pattern, as {job}-{time}."
            )
        }
        let plain = text.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "/") && $0 != 0x7F }
        guard plain, text.utf8.count <= 200, !text.hasPrefix("@"), !text.hasPrefix(".") else {
            throw PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(pattern))' is no name for a snapshot",
                remedy: "Use up to 200 bytes without spaces or slashes; begin with neither @ nor ."
            )
        }
        self.pattern = text
    }

    /// The name of the snapshot of a due instant.
    package func name(at due: Timestamp) -> String {
        let date = CivilDate(daysSince1970: Int(due.day)).description
        let parts = split()
        return parts.before + (parts.isTime ? due.utcText : date) + parts.after
    }

    /// Whether a snapshot's name is one that this pattern gives.
    package func names(_ snapshot: String) -> Bool {
        let parts = split()
        let shape = parts.isTime ? "0000-00-00T00:00:00Z" : "0000-00-00"
        guard snapshot.utf8.count == parts.before.utf8.count + shape.count + parts.after.utf8.count,
            snapshot.hasPrefix(parts.before), snapshot.hasSuffix(parts.after)
        else { return false }
        let middle = snapshot.utf8.dropFirst(parts.before.utf8.count)
        return zip(shape.utf8, middle).allSatisfy { expected, byte in
            expected == UInt8(ascii: "0")
                ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : expected == byte
        }
    }

    private func split() -> (before: String, isTime: Bool, after: String) {
        let before = pattern.prefix { $0 != "{" }
        let rest = pattern.dropFirst(before.count)
        return (String(before), rest.hasPrefix("{time}"), String(rest.dropFirst(6)))
    }
}
