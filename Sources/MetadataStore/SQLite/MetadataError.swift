/// Why a metadata database did not do what it was asked.
package struct MetadataError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable, CaseIterable {
        /// Bytes that do not open, rows that do not decode, or a history shorter than what was promised.
        case corrupt
        /// The database was sealed under another key.
        case wrongKey
        /// The file is a database of another kind, or another one of this kind.
        case mismatch
        /// A format or feature that this program does not know: never touched.
        case newerFormat
        case noSpace
        case readOnly
        /// Another connection is writing.
        case busy
        /// The medium failed, or the database is suspect since it did.
        case failed
        case constraint
        case notFound
        case exists
    }

    package let code: Code
    /// Names the database and what was done to it.
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
