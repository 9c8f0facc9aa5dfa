/// SHA-256 (FIPS 180-4) of bytes that come in pieces; one owner at a time.
package final class SHA256Stream {
    // SAFETY: made in init, freed in deinit.
    private let context: OpaquePointer

    package init() {
        context = OpenSSL.makeSHA256()
    }

    deinit {
        OpenSSL.freeSHA256(context)
    }

    /// Takes the next bytes.
    package func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { OpenSSL.add($0, toSHA256: context) }
    }

    /// The digest of all that was added; nothing may follow.
    package func finish() -> [UInt8] {
        OpenSSL.finishSHA256(context)
    }
}
