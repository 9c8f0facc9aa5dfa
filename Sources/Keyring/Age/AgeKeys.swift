/// The key of one age file: never of two.
package struct AgeFileKey: Sendable {
    let bytes: [UInt8]

    package static let byteCount = 16

    package static func random() -> AgeFileKey {
        AgeFileKey(bytes: OpenSSL.random(byteCount))
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Takes a key that was kept sealed; `nil` unless it has 16 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == AgeFileKey.byteCount else { return nil }
        self.bytes = bytes
    }

    /// By which a file that was written under this key is known again; tells nothing of the key.
    package var digest: [UInt8] { Digest.sha256(Array("varve age file key 1".utf8) + bytes) }

    /// The key itself, for whoever is to write or read this one file.
    package var rawBytes: [UInt8] { bytes }

    func mac(of header: [UInt8]) -> [UInt8] {
        let key = Digest.hkdf(bytes, salt: [], info: Array("header".utf8))
        return Digest.hmac(header, key: DataKey(secret: SecretBytes(key)))
    }

    /// Wraps it in 32 bytes; each wrap key wraps once, so the nonce is zero.
    func wrapped(by key: SecretBytes) -> [UInt8] {
        bytes.withUnsafeBytes { OpenSSL.chachaSeal($0, key: key, nonce: AgeFileKey.nonce) }
    }

    init?(wrapped: [UInt8], by key: SecretBytes) {
        let opened = wrapped.withUnsafeBytes {
            OpenSSL.chachaOpen($0, key: key, nonce: AgeFileKey.nonce)
        }
        guard let opened else { return nil }
        self.init(opened)
    }

    private static let nonce = [UInt8](repeating: 0, count: 12)
}

/// A public key that age files are written to (C2SP age.md, "The X25519 recipient type").
package struct AgeRecipient: Sendable, Hashable, CustomStringConvertible {
    let point: [UInt8]

    private static let prefix = "age"
    static let kind = "X25519"
    static let info = Array("age-encryption.org/v1/X25519".utf8)

    init(point: [UInt8]) {
        self.point = point
    }

    /// Reads `age1…`.
    ///
    /// What is no recipient may be a secret, and is not repeated.
    ///
    /// - Throws: `.malformed` for a typing error; `.unsupported` for a recipient of another kind.
    package init(_ text: String) throws(KeyringError) {
        guard !text.lowercased().hasPrefix(AgeIdentity.prefix) else {
            throw KeyringError(
                .malformed,
                "a secret identity (AGE-SECRET-KEY-1…) stands where a recipient (age1…) belongs",
                remedy:
                    "Name its recipient: 'age-keygen -y FILE' tells it. Make a new identity if others may have seen this one."
            )
        }
        let decoded = Bech32.decode(text)
        if let decoded, decoded.prefix != AgeRecipient.prefix {
            throw KeyringError(
                .unsupported,
                "a recipient of another kind than X25519 (age1…), to which Varve writes",
                remedy:
                    "Name an X25519 recipient: 'varve archive keygen' or 'age-keygen' makes one."
            )
        }
        guard let decoded, decoded.bytes.count == 32 else {
            throw KeyringError(
                .malformed,
                "\(text.utf8.count) characters that are no age recipient: they do not add up",
                remedy: "Copy it again; it begins with age1 and has 62 characters."
            )
        }
        point = decoded.bytes
    }

    /// `age1…`, as it is handed on.
    package var description: String { Bech32.encode(prefix: AgeRecipient.prefix, point) }

    func stanza(_ fileKey: AgeFileKey) throws(KeyringError) -> AgeStanza {
        let ephemeral = SecretBytes(OpenSSL.random(32))
        let share = OpenSSL.x25519Public(ephemeral)
        guard let shared = OpenSSL.x25519(ephemeral, point) else {
            throw KeyringError(.malformed, "'\(description)' is a point that gives no secret")
        }
        let wrap = Digest.hkdf(shared, salt: share + point, info: AgeRecipient.info)
        return AgeStanza(
            arguments: [
                AgeRecipient.kind, String(decoding: RawBase64.encode(share), as: UTF8.self),
            ],
            body: fileKey.wrapped(by: SecretBytes(wrap))
        )
    }
}

/// The secret key of an ``AgeRecipient``.
package struct AgeIdentity: Sendable {
    private let secret: SecretBytes

    fileprivate static let prefix = "age-secret-key-"

    package static func random() -> AgeIdentity {
        AgeIdentity(secret: SecretBytes(OpenSSL.random(32)))
    }

    private init(secret: SecretBytes) {
        self.secret = secret
    }

    /// The identity whose secret is a key that was derived for nothing else.
    package init(derived key: DataKey) {
        self.init(secret: key.secret)
    }

    /// Reads `AGE-SECRET-KEY-1…`; `nil` for anything else.
    package init?(_ text: String) {
        guard let decoded = Bech32.decode(text), decoded.prefix == AgeIdentity.prefix,
            decoded.bytes.count == 32
        else { return nil }
        secret = SecretBytes(decoded.bytes)
    }

    /// `AGE-SECRET-KEY-1…`: whoever has it reads all that was written to its recipient.
    package var text: String {
        secret.withBytes { Bech32.encode(prefix: AgeIdentity.prefix, Array($0)) }.uppercased()
    }

    package var recipient: AgeRecipient { AgeRecipient(point: OpenSSL.x25519Public(secret)) }

    /// The file key in a stanza, if it was written to us.
    func fileKey(in stanza: AgeStanza) throws(KeyringError) -> AgeFileKey? {
        guard stanza.kind == AgeRecipient.kind else { return nil }
        // The length is looked at first, so that a body cannot hold several keys' answers at once.
        guard stanza.arguments.count == 2,
            let share = RawBase64.decode(Array(stanza.arguments[1].utf8)), share.count == 32,
            stanza.body.count == 32
        else { throw AgeHeader.malformed("has an X25519 recipient that is none") }
        guard let shared = OpenSSL.x25519(secret, share) else {
            throw AgeHeader.malformed("has an X25519 recipient that gives no secret")
        }
        let salt = share + recipient.point
        let wrap = Digest.hkdf(shared, salt: salt, info: AgeRecipient.info)
        return AgeFileKey(wrapped: stanza.body, by: SecretBytes(wrap))
    }
}

/// A passphrase that opens an age file (C2SP age.md, "The scrypt recipient type").
package struct AgePassphrase: Sendable {
    private let bytes: [UInt8]
    /// log2 of scrypt's N.
    private let logWork: Int

    static let kind = "scrypt"
    /// age's own: 256 MiB and about a second.
    package static let logWorkDefault = 18
    /// 1 GiB: more is a file that wants our memory, since age writes 18.
    package static let logWorkMax = 20

    /// Takes the passphrase's bytes; `logWork` says how dear guessing becomes.
    package init(_ bytes: [UInt8], logWork: Int = logWorkDefault) {
        precondition((1...AgePassphrase.logWorkMax).contains(logWork), "work is bounded")
        self.bytes = bytes
        self.logWork = logWork
    }

    func stanza(_ fileKey: AgeFileKey) throws(KeyringError) -> AgeStanza {
        let salt = OpenSSL.random(16)
        let text = String(decoding: RawBase64.encode(salt), as: UTF8.self)
        return AgeStanza(
            arguments: [AgePassphrase.kind, text, "\(logWork)"],
            body: fileKey.wrapped(by: try wrapKey(salt, logWork))
        )
    }

    func fileKey(in stanza: AgeStanza) throws(KeyringError) -> AgeFileKey? {
        guard stanza.arguments.count == 3,
            let salt = RawBase64.decode(Array(stanza.arguments[1].utf8)), salt.count == 16,
            let work = AgePassphrase.decimal(stanza.arguments[2]), stanza.body.count == 32
        else { throw AgeHeader.malformed("has a passphrase's recipient that is none") }
        guard work <= AgePassphrase.logWorkMax else {
            throw KeyringError(
                .unsupported,
                "the age header asks for scrypt work 2^\(work), which takes \(work < 40 ? "\(UInt64(1) << UInt64(work - 20)) GiB" : "any amount") of memory; at most 2^\(AgePassphrase.logWorkMax) is done",
                remedy: "If you trust the file, open it with age itself."
            )
        }
        return AgeFileKey(wrapped: stanza.body, by: try wrapKey(salt, work))
    }

    /// Digits without a leading zero.
    private static func decimal(_ text: String) -> Int? {
        guard text.first != "0", text.count <= 4, text.allSatisfy({ ("0"..."9").contains($0) })
        else { return nil }
        return Int(text)
    }

    private func wrapKey(_ salt: [UInt8], _ logWork: Int) throws(KeyringError) -> SecretBytes {
        let salt = Array("age-encryption.org/v1/scrypt".utf8) + salt
        guard let key = OpenSSL.scrypt(bytes, salt: salt, logWork: logWork) else {
            throw KeyringError(
                .unsupported,
                "scrypt found no \((1 << logWork) >> 10) MiB of memory",
                remedy: "Repeat it where there is more."
            )
        }
        return key
    }
}

extension AgeHeader {
    /// A header that any one of the recipients' identities opens.
    package init(
        _ fileKey: AgeFileKey,
        to recipients: [AgeRecipient]
    ) throws(KeyringError) {
        precondition(!recipients.isEmpty, "somebody must be able to open it")
        guard recipients.count <= AgeHeader.stanzasMax else {
            throw KeyringError(
                .unsupported,
                "\(recipients.count) recipients; an archive takes \(AgeHeader.stanzasMax)"
            )
        }
        var stanzas: [AgeStanza] = []
        for recipient in recipients { stanzas.append(try recipient.stanza(fileKey)) }
        self.init(stanzas, for: fileKey)
    }

    /// A header that the passphrase opens, and nobody else.
    package init(_ fileKey: AgeFileKey, with passphrase: AgePassphrase) throws(KeyringError) {
        self.init([try passphrase.stanza(fileKey)], for: fileKey)
    }

    /// The file key, by the first identity that it was written to.
    ///
    /// - Throws: `.wrongKey` when it was written to none of them, `.notAuthentic` when the header was changed,
    ///   `.malformed` for a stanza that breaks its own rules.
    package func fileKey(_ identities: [AgeIdentity]) throws(KeyringError) -> AgeFileKey {
        try requireOneKind()
        for stanza in stanzas {
            for identity in identities {
                if let key = try identity.fileKey(in: stanza) { return try verified(key) }
            }
        }
        let isForPassphrase = needsPassphrase
        throw KeyringError(
            .wrongKey,
            isForPassphrase
                ? "it opens with a passphrase, not with an identity"
                : "none of the \(identities.count) identities is among its \(stanzas.count) recipients",
            remedy: isForPassphrase
                ? "Give --passphrase, or --passphrase-file FILE."
                : "Name the identity file of a recipient with --identity."
        )
    }

    /// The file key, by a passphrase.
    package func fileKey(_ passphrase: AgePassphrase) throws(KeyringError) -> AgeFileKey {
        try requireOneKind()
        guard let stanza = stanzas.first, needsPassphrase else {
            throw KeyringError(
                .wrongKey,
                "it opens with an identity, not with a passphrase",
                remedy: "Name the identity file of a recipient with --identity."
            )
        }
        guard let key = try passphrase.fileKey(in: stanza) else {
            throw KeyringError(.wrongKey, "the passphrase is not its own", remedy: "Try another.")
        }
        return try verified(key)
    }

    /// A passphrase's stanza stands alone: whoever knows it could have added others.
    private func requireOneKind() throws(KeyringError) {
        guard !needsPassphrase || stanzas.count == 1 else {
            throw AgeHeader.malformed("has a passphrase beside other recipients")
        }
    }
}
