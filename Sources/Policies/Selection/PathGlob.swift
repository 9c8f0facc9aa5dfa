/// A pattern over the path of a file inside its file system.
///
/// - `/home/*/cache/**` begins at the root; `**` is any number of directories.
/// - `/db/` is everything below `/db`.
/// - `*.iso`, without a slash, is a name at any depth.
package struct PathGlob: Hashable, Sendable, CustomStringConvertible {
    private enum Part: Hashable {
        case name(Glob)
        /// `**`
        case directories
    }

    /// As written.
    package let description: String
    private let parts: [Part]

    /// Reads a pattern.
    ///
    /// - Parameter pattern: As in a policy file.
    /// - Throws: `.badValue` for an empty one, or one with slashes that does not begin with one.
    package init(_ pattern: String) throws(PolicyError) {
        description = pattern
        var names = pattern.utf8.split(
            separator: UInt8(ascii: "/"),
            omittingEmptySubsequences: false
        )
        .map(Array.init)
        if names.count == 1 {
            names.insert([], at: 0)
            names.insert(Array("**".utf8), at: 1)
        }
        if names.last == [] { names[names.count - 1] = Array("**".utf8) }
        guard pattern != "", names.first == [] || names.first == Array("**".utf8),
            names.dropFirst().allSatisfy({ !$0.isEmpty }), names.count <= 64
        else {
            throw PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(pattern))' is no path pattern",
                remedy: "Begin with / or **/, or give a name without any slash, as *.iso."
            )
        }
        if names.first == [] { names.removeFirst() }
        parts = names.map { $0 == Array("**".utf8) ? .directories : .name(Glob($0)) }
    }

    /// Whether a file fits.
    ///
    /// - Parameter path: The names from the root down to the file itself.
    /// - Returns: Whether all of it fits.
    package func matches(_ path: [[UInt8]]) -> Bool {
        // reachable[i]: the first i parts fit the names seen so far.
        var reachable = [true] + [Bool](repeating: false, count: parts.count)
        passEmptyRuns(&reachable)
        for name in path {
            var next = [Bool](repeating: false, count: parts.count + 1)
            for (index, part) in parts.enumerated() where reachable[index] {
                switch part {
                case .name(let glob): if glob.matches(name) { next[index + 1] = true }
                case .directories:
                    next[index] = true
                    if index == parts.count - 1 { next[index + 1] = true }
                }
            }
            passEmptyRuns(&next)
            reachable = next
        }
        return reachable[parts.count]
    }

    /// A `**` may stand for no directory; a closing one needs something below: `/db/**` is not `/db`.
    private func passEmptyRuns(_ reachable: inout [Bool]) {
        for (index, part) in parts.dropLast().enumerated()
        where reachable[index] && part == .directories {
            reachable[index + 1] = true
        }
    }
}
