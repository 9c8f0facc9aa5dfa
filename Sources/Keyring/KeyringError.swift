/// Why a key or sealed bytes were refused.
package struct KeyringError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable, CaseIterable {
        /// Sealed bytes do not open: another key, another place, or changed bytes.
        case notAuthentic
        /// A key file is not one of ours, or cut short.
        case malformed
        /// A key file of a newer format.
        case unsupported
        /// A wrapped key does not open under this root key.
        case wrongKey
    }

    package let code: Code
    package let message: String
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}
