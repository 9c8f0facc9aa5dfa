package import VarveModel

/// Who may read and write which extended attribute (xattr(7)); values are bytes to us.
package enum ExtendedAttributeRules {
    /// Linux's four families of names.
    package enum Namespace: Sendable, Hashable {
        case user
        case trusted
        case security
        case system
    }

    /// Bytes of a name at most, its prefix included (XATTR_NAME_MAX).
    package static let nameBytesMax = 255

    /// The family of a name.
    ///
    /// - Throws: `.rangeError` for a name too long, `.unsupported` outside the four families,
    ///   `.invalid` for a bare prefix or a NUL.
    package static func namespace(of name: [UInt8]) throws(FileSystemError) -> Namespace {
        guard name.count <= nameBytesMax else {
            throw FileSystemError(
                .rangeError,
                "an extended attribute's name has \(name.count) bytes"
            )
        }
        let families: [(String, Namespace)] = [
            ("user.", .user), ("trusted.", .trusted), ("security.", .security),
            ("system.", .system),
        ]
        for (prefix, namespace) in families where name.starts(with: prefix.utf8) {
            guard name.count > prefix.utf8.count, !name.contains(0) else {
                throw FileSystemError(.invalid, "an extended attribute needs a name")
            }
            return namespace
        }
        throw FileSystemError(
            .unsupported,
            "extended attribute '\(String(decoding: name, as: UTF8.self))' is of no known family",
            remedy: "Use user., trusted., security. or system."
        )
    }

    /// Refuses a read that `caller` may not make.
    ///
    /// - Throws: `.denied`; `.noAttribute` where Linux hides the name.
    package static func requireRead(
        _ name: [UInt8],
        of attributes: Attributes,
        for caller: Credentials
    ) throws(FileSystemError) {
        switch try namespace(of: name) {
        case .user:
            guard isUserNamespaceAllowed(on: attributes.kind) else { throw absent(name) }
            try Permission.require(.read, of: attributes, for: caller)
        case .trusted:
            guard caller.isRoot else { throw absent(name) }
        case .security, .system:
            return
        }
    }

    /// Refuses a change that `caller` may not make.
    ///
    /// - Throws: `.denied`, `.notPermitted`.
    package static func requireWrite(
        _ name: [UInt8],
        of attributes: Attributes,
        for caller: Credentials
    ) throws(FileSystemError) {
        switch try namespace(of: name) {
        case .user:
            guard isUserNamespaceAllowed(on: attributes.kind) else {
                throw FileSystemError(
                    .notPermitted,
                    "user extended attributes are for regular files and directories"
                )
            }
            if attributes.kind == .directory, attributes.permissions & Mode.sticky != 0 {
                try Permission.requireOwner(of: attributes, caller)
            }
            try Permission.require(.write, of: attributes, for: caller)
        case .trusted, .security:
            guard caller.isRoot else {
                throw FileSystemError(.notPermitted, "only root may set trusted and security ones")
            }
        case .system:
            try Permission.requireOwner(of: attributes, caller)
        }
    }

    /// Whether a listing shows `name` to `caller`.
    package static func isListed(_ name: [UInt8], for caller: Credentials) -> Bool {
        caller.isRoot || !name.starts(with: "trusted.".utf8)
    }

    /// The refusal for a name that is not there.
    package static func absent(_ name: [UInt8]) -> FileSystemError {
        FileSystemError(
            .noAttribute,
            "no extended attribute '\(String(decoding: name, as: UTF8.self))'"
        )
    }

    private static func isUserNamespaceAllowed(on kind: FileKind) -> Bool {
        kind == .regular || kind == .directory
    }
}
