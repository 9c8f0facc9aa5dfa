import LocalAPI

/// A new file that only its owner reads: a key must not be seen by others, nor replace one.
enum SecretFile {
    /// Writes it whole and durably, or not at all.
    ///
    /// - Throws: `.exists` where a file of that name is there already.
    static func write(_ text: String, to path: String) throws {
        let file = try NewFile(ArgumentBytes.bytes(path), permissions: 0o600)
        do {
            try file.write(Array(text.utf8))
            try file.finish()
        } catch {
            file.abandon()
            throw error
        }
    }
}
