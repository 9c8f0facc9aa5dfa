/// Why bytes could not be decompressed.
package struct CompressionError: Error, Sendable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Sendable, Hashable, CaseIterable {
        /// The bytes are no zstd frame, or a damaged one.
        case malformed
        /// The frame holds more than the caller is ready to take.
        case tooLarge
        /// The frame does not say how much it holds, so it cannot be bounded beforehand.
        case unsized
    }

    package let code: Code
    /// Names the sizes involved and the library's own words.
    package let message: String
    /// The operator's next step.
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}
