import Keyring
import VarveModel

/// A small file of the vault, sealed whole: secret, manifest, voucher, index, generation, holds, lock, how much parity there is, cold storage, counts.
///
/// Layout (little-endian): magic 8, format u32, compatible, read-only-compatible and incompatible
/// feature bits u32 each, vault 16, object 16, salt 32, body length u64; at 96 the body sealed with
/// AES-256-GCM, 16 bytes longer. The key is derived from the salt and the whole header, and seals
/// once, so the nonce is zero (docs/formats/vault.md).
struct SealedObject {
    enum Kind: String, Sendable {
        case secret = "VRVSECRT"
        case manifest = "VRVMNFST"
        case voucher = "VRVVOUCH"
        case index = "VRVINDEX"
        case generation = "VRVGENER"
        case holds = "VRVHOLDS"
        case parity = "VRVPARTY"
        case parityPolicy = "VRVPARPO"
        case lock = "VRVVLOCK"
        case cold = "VRVCOLDR"
        case coldSettings = "VRVCOLDS"
        case counts = "VRVCOUNT"
    }

    static let format: UInt32 = 1
    static let headerBytes = 96
    private static let saltRange = 56..<88

    /// Seals `body` into the bytes of a file.
    static func seal(_ body: [UInt8], as kind: Kind, object: UniqueID, keys: VaultKeys) -> [UInt8] {
        let salt = SecureRandom.bytes(32)
        var writer = ByteWriter(capacity: headerBytes + body.count + Sealer.tagBytes)
        writer.append(bytes: kind.rawValue.utf8)
        FeatureBits.none.append(format: format, to: &writer)
        writer.append(bytes: keys.vault.bytes)
        writer.append(bytes: object.bytes)
        writer.append(bytes: salt)
        writer.append(UInt64(body.count))
        let sealer = keys.sealer(salt: salt, header: writer.bytes)
        writer.append(bytes: sealer.seal(body, nonce: Nonce(number: 0)))
        return writer.bytes
    }

    /// How long the object is that begins here, as its header says; `nil` without one.
    static func byteCount(of bytes: ArraySlice<UInt8>) -> Int? {
        var reader = ByteReader(bytes.dropFirst(headerBytes - 8))
        guard let body = reader.read(UInt64.self), body <= 1 << 32 else { return nil }
        return headerBytes + Int(body) + Sealer.tagBytes
    }

    /// Opens a file's bytes.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - kind: What it must be.
    ///   - object: Whose it must be; `nil` accepts any.
    ///   - name: The file, for messages.
    ///   - keys: The vault's.
    /// - Returns: The object's id and the plain body.
    /// - Throws: `.corrupt` or `.newerFormat`.
    static func open(
        _ bytes: [UInt8],
        as kind: Kind,
        object: UniqueID? = nil,
        name: String,
        keys: VaultKeys
    ) throws(VaultError) -> (object: UniqueID, body: [UInt8]) {
        var reader = ByteReader(bytes)
        guard reader.read(count: 8) == Array(kind.rawValue.utf8) else {
            throw VaultError.damaged(name, "does not begin as a \(kind) file")
        }
        try FeatureBits.check(&reader, format: format, name: name)
        guard let vault = reader.read(count: 16), let id = reader.read(count: 16),
            let owner = UniqueID(bytes: id), let salt = reader.read(count: 32),
            let length = reader.read(UInt64.self)
        else { throw VaultError.damaged(name, "is cut short in its header") }
        guard vault == keys.vault.bytes else {
            throw VaultError.damaged(name, "belongs to another vault")
        }
        guard object == nil || object == owner else {
            throw VaultError.damaged(name, "holds another object than its name says")
        }
        guard reader.remaining >= Sealer.tagBytes,
            length == UInt64(reader.remaining - Sealer.tagBytes)
        else { throw VaultError.damaged(name, "has another length than its header says") }
        let sealer = keys.sealer(salt: salt, header: Array(bytes.prefix(headerBytes)))
        do throws(KeyringError) {
            let sealed = Array(bytes.dropFirst(headerBytes))
            return (owner, try sealer.open(sealed, nonce: Nonce(number: 0)))
        } catch {
            throw VaultError.damaged(name, "does not authenticate")
        }
    }
}

/// Which features a file's reader and writer must know.
struct FeatureBits: Sendable {
    let compatible: UInt32
    let readOnlyCompatible: UInt32
    let incompatible: UInt32

    static let none = FeatureBits(compatible: 0, readOnlyCompatible: 0, incompatible: 0)

    func append(format: UInt32, to writer: inout ByteWriter) {
        writer.append(format)
        writer.append(compatible)
        writer.append(readOnlyCompatible)
        writer.append(incompatible)
    }

    /// Reads format and bits; refuses what this program does not know.
    ///
    /// This format knows no feature at all. Files are never changed in place, so a read-only
    /// compatible bit does not hinder.
    static func check(
        _ reader: inout ByteReader,
        format known: UInt32,
        name: String
    ) throws(VaultError) {
        guard let format = reader.read(UInt32.self), reader.read(UInt32.self) != nil,
            reader.read(UInt32.self) != nil, let incompatible = reader.read(UInt32.self)
        else { throw VaultError.damaged(name, "is cut short in its header") }
        guard format >= 1 else { throw VaultError.damaged(name, "has format 0") }
        guard format <= known, incompatible == 0 else {
            throw VaultError(
                .newerFormat,
                "'\(name)' has format \(format), features \(incompatible); this Varve reads \(known)",
                remedy: "Use the Varve that wrote it, or a newer one. It was not touched."
            )
        }
    }
}

extension VaultError {
    /// Damage to one file of the vault.
    static func damaged(_ name: String, _ what: String) -> VaultError {
        VaultError(
            .corrupt,
            "'\(name)' \(what)",
            remedy: "Run 'varve vault verify', and restore the file from a copy if there is one."
        )
    }
}
