/// `FS:/path`: a file system by id or Name, and an absolute path of bytes within it.
package struct FileReference: Hashable, Sendable, Codable {
    /// An id, or a Name that only one file system has; the daemon resolves it.
    package let fileSystem: String
    /// Begins with `/`; repeated slashes and `.` mean nothing.
    package let path: EscapedBytes

    package init(fileSystem: String, path: EscapedBytes) {
        self.fileSystem = fileSystem
        self.path = path
    }

    /// Reads the form that people write: what stands before the first `:/` names the file system.
    ///
    /// - Parameter argument: The argument's bytes; the path is taken from them as it is.
    /// - Throws: `.usage` when it is not of that form.
    package init(argument: [UInt8]) throws(APIError) {
        guard let colon = FileReference.colon(in: argument), colon > 0 else {
            let shown = String(decoding: argument, as: UTF8.self)
            throw APIError(
                .usage,
                "'\(shown)' is not of the form FS:/path",
                remedy:
                    "Write a file system's id or Name, a colon and an absolute path: shared:/docs."
            )
        }
        let name = String(decoding: argument[..<colon], as: UTF8.self)
        self.init(fileSystem: name, path: EscapedBytes(argument[(colon + 1)...]))
    }

    /// Whether an argument means a place in a file system and not on this host.
    ///
    /// It does when it holds `:/` and begins with neither `/` nor `.`.
    package static func isReference(_ argument: [UInt8]) -> Bool {
        guard let first = argument.first, first != UInt8(ascii: "/"), first != UInt8(ascii: ".")
        else { return false }
        return (colon(in: argument) ?? 0) > 0
    }

    /// The path's components, without empty ones and `.`; `..` stays, for the file system to resolve.
    package var components: [[UInt8]] {
        path.bytes.split(separator: UInt8(ascii: "/")).map(Array.init)
            .filter { $0 != [UInt8(ascii: ".")] }
    }

    /// For people.
    package var description: String { "\(fileSystem):\(path.text)" }

    private static func colon(in argument: [UInt8]) -> Int? {
        argument.indices.dropLast().first {
            argument[$0] == UInt8(ascii: ":") && argument[$0 + 1] == UInt8(ascii: "/")
        }
    }
}
