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
        try self.init(bytes: Array(pattern.utf8))
    }

    /// Reads a pattern that need not be UTF-8.
    ///
    /// - Throws: As ``init(_:)``.
    package init(bytes: [UInt8]) throws(PolicyError) {
        let pattern = String(decoding: bytes, as: UTF8.self)
        description = pattern
        var names = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map(Array.init)
        if names.count == 1 {
            names.insert([], at: 0)
            names.insert(Array("**".utf8), at: 1)
        }
        if names.last == [] { names[names.count - 1] = Array("**".utf8) }
        guard !bytes.isEmpty, names.first == [] || names.first == Array("**".utf8),
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
        reachable(by: path)[parts.count]
    }

    /// Whether anything beneath a directory can fit.
    package func mayMatch(beneath path: [[UInt8]]) -> Bool {
        reachable(by: path).dropLast().contains(true)
    }

    /// Of each number of parts, whether so many fit all names of the path.
    private func reachable(by path: [[UInt8]]) -> [Bool] {
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
        return reachable
    }

    /// A `**` may stand for no directory; a closing one needs something below: `/db/**` is not `/db`.
    private func passEmptyRuns(_ reachable: inout [Bool]) {
        for (index, part) in parts.dropLast().enumerated()
        where reachable[index] && part == .directories {
            reachable[index + 1] = true
        }
    }
}
