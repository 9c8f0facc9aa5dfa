/// Why bytes are not the value that was expected of them.
///
/// Whoever answers a client maps it: to NFS4ERR_BADXDR for an operation's arguments (RFC 8881 §15.1.1.1), to GARBAGE_ARGS for
/// a procedure's (RFC 5531 §9).
package struct XDRError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What a program decides by.
    package enum Code: Sendable, Hashable, CaseIterable {
        /// The bytes end inside the field.
        case truncated
        /// A length or count is over its named limit (`NFSLimits`).
        case tooLong
        /// A number that the enumeration, boolean or union does not have.
        case badValue
        /// A counted body holds more bytes than its fields take.
        case trailingBytes
    }

    package let code: Code
    /// The field's name in the protocol's own description, such as `sa_slotid`.
    package let field: String
    /// Bytes from the start of the message to the field.
    package let offset: Int

    package init(_ code: Code, _ field: String, at offset: Int) {
        self.code = code
        self.field = field
        self.offset = offset
    }

    /// Names the field and where it stands.
    package var message: String {
        switch code {
        case .truncated: "the message ends inside \(field), which begins at byte \(offset)"
        case .tooLong: "\(field) at byte \(offset) is longer than its limit"
        case .badValue: "\(field) at byte \(offset) is none of its values"
        case .trailingBytes: "bytes are left over at byte \(offset), after \(field)"
        }
    }

    package var description: String { message }
}
