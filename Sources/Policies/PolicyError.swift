/// Why a policy file, or one expression in it, is refused.
package struct PolicyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for programs.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// The file or directory cannot be read, or is not UTF-8 text of a sane size.
        case unreadable
        /// No YAML, or YAML with anchors, several documents or deep nesting.
        case syntax
        /// The file does not begin with a comment.
        case noComment
        /// The file's `format` is of a later version.
        case newerFormat
        case unknownKey
        case missingKey
        case wrongType
        case badValue
        /// A key of AWS's that this version does not act upon.
        case unsupported
        /// A name (of a retention, a policy, a time zone) that nothing bears.
        case unknownName
        case duplicate
    }

    package let code: Code
    /// Names the things involved.
    package let message: String
    /// The operator's next step.
    package let remedy: String
    /// Where in which file; `nil` for an expression on its own.
    package let place: PolicyPlace?

    package init(_ code: Code, _ message: String, remedy: String, place: PolicyPlace? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.place = place
    }

    /// The same error with a place, unless it has one.
    package func at(_ place: PolicyPlace) -> PolicyError {
        PolicyError(code, message, remedy: remedy, place: self.place ?? place)
    }

    /// One line: the place with a colon, the message, the remedy.
    package var description: String {
        let text = remedy.isEmpty ? message : "\(message). \(remedy)"
        return place.map { "\($0): \(text)" } ?? text
    }
}

/// A character in a policy file.
package struct PolicyPlace: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let file: String
    /// From 1.
    package let line: Int
    /// From 1, in Unicode scalars.
    package let column: Int

    package init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    package var description: String { "\(file):\(line):\(column)" }

    package static func < (left: PolicyPlace, right: PolicyPlace) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}
