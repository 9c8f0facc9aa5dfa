import VarveModel

/// 32 secret bytes.
///
/// It never shows itself, and wipes its memory when the last copy goes.
package final class SecretBytes: Sendable {
    // SAFETY: written in init alone, wiped in deinit when nobody else can look.
    private nonisolated(unsafe) let pointer: UnsafeMutableRawBufferPointer

    package static let count = 32

    /// Takes exactly 32 bytes.
    package init(_ bytes: [UInt8]) {
        precondition(bytes.count == SecretBytes.count, "a key is 32 bytes")
        pointer = .allocate(byteCount: SecretBytes.count, alignment: 16)
        pointer.copyBytes(from: bytes)
    }

    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(UnsafeRawBufferPointer(pointer))
    }

    deinit {
        OpenSSL.wipe(pointer)
        pointer.deallocate()
    }
}

/// Wraps data keys; kept outside the state directory, in a file that its owner copies to paper.
package struct RootKey: Sendable {
    let secret: SecretBytes

    package static func random() -> RootKey {
        RootKey(secret: SecretBytes(OpenSSL.random(SecretBytes.count)))
    }

    init(secret: SecretBytes) {
        self.secret = secret
    }
}

/// Names a root key: `rk-` and 16 hex digits, by which nobody finds out anything of the key.
package struct RootKeyID: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    fileprivate init(_ bytes: [UInt8]) {
        description = "rk-" + Hex.encode(bytes)
    }

    /// `nil` for anything but `rk-` and 16 lower-case hex digits.
    package init?(_ text: String) {
        guard text.hasPrefix("rk-"), Hex.decode(String(text.dropFirst(3)))?.count == 8 else {
            return nil
        }
        description = text
    }
}

extension RootKey {
    /// Its name: the first 8 bytes of HKDF-SHA-256 (RFC 5869) of it, without a salt.
    package var id: RootKeyID {
        let info = Array("varve root key id 1".utf8)
        let none = [UInt8](repeating: 0, count: Digest.count)
        let derived = secret.withBytes { OpenSSL.hkdf($0, salt: none, info: info) }
        return RootKeyID(Array(derived.prefix(8)))
    }
}

/// Encrypts what one family of file systems, or one vault, holds; stored only wrapped.
package struct DataKey: Sendable {
    let secret: SecretBytes

    package static func random() -> DataKey {
        DataKey(secret: SecretBytes(OpenSSL.random(SecretBytes.count)))
    }

    /// Takes a key whose bytes were kept sealed under another one.
    package init(secret: SecretBytes) {
        self.secret = secret
    }

    /// Takes 32 known bytes, as published test vectors give them; `nil` for any other count.
    package init?(bytes: [UInt8]) {
        guard bytes.count == SecretBytes.count else { return nil }
        self.init(secret: SecretBytes(bytes))
    }

    /// A key for one purpose: HKDF-SHA-256 (RFC 5869) of this one.
    ///
    /// - Parameters:
    ///   - salt: Random, of any length; stored beside what the derived key seals.
    ///   - info: What it is for, and whose: two uses never share one.
    /// - Returns: The same key for the same salt and info.
    package func derive(salt: [UInt8], info: [UInt8]) -> DataKey {
        let derived = secret.withBytes { OpenSSL.hkdf($0, salt: salt, info: info) }
        return DataKey(secret: SecretBytes(derived))
    }
}
