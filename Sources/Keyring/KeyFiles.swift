package import VarveModel

/// The bytes of key files; whoever owns the place reads and writes them (docs/formats/keys.md).
extension RootKey {
    // magic "VRVROOT\0" (8), format u32, root key (32), SHA-256 of what precedes (32): 76 bytes.
    private static let magic = Array("VRVROOT\0".utf8)
    private static let format: UInt32 = 1

    /// The key file's bytes: to be stored with permissions 0600, outside the state directory.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 76)
        writer.append(bytes: RootKey.magic)
        writer.append(RootKey.format)
        secret.withBytes { writer.append(bytes: Array($0)) }
        writer.append(bytes: Digest.sha256(writer.bytes))
        return writer.bytes
    }

    /// Reads a root key file.
    ///
    /// - Throws: `.malformed` for bytes that are no key file or were changed; `.unsupported` for a
    ///   newer format.
    package init(encoded bytes: [UInt8]) throws(KeyringError) {
        var reader = ByteReader(bytes)
        guard reader.read(count: 8) == RootKey.magic, let format = reader.read(UInt32.self) else {
            throw KeyringError(
                .malformed,
                "the root key file does not begin as one",
                remedy: "Name the file that 'varved init' wrote, or restore it from your copy."
            )
        }
        guard format == RootKey.format else {
            throw KeyringError(
                .unsupported,
                "the root key file has format \(format); this Varve reads 1",
                remedy: "Use the Varve that wrote it, or a newer one."
            )
        }
        guard let key = reader.read(count: 32), let digest = reader.read(count: 32),
            reader.remaining == 0, digest == Digest.sha256(Array(bytes.prefix(44)))
        else {
            throw KeyringError(
                .malformed,
                "the root key file is cut short or was changed",
                remedy: "Restore it from your copy."
            )
        }
        self.init(secret: SecretBytes(key))
    }
}

extension DataKey {
    // magic "VRVDKEY\0" (8), format u32, salt (32), owner (16), sealed key (48): 108 bytes.
    private static let magic = Array("VRVDKEY\0".utf8)
    private static let format: UInt32 = 1

    /// Bytes of a wrapped key.
    package static let wrappedBytes = 108

    /// Wraps this key under a root key, for one owner (a family or a vault).
    ///
    /// A fresh salt derives the wrapping key, so the nonce can be zero.
    package func wrapped(by root: RootKey, for owner: UniqueID) -> [UInt8] {
        var writer = ByteWriter(capacity: DataKey.wrappedBytes)
        writer.append(bytes: DataKey.magic)
        writer.append(DataKey.format)
        let salt = OpenSSL.random(32)
        writer.append(bytes: salt)
        writer.append(bytes: owner.bytes)
        let sealer = DataKey.wrapper(root, salt: salt, owner: owner)
        let plain = secret.withBytes { Array($0) }
        writer.append(
            bytes: sealer.seal(plain, nonce: Nonce(number: 0), authenticating: writer.bytes)
        )
        return writer.bytes
    }

    /// Unwraps a key file.
    ///
    /// - Throws: `.wrongKey` when it does not open under `root` or belongs to another owner;
    ///   `.malformed` and `.unsupported` as ``RootKey/init(encoded:)``.
    package init(
        wrapped bytes: [UInt8],
        by root: RootKey,
        for owner: UniqueID
    ) throws(KeyringError) {
        var reader = ByteReader(bytes)
        guard reader.read(count: 8) == DataKey.magic, let format = reader.read(UInt32.self) else {
            throw KeyringError(
                .malformed,
                "the wrapped key does not begin as one",
                remedy: "Restore the key file from a zone or a copy."
            )
        }
        guard format == DataKey.format else {
            throw KeyringError(
                .unsupported,
                "the wrapped key has format \(format); this Varve reads 1",
                remedy: "Use the Varve that wrote it, or a newer one."
            )
        }
        guard let salt = reader.read(count: 32), let writtenOwner = reader.read(count: 16),
            let sealed = reader.read(count: 48), reader.remaining == 0
        else {
            throw KeyringError(
                .malformed,
                "the wrapped key is cut short or too long",
                remedy: "Restore the key file from a zone or a copy."
            )
        }
        let sealer = DataKey.wrapper(root, salt: salt, owner: owner)
        guard writtenOwner == owner.bytes,
            let plain = try? sealer.open(  // Any failure to open means one thing here: wrong key.
                sealed,
                nonce: Nonce(number: 0),
                authenticating: Array(bytes.prefix(60))
            )
        else {
            throw KeyringError(
                .wrongKey,
                "the wrapped key does not open under this root key",
                remedy: "Name the root key that was in force when it was made (--key-file)."
            )
        }
        self.init(secret: SecretBytes(plain))
    }

    /// Whether bytes are a wrapped key of an owner, as far as can be said without the root key: one of a newer format is, too.
    package static func isWrapped(_ bytes: [UInt8], for owner: UniqueID) -> Bool {
        var reader = ByteReader(bytes)
        guard reader.read(count: 8) == DataKey.magic, let format = reader.read(UInt32.self),
            format >= DataKey.format
        else { return false }
        guard format == DataKey.format else { return true }
        return bytes.count == DataKey.wrappedBytes && Array(bytes[44..<60]) == owner.bytes
    }

    private static func wrapper(_ root: RootKey, salt: [UInt8], owner: UniqueID) -> Sealer {
        let info = Array("varve wrap 1".utf8) + owner.bytes
        return Sealer(DataKey(secret: root.secret).derive(salt: salt, info: info))
    }
}
